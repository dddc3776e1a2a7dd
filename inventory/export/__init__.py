"""What other programs read, made from the estate.

Inventories, zones, Prometheus targets, asset lists, JSON Schema.
"""
