"""Monitoring: polls every agent of the estate, turns answers into readings, exposes and judges them."""
