"""Where the watts go: every load through its cords up to the sources, with any components taken away.

The most that devices draw (data sheet), not what they draw now. A device shares its load evenly over its live cords. A
component takes the first live one of its feeds in the order written; only feeds of one redundancy group carry together,
in proportion to their ratings (paralleled), and never below an ATS, which has one source at a time. What UPSs lose and
what their batteries take while charging is not counted: no data sheet of the catalogue says it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inventory.facility.graph import SOURCES, Facility, Load, feeds_of
from inventory.model.entities import PowerNode


@dataclass(frozen=True, slots=True)
class CoolingZone:
    """One zone: the heat of its living devices, and the cooling that runs. ``unknown``: devices of unknown heat.

    ``cold_w`` is the capacity that certainly runs, ``doubtful_w`` that of units which name no supply. Watt.
    """

    heat_w: int
    unknown: frozenset[str]
    cold_w: int
    doubtful_w: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A site with ``lost`` taken away. ``load_w``: the known watts through every live component.

    ``unknown``: for every live component the loads behind it whose size or place is not known. ``dark``: racks that
    have feeds and no live one. ``dropped``: devices whose every cord is dead. ``stopped``: cooling units that are
    without supply or taken away.
    """

    lost: frozenset[str]
    load_w: dict[str, float]
    unknown: dict[str, frozenset[str]]
    dark: tuple[str, ...]
    dropped: tuple[str, ...]
    stopped: tuple[str, ...]
    zones: dict[str, CoolingZone]


def flow(facility: Facility, lost: Collection[str] = ()) -> Flow:
    """Return the loads of every component with some components (power or cooling, by name) taken away.

    Raises graphlib.CycleError when the chain feeds itself, which loading refuses.
    """
    gone = frozenset(lost)
    live = _live(facility, gone)
    load, unknown = dict.fromkeys(live, 0.0), {name: set[str]() for name in live}
    living: list[Load] = []
    dead: list[Load] = []
    for item in facility.loads:
        if (item.cools and item.name in gone) or (item.placed and live.isdisjoint(item.feeds)):
            dead.append(item)
            continue
        living.append(item)
        _plug(item, live, load, unknown)
    for name in facility.order:
        if name in live:
            for feed, share in _sources(facility, facility.nodes[name], live).items():
                load[feed] += load[name] * share
                unknown[feed] |= unknown[name]
    racks = ((rack.name, feeds_of(rack)) for rack in facility.site.racks)
    return Flow(
        lost=gone,
        load_w={name: round(load[name], 3) for name in facility.nodes if name in live},
        unknown={name: frozenset(unknown[name]) for name in facility.nodes if name in live},
        dark=tuple(name for name, feeds in racks if feeds and live.isdisjoint(feeds)),
        dropped=tuple(item.name for item in dead if not item.cools),
        stopped=tuple(item.name for item in dead if item.cools),
        zones={zone: _zone(facility, zone, living) for zone in facility.zones},
    )


def _live(facility: Facility, gone: frozenset[str]) -> set[str]:
    live: set[str] = set()
    for name in reversed(facility.order):
        node = facility.nodes[name]
        if name not in gone and (node.kind in SOURCES or not live.isdisjoint(node.fed_by)):
            live.add(name)
    return live


def _plug(item: Load, live: set[str], load: dict[str, float], unknown: dict[str, set[str]]) -> None:
    """Put a load on the components it hangs on; one whose size or place is not known puts its name there."""
    if not item.placed:
        for name in live:
            unknown[name].add(item.name)
        return
    feeds = [feed for feed in item.feeds if feed in live]
    taken = feeds[:1] if item.cools else feeds
    for feed in taken:
        if item.watt is None:
            unknown[feed].add(item.name)
        else:
            load[feed] += item.watt / len(taken)


def _sources(facility: Facility, node: PowerNode, live: set[str]) -> dict[str, float]:
    """Return the feeds that carry a component and the share of each."""
    if node.kind in SOURCES:
        return {}
    feeds = [facility.nodes[feed] for feed in dict.fromkeys(node.fed_by) if feed in live]
    if not feeds:
        return {}
    first = feeds[0]
    if node.kind == "ats" or first.group is None:
        return {first.name: 1.0}
    together = [feed for feed in feeds if feed.group == first.group]
    rating = sum(feed.rating_w for feed in together)
    return {feed.name: feed.rating_w / rating for feed in together}


def _zone(facility: Facility, zone: str, living: list[Load]) -> CoolingZone:
    heat = cold = doubtful = 0
    unknown: set[str] = set()
    for item in living:
        if item.cools and item.zone == zone:
            capacity = facility.cooling[item.name].capacity_w
            if item.placed:
                cold += capacity
            else:
                doubtful += capacity
        elif not item.cools and (item.zone is None or (item.zone == zone and item.watt is None)):
            unknown.add(item.name)
        elif not item.cools and item.zone == zone:
            heat += item.watt or 0
    return CoolingZone(heat, frozenset(unknown), cold, doubtful)
