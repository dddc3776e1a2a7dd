"""What one router is to be, drawn from the estate: plain values that templates print and never compute."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, IPv6Network

from core.errors import RackproofError
from inventory.model.entities import Device
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate, Interface
from netconfig.intent.coverage import require_renderable

CORE, EDGE = "CORE", "EDGE"
ESTATE_FILTER = "ESTATE"


@dataclass(frozen=True, slots=True)
class BackboneTimers:
    """Timers of the backbone, in seconds. The two ends of a link must agree, so they stand here once.

    ``spf_throttle_ms`` is the delay, the first hold and the longest hold between two path computations.
    """

    hello_s: int = 1
    dead_s: int = 3
    retransmit_s: int = 1
    keepalive_s: int = 3
    hold_s: int = 9
    spf_throttle_ms: str = "10 50 500"


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """One interface; ``kind`` is loopback, link or vlan. An address is None where its family is not in use.

    ``ipv6_second`` is the same place of the plan under the estate's second prefix. ``area`` is OSPF's.
    """

    name: str
    kind: str
    description: str
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None
    ipv6_second: IPv6Interface | None
    area: int


@dataclass(frozen=True, slots=True)
class PeerGroup:
    """A group of iBGP peers; ``reflect`` makes its members clients of this route reflector."""

    name: str
    reflect: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """One iBGP neighbour, by its IPv6 loopback, and the filter on what it may announce."""

    name: str
    address: str
    group: str
    filter: str


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A list that lets the /64s of some prefixes pass and nothing else."""

    name: str
    prefixes: tuple[IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Router:
    """Everything the templates of one router may print."""

    name: str
    asn: int
    router_id: str
    ports: tuple[InterfaceConfig, ...]
    groups: tuple[PeerGroup, ...]
    peers: tuple[Peer, ...]
    filters: tuple[PrefixList, ...]
    networks: tuple[IPv6Network, ...]


def list_managed(estate: Estate) -> list[Device]:
    """Return the routers this room configures: routers with a platform, a loopback and a rollout wave."""
    return [device for device in estate.devices_of(DeviceKind.ROUTER) if is_managed(device)]


def require_routers(estate: Estate) -> list[str]:
    """Return the names of the routers this room configures; raises RackproofError (NET012) when there is none.

    Nothing to work on is never the same as everything being right.
    """
    names = [device.name for device in list_managed(estate)]
    if not names:
        raise RackproofError("NET012", estate=estate.head.name)
    return names


def require_managed(estate: Estate, name: str) -> Device:
    """Return a router by name; raises RackproofError (NET010) when it is none this room configures."""
    device = estate.devices.get(name)
    if device is not None and is_managed(device):
        return device
    raise RackproofError("NET010", actual=name, known=[other.name for other in list_managed(estate)])


def is_managed(device: Device) -> bool:
    """Tell whether this room configures a device: a router with a platform, loopbacks and a rollout wave."""
    routed = device.loopback is not None and device.ipv4_loopback is not None
    return device.kind == DeviceKind.ROUTER and routed and bool(device.platform) and device.wave is not None


def design_router(estate: Estate, name: str) -> Router:
    """Return the design of one router.

    Raises RackproofError: NET010 when it is none this room configures, NET011 when no template can say so.
    """
    require_managed(estate, name)
    require_renderable(estate, name)
    interfaces = estate.interfaces(name)
    peers = tuple(sorted(list_peers(estate, name), key=lambda peer: int(IPv6Interface(peer.address))))
    reflects = name in estate.head.addressing.route_reflectors
    groups = [PeerGroup(CORE, False)]
    if reflects:
        groups.append(PeerGroup(EDGE, True))
    used = {peer.group for peer in peers}
    return Router(
        name=name,
        asn=estate.head.addressing.routing_as,
        router_id=str(estate.ipv4(name)),
        ports=tuple(design_port(estate, interface) for interface in interfaces),
        groups=tuple(group for group in groups if group.name in used),
        peers=peers,
        filters=tuple(sorted({make_prefix_list(estate, peer) for peer in peers}, key=lambda filter_: filter_.name)),
        networks=list_networks(estate, interfaces),
    )


def list_networks(estate: Estate, interfaces: tuple[Interface, ...]) -> tuple[IPv6Network, ...]:
    """Return the VLANs that a router announces, under both prefixes of the estate."""
    held = [interface.ipv6 for interface in interfaces if interface.kind == "vlan" and interface.ipv6 is not None]
    second = [other for address in held if (other := estate.second(address)) is not None]
    return tuple(sorted(address.network for address in (*held, *second)))


def design_port(estate: Estate, interface: Interface) -> InterfaceConfig:
    """Return what the templates print of one interface."""
    if interface.peer:
        description = f"to {interface.peer[0]} {interface.peer[1]}"
    else:
        description = f"vlan {interface.vlan.id} {interface.vlan.name}" if interface.vlan else "loopback"
    second = estate.second(interface.ipv6) if interface.ipv6 else None
    area = estate.area(interface)
    return InterfaceConfig(interface.name, interface.kind, description, interface.ipv4, interface.ipv6, second, area)


def list_peers(estate: Estate, name: str) -> list[Peer]:
    """Return the iBGP neighbours: a route reflector has all routers, any other router has the reflectors."""
    reflectors = set(estate.head.addressing.route_reflectors)
    everyone = reflectors
    if name in reflectors:
        everyone = {device.name for device in list_managed(estate)}
    others = {other for other in everyone if is_managed(estate.devices[other])}
    return [
        Peer(
            other,
            str(estate.ipv6(other)),
            CORE if other in reflectors else EDGE,
            ESTATE_FILTER if other in reflectors else f"SITE-{estate.site_of[other].upper()}",
        )
        for other in others - {name}
    ]


def make_prefix_list(estate: Estate, peer: Peer) -> PrefixList:
    """Return the list of what a peer may announce: the estate's prefixes, or those of its own site."""
    if peer.filter == ESTATE_FILTER:
        addressing = estate.head.addressing
        prefixes = (addressing.ipv6_prefix, addressing.ipv6_second)
        return PrefixList(peer.filter, tuple(prefix for prefix in prefixes if prefix is not None))
    code = estate.site_of[peer.name]
    management = [estate.vlan_prefix(code, vlan) for vlan in estate.sites[code].vlans if vlan.management]
    allowed = (estate.site_prefix(code), *management)
    moved = (estate.second(IPv6Interface((prefix.network_address, prefix.prefixlen))) for prefix in allowed)
    return PrefixList(peer.filter, (*allowed, *(address.network for address in moved if address is not None)))
