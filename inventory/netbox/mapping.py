"""The estate as NetBox objects: kind → identity → field → value. References are identities of the kind they go to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import Place
from inventory.model.diagnostics import mistake
from inventory.model.entities import GLOBAL_VRF, Asset, Device, Link, Rack, Site, Vlan
from inventory.model.enums import Family
from inventory.model.estate import Estate, Interface
from inventory.netbox.kinds import ASSET_FIELDS, GENERIC, KINDS, REST, REST_TYPES, TAG

Fields = dict[str, Any]
Objects = dict[str, dict[str, Fields]]
#: Parts of a site that NetBox has objects or fields for, or that are only a way of writing the others.
_SITE_PARTS = {
    "site",
    "name",
    "tier",
    "region",
    "number",
    "archetype",
    "latitude",
    "longitude",
    "vlans",
    "racks",
    "devices",
    "sensor_groups",
    "uplinks",
}
_DEVICE_PARTS = {"name", "role", "platform", "rack", "attach", "loopback", "ipv4_loopback", "asset"}
_VLAN_PARTS = {"name", "id", "zone", "ipv4", "gateway"}
_LINK_PARTS = {"id", "a", "b", "speed_mbps", "ipv4"}
_KBPS = 1000


def objects(estate: Estate) -> Objects:
    """Return everything of an estate that NetBox can hold, in the order in which it can be created.

    Raises EST091 for an estate that uses VRFs: a prefix is told from another by its digits alone here.
    """
    _refuse_vrfs(estate)
    found: Objects = {kind.path: {} for kind in KINDS}
    found["extras/tags"][TAG] = {"name": TAG, "slug": TAG, "description": "Made from the estate by rackproof"}
    found["extras/custom-fields"] = _custom_fields()
    for name in estate.tiers:
        found["dcim/site-groups"][slug(name)] = _named(name)
    for code, site in estate.sites.items():
        _add_site(found, estate, code, site)
    for device in estate.devices.values():
        _add_device(found, estate, device)
    for link in estate.links:
        ends = [f"{end.device}/{end.interface}" for end in (link.a, link.b)]
        found["dcim/cables"][cable_key(ends)] = {
            "a_terminations": ends[0],
            "b_terminations": ends[1],
            "label": f"link {link.id}",
            "status": "connected",
            REST: _rest(link, _carried_of(link)),
        }
    return found


def _carried_of(link: Link) -> set[str]:
    """Return the parts of a link that its cable and addresses show; the id shows in the IPv6 addresses alone."""
    if Family.IPV6 in link.families:
        return _LINK_PARTS
    return _LINK_PARTS - {"id"}


def _refuse_vrfs(estate: Estate) -> None:
    used = {link.vrf for link in estate.links}
    for site in estate.sites.values():
        used.update(vlan.vrf for vlan in site.vlans)
    if used - {GLOBAL_VRF}:
        raise mistake("EST091", Place(estate.root), actual=", ".join(sorted(used - {GLOBAL_VRF})))


def slug(text: str) -> str:
    """Return a text as NetBox's slugs are written: lower case, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or GENERIC


def type_key(maker: str, model: str) -> str:
    """Return the identity of a device type."""
    return f"{slug(maker)}/{slug(f'{maker} {model}')}"


def cable_key(ends: Iterable[str]) -> str:
    """Return the identity of a cable: its two interfaces, whichever is end A."""
    return " - ".join(sorted(ends))


def _custom_fields() -> dict[str, Fields]:
    rest = {"name": REST, "label": "Rackproof", "type": "json", "object_types": list(REST_TYPES)}
    return {REST: rest} | {
        name: {"name": name, "label": label, "type": kind, "object_types": ["dcim.device"]}
        for name, (kind, label) in ASSET_FIELDS.items()
    }


def _named(name: str) -> Fields:
    return {"name": name, "slug": slug(name)}


def _rest(item: Asset | Device | Link | Rack | Site | Vlan, carried: set[str]) -> Any:
    """Return what an item says beyond defaults and beyond the parts that NetBox carries itself."""
    return item.model_dump(mode="json", exclude=carried, exclude_defaults=True) or None


def _add_site(found: Objects, estate: Estate, code: str, site: Site) -> None:
    found["dcim/sites"][code] = {
        "name": site.name.en,
        "slug": code,
        "group": slug(site.tier),
        "status": "active",
        "description": site.name.vi,
        "latitude": site.latitude,
        "longitude": site.longitude,
        REST: _rest(site, _SITE_PARTS),
    }
    for rack in site.racks:
        found["dcim/racks"][f"{code}/{rack.name}"] = {"name": rack.name, "site": code, REST: _rest(rack, {"name"})}
    prefixes = found["ipam/prefixes"]
    prefixes[str(estate.site_prefix(code))] = {
        "prefix": str(estate.site_prefix(code)),
        "scope": code,
        "vlan": None,
        "status": "container",
    }
    for vlan in site.vlans:
        key = f"{code}/{vlan.id}"
        parts = _VLAN_PARTS - {"zone"} if vlan.management else _VLAN_PARTS
        found["ipam/vlans"][key] = {
            "name": vlan.name,
            "vid": vlan.id,
            "site": code,
            "status": "active",
            REST: _rest(vlan, parts),
        }
        for prefix in filter(None, (estate.vlan_prefix(code, vlan), vlan.ipv4)):
            prefixes[str(prefix)] = {"prefix": str(prefix), "scope": code, "vlan": key, "status": "active"}


def _add_device(found: Objects, estate: Estate, device: Device) -> None:
    site, asset = estate.site_of[device.name], device.asset or Asset()
    maker, model = asset.vendor or GENERIC, asset.model or device.kind.value
    found["dcim/manufacturers"][slug(maker)] = _named(maker)
    found["dcim/device-types"][type_key(maker, model)] = {
        "manufacturer": slug(maker),
        "model": model,
        "slug": slug(f"{maker} {model}"),
    }
    found["dcim/device-roles"][slug(device.role)] = _named(device.role)
    if device.platform:
        found["dcim/platforms"][slug(device.platform)] = _named(device.platform)
    rest = _rest(device, _DEVICE_PARTS)
    if licences := asset.model_dump(mode="json")["licences"]:
        rest["licences"] = licences
    found["dcim/devices"][device.name] = {
        "name": device.name,
        "site": site,
        "rack": f"{site}/{device.rack}" if device.rack else None,
        "device_type": type_key(maker, model),
        "role": slug(device.role),
        "platform": slug(device.platform) if device.platform else None,
        "serial": asset.serial,
        "status": "active",
        **{name: _plain(getattr(asset, name.removeprefix("rackproof_"))) for name in ASSET_FIELDS},
        REST: rest,
    }
    for held in estate.interfaces(device.name):
        found["dcim/interfaces"][f"{device.name}/{held.name}"] = {
            "name": held.name,
            "device": device.name,
            "type": "virtual" if held.kind == "loopback" else "other",
            "speed": held.speed_mbps * _KBPS if held.speed_mbps else None,
        }
        for address in _addresses(held):
            found["ipam/ip-addresses"][address] = {
                "address": address,
                "assigned_object": f"{device.name}/{held.name}",
                "status": "active",
            }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    return str(value)


def _addresses(held: Interface) -> Iterator[str]:
    for address in (held.ipv6, held.ipv4):
        if address is not None:
            yield str(address)
