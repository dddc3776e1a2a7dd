"""Readings as Prometheus text: names and labels are put together once, a scrape only adds the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from monitoring.profiles import UNITS, Profile, ReadingSpec
from monitoring.raw import RawPoll
from monitoring.readings import Quality, Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUALITY_CODES = {Quality.GOOD: 0, Quality.NO_DATA: 1, Quality.UNREACHABLE: 2, Quality.ERROR: 3, Quality.STALE: 4}
QUALITY = "rackproof_reading_quality"
FIXED = {
    QUALITY: "How far a reading can be trusted: 0 good, 1 no data, 2 unreachable, 3 error, 4 stale",
    "rackproof_device_up": "Whether the device answered its last poll",
    "rackproof_device_incomplete_parts": "Parts of the last poll that the device did not answer",
    "rackproof_device_last_poll_timestamp_seconds": "When the last poll of the device ended",
    "rackproof_device_last_answer_timestamp_seconds": "When the device last answered a poll",
    "rackproof_device_poll_duration_seconds": "How long the last poll of the device took",
    "rackproof_device_rejected_replies": "Replies refused during the last poll (forged, replayed, malformed)",
}


@dataclass(slots=True)
class Family:
    """One metric: its kind, its text of help and the lines of its samples."""

    kind: str
    help: str
    lines: list[str] = field(default_factory=list)


class Exposition:
    """Collects samples family by family; a series named twice keeps its first sample."""

    def __init__(self, specs: dict[str, ReadingSpec]) -> None:
        self._specs = specs
        self._families: dict[str, Family] = {}
        self._seen: set[str] = set()

    def add(self, name: str, labels: str, value: float, kind: str = "gauge", text: str = "") -> None:
        """Add one sample."""
        series = f"{name}{{{labels}}}"
        if series in self._seen:
            return
        self._seen.add(series)
        family = self._families.setdefault(name, Family(kind, text or FIXED[name]))
        family.lines.append(f"{series} {number(value)}")

    def add_reading(self, reading: Reading) -> None:
        """Add a reading: always its quality, its value only when that is good."""
        labels = _labels(reading.site, reading.device, reading.quantity, reading.position)
        self.add(QUALITY, labels, QUALITY_CODES[reading.quality])
        if not reading.good or reading.value is None:
            return
        spec = self._specs[reading.quantity]
        name, factor = metric(spec)
        kind = "counter" if spec.counter else "gauge"
        if isinstance(reading.value, str):
            for state in (spec.enum or {}).values():
                self.add(name, f'{labels},state="{escape(state)}"', float(state == reading.value), kind, spec.help)
        else:
            self.add(name, labels, reading.value * factor, kind, spec.help)

    def add_poll(self, raw: RawPoll, last_answer: float | None, fresh: bool) -> None:
        """Add what a poll says of the device itself; a poll that is too old says nothing of today: not up."""
        labels = f'site="{escape(raw.site)}",device="{escape(raw.device)}"'
        failed = sum(part.status != "complete" for part in raw.parts)
        self.add("rackproof_device_up", labels, float(fresh and not raw.error))
        self.add("rackproof_device_incomplete_parts", labels, failed)
        self.add("rackproof_device_last_poll_timestamp_seconds", labels, raw.t1.timestamp())
        if last_answer is not None:
            self.add("rackproof_device_last_answer_timestamp_seconds", labels, last_answer)
        self.add("rackproof_device_poll_duration_seconds", labels, (raw.t1 - raw.t0).total_seconds())
        self.add("rackproof_device_rejected_replies", labels, sum(count for _, count in raw.rejected))

    def text(self) -> str:
        """Return everything, one family after the other."""
        parts: list[str] = []
        for name in sorted(self._families):
            family = self._families[name]
            parts += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}", *family.lines]
        return "\n".join(parts) + "\n" if parts else ""


def specs_of(profiles: Iterable[Profile]) -> dict[str, ReadingSpec]:
    """Return the reading specifications by quantity."""
    return {spec.quantity: spec for profile in profiles for spec in profile.readings}


def metric(spec: ReadingSpec) -> tuple[str, float]:
    """Return (metric name, factor to the base unit) of a reading."""
    suffix, factor = UNITS[spec.unit]
    name = f"rackproof_{spec.quantity}"
    if suffix and not name.endswith(f"_{suffix}"):
        name += f"_{suffix}"
    return (f"{name}_total" if spec.counter else name), factor


@lru_cache(maxsize=65_536)
def _labels(site: str, device: str, quantity: str, position: str) -> str:
    pairs = (("site", site), ("device", device), ("quantity", quantity), ("position", position))
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs)


def escape(text: str) -> str:
    """Escape a label value."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """Write a sample so that nothing is lost: whole numbers whole, others with twelve significant digits."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.12g}"
