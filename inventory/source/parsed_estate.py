"""An estate as written, before it is trusted: every object with its place, duplicates still side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path

from core.errors import Place
from inventory.model.entities import Device, EstateFile, Link, LinkEnd, Sensor, Service, Site, Tier, Uplink
from inventory.model.enums import DeviceKind, Family
from inventory.model.hardware import Hardware
from inventory.model.policy import PoliciesFile
from inventory.source.positions import Positioned
from inventory.source.site_files import SiteSource

Placer = Callable[..., Place]


@dataclass(frozen=True)
class DraftSite:
    """One site that fits the model, and where everything in it is written."""

    source: SiteSource
    site: Site

    def place(self, *path: str | int) -> Place:
        """Return where a path of the site is written."""
        return self.source.place(*path)

    @cached_property
    def devices(self) -> dict[str, Device]:
        """The site's devices by name."""
        return {device.name: device for device in self.site.devices}

    @cached_property
    def sensors(self) -> tuple[Sensor, ...]:
        """Every sensor, those of sensor groups written out."""
        found = list(self.site.sensors)
        for group in range(len(self.site.sensor_groups)):
            found += self._group(group)
        return tuple(found)

    def _group(self, index: int) -> list[Sensor]:
        group = self.site.sensor_groups[index]
        wanted = set(group.racks)
        positions: list[str] = []
        for rack in self.site.racks:
            if rack.name in wanted:
                positions += [f"{rack.name}/{position}" for position in rack.positions]
        found: list[Sensor] = []
        for number, position in enumerate(positions, start=group.index):
            found += [
                Sensor(device=group.device, quantity=quantity, position=position, index=number)
                for quantity in group.quantities
            ]
        return found

    def sensor_place(self, index: int) -> Place:
        """Return where the sensor with this index in ``sensors`` is written."""
        if index < len(self.site.sensors):
            return self.place("sensors", index)
        rest = index - len(self.site.sensors)
        for group in range(len(self.site.sensor_groups)):
            rest -= len(self._group(group))
            if rest < 0:
                return self.place("sensor_groups", group)
        return self.place("sensors")


@dataclass(frozen=True, slots=True)
class DraftLink:
    """One link and where its parts are written (``place("a", "device")`` whether it is a link or an uplink)."""

    link: Link
    place: Placer


@dataclass(frozen=True)
class Draft:
    """Everything that was read and fits the model. Rules look here; nothing is unique or resolved yet."""

    folder: Path
    head: EstateFile
    head_file: Positioned
    tiers: dict[str, Tier]
    sites: tuple[DraftSite, ...]
    links: tuple[DraftLink, ...]
    services: tuple[Service, ...]
    services_file: Positioned | None
    hardware: dict[str, Hardware]
    hardware_file: Positioned | None
    policies: PoliciesFile
    policies_file: Positioned | None

    @cached_property
    def devices(self) -> dict[str, tuple[DraftSite, Device]]:
        """Every device by name with its site; of two with one name the first."""
        found: dict[str, tuple[DraftSite, Device]] = {}
        for place in self.sites:
            for device in place.site.devices:
                found.setdefault(device.name, (place, device))
        return found

    @cached_property
    def hosts_by_role(self) -> dict[str, list[str]]:
        """The names of all hosts by their role, in the order of the files."""
        found: dict[str, list[str]] = {}
        for name, (_site, device) in self.devices.items():
            if device.kind is DeviceKind.HOST:
                found.setdefault(device.role, []).append(name)
        return found

    def hosts_of(self, service: Service) -> tuple[str, ...]:
        """Return the hosts a service runs on: those it names, then those its role gives."""
        given = self.hosts_by_role.get(service.on_role, []) if service.on_role is not None else []
        return tuple(dict.fromkeys((*service.hosts, *given)))

    def without_twins(self) -> Draft:
        """Return the draft without sites whose code or plan number an earlier one has, and without their links."""
        codes: set[str] = set()
        numbers: set[tuple[int, int]] = set()
        kept: list[DraftSite] = []
        for place in self.sites:
            number = (place.site.region, place.site.number)
            if place.site.site not in codes and number not in numbers:
                kept.append(place)
            codes.add(place.site.site)
            numbers.add(number)
        names: set[str] = set()
        for place in kept:
            names |= place.devices.keys()
        links = tuple(i for i in self.links if {i.link.a.device, i.link.b.device} <= names)
        return replace(self, sites=tuple(kept), links=links)

    def policy_place(self, *path: str | int) -> Place:
        """Return where a path of ``policies.yml`` is written."""
        if self.policies_file:
            return self.policies_file.place(path)
        return self.head_file.place(("policies",))

    def hardware_of(self, device: Device) -> Hardware | None:
        """Return the model of a device; None when it names none, or one that is not in the catalogue."""
        if device.hardware:
            return self.hardware.get(device.hardware)
        return None

    def service_place(self, *path: str | int) -> Place:
        """Return where a path of ``services.yml`` is written."""
        if self.services_file:
            return self.services_file.place(path)
        return Place(self.folder / "services.yml")


def links_of_file(links: tuple[Link, ...], source: Positioned) -> list[DraftLink]:
    """Return the links of ``links.yml`` with their places."""

    def placer(index: int) -> Placer:
        return lambda *path: source.place(("links", index, *path))

    return [DraftLink(link, placer(index)) for index, link in enumerate(links)]


def links_of_site(place: DraftSite, head: EstateFile) -> list[DraftLink]:
    """Return a site's uplinks as links: end A is the far end, end B the site's own router."""
    return [_uplink(place, index, uplink, head) for index, uplink in enumerate(place.site.uplinks)]


_UPLINK_KEYS = {
    ("a", "device"): "to",
    ("a", "interface"): "port",
    ("b", "device"): "device",
    ("b", "interface"): "interface",
}


def _uplink(site: DraftSite, index: int, uplink: Uplink, head: EstateFile) -> DraftLink:
    own = uplink.device or site.site.edge or ""
    block = head.addressing.ipv4_links
    ipv4 = uplink.ipv4
    if ipv4 is None and block and Family.IPV4 in uplink.families:
        ipv4 = _slot(block, uplink.id)
    link = Link.model_construct(
        id=uplink.id,
        a=LinkEnd.model_construct(device=uplink.to, interface=uplink.port or f"to-{own}"),
        b=LinkEnd.model_construct(device=own, interface=uplink.interface or f"to-{uplink.to}"),
        role=uplink.role,
        speed_mbps=uplink.speed_mbps,
        media=uplink.media,
        families=uplink.families,
        vrf=uplink.vrf,
        mtu=uplink.mtu,
        area=uplink.area,
        ipv4=ipv4,
    )

    def place(*path: str) -> Place:
        keys = [_UPLINK_KEYS[path[0], path[1]]] if len(path) > 1 else list(path)
        return site.place("uplinks", index, *keys)

    return DraftLink(link, place)


def _slot(block: IPv4Network, number: int) -> IPv4Network | None:
    first = int(block.network_address) + 2 * number
    if first < int(block.broadcast_address):
        return IPv4Network((first, 31))
    return None
