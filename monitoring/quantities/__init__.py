"""What monitoring says: readings, and how far each can be trusted."""
