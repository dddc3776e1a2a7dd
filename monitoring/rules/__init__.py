"""Alert rules as data, checked and unit-tested by promtool."""
