"""Host checks: ordinary testinfra tests. What they assert is true of a hardened host; their ``host`` is a recording."""
