"""What a site names must exist: tier, rack, PDU, VLAN, gateway, device; and the head of the estate likewise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device
from inventory.model.enums import DeviceKind
from inventory.source.parsed_estate import Draft, DraftSite

_GATEWAYS = (DeviceKind.ROUTER, DeviceKind.FIREWALL, DeviceKind.SWITCH)
_OUTLETS = ("pdu", "ups", "ats")
_NEED_ADDRESS = (DeviceKind.HOST, DeviceKind.CONTROLLER, DeviceKind.ROUTER)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST101 to EST113: references of sites and of the estate's head that lead nowhere; EST191: one twice."""
    yield from _reflectors(draft)
    for place in draft.sites:
        if place.site.tier not in draft.tiers:
            yield mistake("EST101", place.place("tier"), actual=place.site.tier, known=draft.tiers)
        yield from _gateways(place)
        for index, device in enumerate(place.site.devices):
            yield from _device(place, index, device)


def _reflectors(draft: Draft) -> Iterator[RackproofError]:
    routers = [name for name, (_site, device) in draft.devices.items() if device.kind is DeviceKind.ROUTER]
    for index, name in enumerate(draft.head.addressing.route_reflectors):
        if name not in routers:
            where = draft.head_file.place(("addressing", "route_reflectors", index))
            yield mistake("EST112", where, actual=name, known=routers)
        elif name in draft.head.addressing.route_reflectors[:index]:
            yield mistake("EST191", draft.head_file.place(("addressing", "route_reflectors", index)), actual=name)


def _gateways(place: DraftSite) -> Iterator[RackproofError]:
    for index, vlan in enumerate(place.site.vlans):
        where = partial(place.place, "vlans", index, "gateway")
        device = place.devices.get(vlan.gateway)
        if device is None:
            able = [name for name, item in place.devices.items() if item.kind in _GATEWAYS]
            yield mistake("EST106", where(), actual=vlan.gateway, known=able, vlan=vlan.name)
        elif device.kind not in _GATEWAYS:
            yield mistake("EST107", where(), actual=f"{device.name} ({device.kind.value})", vlan=vlan.name)
        elif not any(item.vlan == vlan.name and item.host == 1 for item in device.attach):
            held = [str(item.host) for item in device.attach if item.vlan == vlan.name]
            yield mistake("EST108", where(), actual=", ".join(held) or None, vlan=vlan.name, device=device.name)


def _device(place: DraftSite, index: int, device: Device) -> Iterator[RackproofError]:
    racks = [rack.name for rack in place.site.racks]
    if device.rack is not None and device.rack not in racks:
        yield mistake(
            "EST103", place.place("devices", index, "rack"), actual=device.rack, known=racks, name=device.name
        )
    outlets = [node.name for node in place.site.power if node.kind in _OUTLETS]
    for cord, name in enumerate(device.cords):
        if name not in outlets:
            where = place.place("devices", index, "cords", cord)
            yield mistake("EST104", where, actual=name, known=outlets, name=device.name)
    vlans = [vlan.name for vlan in place.site.vlans]
    for number, attachment in enumerate(device.attach):
        if attachment.vlan not in vlans:
            where = place.place("devices", index, "attach", number, "vlan")
            yield mistake("EST105", where, actual=attachment.vlan, known=vlans, name=device.name)
    yield from _reachable(place, index, device)


def _reachable(place: DraftSite, index: int, device: Device) -> Iterator[RackproofError]:
    where = partial(place.place, "devices", index)
    if (device.loopback is None) != (device.ipv4_loopback is None):
        missing = "loopback" if device.loopback is None else "ipv4_loopback"
        yield mistake("EST109", where(), name=device.name, missing=missing)
    if device.kind is DeviceKind.ROUTER and device.loopback is None and device.ipv4_loopback is None:
        yield mistake("EST110", where(), name=device.name)
    elif (device.kind in _NEED_ADDRESS or device.snmp) and not device.attach and device.loopback is None:
        yield mistake("EST111", where(), name=device.name, kind=device.kind.value)
