"""The loaded estate and what follows from it: addresses, interfaces, neighbours, who is where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Interface, IPv6Interface, IPv6Network
from pathlib import Path

from inventory import ipv6
from inventory.model import (
    Attachment,
    Device,
    DeviceKind,
    EstateFile,
    Link,
    LinkRole,
    Sensor,
    Service,
    Site,
    Tier,
    Vlan,
)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a device with the addresses that follow from the plan.

    ``peer`` is (device, interface) at the other end of a link. ``speed_mbps`` is the intended speed of a link.
    """

    device: str
    name: str
    kind: str  # "loopback", "link" or "vlan"
    ipv4: IPv4Interface
    ipv6: IPv6Interface
    role: LinkRole | None = None
    speed_mbps: int | None = None
    peer: tuple[str, str] | None = None
    vlan: Vlan | None = None
    link: Link | None = None


@dataclass(frozen=True)
class Estate:
    """Every object of one estate, by name. Made only by ``inventory.load.load_estate``, which checks it all."""

    root: Path
    head: EstateFile
    tiers: dict[str, Tier]
    sites: dict[str, Site]
    links: tuple[Link, ...]
    services: dict[str, Service]

    @cached_property
    def devices(self) -> dict[str, Device]:
        """Every device by name; names are unique over the whole estate."""
        return {device.name: device for site in self.sites.values() for device in site.devices}

    @cached_property
    def site_of(self) -> dict[str, str]:
        """The site code of every device."""
        return {device.name: code for code, site in self.sites.items() for device in site.devices}

    def devices_of(self, *kinds: DeviceKind, site: str | None = None) -> list[Device]:
        """Return the devices of these kinds (all kinds when none is given), in the order of the files."""
        return [
            device
            for device in self.devices.values()
            if (not kinds or device.kind in kinds) and (site is None or self.site_of[device.name] == site)
        ]

    def tier_of(self, site: str) -> Tier:
        """Return the tier that binds a site."""
        return self.tiers[self.sites[site].tier]

    def vlan(self, site: str, name: str) -> Vlan:
        """Return a site's VLAN by name; KeyError when there is none (loading has checked every reference)."""
        return next(vlan for vlan in self.sites[site].vlans if vlan.name == name)

    def vlan_prefix(self, site: str, vlan: Vlan) -> IPv6Network:
        """Return the /64 of a VLAN."""
        place = self.sites[site]
        return ipv6.vlan_prefix(self.head.addressing.ipv6_prefix, place.region, place.number, vlan.zone, vlan.id)

    def gateway(self, site: str, vlan: Vlan) -> Interface:
        """Return the gateway's interface in a VLAN: where its hosts send what is not local."""
        return next(
            interface
            for interface in self._interfaces[vlan.gateway]
            if interface.vlan is not None and interface.vlan.name == vlan.name and self.site_of[vlan.gateway] == site
        )

    def site_prefix(self, site: str) -> IPv6Network:
        """Return the /48 of a site."""
        place = self.sites[site]
        return ipv6.site_prefix(self.head.addressing.ipv6_prefix, place.region, place.number)

    @cached_property
    def _interfaces(self) -> dict[str, tuple[Interface, ...]]:
        found: dict[str, list[Interface]] = {name: [] for name in self.devices}
        for name, device in self.devices.items():
            if device.loopback is not None and device.ipv4_loopback is not None:
                found[name].append(self._loopback(device))
            found[name].extend(self._attached(device, attachment) for attachment in device.attach)
        for link in self.links:
            for interface in self._link_interfaces(link):
                found[interface.device].append(interface)
        return {name: tuple(items) for name, items in found.items()}

    def interfaces(self, device: str) -> tuple[Interface, ...]:
        """Return a device's interfaces: loopback first, then its VLANs, then its links."""
        return self._interfaces[device]

    def address(self, device: str) -> Interface:
        """Return the interface a device is reached on: its loopback when it has one, else its first VLAN."""
        return self._interfaces[device][0]

    def neighbours(self, device: str) -> list[str]:
        """Return the devices at the other ends of a device's links."""
        return [interface.peer[0] for interface in self._interfaces[device] if interface.peer]

    def sensors(self, site: str | None = None) -> list[tuple[str, Sensor]]:
        """Return (site, sensor) for every configured measuring point."""
        return [(code, s) for code, place in self.sites.items() for s in place.sensors if site in (None, code)]

    def _loopback(self, device: Device) -> Interface:
        site = self.sites[self.site_of[device.name]]
        assert device.loopback is not None and device.ipv4_loopback is not None  # noqa: S101 - narrowed by the caller
        v6 = ipv6.loopback_address(self.head.addressing.ipv6_prefix, site.region, device.loopback)
        return Interface(device.name, "lo", "loopback", IPv4Interface((device.ipv4_loopback, 32)), v6)

    def _attached(self, device: Device, attachment: Attachment) -> Interface:
        site = self.site_of[device.name]
        vlan = self.vlan(site, attachment.vlan)
        v4 = IPv4Interface((int(vlan.ipv4.network_address) + attachment.host, vlan.ipv4.prefixlen))
        v6 = ipv6.host_address(self.vlan_prefix(site, vlan), attachment.host)
        return Interface(device.name, attachment.interface, "vlan", v4, v6, vlan=vlan)

    def _link_interfaces(self, link: Link) -> tuple[Interface, Interface]:
        v6 = ipv6.link_addresses(self.head.addressing.ipv6_prefix, link.id)
        first = int(link.ipv4.network_address)
        v4 = [IPv4Interface((first + offset, link.ipv4.prefixlen)) for offset in (0, 1)]
        ends = (link.a, link.b)
        made = [
            Interface(
                end.device, end.interface, "link", v4[index], v6[index], link.role, link.speed_mbps,
                (ends[1 - index].device, ends[1 - index].interface), None, link,
            )
            for index, end in enumerate(ends)
        ]
        return made[0], made[1]
