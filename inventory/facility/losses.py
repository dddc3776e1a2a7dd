"""What one lost component of a power chain takes down, from the estate alone: ratings and cords, no live load.

The verdict on live load is the checks' business; this says what the design itself allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.facility.graph import SOURCES, feeds_of
from inventory.model.entities import CoolingUnit, PowerNode, Site


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """One component lost: racks with no feed left, and devices whose every cord is dead."""

    component: str
    racks: tuple[str, ...]
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Redundancy:
    """A redundancy group by rating: all of it, and what is left when its largest member is lost. Watt."""

    group: str
    members: tuple[str, ...]
    rating_w: int
    without_largest_w: int


def powered(site: Site, lost: str = "") -> set[str]:
    """Return the names of the components that still have a source with one component lost."""
    nodes = {node.name: node for node in site.power if node.name != lost}
    live = {name for name, node in nodes.items() if node.kind in SOURCES}
    pending = set(nodes) - live
    while True:
        more = {name for name in pending if live.intersection(nodes[name].fed_by)}
        if not more:
            return live
        live |= more
        pending -= more


def power_losses(site: Site) -> Iterator[PowerLoss]:
    """Yield what every single component of a site's power chain takes down when it is lost or taken out for service."""
    for node in site.power:
        live = powered(site, node.name)
        racks = tuple(rack.name for rack in site.racks if feeds_of(rack) and not live.intersection(feeds_of(rack)))
        dead = tuple(device.name for device in site.devices if device.cords and not live.intersection(device.cords))
        yield PowerLoss(node.name, racks, dead)


def single_corded(site: Site) -> tuple[str, ...]:
    """Return the devices in racks with two feeds that are plugged into one side only."""
    two = {rack.name for rack in site.racks if len(feeds_of(rack)) == 2}
    return tuple(d.name for d in site.devices if d.rack in two and d.cords and len(set(d.cords)) == 1)


def redundancy(site: Site) -> list[Redundancy]:
    """Return one row per redundancy group of the power chain and per zone of the cooling."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for node in site.power:
        _add(groups, node.group, node, node.rating_w)
    for unit in site.cooling:
        _add(groups, f"cooling {unit.zone}", unit, unit.capacity_w)
    found = []
    for name, members in groups.items():
        ratings = [rating for _member, rating in members]
        total = sum(ratings)
        found.append(Redundancy(name, tuple(member for member, _rating in members), total, total - max(ratings)))
    return found


def _add(groups: dict[str, list[tuple[str, int]]], group: str | None, item: PowerNode | CoolingUnit, watt: int) -> None:
    if group is not None:
        groups.setdefault(group, []).append((item.name, watt))
