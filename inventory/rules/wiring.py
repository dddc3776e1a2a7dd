"""What is plugged into a device, its model has ports for: as many, and as fast. A model without ports is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device, LinkEnd
from inventory.model.enums import DeviceKind, LinkRole, PortMode
from inventory.model.hardware import Hardware, port_range
from inventory.source.parsed_estate import Draft, DraftLink

_BUNDLE = re.compile(r"(bond|lag|ae|po|port-channel|eth-trunk|bundle-ether)-?[0-9./]*", re.IGNORECASE)
_MANAGEMENT = re.compile(r"(mgmt|oob|ilo|ipmi|fxp|me|em)[0-9]*", re.IGNORECASE)  # a port beside those of the catalogue
_VIRTUAL = re.compile(r"(vlan|vl|irb|bvi|br|lo|loopback|dummy)[-0-9.]*", re.IGNORECASE)
_FORWARDING = (DeviceKind.ROUTER, DeviceKind.FIREWALL)
Plug = tuple[DraftLink, LinkEnd]


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST193 (a link faster than any port), EST194 (more links than ports), EST396 (access ports too slow)."""
    plugs: dict[str, list[Plug]] = {}
    for item in draft.links:
        for end in (item.link.a, item.link.b):
            plugs.setdefault(end.device, []).append((item, end))
    for place in draft.sites:
        tier = draft.tiers.get(place.site.tier)
        least = tier.min_speed_mbps.get(LinkRole.ACCESS, 0) if tier else 0
        for index, device in enumerate(place.site.devices):
            model = draft.hardware_of(device) if device.name in plugs or device.ports else None
            if model is None or not model.ports:
                continue
            yield from _links(draft, device, model, plugs.get(device.name, []))
            slow = _list_slow_ports(model, least)
            if not slow:
                continue
            for number, use in enumerate(device.ports):
                first = next((name for name in port_range(use.ports) if name in slow), None)
                if use.mode is PortMode.ACCESS and first is not None:
                    where = place.place("devices", index, "ports", number, "ports")
                    actual = f"{first}: {slow[first]} Mb/s"
                    yield mistake("EST396", where, actual=actual, use=use.name, least=least, tier=place.site.tier)


def _list_slow_ports(model: Hardware, least: int) -> dict[str, int]:
    """Return the ports below a speed, each with its own; Mbit/s."""
    slow: dict[str, int] = {}
    for block in model.ports:
        if block.speed_mbps < least:
            slow.update(dict.fromkeys(block.names(), block.speed_mbps))
    return slow


def _links(draft: Draft, device: Device, model: Hardware, plugs: list[Plug]) -> Iterator[RackproofError]:
    """A bundle (LAG) is of several ports, and nothing written says how many: it is neither counted nor compared."""
    fastest = max(block.speed_mbps for block in model.ports)
    plain = [(item, end) for item, end in plugs if not _BUNDLE.fullmatch(end.interface)]
    for item, _end in plain:
        if item.link.speed_mbps > fastest:
            where, speed = item.place("speed_mbps"), item.link.speed_mbps
            yield mistake("EST193", where, actual=speed, link=item.link.id, device=device.name, most=fastest)
    if plugs and len(plain) == len(plugs):
        yield from _count(draft, device, model, plugs)


def _count(draft: Draft, device: Device, model: Hardware, plugs: list[Plug]) -> Iterator[RackproofError]:
    """The fastest links take the fastest ports, so at no speed may there be more links than ports as fast."""
    offered = [block.speed_mbps for block in model.ports]
    fastest, slowest = max(offered), min(offered)
    needed: dict[str, int] = {}
    for item, end in plugs:
        port = _physical(end.interface)
        needed[port] = max(needed.get(port, slowest), min(item.link.speed_mbps, fastest))
    inside = _inside(device, model, {end.interface for _item, end in plugs})
    speeds = [*sorted(needed.values(), reverse=True), *[slowest] * inside]
    for count, speed in enumerate(speeds, start=1):
        there = sum(block.count for block in model.ports if block.speed_mbps >= speed)
        if count > there:
            place = draft.devices[device.name][0]
            where = place.place("devices", list(place.devices).index(device.name), "hardware")
            wanted = sum(other >= speed for other in speeds)
            yield mistake("EST194", where, actual=there, device=device.name, wanted=wanted, speed=speed)
            return


def _inside(device: Device, model: Hardware, linked: set[str]) -> int:
    """Return how many ports it needs at least beside those of its links: for access ports and for its VLANs."""
    stick = any("." in interface for interface in linked)  # a link over a subinterface: VLANs may lie beside it
    linked = {_physical(interface) for interface in linked}
    access: set[str] = set()
    access.update(*(port_range(use.ports) for use in device.ports if use.mode is PortMode.ACCESS))
    taken = access & set(model.port_names()) - linked
    if device.kind not in _FORWARDING:
        return len(taken)
    own: set[str] = set()
    anywhere = False
    for held in device.attach:
        port = _physical(held.interface)
        if held.interface == held.vlan or _VIRTUAL.fullmatch(port):
            anywhere = True  # an interface of the VLAN, over any port; all such may share one
        elif not _MANAGEMENT.fullmatch(port) and not _BUNDLE.fullmatch(port):
            own.add(port)
    return len(taken | own - linked) + (anywhere and not own and not stick and not device.ports)


def _physical(interface: str) -> str:
    """Return the port of a subinterface: ``eth0.10`` is on eth0."""
    return interface.partition(".")[0]
