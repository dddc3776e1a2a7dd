"""A real NetBox of the lab: its image, and one that runs for as long as somebody needs it."""
