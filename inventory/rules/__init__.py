"""Rules over a whole estate. Each is a generator over the draft: it yields mistakes and never stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.errors import RackproofError
from inventory.draft import Draft
from inventory.rules import addressing, duplicates, links, power, references, sensors, services

Rule = Callable[[Draft], Iterator[RackproofError]]
RULES: tuple[Rule, ...] = (
    references.check,
    duplicates.check,
    addressing.check,
    links.check,
    power.check,
    sensors.check,
    services.check,
)


def findings(draft: Draft) -> Iterator[RackproofError]:
    """Yield every mistake of a draft, from every rule."""
    for rule in RULES:
        yield from rule(draft)
