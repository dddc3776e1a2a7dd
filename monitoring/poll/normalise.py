"""From a recorded poll to readings: a pure function of the recording, the estate and the profiles.

Every measuring point the estate knows gives a reading, whatever happened: a point that is silent is *no data*, one
whose device did not answer is *unreachable*; none is ever left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from core.errors import RackproofError
from inventory.model.estate import Estate
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import SYS_OBJECT_ID, Profile, ReadingSpec, find_profile
from monitoring.quantities.readings import Quality, Reading
from monitoring.snmp import ber
from monitoring.snmp.ber import BerError, Oid, format_oid, parse_oid
from monitoring.snmp.engine import describe_fault
from monitoring.snmp.message import Varbind, decode_value
from monitoring.snmp.poll import Absence

EMPTY_TABLE = "the table is empty"


@dataclass(frozen=True, slots=True)
class Point:
    """One measuring point: what it is called, and the row of its table (empty when there is no such row)."""

    position: str
    row: Oid | None


def readings(raw: RawPoll, estate: Estate) -> list[Reading]:
    """Return every reading of the polled device, in the order of its profile.

    Raises RackproofError when the recording names a profile or a device that does not exist.
    """
    profile = find_profile(raw.profile)
    if raw.device not in estate.devices:
        raise RackproofError("MON011", actual=raw.device, known=estate.devices)
    trouble = find_trouble(raw, profile)
    found: list[Reading] = []
    for spec in profile.readings:
        found += read_quantity(spec, raw, estate, trouble)
    return found


def find_trouble(raw: RawPoll, profile: Profile) -> tuple[Quality, str] | None:
    """Return what is wrong with the whole device; what cannot be decoded is wrong too."""
    try:
        return check_identity(raw, profile)
    except Exception as error:  # noqa: BLE001 - a stranger's octets; this device is not believed, with the reason
        return Quality.ERROR, describe_fault(error)


def read_quantity(
    spec: ReadingSpec, raw: RawPoll, estate: Estate, trouble: tuple[Quality, str] | None
) -> list[Reading]:
    """Return the readings of one quantity; when that fails, each point that the estate knows as an error."""
    try:
        return list(list_readings(spec, raw, estate, trouble))
    except Exception as error:  # noqa: BLE001 - a stranger's octets; the other quantities are read all the same
        fault = describe_fault(error)
    silent = replace(raw, varbinds=())
    return [make_reading(spec, raw, point, None, Quality.ERROR, fault) for point in list_points(spec, silent, estate)]


def check_identity(raw: RawPoll, profile: Profile) -> tuple[Quality, str] | None:
    """Return what is wrong with the whole device: silent, refusing us, or not the device that the estate says."""
    if raw.error:
        silent = raw.absence in (Absence.NO_ANSWER, Absence.NOT_BELIEVED)
        quality = Quality.UNREACHABLE if silent else Quality.ERROR
        return quality, raw.error
    answer = raw.by_oid.get(SYS_OBJECT_ID)
    if answer is None or answer.tag != ber.OBJECT_ID:
        # What cannot say what it is may be anything, however well it answers the rest.
        reasons = filter(None, ("the device does not say what it is", raw.failure(SYS_OBJECT_ID)))
        return Quality.ERROR, ": ".join(reasons)
    try:
        identity = ber.decode_oid_content(answer.content)
    except BerError as error:
        return Quality.ERROR, f"what the device says it is cannot be read: {error}"
    if not any(identity[: len(prefix)] == prefix for prefix in profile.object_ids):
        return Quality.ERROR, f"the device says it is {format_oid(identity)}, which profile {profile.name} does not fit"
    return None


def list_readings(
    spec: ReadingSpec, raw: RawPoll, estate: Estate, trouble: tuple[Quality, str] | None
) -> Iterator[Reading]:
    """Yield a reading for each point of one quantity; ``trouble`` of the whole device is that of each."""
    make = partial(make_reading, spec, raw)
    for point in list_points(spec, raw, estate):
        oid = find_instance(spec, point)
        if trouble is not None:
            yield make(point, None, *trouble)
        elif spec.count is not None:
            yield count_rows(spec, raw, make)
        elif not (spec.optional and is_lacking(spec, raw, oid)):
            yield judge_point(spec, raw, point, oid)


def is_lacking(spec: ReadingSpec, raw: RawPoll, oid: Oid) -> bool:
    """Say whether the device was asked and says that it has no such object.

    A model without it either has no instance or answers with its vendor's mark for "not available".
    """
    found = raw.by_oid.get(oid)
    if found is None or found.tag in ber.EXCEPTIONS:
        return not raw.failure(oid)
    return read_number(found) in spec.no_data


def list_points(spec: ReadingSpec, raw: RawPoll, estate: Estate) -> list[Point]:
    """Return every point at which a quantity is to be read: by the estate, and by the rows that the device has."""
    if spec.oid is not None or spec.count is not None:
        return [Point(spec.at, ())]
    place = estate.sites[estate.site_of[raw.device]]
    if spec.rows == "sensors":
        sensors = [s for s in place.sensors if s.device == raw.device and s.quantity.value == spec.quantity]
        return [Point(s.position, parse_oid(spec.instance.format(index=s.index))) for s in sensors]
    if spec.rows == "racks":
        fed = [rack.name for rack in place.racks if raw.device in (rack.feed_a, rack.feed_b)]
        return [Point(name, (number,)) for number, name in enumerate(fed, start=1)]
    if spec.rows == "links":
        rows = read_labels(spec, raw)
        wanted = [interface.name for interface in estate.interfaces(raw.device) if interface.kind != "loopback"]
        return [Point(name, rows.get(name)) for name in wanted]
    column = spec.column or ()
    present = {oid[len(column) :] for oid in raw.by_oid if oid[: len(column)] == column}
    expected = {parse_oid(row) for row in spec.expect}
    if not present and not expected and not spec.optional:
        return [Point("", None)]  # a table that is gone is an absence by name, never a shorter list
    return [Point(spec.position.format(index=format_oid(row)), row) for row in sorted(present | expected)]


def read_labels(spec: ReadingSpec, raw: RawPoll) -> dict[str, Oid]:
    """Return the row of each name in the column that names the rows of a table."""
    column = spec.label or ()
    return {
        varbind.content.decode("utf-8", "replace"): oid[len(column) :]
        for oid, varbind in raw.by_oid.items()
        if oid[: len(column)] == column
    }


def find_instance(spec: ReadingSpec, point: Point) -> Oid:
    """Return the object that is read at a point."""
    if spec.oid is not None:
        return spec.oid
    column = spec.column or (spec.count.column if spec.count else ())
    return (*column, *(point.row or ()))


def make_reading(
    spec: ReadingSpec, raw: RawPoll, point: Point, value: float | str | None, quality: Quality, detail: str = ""
) -> Reading:
    """Make the reading of a point."""
    oid = format_oid(find_instance(spec, point))
    return Reading(raw.site, raw.device, spec.quantity, point.position, value, spec.unit, raw.t1, quality, detail, oid)


def count_rows(spec: ReadingSpec, raw: RawPoll, make: partial[Reading]) -> Reading:
    """Return how many rows of a table are in the states that count."""
    assert spec.count is not None  # noqa: S101 - the caller has checked
    column, point = spec.count.column, Point("", ())
    failure = raw.failure(column)
    if failure:
        return make(point, None, Quality.ERROR, failure)
    rows = [read_number(varbind) for oid, varbind in raw.by_oid.items() if oid[: len(column)] == column]
    if not rows:
        return make(point, None, Quality.NO_DATA, EMPTY_TABLE)
    if None in rows:  # one row that cannot be read may be the one that matters
        return make(point, None, Quality.ERROR, "a row is not a number")
    return make(point, float(sum(row in spec.count.equals for row in rows)), Quality.GOOD)


def judge_point(spec: ReadingSpec, raw: RawPoll, point: Point, oid: Oid) -> Reading:
    """Return the reading of a point: good only for a figure that nothing speaks against."""
    make = partial(make_reading, spec, raw, point)
    if point.row is None:
        return make(None, *explain_no_row(spec, raw, oid))
    found = raw.by_oid.get(oid)
    if found is None or found.tag in ber.EXCEPTIONS or found.tag == ber.NULL:
        return make(None, *explain_missing(raw.failure(oid), "no such instance"))
    number = read_number(found)
    if number is None:
        return make(None, Quality.ERROR, f"not a number (tag {found.tag:#04x})")
    doubt = find_doubt(spec, raw, point.row, number)
    if doubt:
        return make(None, Quality.NO_DATA, doubt)
    if spec.enum is None:
        return make(number * spec.scale, Quality.GOOD)
    name = spec.enum.get(number)
    return make(name, Quality.GOOD) if name else make(None, Quality.ERROR, f"unknown state {number}")


def explain_no_row(spec: ReadingSpec, raw: RawPoll, oid: Oid) -> tuple[Quality, str]:
    """Tell why a point has no row: the interface is not in the device's list, or the whole table is gone."""
    if spec.rows == "links":
        return explain_missing(raw.failure(spec.label or ()), "the device has no such interface")
    return explain_missing(raw.failure(oid), EMPTY_TABLE)


def explain_missing(failure: str, otherwise: str) -> tuple[Quality, str]:
    """Tell an object that could not be asked for (an error, with its reason) from one that is not there."""
    if failure:
        return Quality.ERROR, failure
    return Quality.NO_DATA, otherwise


def find_doubt(spec: ReadingSpec, raw: RawPoll, row: Oid, number: int) -> str:
    """Return why a figure is not a measurement: a vendor's mark, out of any possible range, or disowned by its row."""
    low, high = spec.minimum, spec.maximum
    is_below = low is not None and number < low
    is_above = high is not None and number > high
    if number in spec.no_data or is_below or is_above:
        return f"the device answers {number}: not available"
    if spec.companion is None:
        return ""
    state = raw.by_oid.get((*spec.companion.column, *row))
    mark = None if state is None else read_number(state)
    if mark in spec.companion.valid:
        return ""
    return f"the device marks this row as not valid ({mark})"


def read_number(varbind: Varbind) -> int | None:
    """Return the whole number that a variable holds; None when it holds none."""
    try:
        value = decode_value(varbind.tag, varbind.content)
    except BerError:
        return None
    if isinstance(value, int):
        return value
    return None
