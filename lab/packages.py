"""The Debian packages the lab needs on the machine it runs on, from ``packages.txt``."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from core.i18n import N_
from core.workspace import REPOSITORY

LIST = REPOSITORY / "lab" / "packages.txt"
#: What the list says that each program is for; translated where it is shown.
PURPOSES = (
    N_("builds the golden image"),
    N_("boots hosts and routers"),
    N_("namespaces, bridges, links"),
    N_("sets the speed of the room uplinks"),
    N_("every connection to a host or router"),
    N_("prepares the images' services"),
    N_("gives the lab's processes a scope of their own"),
    N_("runs programs inside the lab's network"),
    N_("gives a NetBox its own processes, mounts and network"),
    N_("overlay disks of the hosts"),
    N_("checks the signatures of Debian's packages"),
)
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Needed:
    """One program, the Debian package that has it, and what for."""

    program: str
    package: str
    purpose: str

    @property
    def is_there(self) -> bool:
        """Tell whether the program is installed."""
        return shutil.which(self.program, path=f"{os.environ.get('PATH', '')}:{SBIN}") is not None


def needed() -> list[Needed]:
    """Return every program the lab needs."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [Needed(*line.split(maxsplit=2)) for line in lines if line.strip() and not line.startswith("#")]


def missing() -> list[str]:
    """Return the Debian packages whose program is not installed."""
    return [item.package for item in needed() if not item.is_there]
