"""One run: collect from everything at once, judge once, write the bundle."""
