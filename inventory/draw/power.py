"""The power chain of a site as a drawing: sources on top, racks and cooling below, with loads and ratings."""

from __future__ import annotations

from core.i18n import N_, _
from inventory.draw.svg import Box, Edge, Layers
from inventory.facility import redundancy, single_corded
from inventory.facility.flow import Flow, flow
from inventory.facility.graph import SOURCES, Facility
from inventory.model.entities import CoolingUnit, PowerNode, Rack, Site
from inventory.model.estate import Estate

_TEXTS = {
    "title": N_("Power and cooling"),
    "source": N_("source"),
    "a": N_("side A"),
    "b": N_("side B"),
    "rack": N_("rack and the sides of its devices"),
    "cooling": N_("cooling"),
    "zone": N_("zone"),
    "single": N_("one cord in a rack with two feeds: {names}"),
    "heat": N_("zone {name}: {kw} kW of heat, {cold} kW of cooling"),
    "load": N_("carries {kw} kW ({percent:.0f} %)"),
    "least": N_("carries {kw} kW or more"),
    "draws": N_("draws {kw} kW"),
    "rating": N_("loads: the most by data sheet, not live"),
    "group": N_("{name}: {kw:g} kW, {less:g} kW with one lost"),
}


def power(estate: Estate, code: str) -> str:
    """Return the SVG of a site's power and cooling."""
    site = estate.sites[code]
    texts = {key: _(text) for key, text in _TEXTS.items()}
    state = flow(Facility(site, estate.hardware))
    legend = [(style, texts[style]) for style in ("source", "a", "b", "rack", "cooling")]
    title = f"{texts['title']}: {site.name.translate()} ({code})"
    facts = "; ".join(list_facts(site, state, texts))
    return Layers(title, facts, place_boxes(estate, site, state, texts), list_edges(site), legend).draw()


def list_edges(site: Site) -> list[Edge]:
    """Return the lines from what feeds to what is fed, in the colour of the side."""
    sides = find_sides(site)
    edges: list[Edge] = []
    for node in site.power:
        edges += [Edge(feed, node.name, choose_style(node, sides)) for feed in node.fed_by]
    for rack in site.racks:
        for style, feed in (("a", rack.feed_a), ("b", rack.feed_b)):
            if feed:
                edges.append(Edge(feed, f"rack {rack.name}", style))
    for unit in site.cooling:
        edges += [Edge(feed, f"cooling {unit.name}", "cooling") for feed in unit.fed_by]
    return edges


def place_boxes(estate: Estate, site: Site, state: Flow, texts: dict[str, str]) -> list[list[Box]]:
    """Return the boxes from the sources down; a cooling unit stands in the row below what feeds it, else at the end."""
    sides, depths = find_sides(site), find_depths(site)
    rows: list[list[Box]] = [[] for _row in range(max(depths.values(), default=0) + 3)]
    for node in site.power:
        rows[depths[node.name]].append(Box(node.name, describe_node(node, state, texts), choose_style(node, sides)))
    for unit in site.cooling:
        row = max((depths[feed] + 1 for feed in unit.fed_by), default=len(rows) - 1)
        rows[row].append(Box(f"cooling {unit.name}", describe_unit(estate, unit, texts), "cooling"))
    for rack in site.racks:
        rows[-2].append(Box(f"rack {rack.name}", describe_rack(estate, site, rack, sides), "rack"))
    return rows


def list_facts(site: Site, state: Flow, texts: dict[str, str]) -> list[str]:
    """Return what stands below the title: groups, zones, devices with one cord, and what the loads are."""
    facts = []
    for group in redundancy(site):
        kilowatts = {"kw": group.rating_w / 1000, "less": group.without_largest_w / 1000}
        facts.append(texts["group"].format(name=group.group, **kilowatts))
    for name, zone in state.zones.items():
        if zone.heat_w and not zone.unknown:
            cold = say_kilowatt(zone.cold_w + zone.doubtful_w)
            facts.append(texts["heat"].format(name=name, kw=say_kilowatt(zone.heat_w), cold=cold))
    lonely = single_corded(site)
    if lonely:
        facts.append(texts["single"].format(names=", ".join(lonely)))
    if any(state.load_w.values()):
        facts.append(texts["rating"])
    return facts


def describe_node(node: PowerNode, state: Flow, texts: dict[str, str]) -> list[str]:
    """Return the lines of a component: its name, what it can carry, and what it carries when that is known."""
    frame = ""
    if node.modules and node.module_rating_w:
        frame = f" ({node.modules} × {node.module_rating_w / 1000:g})"
    lines = [node.name, f"{node.kind} {node.rating_w / 1000:g} kW{frame}"]
    load = state.load_w.get(node.name, 0.0)
    if load:
        key = "least" if state.unknown[node.name] else "load"
        lines.append(texts[key].format(kw=say_kilowatt(load), percent=100 * load / node.rating_w))
    return lines


def describe_unit(estate: Estate, unit: CoolingUnit, texts: dict[str, str]) -> list[str]:
    """Return the lines of a cooling unit: its name, capacity and zone, and what it draws when that is known."""
    lines = [unit.name, f"{unit.capacity_w / 1000:g} kW, {texts['zone']} {unit.zone}"]
    watt = estate.power_w(unit.device) if unit.device else None
    if watt is not None:
        lines.append(texts["draws"].format(kw=say_kilowatt(watt)))
    return lines


def describe_rack(estate: Estate, site: Site, rack: Rack, sides: dict[str, str]) -> list[str]:
    """Return the lines of a rack: its name, what its devices draw together, and each of them with its sides."""
    total, is_known, lines = 0, True, []
    for device in site.devices:
        if device.rack != rack.name:
            continue
        line = device.name
        cords = "+".join(dict.fromkeys(sides.get(cord, cord).upper() for cord in device.cords))
        if cords:
            line += f" [{cords}]"
        watt = estate.power_w(device.name)
        if watt:
            line += f" {watt} W"
            total += watt
        # A device without a cord that is written may be fed from elsewhere: it is not missing here.
        if watt is None and device.cords:
            is_known = False
        lines.append(line)
    if not total:
        return [rack.name, *lines]
    least = "" if is_known else "≥ "
    return [rack.name, f"{least}{say_kilowatt(total)} kW", *lines]


def say_kilowatt(watt: float) -> str:
    """Return watt as kilowatt, three digits."""
    return f"{watt / 1000:.3g}"


def find_depths(site: Site) -> dict[str, int]:
    """Return the row of every component: sources on top, the rest as low as what hangs on it allows.

    Loading has refused circles.
    """
    feeds: dict[str, list[str]] = {node.name: [] for node in site.power}
    for node in site.power:
        for feed in node.fed_by:
            feeds[feed].append(node.name)
    heights: dict[str, int] = {}  # rows below a component

    def measure_height(name: str) -> int:
        if name not in heights:
            heights[name] = 1 + max((measure_height(fed) for fed in feeds[name]), default=-1)
        return heights[name]

    lowest = max((measure_height(name) for name in feeds), default=0)
    rows = {node.name: lowest - heights[node.name] for node in site.power}
    rows.update((node.name, 0) for node in site.power if node.kind in SOURCES)
    return rows


def find_sides(site: Site) -> dict[str, str]:
    """Return a or b for every component that feeds racks on one side only, walking up from the racks."""
    nodes = {node.name: node for node in site.power}
    reached: dict[str, set[str]] = {}
    todo: list[tuple[str, str]] = []
    for rack in site.racks:
        todo += [(feed, side) for side, feed in (("a", rack.feed_a), ("b", rack.feed_b)) if feed in nodes]
    while todo:
        name, side = todo.pop()
        if side not in reached.setdefault(name, set()):
            reached[name].add(side)
            todo += [(feed, side) for feed in nodes[name].fed_by if feed in nodes]
    return {name: next(iter(sides)) for name, sides in reached.items() if len(sides) == 1}


def choose_style(node: PowerNode, sides: dict[str, str]) -> str:
    """Return the style of a component: that of a source, of its side, or of what stands on both."""
    if node.kind in SOURCES:
        return "source"
    return sides.get(node.name, "rack")
