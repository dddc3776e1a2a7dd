"""A configuration as a tree, and the difference of two as the fewest commands in a safe order."""
