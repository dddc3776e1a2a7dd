"""What a provisioning engine is told about the estate: one pure function behind the Ansible and the pyinfra inventory.

Variables carry the prefix ``rackproof_``; addresses are plain text without a prefix length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, collapse_addresses
from itertools import chain
from typing import TYPE_CHECKING, Any

from inventory.model.enums import DeviceKind

if TYPE_CHECKING:
    from inventory.model.entities import Device, Site
    from inventory.model.estate import Estate

NAMED_KINDS = (DeviceKind.HOST, DeviceKind.CONTROLLER, DeviceKind.ROUTER)
CENTRE = "centre"
# variable → role of the device that does this duty; the variable holds the name of the first such device
DUTIES = {
    "rackproof_collector": "management",
    "rackproof_time_server": "management",
    "rackproof_metrics_server": "management",
    "rackproof_backup_repository": "management",
    "rackproof_database_primary": "database-primary",
    "rackproof_database_standby": "database-standby",
    "rackproof_controller": "controller",
}


@dataclass(frozen=True, slots=True)
class ManagedHost:
    """One device as an engine sees it: its groups and its own variables."""

    name: str
    groups: tuple[str, ...]
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostInventory:
    """Everything both inventories need: hosts, variables that all of them share, variables of a group.

    ``by_group`` holds whom a host knows (``rackproof_hosts``, ``rackproof_networks``), once per group and not per host:
    at full size that is the difference between an inventory of a few megabytes and one of hundreds.
    """

    hosts: tuple[ManagedHost, ...]
    shared: dict[str, Any]
    by_group: dict[str, dict[str, Any]]

    def variables(self, host: ManagedHost) -> dict[str, Any]:
        """Return all that holds for one host."""
        found = dict(self.shared)
        for group in host.groups:
            found |= self.by_group.get(group, {})
        return found | host.variables


def host_inventory(estate: Estate, kinds: Iterable[DeviceKind] = (DeviceKind.HOST,)) -> HostInventory:
    """Return the devices of these kinds with groups and variables, and the variables that all of them share."""
    wanted = frozenset(kinds)
    devices = [device for device in estate.devices.values() if device.kind in wanted and estate.is_reached(device.name)]
    hosts = tuple(ManagedHost(d.name, list_groups(estate, d), make_variables(estate, d)) for d in devices)
    known = [describe_device(estate, device) for device in list_named_devices(estate)]
    regions = {name_scope(estate, site): site.region for site in estate.sites.values()}
    by_group = {}
    for group, region in regions.items():
        seen_region = region if group != CENTRE else None
        by_group[group] = make_group_variables(estate, known, seen_region)
    return HostInventory(hosts, make_shared_variables(estate), by_group)


def name_scope(estate: Estate, site: Site) -> str:
    """Return the group that says whom the hosts of a site know: everybody from a centre, else the region."""
    if estate.tiers[site.tier].centre:
        return CENTRE
    return group_name("region", str(site.region))


def make_group_variables(estate: Estate, known: list[dict[str, Any]], region: int | None) -> dict[str, Any]:
    """Return the machines and networks that a region knows: its own and those of the centres; all of them for None."""
    seen = {
        code
        for code, site in estate.sites.items()
        if region is None or site.region == region or estate.tiers[site.tier].centre
    }
    vlans = chain.from_iterable(estate.sites[code].vlans for code in seen)
    ipv4 = collapse_addresses(vlan.ipv4 for vlan in vlans if vlan.ipv4)
    return {
        "rackproof_hosts": [entry for entry in known if entry["site"] in seen],
        "rackproof_networks": [str(network) for network in (estate.head.addressing.ipv6_prefix, *ipv4)],
    }


def group_name(kind: str, value: str) -> str:
    """Return a group name both engines accept: ``site`` and ``hph-kv01`` give ``site_hph_kv01``, without accents."""
    plain = unicodedata.normalize("NFD", value.replace("đ", "d").replace("Đ", "D"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign)).lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"{kind}_{words}"


def list_groups(estate: Estate, device: Device) -> tuple[str, ...]:
    """Return the groups a device is in, the one that says whom it knows at the end."""
    site = estate.sites[estate.site_of[device.name]]
    parts = {
        "tier": site.tier,
        "site": site.site,
        "province": site.province,
        "role": device.role,
        "kind": device.kind.value,
        "wave": find_wave(site, device),
        "engine": estate.tiers[site.tier].engine.value,
    }
    return (*(group_name(kind, value) for kind, value in parts.items() if value), name_scope(estate, site))


def find_wave(site: Site, device: Device) -> str:
    """Return a device's own wave, else the last wave of its site: a host is never a canary unless it says so."""
    if device.wave is not None:
        return str(device.wave)
    waves = [other.wave for other in site.devices if other.wave is not None]
    if waves:
        return str(max(waves))
    return ""


def make_variables(estate: Estate, device: Device) -> dict[str, Any]:
    """Return the variables of one device."""
    site = estate.sites[estate.site_of[device.name]]
    interface = estate.address(device.name)
    found: dict[str, Any] = {f"rackproof_{key}": value for key, value in describe_device(estate, device).items()}
    found |= {
        "rackproof_province": site.province,
        "rackproof_engine": estate.tiers[site.tier].engine.value,
        "rackproof_platform": device.platform or "",
        "rackproof_rack": device.rack or "",
        "rackproof_interface": interface.name,
        "rackproof_ipv4_prefix_length": read_prefix_length(interface.ipv4),
        "rackproof_ipv6_prefix_length": read_prefix_length(interface.ipv6),
    }
    if interface.vlan is not None:
        gateway = estate.gateway(site.site, interface.vlan)
        found["rackproof_gateway"] = interface.vlan.gateway
        found["rackproof_gateway_ipv4"] = read_address(gateway.ipv4)
        found["rackproof_gateway_ipv6"] = read_address(gateway.ipv6)
    return found


def describe_device(estate: Estate, device: Device) -> dict[str, Any]:
    """Return what other hosts know of a device: who it is, and its addresses."""
    site = estate.sites[estate.site_of[device.name]]
    interface = estate.address(device.name)
    return {
        "name": device.name,
        "site": site.site,
        "tier": site.tier,
        "role": device.role,
        "kind": device.kind.value,
        "ipv4": read_address(interface.ipv4),
        "ipv6": read_address(interface.ipv6),
    }


def read_address(address: IPv4Interface | IPv6Interface | None) -> str:
    """Return an address without its prefix length; an empty text where there is none, as YAML templates want it."""
    if address is None:
        return ""
    return str(address.ip)


def read_prefix_length(address: IPv4Interface | IPv6Interface | None) -> int | str:
    """Return the length of the prefix an address is in; an empty text where there is none."""
    if address is None:
        return ""
    return address.network.prefixlen


def make_shared_variables(estate: Estate) -> dict[str, Any]:
    """Return the name of the estate, and of the first device that does each duty which any does."""
    first: dict[str, str] = {}
    for device in list_named_devices(estate):
        first.setdefault(device.role, device.name)
    duties = {variable: first[role] for variable, role in DUTIES.items() if role in first}
    return {"rackproof_estate": estate.head.name, **duties}


def list_named_devices(estate: Estate) -> list[Device]:
    """Return the devices that hosts know by name, those that have an address."""
    return [d for d in estate.devices.values() if d.kind in NAMED_KINDS and estate.is_reached(d.name)]
