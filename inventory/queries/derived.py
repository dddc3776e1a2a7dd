"""Values that nobody writes because they follow from others: what they are, and where the others are written."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Network

from core.i18n import _
from inventory.model import ipv6
from inventory.model.entities import Site, Vlan
from inventory.model.enums import Family
from inventory.queries.explain import Saying, explain
from inventory.source.parsed_estate import Draft, DraftSite

_PREFIX = ("addressing", "ipv6_prefix")


def derived(draft: Draft, place: DraftSite, dotted: str) -> list[Saying]:
    """Return what follows at ``dotted``, after what it follows from; empty when nothing follows there.

    Known are ``ipv6`` of the site, of a VLAN and of a device, and ``power_w`` of a device that does not say it itself.
    """
    match dotted.split("."):
        case ["ipv6"]:
            return [*_site(draft, place), _result(place, dotted, _site_prefix(draft, place.site))]
        case ["vlans", name, "ipv6"]:
            vlan = next((vlan for vlan in place.site.vlans if vlan.name == name), None)
            return list(_vlan(draft, place, vlan)) if vlan else []
        case ["devices", name, "ipv6"] if name in place.devices:
            return list(_device(draft, place, name))
        case ["devices", name, "power_w"] if name in place.devices and place.devices[name].power_w is None:
            return list(_power(draft, place, name))
    return []


def _site_prefix(draft: Draft, site: Site) -> str:
    return str(ipv6.site_prefix(draft.head.addressing.ipv6_prefix, site.region, site.number))


def _site(draft: Draft, place: DraftSite) -> Iterator[Saying]:
    prefix = draft.head.addressing.ipv6_prefix
    yield Saying(".".join(_PREFIX), "estate", draft.head_file.place(_PREFIX), prefix, True)
    for key in ("region", "number"):
        yield from explain(place.source, key)


def _vlan(draft: Draft, place: DraftSite, vlan: Vlan) -> Iterator[Saying]:
    yield from _site(draft, place)
    keys = ["management"] if vlan.management else ["zone", "id"]
    for key in keys:
        yield from explain(place.source, f"vlans.{vlan.name}.{key}")
    yield _result(place, f"vlans.{vlan.name}.ipv6", _vlan_prefix(draft, place.site, vlan))


def _vlan_prefix(draft: Draft, site: Site, vlan: Vlan) -> str:
    prefix = draft.head.addressing.ipv6_prefix
    if vlan.management:
        return str(ipv6.management_prefix(prefix, site.region, site.number))
    return str(ipv6.vlan_prefix(prefix, site.region, site.number, vlan.zone, vlan.id))


def _device(draft: Draft, place: DraftSite, name: str) -> Iterator[Saying]:
    device, prefix = place.devices[name], draft.head.addressing.ipv6_prefix
    shown = f"devices.{name}.ipv6"
    if device.loopback is not None:
        yield from list(_site(draft, place))[:2]
        yield from explain(place.source, f"devices.{name}.loopback")
        yield _result(place, shown, str(ipv6.loopback_address(prefix, place.site.region, device.loopback)))
        return
    vlans = {vlan.name: vlan for vlan in place.site.vlans}
    used = {name for name, vlan in vlans.items() if Family.IPV6 in vlan.families}
    first = next((attachment for attachment in device.attach if attachment.vlan in used), None)
    if first is not None:
        *parts, network = _vlan(draft, place, vlans[first.vlan])
        yield from parts
        yield from explain(place.source, f"devices.{name}.attach.{first.vlan}.host")
        yield _result(place, shown, str(ipv6.host_address(IPv6Network(network.value), first.host)))


def _power(draft: Draft, place: DraftSite, name: str) -> Iterator[Saying]:
    device = place.devices[name]
    model = draft.hardware_of(device)
    if model is not None and draft.hardware_file is not None:
        yield from explain(place.source, f"devices.{name}.hardware")
        path = ("hardware", str(device.hardware), "power_w")
        yield Saying(f"devices.{name}.power_w", "hardware", draft.hardware_file.place(path), model.power_w, True)


def _result(place: DraftSite, path: str, value: str) -> Saying:
    return Saying(path, _("derived"), place.place("site"), value, True)
