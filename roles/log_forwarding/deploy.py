"""Role log_forwarding for pyinfra; a server room only sends, it never collects."""

from __future__ import annotations

from roles.room_operations import checked_file, unit_runs
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Send every message to the collector, with a queue on disk."""
    written = checked_file(
        name="Write the forwarding rules of rsyslog", text=values.render("log_forwarding", "rsyslog.conf.j2"),
        path="/etc/rsyslog.d/10-rackproof.conf", validate="/usr/sbin/rsyslogd -N1 -f %s 2>/dev/null", backup=True,
    )
    unit_runs(name="Keep rsyslog running", unit="rsyslog.service", because=[written])
