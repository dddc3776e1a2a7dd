"""Role snmp_agent for pyinfra."""

from __future__ import annotations

from roles.room_operations import checked_file, folder, unit_runs
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Run a version 3 agent with one read-only user."""
    written = [
        checked_file(
            name="Write the configuration of the SNMP agent", text=values.render("snmp_agent", "snmpd.conf.j2"),
            path="/etc/snmp/snmpd.conf", mode="600",
        ),
        folder(name="Make the folder of the drop-in of snmpd", path="/etc/systemd/system/snmpd.service.d"),
        checked_file(
            name="Start the agent with the users of the configuration",
            text=values.render("snmp_agent", "snmpd-unit.conf.j2"),
            path="/etc/systemd/system/snmpd.service.d/rackproof.conf",
        ),
    ]
    unit_runs(name="Keep the agent running", unit="snmpd.service", because=written)
