"""What a device is used for, its model must be able to do. Not known is not "can"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Vlan
from inventory.model.enums import Assignment, DeviceKind, Family, Feature, Igp, Stage
from inventory.source.parsed_estate import Draft

_IGP = {Igp.OSPFV3: Feature.OSPFV3, Igp.ISIS: Feature.ISIS}


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST320 (cannot) and EST321 (not known) for devices whose model is in the catalogue.

    EST048 for those that name no model at a site that says it is at IPv6 alone.
    """
    wanted = {**_routing(draft)}
    for place in draft.sites:
        _gateways(draft, place.site.vlans, wanted)
        for device in place.site.devices:
            for use in device.ports:
                guard = draft.policies.guards.get(use.guard or "")
                features = guard.features if guard else ()
                for feature in features:
                    wanted.setdefault(device.name, {})[feature] = f"ports {use.ports}"
            if place.site.stage is Stage.IPV6_ONLY and device.attach:
                wanted.setdefault(device.name, {})[Feature.IPV6_MANAGEMENT] = "stage ipv6-only"
    for place in draft.sites:
        for index, device in enumerate(place.site.devices):
            model = draft.hardware_of(device)
            if model is None:
                if device.hardware is None and Feature.IPV6_MANAGEMENT in wanted.get(device.name, {}):
                    yield mistake("EST048", place.place("devices", index), actual=device.name, site=place.site.site)
                continue
            for feature, why in wanted.get(device.name, {}).items():
                if model.features is None or feature not in model.features:
                    code = "EST321" if model.features is None else "EST320"
                    where = place.place("devices", index, "hardware")
                    yield mistake(
                        code, where, actual=device.hardware, device=device.name, feature=feature.value, use=why
                    )


def _routing(draft: Draft) -> dict[str, dict[Feature, str]]:
    found: dict[str, dict[Feature, str]] = {}
    for item in draft.links:
        for end in (item.link.a.device, item.link.b.device):
            device = draft.devices[end][1] if end in draft.devices else None
            if device is not None and device.kind is DeviceKind.ROUTER and device.routing.igp in _IGP:
                found.setdefault(end, {})[_IGP[device.routing.igp]] = f"link {item.link.id}"
                found[end][Feature.BGP] = "sessions with the route reflectors"
    return found


def _gateways(draft: Draft, vlans: Iterable[Vlan], wanted: dict[str, dict[Feature, str]]) -> None:
    for vlan in vlans:
        needs = {
            Feature.VRRP: bool(vlan.backups),
            Feature.DHCPV6_RELAY: vlan.assignment is Assignment.DHCPV6 and bool(vlan.relay),
            Feature.IPV6_FILTER: any(
                draft.policies.filters[name].family is Family.IPV6
                for name in vlan.filters
                if name in draft.policies.filters
            ),
        }
        for router in (vlan.gateway, *vlan.backups):
            for feature, needed in needs.items():
                if needed:
                    wanted.setdefault(router, {})[feature] = f"VLAN {vlan.name}"
