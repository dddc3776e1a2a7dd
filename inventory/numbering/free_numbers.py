"""Plan numbers that may be given today: not used by the estate, not held in its ledger, not in quarantine.

Regions are proposed far apart (bit reversal), so that what a region grows into later can still be summarised with its
neighbour; sites, loopbacks and links of a region simply go on upwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from inventory.numbering.ledger import Ledger, free_from, used
from inventory.source.parsed_estate import Draft

_REGIONS, _SITES, _IDS = range(1, 254), range(256), range(1, 65536)
_BITS = 8
_LINKS_PER_REGION = 100


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Numbers of one kind that are free; ``region`` is empty for kinds that are not numbered by region."""

    kind: str
    region: str
    numbers: tuple[int, ...]


def vacancies(draft: Draft, ledger: Ledger | None, today: date, region: int | None, count: int) -> list[Vacancy]:
    """Return the first ``count`` free numbers of every kind that a new site of ``region`` (or a new region) needs."""
    taken = _taken(draft, ledger, today)
    if region is None:
        return [
            Vacancy("region", "", _first(sorted(_REGIONS, key=_reversed), taken, "region", "", count)),
            Vacancy("anycast", "", _first(_IDS, taken, "anycast", "", count)),
        ]
    own = sorted(link for link in _links_of(draft, region))
    start = own[-1] + 1 if own else region * _LINKS_PER_REGION + 1
    return [
        Vacancy("site", str(region), _first(_SITES, taken, "site", f"{region}.", count)),
        Vacancy("loopback", str(region), _first(_IDS, taken, "loopback", f"{region}.", count)),
        Vacancy("link", "", _first(range(start, _IDS.stop), taken, "link", "", count)),
    ]


def _taken(draft: Draft, ledger: Ledger | None, today: date) -> set[tuple[str, str]]:
    found = set(used(draft))
    if ledger is not None:
        days = draft.head.addressing.quarantine_days
        for number, entry in ledger.latest.items():
            if entry.state == "given" or free_from(entry, days, "") > today:
                found.add(number)
    return found


def _first(numbers: Iterable[int], taken: set[tuple[str, str]], kind: str, before: str, count: int) -> tuple[int, ...]:
    free = (number for number in numbers if (kind, f"{before}{number}") not in taken)
    return tuple(islice(free, count))


def _links_of(draft: Draft, region: int) -> Iterator[int]:
    """Yield the ids of the uplinks that the sites of a region write themselves."""
    for place in draft.sites:
        if place.site.region == region:
            yield from (uplink.id for uplink in place.site.uplinks)


def _reversed(number: int) -> int:
    return int(f"{number:0{_BITS}b}"[::-1], 2)
