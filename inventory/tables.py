"""Tables of an estate for people, and the same facts as plain data for programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.table import Table

from core.locale import language
from inventory.estate import Estate, Interface
from inventory.fields import Text
from inventory.kinds import DeviceKind


def table(title: str, *columns: str) -> Table:
    """Return an empty table in the house style; columns of numbers are named with a leading ``#``."""
    made = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left", overflow="fold")
    return made


def said(text: Text) -> str:
    """Return a text in the language of this process."""
    return text.vi if language() == "vi" else text.en


def summary(estate: Estate) -> dict[str, int]:
    """Count what an estate holds."""
    return {
        "sites": len(estate.sites),
        "devices": len(estate.devices),
        "interfaces": sum(len(estate.interfaces(name)) for name in estate.devices),
        "ports": sum(len(estate.ports(name)) for name in estate.devices),
        "links": len(estate.links),
        "services": len(estate.services),
    }


def tiers(estate: Estate) -> list[dict[str, Any]]:
    """Return one row per tier that has a site."""
    counted = Counter(site.tier for site in estate.sites.values())
    return [
        {
            "tier": name,
            "name": said(tier.name),
            "sites": counted[name],
            "devices": sum(len(site.devices) for site in estate.sites.values() if site.tier == name),
            "hosts": len(
                [d for d in estate.devices_of(DeviceKind.HOST) if estate.sites[estate.site_of[d.name]].tier == name]
            ),
            "racks": sum(len(site.racks) for site in estate.sites.values() if site.tier == name),
        }
        for name, tier in estate.tiers.items()
        if counted[name]
    ]


def sites(estate: Estate) -> list[dict[str, Any]]:
    """Return one row per site."""
    return [
        {
            "site": code,
            "tier": site.tier,
            "name": said(site.name),
            "province": site.province,
            "ipv6": str(estate.site_prefix(code)),
            "devices": len(site.devices),
            "racks": len(site.racks),
        }
        for code, site in estate.sites.items()
    ]


def site(estate: Estate, code: str) -> dict[str, list[dict[str, Any]]]:
    """Return the parts of one site: VLANs, devices, links, power, cooling, sensors."""
    place = estate.sites[code]
    return {
        "vlans": [
            {
                "vlan": v.name,
                "id": v.id,
                "ipv6": str(estate.vlan_prefix(code, v)) if estate.uses_ipv6(v) else "",
                "ipv4": str(v.ipv4 or ""),
                "gateway": v.gateway,
            }
            for v in place.vlans
        ],
        "devices": [_device(estate, device.name) for device in place.devices],
        "links": [_link(i) for d in place.devices for i in estate.interfaces(d.name) if i.kind == "link"],
        "power": [
            {
                "component": node.name,
                "kind": str(node.kind),
                "rating_w": node.rating_w,
                "fed_by": ", ".join(node.fed_by),
                "group": node.group or "",
            }
            for node in place.power
        ],
        "cooling": [{"unit": unit.name, "zone": unit.zone, "capacity_w": unit.capacity_w} for unit in place.cooling],
        "sensors": [
            {"position": s.position, "quantity": s.quantity.value, "device": s.device, "index": s.index}
            for s in place.sensors
        ],
    }


def device(estate: Estate, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return one device: its facts and its interfaces."""
    return {"device": [_device(estate, name)], "interfaces": [_interface(i) for i in estate.interfaces(name)]}


def _device(estate: Estate, name: str) -> dict[str, Any]:
    item = estate.devices[name]
    held = estate.interfaces(name)
    return {
        "name": name,
        "kind": item.kind.value,
        "role": item.role,
        "rack": item.rack or "",
        "cords": ", ".join(item.cords),
        "ipv6": str(held[0].ipv6.ip) if held and held[0].ipv6 else "",
        "ipv4": str(held[0].ipv4.ip) if held and held[0].ipv4 else "",
        "snmp": item.snmp.profile if item.snmp else "",
    }


def _interface(interface: Interface) -> dict[str, Any]:
    return {
        "interface": interface.name,
        "kind": interface.kind,
        "ipv6": str(interface.ipv6 or ""),
        "ipv4": str(interface.ipv4 or ""),
        "peer": " ".join(interface.peer or ()),
        "speed_mbps": interface.speed_mbps or "",
    }


def _link(interface: Interface) -> dict[str, Any]:
    assert interface.link is not None  # noqa: S101 - only links are passed in
    return {
        "id": interface.link.id,
        "device": interface.device,
        **_interface(interface),
        "role": interface.link.role.value,
    }
