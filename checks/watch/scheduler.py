"""``checks watch``: every requirement at its own cadence, for ever; what is due together is collected together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from checks.model import Status, Verdict
from checks.register.requirement import Requirement
from checks.watch.history import History, find_slot
from core.errors import RackproofError

NOT_RUNNING, LATE, FAILED = "not running", "late", "failed"
IDLE_S = 0.5


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep of the due requirements brought: its id and the verdicts."""

    run_id: str
    verdicts: tuple[Verdict, ...]


Sweeper = Callable[[Sequence[Requirement]], SweepResult]


class Watch:
    """The loop. Clock, sleep and sweeper are handed in, so that a test can be the clock."""

    def __init__(
        self,
        history: History,
        requirements: Mapping[str, Requirement],
        sweep: Sweeper,
        *,
        speed: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        on_failure: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._history, self._requirements, self._sweep = history, requirements, sweep
        self._speed, self._clock, self._sleep, self._on_failure = speed, clock, sleep, on_failure
        self._started = clock()
        self._running = True
        self.swept: datetime | None = None

    def stop(self) -> None:
        """Let the loop end after the present sweep."""
        self._running = False

    def cadence(self, requirement: Requirement) -> float:
        """Return the seconds between two judgements, shortened by the speed factor."""
        return requirement.cadence_s / self._speed

    def due(self, now: datetime) -> list[Requirement]:
        """Return the requirements whose present slot has not been judged."""
        found = []
        for requirement in self._requirements.values():
            last = self._history.last_slot(requirement.id)
            if last is None or find_slot(now, self.cadence(requirement)) > last + self.cadence(requirement) / 2:
                found.append(requirement)
        return found

    def tick(self) -> bool:
        """Judge what is due; return whether there was anything."""
        now = self._clock()
        due = self.due(now)
        if not due:
            return False
        slots = {item.id: (find_slot(now, self.cadence(item)), self.cadence(item)) for item in due}
        self._explain(due, slots, now)
        try:
            swept = self._sweep(due)
        except RackproofError as error:
            # The watch goes on; what it could not judge is a gap that says why.
            for requirement, (slot, _cadence) in slots.items():
                self._history.note_gap(requirement, (slot, slot), f"{FAILED} {error.code}", now)
            self._on_failure(str(error))
            return True
        self._history.record(slots, swept.run_id, (now, self._clock()), swept.verdicts)
        # Only a sweep that brought verdicts counts: a watch that looks and judges nothing does not watch.
        if swept.verdicts:
            self.swept = self._clock()
        return True

    def run(self) -> None:
        """Go on until told to stop."""
        while self._running:
            if not self.tick():
                self._sleep(IDLE_S / max(1.0, self._speed / 10))

    def _explain(self, due: Sequence[Requirement], slots: Mapping[str, tuple[float, float]], now: datetime) -> None:
        """Write down why slots between the last judged one and the present one were left out."""
        for requirement in due:
            last, (slot, cadence) = self._history.last_slot(requirement.id), slots[requirement.id]
            if last is None or slot - last < 1.5 * cadence:
                continue
            first_missed = find_slot(datetime.fromtimestamp(last + 1.5 * cadence, UTC), cadence)
            why = NOT_RUNNING if first_missed < self._started.timestamp() else LATE
            self._history.note_gap(requirement.id, (first_missed, slot - cadence), why, now)


def is_changed(before: Mapping[tuple[str, str], Status], verdicts: Mapping[tuple[str, str], Status]) -> bool:
    """Tell whether any status is another one than before (or is there for the first time)."""
    return any(before.get(key) is not status for key, status in verdicts.items())
