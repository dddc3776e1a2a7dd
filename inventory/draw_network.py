"""The network of a site as a drawing: what it is linked to outside, its routers, its VLANs and what sits in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from textwrap import shorten

from inventory.estate import Estate, Interface
from inventory.model import Vlan
from inventory.svg import Box, Edge, Layers
from inventory.tables import said

_ALONE = 3  # so many far ends of one tier are drawn one by one, more as one box
_CROWD = 8  # links of a router from which on every tier with more than one far end is one box
_NAME = 34
_NAMED = 9
_TEXTS = {
    "title": ("Network", "Mạng"),
    "outside": ("other sites", "điểm khác"),
    "device": ("router of the site, with loopbacks", "bộ định tuyến của điểm, kèm loopback"),
    "vlan": ("VLAN, its gateways above it", "VLAN, các cổng mặc định ở trên"),
    "sites": ("{count} sites of tier {tier}", "{count} điểm cấp {tier}"),
    "more": ("… {count} in all", "… tổng cộng {count}"),
    "circuit": ("{name}: {network} {speed} Mb/s, route {path}", "{name}: {network} {speed} Mb/s, tuyến {path}"),
}


def network(estate: Estate, code: str, vietnamese: bool) -> str:
    """Return the SVG of a site's network, both address families."""
    site = estate.sites[code]
    words = {key: pair[vietnamese] for key, pair in _TEXTS.items()}
    held = [i for device in site.devices for i in estate.interfaces(device.name)]
    linked = dict.fromkeys(i.device for i in held if i.link)
    routers = dict.fromkeys((*linked, *(name for vlan in site.vlans for name in (vlan.gateway, *vlan.backups))))
    outside, edges = _outside(estate, code, held, words)
    seen: set[int] = set()
    for interface in held:
        if interface.peer and interface.link and interface.peer[0] in routers and interface.link.id not in seen:
            seen.add(interface.link.id)
            edges.append(Edge(interface.device, interface.peer[0], "device", _speed(interface)))
    middle = [Box(name, _router(estate, name)) for name in routers]
    vlans = [Box(f"vlan {vlan.name}", _vlan(estate, code, vlan, words), "vlan") for vlan in site.vlans]
    for vlan in site.vlans:
        edges += [Edge(name, f"vlan {vlan.name}", "vlan") for name in (vlan.gateway, *vlan.backups)]
    facts = [
        words["circuit"].format(name=c.name, network=c.network, speed=c.speed_mbps, path=c.path) for c in site.circuits
    ]
    legend = [(style, words[style]) for style in ("outside", "device", "vlan")]
    title = f"{words['title']}: {said(site.name)} ({code}), {estate.site_prefix(code)}"
    return Layers(title, "; ".join(facts), [outside, middle, vlans], edges, legend).draw()


def _outside(
    estate: Estate, code: str, held: list[Interface], words: dict[str, str]
) -> tuple[list[Box], list[Edge]]:
    """Return the boxes above the site's routers: far ends one by one, or one box for many sites of one tier."""
    groups: dict[tuple[str, str], list[Interface]] = defaultdict(list)
    for interface in held:
        if interface.peer and estate.site_of[interface.peer[0]] != code:
            tier = estate.sites[estate.site_of[interface.peer[0]]].tier
            groups[interface.device, tier].append(interface)
    links = Counter(device for (device, _tier), items in groups.items() for _item in items)
    boxes: dict[str, Box] = {}
    edges: list[Edge] = []
    for (device, tier), items in groups.items():
        if len(items) <= (1 if links[device] > _CROWD else _ALONE):
            for item in items:
                far = item.peer[0] if item.peer else ""
                name = shorten(said(estate.sites[estate.site_of[far]].name), _NAME, placeholder="…")
                boxes.setdefault(far, Box(far, [far, name], "outside"))
                edges.append(Edge(far, device, "outside", _speed(item)))
            continue
        names = sorted({estate.site_of[item.peer[0]] for item in items if item.peer})
        key = f"{tier} {names}"  # two routers linked to the same sites share a box
        boxes.setdefault(
            key, Box(key, [words["sites"].format(count=len(names), tier=tier), *_wrapped(names)], "outside")
        )
        edges.append(Edge(key, device, "outside", " / ".join(sorted({_speed(item) for item in items}))))
    return list(boxes.values()), edges


def _wrapped(names: list[str]) -> list[str]:
    step = 4
    return [", ".join(names[at : at + step]) for at in range(0, len(names), step)]


def _speed(interface: Interface) -> str:
    speed = interface.speed_mbps or 0
    return f"{speed / 1000:g} Gb/s" if speed >= 1000 else f"{speed} Mb/s"


def _router(estate: Estate, name: str) -> list[str]:
    held = estate.interfaces(name)
    loopback = [str(address.ip) for address in held[0].addresses] if held and held[0].kind == "loopback" else []
    return [name, *loopback]


def _vlan(estate: Estate, code: str, vlan: Vlan, words: dict[str, str]) -> list[str]:
    members = [
        f".{attachment.host} {device.name}"
        for device in estate.sites[code].devices
        for attachment in device.attach
        if attachment.vlan == vlan.name
    ]
    more = [words["more"].format(count=len(members))] if len(members) > _NAMED else []
    v6 = [str(estate.vlan_prefix(code, vlan))] if estate.uses_ipv6(vlan) else []
    v4 = [str(vlan.ipv4)] if vlan.ipv4 else []
    return [f"{vlan.name} {vlan.id}", *v6, *v4, *members[:_NAMED], *more]
