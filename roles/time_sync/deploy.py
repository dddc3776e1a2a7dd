"""Role time_sync for pyinfra."""

from __future__ import annotations

from pyinfra import host

from roles.room_operations import ClockRight, checked_file, folder, keep_services
from roles.variables import Variables

SETTINGS = "/etc/chrony/chrony.conf"
DROP_INS = "/etc/systemd/system/chrony.service.d"


def deploy(values: Variables) -> None:
    """Follow the estate's time server with chrony."""
    chosen = values["time_sync_set_clock"]
    clock = host.get_fact(ClockRight) if chosen == "auto" else chosen == "yes"
    settings = values.render("time_sync", "chrony.conf.j2", time_sync_clock=clock)
    drop_in = values.render("time_sync", "chrony-unit.conf.j2", time_sync_clock=clock)
    written = {
        SETTINGS: checked_file(
            name="Write the configuration of chrony",
            text=settings,
            path=SETTINGS,
            validate="/usr/sbin/chronyd -p -f %s >/dev/null",
            backup=True,
        ),
    }
    folder(name="Make the folder of the drop-in of chrony", path=DROP_INS)
    written[f"{DROP_INS}/rackproof.conf"] = checked_file(
        name="Let chrony run where the clock belongs to somebody else", text=drop_in, path=f"{DROP_INS}/rackproof.conf"
    )
    keep_services(values.services("time_sync"), written)
