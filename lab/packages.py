"""The Debian packages the lab needs on the machine it runs on, from ``packages.txt``."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from core.workspace import REPOSITORY

LIST = REPOSITORY / "lab" / "packages.txt"
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
