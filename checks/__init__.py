"""Requirements, what is collected to judge them, and the pure judges: a verdict stands on evidence or is not green."""
