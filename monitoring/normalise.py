"""From a recorded poll to readings: a pure function of the recording, the estate and the profiles.

Every measuring point the estate knows gives a reading, whatever happened: a point that is silent is *no data*, one
whose device did not answer is *unreachable*; none is ever left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from core.errors import RackproofError
from inventory.estate import Estate
from monitoring.profiles import SYS_OBJECT_ID, Profile, ReadingSpec, profile_named
from monitoring.raw import RawPoll, arcs, dotted
from monitoring.readings import Quality, Reading
from monitoring.snmp import ber
from monitoring.snmp.ber import BerError, Oid
from monitoring.snmp.message import Varbind, value_of
from monitoring.snmp.poll import SILENT


@dataclass(frozen=True, slots=True)
class Point:
    """One measuring point: what it is called, and the row of its table (empty when there is no such row)."""

    position: str
    row: Oid | None


def readings(raw: RawPoll, estate: Estate) -> list[Reading]:
    """Return every reading of the polled device, in the order of its profile.

    Raises RackproofError when the recording names a profile or a device that does not exist.
    """
    profile = profile_named(raw.profile)
    if raw.device not in estate.devices:
        raise RackproofError("MON011", f"no device {raw.device!r} in this estate", expected="a device of the estate")
    trouble = _trouble(raw, profile)
    return [reading for spec in profile.readings for reading in _spec_readings(spec, raw, estate, trouble)]


def _trouble(raw: RawPoll, profile: Profile) -> tuple[Quality, str] | None:
    """Return what is wrong with the whole device: silent, refusing us, or not the device that the estate says."""
    if raw.error:
        silent = raw.error.startswith(SILENT)
        return (Quality.UNREACHABLE if silent else Quality.ERROR), raw.error
    told = raw.by_oid.get(SYS_OBJECT_ID)
    if told is None or told.tag != ber.OBJECT_ID:
        why = raw.failure(SYS_OBJECT_ID)  # what cannot say what it is may be anything, however well it answers the rest
        return Quality.ERROR, f"the device does not say what it is{': ' if why else ''}{why}"
    identity = ber.decode_oid_content(told.content)
    if not any(identity[: len(prefix)] == prefix for prefix in profile.object_ids):
        return Quality.ERROR, f"the device says it is {dotted(identity)}, which profile {profile.name} does not fit"
    return None


def _spec_readings(
    spec: ReadingSpec, raw: RawPoll, estate: Estate, trouble: tuple[Quality, str] | None
) -> Iterator[Reading]:
    make = partial(_reading, spec, raw)
    for point in _points(spec, raw, estate):
        oid = _instance(spec, point)
        if trouble is not None:
            yield make(point, None, *trouble)
        elif spec.count is not None:
            yield _counted(spec, raw, make)
        else:
            found = _judge(spec, raw, point, oid)
            if found.quality is Quality.GOOD or not spec.optional:
                yield found


def _points(spec: ReadingSpec, raw: RawPoll, estate: Estate) -> list[Point]:
    if spec.oid is not None or spec.count is not None:
        return [Point(spec.at, ())]
    place = estate.sites[estate.site_of[raw.device]]
    if spec.rows == "sensors":
        mine = [s for s in place.sensors if s.device == raw.device and s.quantity.value == spec.quantity]
        return [Point(s.position, arcs(spec.instance.format(index=s.index))) for s in mine]
    if spec.rows == "racks":
        fed = [rack.name for rack in place.racks if raw.device in (rack.feed_a, rack.feed_b)]
        return [Point(name, (number,)) for number, name in enumerate(fed, start=1)]
    if spec.rows == "links":
        rows = _labels(spec, raw)
        wanted = [interface.name for interface in estate.interfaces(raw.device) if interface.kind != "loopback"]
        return [Point(name, rows.get(name)) for name in wanted]
    column = spec.column or ()
    present = {oid[len(column) :] for oid in raw.by_oid if oid[: len(column)] == column}
    expected = {arcs(row) for row in spec.expect}
    return [Point(spec.position.format(index=dotted(row)), row) for row in sorted(present | expected)]


def _labels(spec: ReadingSpec, raw: RawPoll) -> dict[str, Oid]:
    column = spec.label or ()
    return {
        varbind.content.decode("utf-8", "replace"): oid[len(column) :]
        for oid, varbind in raw.by_oid.items()
        if oid[: len(column)] == column
    }


def _instance(spec: ReadingSpec, point: Point) -> Oid:
    if spec.oid is not None:
        return spec.oid
    column = spec.column or (spec.count.column if spec.count else ())
    return (*column, *(point.row or ()))


def _reading(
    spec: ReadingSpec, raw: RawPoll, point: Point, value: float | str | None, quality: Quality, detail: str = ""
) -> Reading:
    oid = dotted(_instance(spec, point))
    return Reading(raw.site, raw.device, spec.quantity, point.position, value, spec.unit, raw.t1, quality, detail, oid)


def _counted(spec: ReadingSpec, raw: RawPoll, make: partial[Reading]) -> Reading:
    assert spec.count is not None  # noqa: S101 - the caller has checked
    column, point = spec.count.column, Point("", ())
    failure = raw.failure(column)
    if failure:
        return make(point, None, Quality.ERROR, failure)
    rows = [_number(varbind) for oid, varbind in raw.by_oid.items() if oid[: len(column)] == column]
    if not rows:
        return make(point, None, Quality.NO_DATA, "the table is empty")
    return make(point, float(sum(row in spec.count.equals for row in rows)), Quality.GOOD)


def _judge(spec: ReadingSpec, raw: RawPoll, point: Point, oid: Oid) -> Reading:
    make = partial(_reading, spec, raw, point)
    if point.row is None:
        return make(None, *_missing(raw.failure(spec.label or ()), "the device has no such interface"))
    found = raw.by_oid.get(oid)
    if found is None or found.tag in ber.EXCEPTIONS or found.tag == ber.NULL:
        return make(None, *_missing(raw.failure(oid), "no such instance"))
    number = _number(found)
    if number is None:
        return make(None, Quality.ERROR, f"not a number (tag {found.tag:#04x})")
    doubt = _doubt(spec, raw, point.row, number)
    if doubt:
        return make(None, Quality.NO_DATA, doubt)
    if spec.enum is None:
        return make(number * spec.scale, Quality.GOOD)
    name = spec.enum.get(number)
    return make(name, Quality.GOOD) if name else make(None, Quality.ERROR, f"unknown state {number}")


def _missing(failure: str, otherwise: str) -> tuple[Quality, str]:
    """Tell an object that could not be asked for (an error, with its reason) from one that is not there."""
    return (Quality.ERROR, failure) if failure else (Quality.NO_DATA, otherwise)


def _doubt(spec: ReadingSpec, raw: RawPoll, row: Oid, number: int) -> str:
    """Return why a figure is not a measurement: a vendor's mark, out of any possible range, or disowned by its row."""
    low, high = spec.minimum, spec.maximum
    if number in spec.no_data or (low is not None and number < low) or (high is not None and number > high):
        return f"the device answers {number}: not available"
    if spec.companion is None:
        return ""
    state = raw.by_oid.get((*spec.companion.column, *row))
    told = _number(state) if state is not None else None
    return "" if told in spec.companion.valid else f"the device marks this row as not valid ({told})"


def _number(varbind: Varbind) -> int | None:
    try:
        value = value_of(varbind.tag, varbind.content)
    except BerError:
        return None
    return value if isinstance(value, int) else None
