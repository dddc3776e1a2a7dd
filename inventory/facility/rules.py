"""The rules of the static verdict by name, and the verdict on a site or on all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory.facility.capacity import n_plus_1_cooling, n_plus_1_modules, n_plus_1_power, within_rating, zone_capacity
from inventory.facility.paths import both_sides, foreign_cord, same_side, single_corded, two_paths
from inventory.facility.removal import cooling_fed, generator_start, removable
from inventory.facility.verdict import FacilityVerdict, Rule, judge_site
from inventory.model.estate import Estate

RULES: Mapping[str, Rule] = {
    "within-rating": within_rating,
    "zone-capacity": zone_capacity,
    "foreign-cord": foreign_cord,
    "n-plus-1-power": n_plus_1_power,
    "n-plus-1-modules": n_plus_1_modules,
    "n-plus-1-cooling": n_plus_1_cooling,
    "two-paths": two_paths,
    "both-sides": both_sides,
    "single-corded": single_corded,
    "same-side": same_side,
    "removable": removable,
    "cooling-fed": cooling_fed,
    "generator-start": generator_start,
}


def verdict(estate: Estate, site: str | None = None) -> Iterator[FacilityVerdict]:
    """Yield every row of the static verdict, of one site or of the whole estate. KeyError for a site that is not there.

    By rating: the most that devices draw against the ratings of components. Nothing is asked of a device.
    """
    codes = list(estate.sites) if site is None else [site]
    for code in codes:
        yield from judge_site(estate, code, RULES)
