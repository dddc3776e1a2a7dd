"""What differs between two states of an estate, in words, and whom it concerns."""
