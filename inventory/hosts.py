"""What a provisioning engine is told about the estate: one pure function behind the Ansible and the pyinfra inventory.

Variables carry the prefix ``rackproof_``; addresses are plain text without a prefix length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import collapse_addresses
from typing import TYPE_CHECKING, Any

from inventory.kinds import DeviceKind

if TYPE_CHECKING:
    from pathlib import Path

    from inventory.estate import Estate
    from inventory.model import Device, Site

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
        grouped = (self.by_group[group] for group in host.groups if group in self.by_group)
        return {**self.shared, **{key: value for part in grouped for key, value in part.items()}, **host.variables}


def host_inventory(estate: Estate, kinds: Iterable[DeviceKind] = (DeviceKind.HOST,)) -> HostInventory:
    """Return the devices of these kinds with groups and variables, and the variables that all of them share."""
    wanted = frozenset(kinds)
    devices = [device for device in estate.devices.values() if device.kind in wanted and estate.is_reached(device.name)]
    hosts = tuple(ManagedHost(d.name, _groups(estate, d), _variables(estate, d)) for d in devices)
    views = {_scope(estate, site): site.region for site in estate.sites.values()}
    entries = [_entry(estate, device) for device in _named(estate)]
    by_group = {name: _view(estate, entries, None if name == CENTRE else region) for name, region in views.items()}
    return HostInventory(hosts, _shared(estate), by_group)


def remembered_inventory(folder: Path, kinds: Iterable[DeviceKind] = (DeviceKind.HOST,)) -> HostInventory:
    """Return ``host_inventory`` of the estate in ``folder``, made anew only when something it rests on has changed.

    Raises RackproofError or ErrorGroup when the estate has errors.
    """
    from inventory.cache import derived

    wanted = [kind.value for kind in kinds]

    def look(where: Path) -> Any:
        from inventory.load import inspect_estate

        return inspect_estate(where)

    def made(estate: Estate) -> dict[str, Any]:
        found = host_inventory(estate, [DeviceKind(kind) for kind in wanted])
        hosts = [[host.name, list(host.groups), host.variables] for host in found.hosts]
        return {"hosts": hosts, "shared": found.shared, "by_group": found.by_group}

    plain = derived(folder, f"hosts-{'-'.join(wanted)}", look, made)
    hosts = tuple(ManagedHost(name, tuple(groups), variables) for name, groups, variables in plain["hosts"])
    return HostInventory(hosts, plain["shared"], plain["by_group"])


def _scope(estate: Estate, site: Site) -> str:
    """Return the group that says whom the hosts of a site know: everybody from a centre, else the region."""
    return CENTRE if estate.tiers[site.tier].centre else group_name("region", str(site.region))


def _view(estate: Estate, entries: list[dict[str, Any]], region: int | None) -> dict[str, Any]:
    """Return the machines and networks that a region knows: its own and those of the centres; all of them for None."""
    seen = {
        code
        for code, site in estate.sites.items()
        if region is None or site.region == region or estate.tiers[site.tier].centre
    }
    ipv4 = collapse_addresses(vlan.ipv4 for code in seen for vlan in estate.sites[code].vlans if vlan.ipv4)
    return {
        "rackproof_hosts": [entry for entry in entries if entry["site"] in seen],
        "rackproof_networks": [str(network) for network in (estate.head.addressing.ipv6_prefix, *ipv4)],
    }


def group_name(kind: str, value: str) -> str:
    """Return a group name both engines accept: ``site`` and ``hph-kv01`` give ``site_hph_kv01``, without accents."""
    plain = unicodedata.normalize("NFD", value.replace("đ", "d").replace("Đ", "D"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign)).lower()
    return f"{kind}_{re.sub(r'[^a-z0-9]+', '_', plain).strip('_')}"


def _groups(estate: Estate, device: Device) -> tuple[str, ...]:
    site = estate.sites[estate.site_of[device.name]]
    parts = {
        "tier": site.tier,
        "site": site.site,
        "province": site.province,
        "role": device.role,
        "kind": device.kind.value,
        "wave": _wave(estate, device),
        "engine": estate.tiers[site.tier].engine.value,
    }
    return (*(group_name(kind, value) for kind, value in parts.items() if value), _scope(estate, site))


def _wave(estate: Estate, device: Device) -> str:
    """Return a device's own wave, else the last wave of its site: a host is never a canary unless it says so."""
    site = estate.sites[estate.site_of[device.name]]
    waves = [device.wave] if device.wave is not None else [d.wave for d in site.devices if d.wave is not None]
    return str(max(waves)) if waves else ""


def _variables(estate: Estate, device: Device) -> dict[str, Any]:
    site = estate.sites[estate.site_of[device.name]]
    interface = estate.address(device.name)
    found: dict[str, Any] = {
        **_identity(estate, device),
        "rackproof_province": site.province,
        "rackproof_engine": estate.tiers[site.tier].engine.value,
        "rackproof_platform": device.platform or "",
        "rackproof_rack": device.rack or "",
        "rackproof_interface": interface.name,
        "rackproof_ipv4_prefix_length": interface.ipv4.network.prefixlen if interface.ipv4 else "",
        "rackproof_ipv6_prefix_length": interface.ipv6.network.prefixlen if interface.ipv6 else "",
    }
    if interface.vlan is not None:
        gateway = estate.gateway(site.site, interface.vlan)
        found["rackproof_gateway"] = interface.vlan.gateway
        found["rackproof_gateway_ipv4"] = str(gateway.ipv4.ip) if gateway.ipv4 else ""
        found["rackproof_gateway_ipv6"] = str(gateway.ipv6.ip) if gateway.ipv6 else ""
    return found


def _identity(estate: Estate, device: Device) -> dict[str, Any]:
    return {f"rackproof_{key}": value for key, value in _entry(estate, device).items()}


def _entry(estate: Estate, device: Device) -> dict[str, Any]:
    site = estate.sites[estate.site_of[device.name]]
    interface = estate.address(device.name)
    return {
        "name": device.name,
        "site": site.site,
        "tier": site.tier,
        "role": device.role,
        "kind": device.kind.value,
        "ipv4": str(interface.ipv4.ip) if interface.ipv4 else "",
        "ipv6": str(interface.ipv6.ip) if interface.ipv6 else "",
    }


def _shared(estate: Estate) -> dict[str, Any]:
    named = _named(estate)
    first = {role: next((d.name for d in named if d.role == role), None) for role in set(DUTIES.values())}
    duties = {variable: first[role] for variable, role in DUTIES.items() if first[role]}
    return {"rackproof_estate": estate.head.name, **duties}


def _named(estate: Estate) -> list[Device]:
    return [d for d in estate.devices.values() if d.kind in NAMED_KINDS and estate.is_reached(d.name)]
