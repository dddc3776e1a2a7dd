"""What monitoring says: one reading, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

Scalar = float | str


class Quality(StrEnum):
    """How far a reading can be trusted; only ``good`` carries a value that may be compared with anything."""

    GOOD = "good"
    NO_DATA = "no_data"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity of one device at one position at one moment.

    ``value`` is a number in ``unit``, the name of a state (unit ``state``), or None unless quality is good (a stale
    reading keeps its last value). ``detail`` says in words why a value is missing; ``oid`` is where it was looked for.
    """

    site: str
    device: str
    quantity: str
    position: str
    value: Scalar | None
    unit: str
    taken_at: datetime
    quality: Quality
    detail: str = ""
    oid: str = ""

    @property
    def good(self) -> bool:
        """Say whether the value may be used."""
        return self.quality is Quality.GOOD


def age_readings(reading: Reading, now: datetime, valid_for: timedelta) -> Reading:
    """Return the reading as it stands at ``now``: a good one that is too old becomes stale."""
    # Both ways: after a step back of the clock a reading of "the future" is of no known age.
    if reading.quality is Quality.GOOD and abs(now - reading.taken_at) > valid_for:
        age = int((now - reading.taken_at).total_seconds())
        return replace(reading, quality=Quality.STALE, detail=f"{age} s old")
    return reading
