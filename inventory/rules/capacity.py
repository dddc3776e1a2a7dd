"""What a power chain and the cooling carry as written: racks on outlets, ratings above loads, spare cooling."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError

from core.errors import RackproofError
from inventory.facility.flow import Flow, flow
from inventory.facility.graph import OUTLETS, Facility
from inventory.model.diagnostics import mistake
from inventory.source.parsed_estate import Draft, DraftSite


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST170, EST175, EST176, EST179 and EST180. Only what is certain is said: an unknown load is no mistake."""
    for place in draft.sites:
        yield from _cooling_feeds(place)
        yield from _rack_feeds(place)
        yield from _groups(place)
        try:
            state = flow(Facility(place.site, draft.hardware))
        except CycleError:  # told by the rules of the power chain
            continue
        yield from _overloaded(place, state)
        tier = draft.tiers.get(place.site.tier)
        if tier is not None and tier.redundant_cooling:
            yield from _spare_cooling(place, state)


def _cooling_feeds(place: DraftSite) -> Iterator[RackproofError]:
    known = [node.name for node in place.site.power]
    for index, unit in enumerate(place.site.cooling):
        for number, feed in enumerate(unit.fed_by):
            if feed not in known:
                where = place.place("cooling", index, "fed_by", number)
                yield mistake("EST170", where, actual=feed, known=known, name=unit.name)


def _rack_feeds(place: DraftSite) -> Iterator[RackproofError]:
    kinds = {node.name: str(node.kind) for node in place.site.power}
    outlets = [name for name, kind in kinds.items() if kind in OUTLETS]
    for index, rack in enumerate(place.site.racks):
        for side, feed in (("feed_a", rack.feed_a), ("feed_b", rack.feed_b)):
            if feed in kinds and feed not in outlets:
                where = place.place("racks", index, side)
                yield mistake("EST179", where, actual=f"{feed} ({kinds[feed]})", known=outlets, rack=rack.name)


def _groups(place: DraftSite) -> Iterator[RackproofError]:
    members: dict[str, list[int]] = {}
    for index, node in enumerate(place.site.power):
        if node.group is not None:
            members.setdefault(node.group, []).append(index)
    for group, held in members.items():
        if len(held) == 1:
            name = place.site.power[held[0]].name
            yield mistake("EST180", place.place("power", held[0], "group"), actual=name, group=group)


def _overloaded(place: DraftSite, state: Flow) -> Iterator[RackproofError]:
    for index, node in enumerate(place.site.power):
        load = state.load_w.get(node.name, 0.0)
        if load > node.rating_w:
            where = place.place("power", index, "rating_w")
            yield mistake("EST175", where, actual=f"{node.rating_w} W", name=node.name, load=f"{load:g}")


def _spare_cooling(place: DraftSite, state: Flow) -> Iterator[RackproofError]:
    """A zone without any unit is left to the verdict: its cooling is not written down, which is another matter."""
    for name, zone in state.zones.items():
        units = [index for index, unit in enumerate(place.site.cooling) if unit.zone == name]
        capacities = [place.site.cooling[index].capacity_w for index in units]
        rest = sum(capacities) - max(capacities, default=0)
        if units and (len(units) == 1 or zone.heat_w > rest):
            where = place.place("cooling", units[0])
            yield mistake("EST176", where, actual=f"{rest} W", zone=name, heat=zone.heat_w, tier=place.site.tier)
