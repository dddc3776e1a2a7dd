"""The network of a site as a drawing: what it is linked to outside, its routers, its VLANs and what sits in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from textwrap import shorten

from core.i18n import N_, _
from inventory.draw.svg import Box, Edge, Layers
from inventory.model.entities import Site, Vlan
from inventory.model.estate import Estate, Interface

_ALONE = 3  # so many far ends of one tier are drawn one by one, more as one box
_CROWD = 8  # links of a router from which on every tier with more than one far end is one box
_NAME = 34
_NAMED = 9
_CODES_A_LINE = 4
_TEXTS = {
    "title": N_("Network"),
    "outside": N_("other sites"),
    "device": N_("router of the site, with loopbacks"),
    "vlan": N_("VLAN, its gateways above it"),
    "sites": N_("{count} sites of tier {tier}"),
    "more": N_("… {count} in all"),
    "circuit": N_("{name}: {network} {speed} Mb/s, route {path}"),
}


def network(estate: Estate, code: str) -> str:
    """Return the SVG of a site's network, both address families."""
    site = estate.sites[code]
    texts = {key: _(text) for key, text in _TEXTS.items()}
    interfaces: list[Interface] = []
    for device in site.devices:
        interfaces += estate.interfaces(device.name)
    routers = dict.fromkeys(interface.device for interface in interfaces if interface.link)
    for vlan in site.vlans:
        routers |= dict.fromkeys((vlan.gateway, *vlan.backups))

    outside, edges = place_outside(estate, code, interfaces, texts)
    edges += list_inner_links(interfaces, routers)
    vlans = []
    for vlan in site.vlans:
        vlans.append(Box(f"vlan {vlan.name}", describe_vlan(estate, code, vlan, texts), "vlan"))
        edges += [Edge(name, f"vlan {vlan.name}", "vlan") for name in (vlan.gateway, *vlan.backups)]
    rows = [outside, [Box(name, describe_router(estate, name)) for name in routers], vlans]

    circuits = [
        texts["circuit"].format(name=c.name, network=c.network, speed=c.speed_mbps, path=c.path) for c in site.circuits
    ]
    legend = [(style, texts[style]) for style in ("outside", "device", "vlan")]
    title = f"{texts['title']}: {site.name.translate()} ({code}), {estate.site_prefix(code)}"
    return Layers(title, "; ".join(circuits), rows, edges, legend).draw()


def list_inner_links(interfaces: Iterable[Interface], routers: Collection[str]) -> list[Edge]:
    """Return the links between routers of the site, each once."""
    edges: dict[int, Edge] = {}
    for interface in interfaces:
        if interface.peer and interface.link and interface.peer[0] in routers:
            edge = Edge(interface.device, interface.peer[0], "device", say_speed(interface))
            edges.setdefault(interface.link.id, edge)
    return list(edges.values())


def place_outside(
    estate: Estate, code: str, interfaces: Iterable[Interface], texts: dict[str, str]
) -> tuple[list[Box], list[Edge]]:
    """Return the boxes above the site's routers: far ends one by one, or one box for many sites of one tier."""
    groups: dict[tuple[str, str], list[Interface]] = defaultdict(list)
    links: Counter[str] = Counter()
    for interface in interfaces:
        if interface.peer and estate.site_of[interface.peer[0]] != code:
            groups[interface.device, find_far_site(estate, interface).tier].append(interface)
            links[interface.device] += 1
    boxes: dict[str, Box] = {}
    edges: list[Edge] = []
    for (device, tier), items in groups.items():
        most = 1 if links[device] > _CROWD else _ALONE
        if len(items) > most:
            box = make_crowd(estate, tier, items, texts)
            speeds = sorted({say_speed(item) for item in items})
            edges.append(Edge(box.key, device, "outside", " / ".join(speeds)))
            boxes.setdefault(box.key, box)
            continue
        for item in items:
            box = make_far_end(estate, item)
            edges.append(Edge(box.key, device, "outside", say_speed(item)))
            boxes.setdefault(box.key, box)
    return list(boxes.values()), edges


def find_far_site(estate: Estate, interface: Interface) -> Site:
    """Return the site at the other end of a link."""
    assert interface.peer is not None  # noqa: S101 - the caller asks only of links
    return estate.sites[estate.site_of[interface.peer[0]]]


def make_far_end(estate: Estate, interface: Interface) -> Box:
    """Return the box of the one router at the other end of a link."""
    assert interface.peer is not None  # noqa: S101 - the caller asks only of links
    far = interface.peer[0]
    name = shorten(find_far_site(estate, interface).name.translate(), _NAME, placeholder="…")
    return Box(far, [far, name], "outside")


def make_crowd(estate: Estate, tier: str, interfaces: Iterable[Interface], texts: dict[str, str]) -> Box:
    """Return one box for many sites of a tier; two routers that are linked to the same sites share it."""
    codes = sorted({find_far_site(estate, interface).site for interface in interfaces})
    heading = texts["sites"].format(count=len(codes), tier=tier)
    lines = [", ".join(codes[at : at + _CODES_A_LINE]) for at in range(0, len(codes), _CODES_A_LINE)]
    return Box(f"{tier} {codes}", [heading, *lines], "outside")


def say_speed(interface: Interface) -> str:
    """Return the speed of a link as people say it."""
    speed = interface.speed_mbps or 0
    if speed >= 1000:
        return f"{speed / 1000:g} Gb/s"
    return f"{speed} Mb/s"


def describe_router(estate: Estate, name: str) -> list[str]:
    """Return the lines of a router: its name and the addresses of its loopback."""
    interfaces = estate.interfaces(name)
    if not interfaces or interfaces[0].kind != "loopback":
        return [name]
    return [name, *(str(address.ip) for address in interfaces[0].addresses)]


def describe_vlan(estate: Estate, code: str, vlan: Vlan, texts: dict[str, str]) -> list[str]:
    """Return the lines of a VLAN: name and number, its prefixes, and who sits in it."""
    lines = [f"{vlan.name} {vlan.id}"]
    if estate.uses_ipv6(vlan):
        lines.append(str(estate.vlan_prefix(code, vlan)))
    if vlan.ipv4:
        lines.append(str(vlan.ipv4))
    members = []
    for device in estate.sites[code].devices:
        members += [f".{item.host} {device.name}" for item in device.attach if item.vlan == vlan.name]
    lines += members[:_NAMED]
    if len(members) > _NAMED:
        lines.append(texts["more"].format(count=len(members)))
    return lines
