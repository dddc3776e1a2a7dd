"""The power chain and the cooling of a site as written: feeds exist, no circle, ratings add up, A and B stay apart."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.facility.graph import CHAIN, SOURCES, feeds_of, upstream
from inventory.model.diagnostics import mistake
from inventory.model.entities import PowerNode, Site, Tier
from inventory.model.enums import DeviceKind
from inventory.source.parsed_estate import Draft, DraftSite

_PASSING = ("utility", "generator", "ats", "ups")  # a PDU may stand ready with no device on it yet


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST130 to EST147. What is doubtful in a design is a warning; the verdict on it belongs to the checks."""
    for place in draft.sites:
        nodes = {node.name: node for node in place.site.power}
        used = _used(place.site)
        for index, node in enumerate(place.site.power):
            yield from _node(place, index, node, nodes)
            yield from _kind(place, index, node, nodes)
            if node.kind in _PASSING and node.name not in used:
                yield mistake("EST145", place.place("power", index), name=node.name, kind=str(node.kind))
        yield from _circle(place, nodes)
        yield from _racks(place, nodes, draft.tiers.get(place.site.tier))
        yield from _cooling(place)


def _node(place: DraftSite, index: int, node: PowerNode, nodes: dict[str, PowerNode]) -> Iterator[RackproofError]:
    for number, feed in enumerate(node.fed_by):
        if feed not in nodes:
            yield mistake(
                "EST130", place.place("power", index, "fed_by", number), actual=feed, known=nodes, name=node.name
            )
    if not node.fed_by and node.kind not in SOURCES:
        yield mistake("EST132", place.place("power", index), name=node.name, kind=str(node.kind))
    if node.device is not None and node.device not in place.devices:
        where = place.place("power", index, "device")
        yield mistake("EST133", where, actual=node.device, known=place.devices, name=node.name)
    elif node.device is not None and place.devices[node.device].kind != node.kind:
        where = place.place("power", index, "device")
        yield mistake(
            "EST134",
            where,
            actual=f"{node.device} ({place.devices[node.device].kind.value})",
            name=node.name,
            kind=str(node.kind),
        )
    yield from _modules(place, index, node)


def _used(site: Site) -> set[str]:
    """Return every component that something hangs on."""
    used: set[str] = set()
    for node in site.power:
        used |= set(node.fed_by)
    for unit in site.cooling:
        used |= set(unit.fed_by)
    for rack in site.racks:
        used |= set(feeds_of(rack))
    for device in site.devices:
        used |= set(device.cords)
    return used


def _kind(place: DraftSite, index: int, node: PowerNode, nodes: dict[str, PowerNode]) -> Iterator[RackproofError]:
    """Yield what a component of its kind cannot be or have."""
    where = place.place("power", index, "fed_by")
    if node.kind not in CHAIN:
        yield mistake("EST147", place.place("power", index, "kind"), actual=str(node.kind), known=CHAIN, name=node.name)
    elif node.kind in SOURCES and node.fed_by:
        yield mistake("EST144", where, actual=", ".join(node.fed_by), name=node.name, kind=str(node.kind))
    elif node.kind != "ats":
        sources = [feed for feed in node.fed_by if feed in nodes and nodes[feed].kind in SOURCES]
        if len({nodes[feed].kind for feed in sources}) > 1:
            yield mistake("EST146", where, actual=", ".join(sources), name=node.name, kind=str(node.kind))


def _modules(place: DraftSite, index: int, node: PowerNode) -> Iterator[RackproofError]:
    if (node.modules is None) != (node.module_rating_w is None):
        missing = "modules" if node.modules is None else "module_rating_w"
        yield mistake("EST135", place.place("power", index), name=node.name, missing=missing)
    elif node.modules is not None and node.module_rating_w is not None:
        total = node.modules * node.module_rating_w
        if total < node.rating_w:
            yield mistake(
                "EST136",
                place.place("power", index, "rating_w"),
                actual=f"{node.rating_w} W",
                name=node.name,
                total=total,
            )


def _circle(place: DraftSite, nodes: dict[str, PowerNode]) -> Iterator[RackproofError]:
    done: set[str] = set()
    for start in nodes:
        trail: list[str] = []
        circle = _walk(start, nodes, trail, done)
        if circle:
            index = next(i for i, node in enumerate(place.site.power) if node.name == circle[0])
            yield mistake("EST131", place.place("power", index, "fed_by"), actual=" <- ".join(circle))
            done.update(circle)


def _walk(name: str, nodes: dict[str, PowerNode], trail: list[str], done: set[str]) -> list[str]:
    """Return the names of a circle that is reached from ``name``, first name repeated at the end; empty when none."""
    if name in trail:
        return [*trail[trail.index(name) :], name]
    if name in done or name not in nodes:
        return []
    trail.append(name)
    found = next((c for feed in nodes[name].fed_by if (c := _walk(feed, nodes, trail, done))), [])
    trail.pop()
    done.add(name)
    return found


def _racks(place: DraftSite, nodes: dict[str, PowerNode], tier: Tier | None) -> Iterator[RackproofError]:
    for index, rack in enumerate(place.site.racks):
        for side in ("feed_a", "feed_b"):
            feed = getattr(rack, side)
            if feed is not None and feed not in nodes:
                yield mistake("EST137", place.place("racks", index, side), actual=feed, known=nodes, rack=rack.name)
        if tier is None or not tier.redundant_power:
            continue
        if rack.feed_a is None or rack.feed_b is None:
            yield mistake("EST138", place.place("racks", index), rack=rack.name, tier=place.site.tier)
        elif rack.feed_a == rack.feed_b:
            yield mistake("EST139", place.place("racks", index, "feed_b"), actual=rack.feed_b, rack=rack.name)
        else:
            shared = upstream(rack.feed_a, nodes) & upstream(rack.feed_b, nodes)
            shared = {name for name in shared if nodes[name].kind in ("ups", "pdu")}
            if shared:
                yield mistake("EST140", place.place("racks", index), actual=", ".join(sorted(shared)), rack=rack.name)


def _cooling(place: DraftSite) -> Iterator[RackproofError]:
    zones = {rack.zone for rack in place.site.racks}
    for index, unit in enumerate(place.site.cooling):
        if unit.device is not None and unit.device not in place.devices:
            where = place.place("cooling", index, "device")
            yield mistake("EST141", where, actual=unit.device, known=place.devices, name=unit.name)
        elif unit.device is not None and place.devices[unit.device].kind is not DeviceKind.CRAC:
            kind = place.devices[unit.device].kind.value
            yield mistake("EST143", place.place("cooling", index, "device"), actual=f"{unit.device} ({kind})",
                          name=unit.name)  # fmt: skip
        if unit.zone not in zones:
            yield mistake(
                "EST142", place.place("cooling", index, "zone"), actual=unit.zone, known=zones, name=unit.name
            )
