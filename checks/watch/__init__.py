"""The watch: every requirement at its own cadence, for ever; its history and its metrics."""
