"""Polling devices, keeping what they answered, and turning it into readings."""
