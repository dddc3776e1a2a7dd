"""Role log_forwarding for pyinfra; a server room only sends, it never collects."""

from __future__ import annotations

from roles.room_operations import checked_file, keep_services
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Send every message to the collector, with a queue on disk."""
    path = "/etc/rsyslog.d/10-rackproof.conf"
    written = checked_file(
        name="Write the forwarding rules of rsyslog",
        text=values.render("log_forwarding", "rsyslog.conf.j2"),
        path=path,
        validate="/usr/sbin/rsyslogd -N1 -f %s 2>/dev/null",
        backup=True,
    )
    keep_services(values.services("log_forwarding"), {path: written})
