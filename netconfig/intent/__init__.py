"""What a router is to be: drawn from the estate, rendered, and edited by a change file."""
