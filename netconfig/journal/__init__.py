"""The journal of rollouts: each step is on disk before it runs."""
