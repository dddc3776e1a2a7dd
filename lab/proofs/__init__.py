"""Proofs that take long and are run before a release: what the README promises, on a machine that has nothing yet."""
