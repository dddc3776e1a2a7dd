"""From evidence to verdicts, as pure functions: the engine, what a judge is handed, and the judges."""
