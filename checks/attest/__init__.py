"""Signed statements: attestations of what no machine sees, waivers, and who may sign them."""
