"""Rules over a whole estate. Each is a generator over the draft: it yields mistakes and never stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.errors import EstateWarning, RackproofError
from inventory.rules import (
    abilities,
    addressing,
    areas,
    capacity,
    circuits,
    cords,
    duplicates,
    families,
    filters,
    gateways,
    ipv4,
    ledger,
    links,
    ports,
    power,
    reach,
    references,
    room,
    routing,
    sensors,
    services,
    wiring,
)
from inventory.source.parsed_estate import Draft

Rule = Callable[[Draft], Iterator[RackproofError]]
RULES: tuple[Rule, ...] = (
    references.check,
    duplicates.check,
    addressing.check,
    ipv4.check,
    links.check,
    families.check,
    gateways.check,
    routing.check,
    areas.check,
    circuits.check,
    ports.check,
    filters.check,
    abilities.check,
    wiring.check,
    power.check,
    capacity.check,
    cords.check,
    sensors.check,
    services.check,
    room.check,
    ledger.check,
)


# mistakes that only follow from a site that is not there because something else is wrong with it
_FOLLOW = frozenset(
    {"EST101", "EST112", "EST120", "EST160", "EST164", "EST165", "EST357", "EST370", "EST372", "EST383", "EST392"}
    | {"EST394", "EST407"}
)


def findings(draft: Draft, incomplete: bool) -> Iterator[RackproofError]:
    """Yield every mistake of a draft, from every rule.

    ``incomplete``: something could not be read, or a site clashes with another and is left out here; what would only
    follow from that is not said, because it would hide the cause.
    """
    clashes = list(duplicates.sites(draft))
    yield from clashes
    if clashes:
        draft = draft.without_twins()
    right = not (incomplete or clashes)
    for rule in RULES:
        for error in rule(draft):
            right = right and isinstance(error, EstateWarning)
            if not (incomplete or clashes) or error.code not in _FOLLOW:
                yield error
    if right:
        yield from reach.check(draft)
