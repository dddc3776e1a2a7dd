"""The loaded estate and what follows from it: addresses, interfaces, neighbours, who is where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import chain
from pathlib import Path

from core.errors import Place, RackproofError
from inventory.model import ipv6
from inventory.model.diagnostics import mistake
from inventory.model.entities import Attachment, Device, EstateFile, Link, Sensor, Service, Site, Tier, Vlan
from inventory.model.enums import DeviceKind, Family, LinkRole
from inventory.model.hardware import Hardware
from inventory.model.policy import PoliciesFile


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a device with the addresses that follow from the plan.

    ``peer`` is (device, interface) at the other end of a link. ``speed_mbps`` is the intended speed of a link.
    An address is None where its family is not in use yet, or not any more.
    """

    device: str
    name: str
    kind: str  # "loopback", "link" or "vlan"
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None
    role: LinkRole | None = None
    speed_mbps: int | None = None
    peer: tuple[str, str] | None = None
    vlan: Vlan | None = None
    link: Link | None = None

    @property
    def addresses(self) -> tuple[IPv4Interface | IPv6Interface, ...]:
        """The addresses that are in use, IPv6 first."""
        return tuple(address for address in (self.ipv6, self.ipv4) if address is not None)

    @property
    def host(self) -> IPv6Address | IPv4Address:
        """The address by which it is spoken to: IPv6 where it is in use."""
        return self.addresses[0].ip


@dataclass(frozen=True)
class Estate:
    """Every object of one estate, by name. Made only by ``inventory.load.loader.load_estate``, which checks it all."""

    root: Path
    head: EstateFile
    tiers: dict[str, Tier]
    sites: dict[str, Site]
    links: tuple[Link, ...]
    services: dict[str, Service]
    hardware: dict[str, Hardware]
    policies: PoliciesFile

    @cached_property
    def devices(self) -> dict[str, Device]:
        """Every device by name; names are unique over the whole estate."""
        every = chain.from_iterable(site.devices for site in self.sites.values())
        return {device.name: device for device in every}

    @cached_property
    def site_of(self) -> dict[str, str]:
        """The site code of every device."""
        found: dict[str, str] = {}
        for code, site in self.sites.items():
            found.update((device.name, code) for device in site.devices)
        return found

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

    def uses_ipv6(self, vlan: Vlan) -> bool:
        """Tell whether IPv6 is in use in a VLAN."""
        return Family.IPV6 in vlan.families

    def vlan_prefix(self, site: str, vlan: Vlan) -> IPv6Network:
        """Return the /64 of a VLAN; it is reserved for it also where IPv6 is not in use yet."""
        place = self.sites[site]
        if vlan.management:
            return ipv6.management_prefix(self.head.addressing.ipv6_prefix, place.region, place.number)
        return ipv6.vlan_prefix(self.head.addressing.ipv6_prefix, place.region, place.number, vlan.zone, vlan.id)

    def gateway(self, site: str, vlan: Vlan) -> Interface:
        """Return the gateway's interface in a VLAN: where its hosts send what is not local."""
        device = self.devices[vlan.gateway]
        attachment = next(item for item in device.attach if item.vlan == vlan.name)
        return self._attached(device, attachment, *self._segments[site][vlan.name])

    def anycast(self, service: Service) -> IPv6Interface | None:
        """Return the /128 that every host of a service announces; None for a service without one."""
        prefix = self.head.addressing.ipv6_prefix
        if service.anycast is not None:
            return ipv6.anycast_address(prefix, service.anycast)
        return None

    def site_prefix(self, site: str) -> IPv6Network:
        """Return the /48 of a site."""
        place = self.sites[site]
        return ipv6.site_prefix(self.head.addressing.ipv6_prefix, place.region, place.number)

    @cached_property
    def _interfaces(self) -> dict[str, tuple[Interface, ...]]:
        """The interfaces of the devices that were asked for: most questions are about a few devices only."""
        return {}

    @cached_property
    def _firsts(self) -> dict[str, Interface]:
        """The same of the first interface alone, which is most of what is asked."""
        return {}

    @cached_property
    def _ends(self) -> dict[str, list[tuple[Link, int]]]:
        """The links of every device, each with the end (0 or 1) that is the device's."""
        found: dict[str, list[tuple[Link, int]]] = {}
        for link in self.links:
            for side, end in enumerate((link.a, link.b)):
                found.setdefault(end.device, []).append((link, side))
        return found

    @cached_property
    def _segments(self) -> dict[str, dict[str, tuple[Vlan, IPv6Network]]]:
        found: dict[str, dict[str, tuple[Vlan, IPv6Network]]] = {}
        for code, site in self.sites.items():
            found[code] = {vlan.name: (vlan, self.vlan_prefix(code, vlan)) for vlan in site.vlans}
        return found

    def interfaces(self, device: str) -> tuple[Interface, ...]:
        """Return a device's interfaces: loopback first, then its VLANs, then its links."""
        found = self._interfaces.get(device)
        if found is None:
            found = self._interfaces[device] = tuple(self._made(self.devices[device]))
        return found

    def count_interfaces(self, device: str) -> int:
        """Return how many ``interfaces`` a device has, without working out their addresses."""
        item = self.devices[device]
        loopbacks = int(item.loopback is not None and item.ipv4_loopback is not None)
        return loopbacks + len(item.attach) + len(self._ends.get(device, ()))

    def _made(self, device: Device) -> Iterator[Interface]:
        vlans = self._segments[self.site_of[device.name]]
        if device.loopback is not None and device.ipv4_loopback is not None:
            yield self._loopback(device)
        for attachment in device.attach:
            yield self._attached(device, attachment, *vlans[attachment.vlan])
        for link, side in self._ends.get(device.name, ()):
            yield self._end(link, side)

    def address(self, device: str) -> Interface:
        """Return the interface a device is reached on: its loopback when it has one, else its first VLAN."""
        found = self._firsts.get(device)
        if found is None:
            found = next(self._made(self.devices[device]), None)
            if found is None:
                raise IndexError(f"{device} has no interface")
            self._firsts[device] = found
        return found

    def is_reached(self, device: str) -> bool:
        """Tell whether a device has any interface, and so an address."""
        item = self.devices[device]
        return item.loopback is not None or bool(item.attach) or device in self._ends

    def ipv6(self, device: str) -> IPv6Address:
        """Return the IPv6 address a device is reached on; EST090 when IPv6 is not in use there."""
        found = self.address(device).ipv6
        if found is None:
            raise self._no_address(device, "IPv6")
        return found.ip

    def ipv4(self, device: str) -> IPv4Address:
        """Return the IPv4 address a device is reached on; EST090 when IPv4 is not in use there."""
        found = self.address(device).ipv4
        if found is None:
            raise self._no_address(device, "IPv4")
        return found.ip

    def _no_address(self, device: str, family: str) -> RackproofError:
        return mistake("EST090", Place(self.root), actual=device, family=family)

    def area(self, interface: Interface) -> int:
        """Return the OSPF area of a router's interface: that of its link when it says one, else the router's own."""
        if interface.link is not None and interface.link.area is not None:
            return interface.link.area
        return self.devices[interface.device].routing.area

    def neighbours(self, device: str) -> list[str]:
        """Return the devices at the other ends of a device's links."""
        return [interface.peer[0] for interface in self.interfaces(device) if interface.peer]

    def ports(self, device: str) -> tuple[str, ...]:
        """Return the names of a device's physical ports, as its model has them."""
        model = self.devices[device].hardware
        if model:
            return self.hardware[model].port_names()
        return ()

    def count_ports(self, device: str) -> int:
        """Return how many physical ports a device has."""
        model = self.devices[device].hardware
        if model:
            return self.hardware[model].count_ports()
        return 0

    def power_w(self, device: str) -> int | None:
        """Return the most a device draws, in watt; None when neither it nor its model says so."""
        item = self.devices[device]
        if item.power_w is not None or item.hardware is None:
            return item.power_w
        return self.hardware[item.hardware].power_w

    def second(self, address: IPv6Interface) -> IPv6Interface | None:
        """Return the address under the estate's second prefix; None when it has none."""
        other = self.head.addressing.ipv6_second
        if other:
            return ipv6.moved(address, other)
        return None

    def sensors(self, site: str | None = None) -> list[tuple[str, Sensor]]:
        """Return (site, sensor) for every configured measuring point."""
        found: list[tuple[str, Sensor]] = []
        for code, place in self.sites.items():
            if site in (None, code):
                found.extend((code, sensor) for sensor in place.sensors)
        return found

    def _loopback(self, device: Device) -> Interface:
        site = self.sites[self.site_of[device.name]]
        assert device.loopback is not None and device.ipv4_loopback is not None  # noqa: S101 - narrowed by the caller
        v6 = ipv6.loopback_address(self.head.addressing.ipv6_prefix, site.region, device.loopback)
        return Interface(device.name, "lo", "loopback", IPv4Interface((device.ipv4_loopback, 32)), v6)

    def _attached(self, device: Device, attachment: Attachment, vlan: Vlan, prefix: IPv6Network) -> Interface:
        v4 = IPv4Interface((vlan.ipv4[attachment.host], vlan.ipv4.prefixlen)) if vlan.ipv4 else None
        v6 = ipv6.host_address(prefix, attachment.host) if self.uses_ipv6(vlan) else None
        return Interface(device.name, attachment.interface, "vlan", v4, v6, vlan=vlan)

    def _end(self, link: Link, side: int) -> Interface:
        """Return the interface at one end of a link; 0 is end A."""
        v6 = None
        if Family.IPV6 in link.families:
            v6 = ipv6.link_addresses(self.head.addressing.ipv6_prefix, link.id)[side]
        end, peer = (link.a, link.b) if side == 0 else (link.b, link.a)
        return Interface(
            end.device, end.interface, "link", _ends_of(link.ipv4)[side], v6, link.role, link.speed_mbps,
            (peer.device, peer.interface), None, link,
        )  # fmt: skip


def _ends_of(network: IPv4Network | None) -> tuple[IPv4Interface | None, ...]:
    """Return the two addresses of an IPv4 /31 (RFC 3021), end A first; none for a link without IPv4."""
    if network is None:
        return (None, None)
    return tuple(IPv4Interface((int(network.network_address) + offset, network.prefixlen)) for offset in (0, 1))
