"""What a link or a VLAN must find at its ends: the MTU of its devices and circuits, its VRF, its DHCPv6 servers.

What a link or an estate says once (addresses, timers, the AS, sessions with the route reflectors) cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device
from inventory.model.enums import Assignment, DeviceKind, Family
from inventory.source.parsed_estate import Draft, DraftLink, DraftSite

_SERVERS = (DeviceKind.HOST, DeviceKind.CONTROLLER)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST330 to EST333 (MTU, VRF), EST197, EST199 and EST372 to EST375 (DHCPv6 relays)."""
    circuits = _circuits(draft)
    for item in draft.links:
        ends = [draft.devices[end.device][1] for end in (item.link.a, item.link.b) if end.device in draft.devices]
        yield from _vrf(draft, item.link.vrf, partial(item.place, "vrf"))
        yield from _mtu(draft, item, ends, circuits)
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
            yield mistake("EST331", where, actual=item.link.mtu, link=item.link.id, device=device.name, most=model.mtu)
        if len(sites) > 1 and device.name in circuits and item.link.mtu > circuits[device.name][1]:
            name, most = circuits[device.name]
            where = item.place("mtu")
            yield mistake(
                "EST330", where, actual=item.link.mtu, link=item.link.id, circuit=name, device=device.name, most=most
            )


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
            elif draft.devices[name][1].kind not in _SERVERS:
                kind = draft.devices[name][1].kind.value
                yield mistake("EST197", where, actual=f"{name} ({kind})", vlan=vlan.name)
            elif name in vlan.relay[:number]:
                yield mistake("EST199", where, actual=name, vlan=vlan.name)
            elif not _speaks_ipv6(draft, name):
                yield mistake("EST373", where, actual=name, vlan=vlan.name)


def _speaks_ipv6(draft: Draft, name: str) -> bool:
    place, device = draft.devices[name]
    vlans = {vlan.name: vlan for vlan in place.site.vlans}
    held = [vlans[a.vlan] for a in device.attach if a.vlan in vlans]
    return device.loopback is not None or any(Family.IPV6 in vlan.families for vlan in held)
