"""How a bundle may be called on the command line; apart from ``bundle_read``, so that ``--help`` need not import it."""

LATEST = "latest"
#: How the id of a run of the watch ends: what was due then, kept because something changed.
BY_WATCH = "-watch"
