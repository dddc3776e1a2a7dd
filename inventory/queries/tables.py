"""Tables of an estate for people, and the same facts as plain data for programs."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface
from itertools import chain
from typing import Any

from inventory.model.entities import PowerNode, Vlan
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate, Interface

Row = dict[str, Any]


def count_objects(estate: Estate) -> dict[str, int]:
    """Count what an estate holds."""
    return {
        "sites": len(estate.sites),
        "devices": len(estate.devices),
        "interfaces": sum(estate.count_interfaces(name) for name in estate.devices),
        "ports": sum(estate.count_ports(name) for name in estate.devices),
        "links": len(estate.links),
        "services": len(estate.services),
    }


def list_tiers(estate: Estate) -> list[Row]:
    """Return one row per tier that has a site."""
    rows = []
    for name, tier in estate.tiers.items():
        sites = [site for site in estate.sites.values() if site.tier == name]
        if not sites:
            continue
        devices = list(chain.from_iterable(site.devices for site in sites))
        hosts = sum(device.kind is DeviceKind.HOST for device in devices)
        rows.append(
            {
                "tier": name,
                "name": tier.name.translate(),
                "sites": len(sites),
                "devices": len(devices),
                "hosts": hosts,
                "racks": sum(len(site.racks) for site in sites),
            }
        )
    return rows


def list_sites(estate: Estate) -> list[Row]:
    """Return one row per site."""
    return [
        {
            "site": code,
            "tier": site.tier,
            "name": site.name.translate(),
            "province": site.province,
            "ipv6": str(estate.site_prefix(code)),
            "devices": len(site.devices),
            "racks": len(site.racks),
        }
        for code, site in estate.sites.items()
    ]


def describe_site(estate: Estate, code: str) -> dict[str, list[Row]]:
    """Return the parts of one site: VLANs, devices, links, power, cooling, sensors."""
    site = estate.sites[code]
    links: list[Row] = []
    for device in site.devices:
        interfaces = estate.interfaces(device.name)
        links += [make_link_row(interface) for interface in interfaces if interface.kind == "link"]
    return {
        "vlans": [make_vlan_row(estate, code, vlan) for vlan in site.vlans],
        "devices": [make_device_row(estate, device.name) for device in site.devices],
        "links": links,
        "power": [make_power_row(node) for node in site.power],
        "cooling": [{"unit": unit.name, "zone": unit.zone, "capacity_w": unit.capacity_w} for unit in site.cooling],
        "sensors": [
            {"position": s.position, "quantity": s.quantity.value, "device": s.device, "index": s.index}
            for s in site.sensors
        ],
    }


def describe_device(estate: Estate, name: str) -> dict[str, list[Row]]:
    """Return one device: its facts and its interfaces."""
    interfaces = [make_interface_row(interface) for interface in estate.interfaces(name)]
    return {"device": [make_device_row(estate, name)], "interfaces": interfaces}


def make_vlan_row(estate: Estate, code: str, vlan: Vlan) -> Row:
    """Return a VLAN of a site with the prefixes that are in use in it."""
    ipv6 = estate.vlan_prefix(code, vlan) if estate.uses_ipv6(vlan) else None
    return {
        "vlan": vlan.name,
        "id": vlan.id,
        "ipv6": str(ipv6 or ""),
        "ipv4": str(vlan.ipv4 or ""),
        "gateway": vlan.gateway,
    }


def make_device_row(estate: Estate, name: str) -> Row:
    """Return a device with the addresses of its first interface."""
    item = estate.devices[name]
    interfaces = estate.interfaces(name)
    ipv6 = _show_address(interfaces[0].ipv6) if interfaces else ""
    ipv4 = _show_address(interfaces[0].ipv4) if interfaces else ""
    return {
        "name": name,
        "kind": item.kind.value,
        "role": item.role,
        "rack": item.rack or "",
        "cords": ", ".join(item.cords),
        "ipv6": ipv6,
        "ipv4": ipv4,
        "snmp": item.snmp.profile if item.snmp else "",
    }


def make_power_row(node: PowerNode) -> Row:
    """Return a component of the power chain."""
    return {
        "component": node.name,
        "kind": str(node.kind),
        "rating_w": node.rating_w,
        "fed_by": ", ".join(node.fed_by),
        "group": node.group or "",
    }


def make_interface_row(interface: Interface) -> Row:
    """Return an interface with its addresses and what is at its other end."""
    return {
        "interface": interface.name,
        "kind": interface.kind,
        "ipv6": str(interface.ipv6 or ""),
        "ipv4": str(interface.ipv4 or ""),
        "peer": " ".join(interface.peer or ()),
        "speed_mbps": interface.speed_mbps or "",
    }


def make_link_row(interface: Interface) -> Row:
    """Return an interface of a link, with the link's number and role."""
    assert interface.link is not None  # noqa: S101 - only links are passed in
    return {
        "id": interface.link.id,
        "device": interface.device,
        **make_interface_row(interface),
        "role": interface.link.role.value,
    }


def _show_address(address: IPv4Interface | IPv6Interface | None) -> str:
    if address is None:
        return ""
    return str(address.ip)
