"""Role node_metrics for pyinfra."""

from __future__ import annotations

from roles.room_operations import checked_file, keep_services
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Run the exporter of machine metrics on the host's own address."""
    path = "/etc/default/prometheus-node-exporter"
    written = checked_file(
        name="Bind the exporter to the host's own address",
        text=values.render("node_metrics", "node-exporter.j2"),
        path=path,
        backup=True,
    )
    keep_services(values.services("node_metrics"), {path: written})
