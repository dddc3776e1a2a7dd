"""Role kernel_hardening for pyinfra."""

from __future__ import annotations

from pyinfra import host

from roles.room_operations import KernelKeys, checked_file, kernel_keys
from roles.variables import Variables


def deploy(values: Variables) -> None:
    """Write the kernel keys that this host may set, and correct the live ones."""
    wanted = {"/proc/sys/" + key.replace(".", "/"): str(v) for key, v in values["kernel_hardening_sysctl"].items()}
    live = host.get_fact(KernelKeys, paths=tuple(wanted))
    settable = [path.removeprefix("/proc/sys/").replace("/", ".") for path in live]
    checked_file(
        name="Write the keys that can be set here",
        text=values.render("kernel_hardening", "sysctl.conf.j2", kernel_hardening_settable=settable),
        path="/etc/sysctl.d/60-rackproof.conf",
        backup=True,
    )
    kernel_keys(name="Set the keys that hold something else", wanted=wanted)
