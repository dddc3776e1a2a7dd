"""Drawings of the estate as SVG: the network and the power of a site, and the backbone."""
