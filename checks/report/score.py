"""Counting: verdicts rolled up to (requirement, site), and scores per site, tier and estate with their coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.model import SEVERITY, Status, Verdict, roll_up

ASSESSED = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})
Pairs = Mapping[tuple[str, str], Status]


@dataclass(frozen=True, slots=True)
class Score:
    """How many (requirement, site) pairs have which status. A pair counts with the worst of its verdicts."""

    counts: Mapping[Status, int]

    @classmethod
    def of(cls, statuses: Iterable[Status]) -> Score:
        """Count statuses."""
        found = Counter(statuses)
        return cls({status: found[status] for status in SEVERITY if found[status]})

    @classmethod
    def total(cls, scores: Iterable[Score]) -> Score:
        """Add scores up."""
        found: Counter[Status] = Counter()
        for score in scores:
            found.update(score.counts)
        return cls({status: found[status] for status in SEVERITY if found[status]})

    @property
    def in_scope(self) -> int:
        """Pairs that count: all but those proved not applicable."""
        return sum(number for status, number in self.counts.items() if status is not Status.NOT_APPLICABLE)

    @property
    def assessed(self) -> int:
        """Pairs that were really judged."""
        return sum(number for status, number in self.counts.items() if status in ASSESSED)

    @property
    def passed(self) -> int:
        """Green pairs."""
        return self.counts.get(Status.PASS, 0)

    @property
    def waived(self) -> int:
        """Pairs accepted in writing until a date: counted apart, not green."""
        return self.counts.get(Status.WAIVED, 0)

    @property
    def score(self) -> float | None:
        """Green share of what is in scope, 0 to 1; None when nothing is in scope, which is not 100 %."""
        return self.passed / self.in_scope if self.in_scope else None

    @property
    def coverage(self) -> float | None:
        """Judged share of what is in scope, 0 to 1; None when nothing is in scope."""
        return self.assessed / self.in_scope if self.in_scope else None

    @property
    def worst(self) -> Status:
        """The worst status there is; nothing at all is NOT_ASSESSED."""
        return roll_up(self.counts)

    @property
    def is_green(self) -> bool:
        """Everything in scope is green, and something is."""
        return self.in_scope > 0 and self.passed == self.in_scope


def roll_up_pairs(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Status]:
    """Return the status of each (requirement, site)."""
    found: dict[tuple[str, str], list[Status]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.requirement, verdict.site), []).append(verdict.status)
    return {pair: roll_up(statuses) for pair, statuses in found.items()}
