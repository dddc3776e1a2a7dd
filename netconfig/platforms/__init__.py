"""Platforms as data: how a command line talks, in which order it is typed to, and what is a secret in it."""
