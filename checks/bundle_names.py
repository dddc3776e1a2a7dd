"""How a bundle may be called on the command line; apart from ``bundle_read``, so that ``--help`` need not import it."""

LATEST = "latest"
