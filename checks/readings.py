"""What devices said over SNMP, read from the recorded poll by monitoring's own pure function."""

from __future__ import annotations

from checks.judging import Case, Found
from checks.model import Status, Verdict
from monitoring.normalise import readings
from monitoring.profiles import SYS_NAME
from monitoring.raw import RawPoll
from monitoring.readings import Quality, Reading

POLL = "poll"


class Panel:
    """All readings of one device, with the evidence they come from."""

    def __init__(self, case: Case, device: str, found: Found, poll: RawPoll, items: list[Reading]) -> None:
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

    def number(self, quantity: str, position: str = "") -> float | Verdict:
        """Return a good numeric reading, or the verdict that says that there is none."""
        reading = self.one(quantity, position)
        if reading is not None and reading.good and isinstance(reading.value, int | float):
            return float(reading.value)
        return self.silent(quantity, position)

    def state(self, quantity: str, position: str = "") -> str | Verdict:
        """Return a good reading of a state, or the verdict that says that there is none."""
        reading = self.one(quantity, position)
        if reading is not None and reading.good and isinstance(reading.value, str):
            return reading.value
        return self.silent(quantity, position)

    def silent(self, quantity: str, position: str) -> Verdict:
        """Return the verdict for a reading that is missing or carries no data: a failure, never silence."""
        reading = self.one(quantity, position)
        detail = reading.detail if reading is not None else "the profile has no such reading"
        status = Status.UNREACHABLE if reading is not None and reading.quality is Quality.UNREACHABLE else Status.FAIL
        return self.case.say(status, position or self.device, "reading.silent", [self.found], device=self.device,
                             quantity=quantity, position=position or self.device, detail=detail)


def panel(case: Case, device: str) -> Panel | Verdict:
    """Return the readings of a device, or the verdict that says why there are none."""
    found = case.take("snmp", device, POLL)
    if isinstance(found, Verdict):
        return found
    poll = RawPoll.from_bytes(found.raw)
    told = poll.by_oid.get(SYS_NAME)
    name = told.content.decode("utf-8", errors="replace") if told else ""
    # A device that calls itself by the name of another one of the estate: two addresses were exchanged.
    actual = name if name in case.estate.devices else device
    if poll.device != device or actual != device:
        return case.say(Status.ERROR, device, "evidence.foreign", [found], asset=device,
                        actual=poll.device if poll.device != device else actual)
    return Panel(case, device, found, poll, readings(poll, case.estate))
