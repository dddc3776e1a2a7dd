"""The judges: pure functions from evidence to verdicts, one module per subject."""
