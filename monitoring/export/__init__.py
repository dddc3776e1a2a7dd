"""Readings for Prometheus: the exporter, its text format, and its targets."""
