"""What the lab has to build for an estate: which nodes, which wires, which addresses. Pure: nothing is touched."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from itertools import chain

from core.errors import RackproofError
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate, Interface

#: Linux refuses longer interface names (IFNAMSIZ is 16 with the final zero byte).
MAX_INTERFACE_NAME = 15
BOOTED = (DeviceKind.HOST, DeviceKind.ROUTER)
FACILITY = (
    DeviceKind.UPS,
    DeviceKind.PDU,
    DeviceKind.ATS,
    DeviceKind.GENERATOR,
    DeviceKind.CRAC,
    DeviceKind.ENVIRONMENT,
)


@dataclass(frozen=True, slots=True)
class LabPort:
    """One interface of a node on a VLAN: the bridge it is wired to and what it is given before anything boots."""

    name: str
    bridge: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...]
    gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabNode:
    """One network namespace. ``device`` names the estate's device; a facility namespace stands for several."""

    name: str
    kind: str  # "host", "router", "controller" or "facility"
    site: str
    ports: tuple[LabPort, ...]
    device: str = ""
    ipv4: str = ""
    ipv6: str = ""

    @property
    def boots(self) -> bool:
        """Tell whether a system is booted in this namespace."""
        return self.kind in ("host", "router")


@dataclass(frozen=True, slots=True)
class Wire:
    """A point-to-point link between two nodes; a cable (not a veth pair) when its speed can be set."""

    a: tuple[str, str]
    b: tuple[str, str]
    is_cable: bool
    speed_mbps: int


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything `lab up` builds."""

    nodes: tuple[LabNode, ...]
    wires: tuple[Wire, ...]
    bridges: tuple[str, ...]

    def node(self, name: str) -> LabNode:
        """Return a node by name.

        Raises RackproofError (LAB014) with the known names.
        """
        found = next((node for node in self.nodes if node.name == name), None)
        if found is None:
            raise RackproofError("LAB014", actual=name, known=[node.name for node in self.nodes])
        return found

    @property
    def booted(self) -> tuple[LabNode, ...]:
        """The nodes in which a system is booted, routers first: hosts are reached through them."""
        return tuple(sorted((n for n in self.nodes if n.boots), key=lambda n: n.kind != "router"))


def derive(estate: Estate) -> Topology:
    """Derive the lab's topology from the estate.

    Raises RackproofError (LAB015) for an interface name that Linux would refuse.
    """
    bridges: dict[tuple[str, str], str] = {}
    for code, site in estate.sites.items():
        for vlan in site.vlans:
            bridges[code, vlan.name] = f"br{len(bridges)}"
    nodes = [_controller(estate, bridges)]
    nodes += [_booted(estate, device.name, bridges) for device in estate.devices_of(*BOOTED)]
    nodes += _facilities(estate, bridges)
    wires = tuple(
        Wire((link.a.device, link.a.interface), (link.b.device, link.b.interface), link.media == "tap", link.speed_mbps)
        for link in estate.links
    )
    for node in nodes:
        _check_names([port.name for port in node.ports])
    for wire in wires:
        _check_names([wire.a[1], wire.b[1]])
    return Topology(tuple(nodes), wires, tuple(bridges.values()))


def _controller(estate: Estate, bridges: dict[tuple[str, str], str]) -> LabNode:
    device = estate.devices_of(DeviceKind.CONTROLLER)[0].name
    interface = estate.address(device)
    return LabNode(
        "ctl",
        "controller",
        estate.site_of[device],
        (_port(estate, interface, bridges),),
        device,
        str(estate.ipv4(device)),
        str(estate.ipv6(device)),
    )


def _booted(estate: Estate, device: str, bridges: dict[tuple[str, str], str]) -> LabNode:
    is_router = estate.devices[device].kind is DeviceKind.ROUTER
    ports: list[LabPort] = []
    for interface in estate.interfaces(device):
        if interface.vlan is None:
            continue
        if is_router:  # its addresses are its own configuration's business; a host's are there from the start
            ports.append(LabPort(interface.name, bridges[estate.site_of[device], interface.vlan.name], (), ()))
        else:
            ports.append(_port(estate, interface, bridges))
    kind = "router" if is_router else "host"
    return LabNode(
        device,
        kind,
        estate.site_of[device],
        tuple(ports),
        device,
        str(estate.ipv4(device)),
        str(estate.ipv6(device)),
    )


def _facilities(estate: Estate, bridges: dict[tuple[str, str], str]) -> list[LabNode]:
    nodes = []
    for site in estate.sites:
        found = [estate.address(d.name) for d in estate.devices_of(*FACILITY, site=site) if d.attach]
        if found:
            first = _port(estate, found[0], bridges)
            addresses = tuple(chain.from_iterable(reversed(interface.addresses) for interface in found))
            port = LabPort(first.name, first.bridge, addresses, first.gateways)
            nodes.append(LabNode(f"fac-{site}", "facility", site, (port,)))
    return nodes


def _port(estate: Estate, interface: Interface, bridges: dict[tuple[str, str], str]) -> LabPort:
    assert interface.vlan is not None  # noqa: S101 - only called for attached interfaces
    site = estate.site_of[interface.device]
    gateway = next(i for i in estate.interfaces(interface.vlan.gateway) if i.vlan == interface.vlan)
    return LabPort(
        interface.name,
        bridges[site, interface.vlan.name],
        tuple(reversed(interface.addresses)),
        tuple(str(address.ip) for address in reversed(gateway.addresses)),
    )


def _check_names(names: list[str]) -> None:
    for name in names:
        if len(name) > MAX_INTERFACE_NAME:
            raise RackproofError("LAB015", actual=name, most=MAX_INTERFACE_NAME)
