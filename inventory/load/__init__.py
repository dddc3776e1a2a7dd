"""From a folder (or a git revision of it) to a checked estate.

Read, ruled, and refused as a whole if any of it is wrong.
"""
