"""The estate's links as a graph: what one failure cuts, and how far every site is on its way to IPv6 alone."""
