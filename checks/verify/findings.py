"""What verifying a bundle can find wrong with its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from checks.bundle.corruption import Damage


class FileFault(StrEnum):
    """What is wrong with a file of a bundle."""

    ALTERED = "altered"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    NOT_A_FILE = "not_a_file"
    SIGNATURE = "signature"
    FOREIGN_KEY = "foreign_key"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One thing that is not as it was signed.

    ``start`` and ``end`` (exclusive) are byte offsets, -1 when the whole file is meant. ``restored`` is the original
    content where it could be worked out. ``controls`` are the requirements that depend on the file.
    """

    fault: FileFault
    file: str
    detail: str
    start: int = -1
    end: int = -1
    restored: bytes | None = field(default=None, repr=False)
    controls: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "fault": self.fault.value,
            "file": self.file,
            "detail": self.detail,
            "start": self.start,
            "end": self.end,
            "controls": list(self.controls),
        }


def report_damage(file: str, damage: Damage) -> FileFinding:
    """Make the finding of an altered stretch."""
    return FileFinding(FileFault.ALTERED, file, str(damage), damage.start, damage.end, damage.restored)
