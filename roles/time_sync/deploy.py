"""Role time_sync for pyinfra."""

from __future__ import annotations

from pyinfra import host

from roles.room_operations import ClockRight, checked_file, folder, unit_runs
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Follow the estate's time server with chrony."""
    chosen = values["time_sync_set_clock"]
    clock = host.get_fact(ClockRight) if chosen == "auto" else chosen == "yes"
    written = [
        checked_file(
            name="Write the configuration of chrony",
            text=values.render("time_sync", "chrony.conf.j2", time_sync_clock=clock),
            path="/etc/chrony/chrony.conf", validate="/usr/sbin/chronyd -p -f %s >/dev/null", backup=True,
        ),
        folder(name="Make the folder of the drop-in of chrony", path="/etc/systemd/system/chrony.service.d"),
        checked_file(
            name="Let chrony run where the clock belongs to somebody else",
            text=values.render("time_sync", "chrony-unit.conf.j2", time_sync_clock=clock),
            path="/etc/systemd/system/chrony.service.d/rackproof.conf",
        ),
    ]
    unit_runs(name="Keep chrony running", unit="chrony.service", because=written)
