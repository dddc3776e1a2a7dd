"""Readings as Prometheus text: names and labels are put together once, a scrape only adds the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import Profile, ReadingSpec, name_metric
from monitoring.quantities.readings import Quality, Reading
from monitoring.snmp.poll import Absence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUALITY_CODES = {Quality.GOOD: 0, Quality.NO_DATA: 1, Quality.UNREACHABLE: 2, Quality.ERROR: 3, Quality.STALE: 4}
QUALITY = "rackproof_reading_quality"
FIXED = {
    QUALITY: "How far a reading can be trusted: 0 good, 1 no data, 2 unreachable, 3 error, 4 stale",
    "rackproof_device_up": "Whether the device answered its last poll",
    "rackproof_device_login_refused": "Whether the device answered that it does not accept our user or keys",
    "rackproof_collection_errors": "Times that this program failed on what the device sent, since it started",
    "rackproof_device_incomplete_parts": "Parts of the last poll that the device did not answer",
    "rackproof_device_last_poll_timestamp_seconds": "When the last poll of the device ended",
    "rackproof_device_last_answer_timestamp_seconds": "When the device last answered a poll",
    "rackproof_device_poll_duration_seconds": "How long the last poll of the device took",
    "rackproof_device_rejected_replies": "Replies refused during the last poll (forged, replayed, malformed)",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the exposition before it is written: the metric, its labels in text, its value."""

    name: str
    labels: str
    value: float
    kind: str = "gauge"
    help: str = ""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What is known of a device at the moment of a scrape, besides its readings.

    ``last_answer`` is in seconds since 1970, None when it never answered. ``fresh``: its last poll is not too old.
    """

    raw: RawPoll
    last_answer: float | None
    fresh: bool


@dataclass(slots=True)
class MetricFamily:
    """One metric: its kind, its text of help and the lines of its samples."""

    kind: str
    help: str
    lines: list[str] = field(default_factory=list)


class Exposition:
    """Collects samples family by family; a series named twice keeps its first sample."""

    def __init__(self, specs: dict[str, ReadingSpec]) -> None:
        self._specs = specs
        self._families: dict[str, MetricFamily] = {}
        self._seen: set[str] = set()

    def add(self, name: str, labels: str, value: float, kind: str = "gauge", text: str = "") -> None:
        """Add one sample."""
        series = f"{name}{{{labels}}}"
        if series in self._seen:
            return
        self._seen.add(series)
        family = self._families.setdefault(name, MetricFamily(kind, text or FIXED[name.removesuffix("_total")]))
        family.lines.append(f"{series} {format_number(value)}")

    def add_device(self, state: DeviceState, readings: Iterable[Reading]) -> None:
        """Add all of one device, or nothing of it.

        Raises whatever one of its readings raises: a device that cannot be shown leaves no half of itself behind.
        """
        samples = list(show_device(state))
        for reading in readings:
            samples += self._show_reading(reading)
        # Text that cannot be written would otherwise fail only with the whole page.
        "".join(sample.labels for sample in samples).encode()
        lines = [(sample, format_number(sample.value)) for sample in samples]
        for sample, _text in lines:
            self.add(sample.name, sample.labels, sample.value, sample.kind, sample.help)

    def _show_reading(self, reading: Reading) -> Iterator[Sample]:
        """Yield a reading: always its quality, its value only when that is good and is one that the quantity has."""
        labels = label_reading(reading.site, reading.device, reading.quantity, reading.position)
        spec = self._specs[reading.quantity]
        fits = reading.unit == spec.unit and (spec.enum is None or reading.value in spec.enum.values())
        if not reading.good or reading.value is None or not fits:
            quality = Quality.ERROR if reading.good else reading.quality
            yield Sample(QUALITY, labels, QUALITY_CODES[quality])
            return
        yield Sample(QUALITY, labels, QUALITY_CODES[reading.quality])
        name, factor = name_metric(spec)
        kind = "counter" if spec.counter else "gauge"
        if isinstance(reading.value, str):
            for state in (spec.enum or {}).values():
                yield Sample(name, f'{labels},state="{escape(state)}"', float(state == reading.value), kind, spec.help)
        else:
            yield Sample(name, labels, reading.value * factor, kind, spec.help)

    def add_absent(self, site: str, device: str) -> None:
        """Add a device of which there is nothing to show: it is not up."""
        self.add("rackproof_device_up", label_device(site, device), 0)

    def add_errors(self, site: str, device: str, errors: int) -> None:
        """Add how often this program failed on a device."""
        self.add("rackproof_collection_errors_total", label_device(site, device), errors, "counter")

    def text(self) -> str:
        """Return everything, one family after the other."""
        parts: list[str] = []
        for name in sorted(self._families):
            family = self._families[name]
            parts += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}", *family.lines]
        if parts:
            return "\n".join(parts) + "\n"
        return ""


def show_device(state: DeviceState) -> Iterator[Sample]:
    """Yield what a poll says of the device itself; a poll that is too old says nothing of today: not up."""
    raw = state.raw
    labels = label_device(raw.site, raw.device)
    failed = sum(part.status != "complete" for part in raw.parts)
    refused = raw.absence is Absence.LOGIN_REFUSED
    yield Sample("rackproof_device_up", labels, float(state.fresh and not raw.error))
    yield Sample("rackproof_device_login_refused", labels, float(state.fresh and refused))
    yield Sample("rackproof_device_incomplete_parts", labels, failed)
    yield Sample("rackproof_device_last_poll_timestamp_seconds", labels, raw.t1.timestamp())
    if state.last_answer is not None:
        yield Sample("rackproof_device_last_answer_timestamp_seconds", labels, state.last_answer)
    yield Sample("rackproof_device_poll_duration_seconds", labels, (raw.t1 - raw.t0).total_seconds())
    yield Sample("rackproof_device_rejected_replies", labels, sum(count for _, count in raw.rejected))


def label_device(site: str, device: str) -> str:
    """Return the labels of what is said of a device itself."""
    return f'site="{escape(site)}",device="{escape(device)}"'


def index_specs(profiles: Iterable[Profile]) -> dict[str, ReadingSpec]:
    """Return the reading specifications by quantity."""
    specs = chain.from_iterable(profile.readings for profile in profiles)
    return {spec.quantity: spec for spec in specs}


@lru_cache(maxsize=65_536)
def label_reading(site: str, device: str, quantity: str, position: str) -> str:
    """Return the labels of a reading."""
    pairs = (("site", site), ("device", device), ("quantity", quantity), ("position", position))
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs)


def escape(text: str) -> str:
    """Escape a label value."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def format_number(value: float) -> str:
    """Write a sample so that nothing is lost: whole numbers whole, others with twelve significant digits."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.12g}"
