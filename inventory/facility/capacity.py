"""Capacity by rating: every component and zone within its own, and N+1 of groups, of UPS frames and of zones."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.facility.removal import effect
from inventory.facility.verdict import FacilityCase, FacilityFinding, FacilityOutcome, weigh
from inventory.model.entities import PowerNode

_REDUNDANT_KINDS = ("ups", "generator")


def within_rating(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every power component carries no more than its rating in normal operation; generators stand by."""
    has_utility = any(node.kind == "utility" for node in case.facility.nodes.values())
    for name, node in case.facility.nodes.items():
        load, unknown = case.normal.load_w.get(name), case.normal.unknown.get(name, frozenset())
        if load is None:  # nothing feeds it; loading says so
            yield FacilityFinding(name, FacilityOutcome.FAIL, 0, node.rating_w, "W", text="dead")
            continue
        if node.kind == "generator" and load > 0 and has_utility:
            yield FacilityFinding(name, FacilityOutcome.FAIL, load, 0, "W", text="on_generator")
            continue
        names = tuple(sorted(unknown))
        yield FacilityFinding(name, weigh(load, node.rating_w, bool(names)), load, node.rating_w, "W", names)
    if not case.facility.nodes:
        yield _unwritten(case)


def zone_capacity(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every zone with racks is cooled for the heat of its devices when everything runs (N)."""
    for name, zone in case.normal.zones.items():
        capacity = sum(unit.capacity_w for unit in case.facility.site.cooling if unit.zone == name)
        names = tuple(sorted(zone.unknown))
        if not capacity:
            yield FacilityFinding(name, FacilityOutcome.UNKNOWN, zone.heat_w, 0, "W", text="none")
        else:
            yield FacilityFinding(name, weigh(zone.heat_w, capacity, bool(names)), zone.heat_w, capacity, "W", names)
    if not case.normal.zones:
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_rack")


def n_plus_1_power(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every redundancy group carries its load without its largest member, and no UPS or generator stands alone.

    The load of a group is the larger of that in normal operation and that when every utility is lost. Generators are
    asked more: with the utilities lost and any one of a group away, nothing is dropped. While a utility is there, no
    other rule would see that they cannot stand in for each other.
    """
    nodes = case.facility.nodes
    groups: dict[str, list[PowerNode]] = {}
    for node in nodes.values():
        if node.group is not None:
            groups.setdefault(node.group, []).append(node)
    for group, members in groups.items():
        yield _group(case, group, members)
    for node in nodes.values():
        if node.group is None and node.kind in _REDUNDANT_KINDS:
            yield FacilityFinding(node.name, FacilityOutcome.FAIL, 1, 2, "units", text="alone")
    if not any(node.kind == "ups" for node in nodes.values()):
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_ups")


def _group(case: FacilityCase, group: str, members: list[PowerNode]) -> FacilityFinding:
    names = tuple(node.name for node in members)
    if len(members) < 2:
        return FacilityFinding(group, FacilityOutcome.FAIL, 1, 2, "units", names, text="single")
    load = 0.0
    unknown: set[str] = set()
    for state in (case.normal, case.blackout):
        load = max(load, sum(state.load_w.get(name, 0.0) for name in names))
        unknown.update(*(state.unknown.get(name, ()) for name in names))
    ratings = [node.rating_w for node in members]
    rest = sum(ratings) - max(ratings)
    verdict = weigh(load, rest, bool(unknown))
    about = tuple(sorted(unknown)) if verdict is FacilityOutcome.UNKNOWN else names
    if verdict is FacilityOutcome.PASS and all(node.kind == "generator" for node in members):
        for node in members:
            found = effect(case, case.blackout_without(node.name))
            if found.verdict is not FacilityOutcome.PASS:
                return FacilityFinding(group, found.verdict, load, rest, "W", names, text="effect", parts=found.parts())
    return FacilityFinding(group, verdict, load, rest, "W", about)


def n_plus_1_modules(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every UPS frame carries its load without one of its power modules."""
    frames = [node for node in case.facility.nodes.values() if node.kind == "ups"]
    for node in frames:
        if node.modules is None or node.module_rating_w is None:
            yield FacilityFinding(node.name, FacilityOutcome.UNKNOWN, text="no_modules")
            continue
        load = case.normal.load_w.get(node.name, 0.0)
        names = tuple(sorted(case.normal.unknown.get(node.name, ())))
        rest = (node.modules - 1) * node.module_rating_w
        alone = node.modules < 2  # not a spare module, whatever it carries
        verdict = FacilityOutcome.FAIL if alone else weigh(load, rest, bool(names))
        yield FacilityFinding(node.name, verdict, load, rest, "W", names)
    if not frames:
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_ups")


def n_plus_1_cooling(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every zone is cooled for the heat of its devices without its largest cooling unit."""
    for name, zone in case.normal.zones.items():
        capacities = [unit.capacity_w for unit in case.facility.site.cooling if unit.zone == name]
        rest = sum(capacities) - max(capacities, default=0)
        names = tuple(sorted(zone.unknown))
        if not capacities:
            yield FacilityFinding(name, FacilityOutcome.UNKNOWN, zone.heat_w, 0, "W", text="none")
        elif len(capacities) < 2:
            yield FacilityFinding(name, FacilityOutcome.FAIL, 1, 2, "units", text="single")
        else:
            yield FacilityFinding(name, weigh(zone.heat_w, rest, bool(names)), zone.heat_w, rest, "W", names)
    if not case.normal.zones:
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_rack")


def _unwritten(case: FacilityCase) -> FacilityFinding:
    return FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_chain")
