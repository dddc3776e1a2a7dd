"""The power chain of a site as a drawing: sources on top, racks with their devices and cords below, cooling beside."""

from __future__ import annotations

from inventory.estate import Estate
from inventory.facility import redundancy, single_corded
from inventory.model import PowerNode, Rack, Site
from inventory.svg import Box, Edge, Layers
from inventory.tables import said

_SOURCES = ("utility", "generator")
_TEXTS = {
    "title": ("Power and cooling", "Nguồn điện và làm mát"),
    "source": ("source", "nguồn vào"),
    "a": ("side A", "nhánh A"),
    "b": ("side B", "nhánh B"),
    "rack": ("rack and the sides of its devices", "tủ rack và nhánh cấp của từng thiết bị"),
    "cooling": ("cooling", "làm mát"),
    "zone": ("zone", "khu vực"),
    "single": ("one cord in a rack with two feeds: {names}", "một dây nguồn trong tủ có hai nhánh: {names}"),
    "group": ("{name}: {kw:g} kW, {less:g} kW with one lost", "{name}: {kw:g} kW, còn {less:g} kW khi mất một"),
}


def power(estate: Estate, code: str, vietnamese: bool) -> str:
    """Return the SVG of a site's power and cooling."""
    site = estate.sites[code]
    words = {key: pair[vietnamese] for key, pair in _TEXTS.items()}
    side = _sides(site)
    depth = _depths(site)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for node in site.power:
        rows[depth[node.name]].append(Box(node.name, _lines(node), _style(node, side)))
    rows.append([Box(f"rack {rack.name}", _rack(site, rack, side), "rack") for rack in site.racks])
    rows.append(
        [
            Box(f"cooling {unit.name}", [unit.name, f"{unit.capacity_w / 1000:g} kW, {words['zone']} {unit.zone}"],
                "cooling")
            for unit in site.cooling
        ]
    )
    edges = [Edge(feed, node.name, _style(node, side)) for node in site.power for feed in node.fed_by]
    for rack in site.racks:
        for style, feed in (("a", rack.feed_a), ("b", rack.feed_b)):
            edges += [Edge(feed, f"rack {rack.name}", style)] if feed else []
    facts = [
        words["group"].format(name=g.group, kw=g.rating_w / 1000, less=g.without_largest_w / 1000)
        for g in redundancy(site)
    ]
    lonely = single_corded(site)
    facts += [words["single"].format(names=", ".join(lonely))] if lonely else []
    legend = [(style, words[style]) for style in ("source", "a", "b", "rack", "cooling")]
    title = f"{words['title']}: {said(site.name)} ({code})"
    return Layers(title, "; ".join(facts), rows, edges, legend).draw()


def _lines(node: PowerNode) -> list[str]:
    frame = ""
    if node.modules and node.module_rating_w:
        frame = f" ({node.modules} × {node.module_rating_w / 1000:g})"
    return [node.name, f"{node.kind} {node.rating_w / 1000:g} kW{frame}"]


def _rack(site: Site, rack: Rack, side: dict[str, str]) -> list[str]:
    lines = [rack.name]
    for device in site.devices:
        if device.rack == rack.name:
            sides = "+".join(dict.fromkeys(side.get(cord, cord).upper() for cord in device.cords))
            lines.append(f"{device.name} [{sides}]" if sides else device.name)
    return lines


def _depths(site: Site) -> dict[str, int]:
    """Return the row of every component: sources on top, the rest as low as what hangs on it allows.

    Loading has refused circles.
    """
    feeds = {node.name: [other.name for other in site.power if node.name in other.fed_by] for node in site.power}
    below: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in below:
            below[name] = 1 + max((depth(fed) for fed in feeds[name]), default=-1)
        return below[name]

    lowest = max((depth(name) for name in feeds), default=0)
    return {node.name: 0 if node.kind in _SOURCES else lowest - depth(node.name) for node in site.power}


def _sides(site: Site) -> dict[str, str]:
    """Return a or b for every component that feeds racks on one side only, walking up from the racks."""
    nodes = {node.name: node for node in site.power}
    reached: dict[str, set[str]] = {}
    todo = [(feed, side) for r in site.racks for side, feed in (("a", r.feed_a), ("b", r.feed_b)) if feed in nodes]
    while todo:
        name, side = todo.pop()
        if name is not None and side not in reached.setdefault(name, set()):
            reached[name].add(side)
            todo += [(feed, side) for feed in nodes[name].fed_by if feed in nodes]
    return {name: next(iter(sides)) for name, sides in reached.items() if len(sides) == 1}


def _style(node: PowerNode, side: dict[str, str]) -> str:
    return "source" if node.kind in _SOURCES else side.get(node.name, "rack")
