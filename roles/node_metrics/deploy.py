"""Role node_metrics for pyinfra."""

from __future__ import annotations

from roles.room_operations import checked_file, unit_runs
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Run the exporter of machine metrics on the host's own address."""
    written = checked_file(
        name="Bind the exporter to the host's own address", text=values.render("node_metrics", "node-exporter.j2"),
        path="/etc/default/prometheus-node-exporter", backup=True,
    )
    unit_runs(name="Keep the exporter running", unit="prometheus-node-exporter.service", because=[written])
