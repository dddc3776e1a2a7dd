"""What devices said over SNMP, read from the recorded poll by monitoring's own pure function."""

from __future__ import annotations

import math

from checks.judge.case import Case, Unfit
from checks.judge.evidence import FitEvidence
from checks.model import Measurement, Status, Unit, Verdict
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import SYS_NAME
from monitoring.quantities.readings import Quality, Reading

POLL = "poll"
#: The unit of a reading, as monitoring calls it, and as a measurement does.
UNITS = {
    "ampere": Unit.AMPERE,
    "byte": Unit.BYTE,
    "celsius": Unit.CELSIUS,
    "count": Unit.COUNT,
    "hertz": Unit.HERTZ,
    "kilowatt_hour": Unit.KILOWATT_HOUR,
    "litre_per_second": Unit.LITRE_PER_SECOND,
    "megabit_per_second": Unit.MEGABIT_PER_SECOND,
    "pascal": Unit.PASCAL,
    "percent": Unit.PERCENT,
    "second": Unit.SECOND,
    "state": Unit.STATE,
    "volt": Unit.VOLT,
    "volt_ampere": Unit.VOLT_AMPERE,
    "watt": Unit.WATT,
}


class DeviceReadings:
    """All readings of one device, with the evidence they come from."""

    def __init__(self, case: Case, device: str, found: FitEvidence, poll: RawPoll, items: list[Reading]) -> None:
        self.case, self.device, self.found, self.poll = case, device, found, poll
        self._items = {(item.quantity, item.position): item for item in items}

    def one(self, quantity: str, position: str = "") -> Reading | None:
        """Return the reading of a quantity at a position, whatever its quality."""
        return self._items.get((quantity, position))

    @property
    def speaks(self) -> bool:
        """Tell whether there is any good reading at all."""
        return any(item.good for item in self._items.values())

    def all(self, quantity: str) -> list[Reading]:
        """Return every reading of a quantity, by position."""
        return [item for (name, _position), item in sorted(self._items.items()) if name == quantity]

    def number(self, quantity: str, position: str = "") -> float:
        """Return a good numeric reading; raises Unfit where there is none: a failure, never silence.

        Infinity and what is not a number are no reading: no limit would find them wrong.
        """
        reading = self.one(quantity, position)
        if reading is not None and reading.good and isinstance(reading.value, int | float):
            number = float(reading.value)
            if math.isfinite(number):
                return number
        raise Unfit(self.judge_silence(quantity, position))

    def state(self, quantity: str, position: str = "") -> str:
        """Return a good reading of a state; raises Unfit where there is none: a failure, never silence."""
        reading = self.one(quantity, position)
        if reading is not None and reading.good and isinstance(reading.value, str):
            return reading.value
        raise Unfit(self.judge_silence(quantity, position))

    def judge_silence(self, quantity: str, position: str) -> Verdict:
        """Return the verdict on a reading that is missing or carries no data."""
        reading = self.one(quantity, position)
        status, detail = Status.FAIL, "the profile has no such reading"
        if reading is not None:
            detail = reading.detail or "not a number"
            if reading.quality is Quality.UNREACHABLE:
                status = Status.UNREACHABLE

        asset = position or self.device
        return self.case.verdict(
            status,
            asset,
            "reading.silent",
            [self.found],
            device=self.device,
            quantity=quantity,
            position=asset,
            detail=detail,
        )


def read_device(case: Case, device: str) -> DeviceReadings:
    """Return the readings of a device, from the poll of this run.

    Raises Unfit where there is no fit poll, or where it is that of another device: two addresses were exchanged.
    """
    found = case.require("snmp", device, POLL)
    poll = RawPoll.from_bytes(found.raw)

    # Only a name that another device of the estate has is a contradiction: many devices are called what they please.
    actual = poll.device
    called = poll.by_oid.get(SYS_NAME)
    if actual == device and called is not None:
        name = called.content.decode("utf-8", errors="replace")
        if name in case.estate.devices:
            actual = name
    if actual != device:
        raise Unfit(case.verdict(Status.ERROR, device, "evidence.foreign", [found], asset=device, actual=actual))
    return DeviceReadings(case, device, found, poll, readings(poll, case.estate))


def measure_reading(reading: Reading) -> Measurement:
    """Return a good reading as a measurement, under the name of its quantity; ValueError for one without a value."""
    if reading.value is None:
        raise ValueError(f"{reading.quantity} of {reading.device} has no value")
    return Measurement(reading.quantity, reading.value, UNITS[reading.unit])


def find_readings(case: Case, device: str) -> DeviceReadings | None:
    """Return the readings of a device, or None where ``read_device`` would raise: for judges that count the silent."""
    try:
        return read_device(case, device)
    except Unfit:
        return None
