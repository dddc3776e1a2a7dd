"""Role snmp_agent for pyinfra."""

from __future__ import annotations

from roles.room_operations import absent_file, checked_file, folder, keep_services
from roles.variables import Variables

SETTINGS = "/etc/snmp/snmpd.conf"
LOCAL_SETTINGS = "/etc/snmp/snmpd.local.conf"
DROP_INS = "/etc/systemd/system/snmpd.service.d"


def deploy(values: Variables) -> None:
    """Run a version 3 agent with one read-only user."""
    written = {
        SETTINGS: checked_file(
            name="Write the configuration of the SNMP agent",
            text=values.render("snmp_agent", "snmpd.conf.j2"),
            path=SETTINGS,
            mode="600",
        ),
        LOCAL_SETTINGS: absent_file(name="Remove the file by which the agent would let others in", path=LOCAL_SETTINGS),
    }
    folder(name="Make the folder of the drop-in of snmpd", path=DROP_INS)
    written[f"{DROP_INS}/rackproof.conf"] = checked_file(
        name="Start the agent with the users of the configuration",
        text=values.render("snmp_agent", "snmpd-unit.conf.j2"),
        path=f"{DROP_INS}/rackproof.conf",
    )
    keep_services(values.services("snmp_agent"), written)
