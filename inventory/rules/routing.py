"""Routing that two ends must agree on: one protocol and one area per link, areas that hang together, MTU, VRF, relays.

What a link or an estate says once (addresses, timers, the AS, sessions with the route reflectors) cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from core.errors import Place, RackproofError
from inventory.draft import Draft, DraftLink, DraftSite
from inventory.kinds import Assignment, DeviceKind, Family, Igp
from inventory.mistakes import mistake
from inventory.model import Device

_BACKBONE = 0  # RFC 5340: every other area touches it


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST330 to EST333 (MTU, VRF), EST372 to EST375 (DHCPv6 relays), EST380 to EST383 (IGP and areas)."""
    areas: dict[int, tuple[set[str], Callable[..., Place]]] = {}
    circuits = _circuits(draft)
    for item in draft.links:
        ends = [draft.devices[end.device][1] for end in (item.link.a, item.link.b) if end.device in draft.devices]
        yield from _vrf(draft, item.link.vrf, partial(item.place, "vrf"))
        yield from _mtu(draft, item, ends, circuits)
        yield from _agree(item, ends, areas)
    yield from _areas(areas)
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            yield from _vrf(draft, vlan.vrf, partial(place.place, "vlans", index, "vrf"))
            for router in (vlan.gateway, *vlan.backups):
                model = draft.hardware_of(place.devices[router]) if router in place.devices else None
                if model is not None and vlan.mtu > model.mtu:
                    where = place.place("vlans", index, "mtu")
                    yield mistake("EST332", where, actual=vlan.mtu, vlan=vlan.name, device=router, most=model.mtu)
        yield from _relays(draft, place)


def _vrf(draft: Draft, name: str, where: Callable[[], Place]) -> Iterator[RackproofError]:
    if name not in draft.head.addressing.vrfs:
        yield mistake("EST333", where(), actual=name, known=draft.head.addressing.vrfs)


def _circuits(draft: Draft) -> dict[str, tuple[str, int]]:
    """Return for every router at which circuits end the narrowest of them: its name and MTU."""
    found: dict[str, tuple[str, int]] = {}
    for place in draft.sites:
        for circuit in place.site.circuits:
            if circuit.router is not None and (circuit.router not in found or circuit.mtu < found[circuit.router][1]):
                found[circuit.router] = (circuit.name, circuit.mtu)
    return found


def _mtu(
    draft: Draft, item: DraftLink, ends: list[Device], circuits: dict[str, tuple[str, int]]
) -> Iterator[RackproofError]:
    sites = {draft.devices[device.name][0].site.site for device in ends}
    for device in ends:
        model = draft.hardware_of(device)
        if model is not None and item.link.mtu > model.mtu:
            where = item.place("mtu")
            yield mistake(
                "EST331", where, actual=item.link.mtu, link=item.link.id, device=device.name, most=model.mtu
            )
        if len(sites) > 1 and device.name in circuits and item.link.mtu > circuits[device.name][1]:
            name, most = circuits[device.name]
            where = item.place("mtu")
            yield mistake(
                "EST330", where, actual=item.link.mtu, link=item.link.id, circuit=name, device=device.name, most=most
            )


def _agree(
    item: DraftLink, ends: list[Device], areas: dict[int, tuple[set[str], Callable[..., Place]]]
) -> Iterator[RackproofError]:
    routers = [device for device in ends if device.kind is DeviceKind.ROUTER]
    if len(routers) != 2:
        return
    one, other = routers
    if one.routing.igp is not other.routing.igp:
        actual = f"{one.name} {one.routing.igp.value}, {other.name} {other.routing.igp.value}"
        yield mistake("EST380", item.place("id"), actual=actual, link=item.link.id)
        return
    if one.routing.igp is Igp.NONE:
        yield mistake("EST381", item.place("id"), actual=f"{one.name}, {other.name}", link=item.link.id)
        return
    area = item.link.area
    if area is None and one.routing.area != other.routing.area:
        actual = f"{one.name} {one.routing.area}, {other.name} {other.routing.area}"
        yield mistake("EST382", item.place("id"), actual=actual, link=item.link.id)
        return
    held, _where = areas.setdefault(one.routing.area if area is None else area, (set(), item.place))
    held.update((one.name, other.name))


def _areas(areas: dict[int, tuple[set[str], Callable[..., Place]]]) -> Iterator[RackproofError]:
    backbone = areas.get(_BACKBONE, (set(), None))[0]
    for area, (routers, where) in areas.items():
        if area != _BACKBONE and not routers & backbone:
            yield mistake("EST383", where("id"), actual=area, routers=", ".join(sorted(routers)[:6]))


def _relays(draft: Draft, place: DraftSite) -> Iterator[RackproofError]:
    for index, vlan in enumerate(place.site.vlans):
        dynamic = vlan.assignment is Assignment.DHCPV6
        if dynamic and not vlan.relay:
            yield mistake("EST374", place.place("vlans", index, "assignment"), vlan=vlan.name)
        if vlan.relay and not dynamic:
            yield mistake("EST375", place.place("vlans", index, "relay"), vlan=vlan.name)
        for number, name in enumerate(vlan.relay):
            where = place.place("vlans", index, "relay", number)
            if name not in draft.devices:
                yield mistake("EST372", where, actual=name, known=draft.devices, vlan=vlan.name)
            elif not _speaks_ipv6(draft, name):
                yield mistake("EST373", where, actual=name, vlan=vlan.name)


def _speaks_ipv6(draft: Draft, name: str) -> bool:
    place, device = draft.devices[name]
    vlans = {vlan.name: vlan for vlan in place.site.vlans}
    held = [vlans[a.vlan] for a in device.attach if a.vlan in vlans]
    return device.loopback is not None or any(Family.IPV6 in vlan.families for vlan in held)
