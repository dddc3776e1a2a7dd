"""First-hop redundancy (VRRPv3, RFC 9568): a gateway address with routers that can take it over."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Vlan
from inventory.model.enums import DeviceKind, Duty
from inventory.source.parsed_estate import Draft, DraftSite

_GATEWAYS = (DeviceKind.ROUTER, DeviceKind.FIREWALL, DeviceKind.SWITCH)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST310 to EST316."""
    for place in draft.sites:
        tier = draft.tiers.get(place.site.tier)
        duty = tier.redundant_gateways if tier else Duty.NONE
        vrids: dict[int, str] = {}
        for index, vlan in enumerate(place.site.vlans):
            yield from _backups(place, index, vlan)
            if vlan.vrid is not None:
                first = vrids.setdefault(vlan.vrid, vlan.name)
                if first != vlan.name:
                    yield mistake("EST314", place.place("vlans", index, "vrid"), actual=vlan.vrid, first=first)
            if not vlan.backups and duty is not Duty.NONE:
                code = "EST315" if duty is Duty.ERROR else "EST316"
                yield mistake(code, place.place("vlans", index), vlan=vlan.name, tier=place.site.tier)


def _backups(place: DraftSite, index: int, vlan: Vlan) -> Iterator[RackproofError]:
    able = [name for name, device in place.devices.items() if device.kind in _GATEWAYS]
    for number, name in enumerate(vlan.backups):
        where = place.place("vlans", index, "backups", number)
        if name not in able:
            yield mistake("EST310", where, actual=name, known=able, vlan=vlan.name)
        elif name == vlan.gateway or name in vlan.backups[:number]:
            yield mistake("EST313", where, actual=name, vlan=vlan.name)
        elif all(attachment.vlan != vlan.name for attachment in place.devices[name].attach):
            yield mistake("EST311", where, actual=name, vlan=vlan.name)
    if bool(vlan.backups) != (vlan.vrid is not None):
        missing = "vrid" if vlan.backups else "backups"
        yield mistake("EST312", place.place("vlans", index), vlan=vlan.name, missing=missing)
