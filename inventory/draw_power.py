"""The power chain of a site as a drawing: sources on top, racks and cooling below, with loads and ratings."""

from __future__ import annotations

from inventory.estate import Estate
from inventory.facility import redundancy, single_corded
from inventory.facility.flow import Flow, flow
from inventory.facility.graph import SOURCES, Facility
from inventory.model import CoolingUnit, PowerNode, Rack, Site
from inventory.svg import Box, Edge, Layers
from inventory.tables import said

_TEXTS = {
    "title": ("Power and cooling", "Nguồn điện và làm mát"),
    "source": ("source", "nguồn vào"),
    "a": ("side A", "nhánh A"),
    "b": ("side B", "nhánh B"),
    "rack": ("rack and the sides of its devices", "tủ rack và nhánh cấp của từng thiết bị"),
    "cooling": ("cooling", "làm mát"),
    "zone": ("zone", "khu vực"),
    "single": ("one cord in a rack with two feeds: {names}", "một dây nguồn trong tủ có hai nhánh: {names}"),
    "heat": ("zone {name}: {kw} kW of heat, {cold} kW of cooling", "khu {name}: nhiệt {kw} kW, làm mát {cold} kW"),
    "load": ("carries {kw} kW ({percent:.0f} %)", "tải {kw} kW ({percent:.0f} %)"),
    "least": ("carries {kw} kW or more", "tải từ {kw} kW trở lên"),
    "draws": ("draws {kw} kW", "tiêu thụ {kw} kW"),
    "rating": ("loads: the most by data sheet, not live", "tải: tối đa theo tài liệu, không phải thực tế"),
    "group": ("{name}: {kw:g} kW, {less:g} kW with one lost", "{name}: {kw:g} kW, còn {less:g} kW khi mất một"),
}


def power(estate: Estate, code: str, vietnamese: bool) -> str:
    """Return the SVG of a site's power and cooling."""
    site = estate.sites[code]
    words = {key: pair[vietnamese] for key, pair in _TEXTS.items()}
    side = _sides(site)
    state = flow(Facility(site, estate.hardware))
    edges = [Edge(feed, node.name, _style(node, side)) for node in site.power for feed in node.fed_by]
    for rack in site.racks:
        for style, feed in (("a", rack.feed_a), ("b", rack.feed_b)):
            edges += [Edge(feed, f"rack {rack.name}", style)] if feed else []
    edges += [Edge(feed, f"cooling {unit.name}", "cooling") for unit in site.cooling for feed in unit.fed_by]
    legend = [(style, words[style]) for style in ("source", "a", "b", "rack", "cooling")]
    title = f"{words['title']}: {said(site.name)} ({code})"
    return Layers(title, "; ".join(_facts(site, state, words)), _rows(estate, site, state, words), edges, legend).draw()


def _rows(estate: Estate, site: Site, state: Flow, words: dict[str, str]) -> list[list[Box]]:
    """Return the boxes from the sources down; a cooling unit stands in the row below what feeds it, else at the end."""
    side, depth = _sides(site), _depths(site)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values(), default=0) + 3)]
    for node in site.power:
        rows[depth[node.name]].append(Box(node.name, _lines(node, state, words), _style(node, side)))
    for unit in site.cooling:
        row = max((depth[feed] + 1 for feed in unit.fed_by), default=len(rows) - 1)
        rows[row].append(Box(f"cooling {unit.name}", _unit(estate, unit, words), "cooling"))
    rows[-2] += [Box(f"rack {rack.name}", _rack(estate, site, rack, side), "rack") for rack in site.racks]
    return rows


def _facts(site: Site, state: Flow, words: dict[str, str]) -> list[str]:
    """Return what stands below the title: groups, zones, devices with one cord, and what the loads are."""
    facts = [
        words["group"].format(name=g.group, kw=g.rating_w / 1000, less=g.without_largest_w / 1000)
        for g in redundancy(site)
    ]
    known = [(name, zone) for name, zone in state.zones.items() if zone.heat_w and not zone.unknown]
    facts += [words["heat"].format(name=name, kw=_kw(z.heat_w), cold=_kw(z.cold_w + z.doubtful_w)) for name, z in known]
    lonely = single_corded(site)
    facts += [words["single"].format(names=", ".join(lonely))] if lonely else []
    return [*facts, words["rating"]] if any(state.load_w.values()) else facts


def _lines(node: PowerNode, state: Flow, words: dict[str, str]) -> list[str]:
    frame = ""
    if node.modules and node.module_rating_w:
        frame = f" ({node.modules} × {node.module_rating_w / 1000:g})"
    lines = [node.name, f"{node.kind} {node.rating_w / 1000:g} kW{frame}"]
    load = state.load_w.get(node.name, 0.0)
    if load:
        text = words["least" if state.unknown[node.name] else "load"]
        lines.append(text.format(kw=_kw(load), percent=100 * load / node.rating_w))
    return lines


def _unit(estate: Estate, unit: CoolingUnit, words: dict[str, str]) -> list[str]:
    lines = [unit.name, f"{unit.capacity_w / 1000:g} kW, {words['zone']} {unit.zone}"]
    watt = estate.power_w(unit.device) if unit.device else None
    return lines if watt is None else [*lines, words["draws"].format(kw=_kw(watt))]


def _rack(estate: Estate, site: Site, rack: Rack, side: dict[str, str]) -> list[str]:
    lines, total, known = [], 0, True
    for device in site.devices:
        if device.rack == rack.name:
            sides = "+".join(dict.fromkeys(side.get(cord, cord).upper() for cord in device.cords))
            watt = estate.power_w(device.name)
            total, known = total + (watt or 0), known and (watt is not None or not device.cords)
            lines.append(device.name + f" [{sides}]" * bool(sides) + f" {watt} W" * bool(watt))
    return [rack.name, *([f"{'' if known else '≥ '}{_kw(total)} kW"] if total else []), *lines]


def _kw(watt: float) -> str:
    """Return watt as kilowatt, three digits."""
    return f"{watt / 1000:.3g}"


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
    return {node.name: 0 if node.kind in SOURCES else lowest - depth(node.name) for node in site.power}


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
    return "source" if node.kind in SOURCES else side.get(node.name, "rack")
