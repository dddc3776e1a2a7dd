"""What measures: the estate at full size, every start cold, beside the goals of the project."""
