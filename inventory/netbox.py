"""The estate as objects of NetBox's REST API, in the order in which they can be created.

References are by name or slug, as NetBox's writable serializers take them. Written from its API documentation; it has
not been loaded into a running NetBox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from inventory.estate import Estate, Interface
from inventory.tables import said

Objects = list[dict[str, Any]]
_GENERIC = "generic"


def objects(estate: Estate) -> dict[str, Objects]:
    """Return API path → objects, dependencies first."""
    devices = list(estate.devices.values())
    makers = dict.fromkeys(_maker(estate, d.name)[0] for d in devices)
    models = dict.fromkeys(_maker(estate, d.name) for d in devices)
    held = [interface for device in devices for interface in estate.interfaces(device.name)]
    return {
        "dcim/site-groups": [{"name": said(t.name), "slug": slug(name)} for name, t in estate.tiers.items()],
        "dcim/sites": [
            {"name": said(site.name), "slug": code, "group": {"slug": slug(site.tier)}, "status": "active"}
            for code, site in estate.sites.items()
        ],
        "dcim/manufacturers": _slugged(makers),
        "dcim/device-types": [{"manufacturer": {"slug": slug(a)}, "model": b, "slug": slug(f"{a} {b}")} for a, b in
                              models],
        "dcim/device-roles": _slugged(dict.fromkeys(d.role for d in devices)),
        "dcim/racks": [
            {"site": {"slug": code}, "name": rack.name} for code, site in estate.sites.items() for rack in site.racks
        ],
        "dcim/devices": [_device(estate, device.name) for device in devices],
        "dcim/interfaces": [
            {"device": {"name": i.device}, "name": i.name, "type": "virtual" if i.kind == "loopback" else "other"}
            for i in held
        ],
        "ipam/vlans": [
            {"site": {"slug": code}, "vid": vlan.id, "name": vlan.name}
            for code, site in estate.sites.items()
            for vlan in site.vlans
        ],
        "ipam/prefixes": _prefixes(estate),
        "ipam/ip-addresses": [_address(i, str(address)) for i in held for address in (i.ipv6, i.ipv4)],
        "dcim/cables": [
            {
                "label": f"link {link.id}",
                **{
                    f"{side}_terminations": [
                        {"object_type": "dcim.interface", "device": end.device, "name": end.interface}
                    ]
                    for side, end in (("a", link.a), ("b", link.b))
                },
            }
            for link in estate.links
        ],
    }


def slug(text: str) -> str:
    """Return a text as NetBox's slugs are written: lower case, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or _GENERIC


def _slugged(names: Iterable[str]) -> Objects:
    return [{"name": name, "slug": slug(name)} for name in names]


def _maker(estate: Estate, device: str) -> tuple[str, str]:
    item = estate.devices[device]
    asset = item.asset
    return (asset and asset.vendor) or _GENERIC, (asset and asset.model) or item.kind.value


def _device(estate: Estate, name: str) -> dict[str, Any]:
    device, (maker, model) = estate.devices[name], _maker(estate, name)
    site = estate.site_of[name]
    return {
        "name": name,
        "device_type": {"manufacturer": {"slug": slug(maker)}, "model": model},
        "role": {"slug": slug(device.role)},
        "site": {"slug": site},
        "rack": {"name": device.rack, "site": {"slug": site}} if device.rack else None,
        "serial": device.asset.serial if device.asset else "",
        "status": "active",
    }


def _prefixes(estate: Estate) -> Objects:
    found: Objects = []
    for code, site in estate.sites.items():
        found.append({"prefix": str(estate.site_prefix(code)), "scope": code, "status": "container"})
        for vlan in site.vlans:
            for prefix in (estate.vlan_prefix(code, vlan), vlan.ipv4):
                found.append({"prefix": str(prefix), "scope": code, "vlan": {"vid": vlan.id}, "status": "active"})
    return found


def _address(interface: Interface, address: str) -> dict[str, Any]:
    place = {"device": interface.device, "interface": interface.name}
    return {"address": address, "status": "active", "assigned_object": place}
