"""Namespaces, bridges, wires and addresses: the lab's cabling, done with a handful of `ip` processes."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from lab.command import ip_batch, run
from lab.enter import argv_inside, inside
from lab.instance import Instance
from lab.topology import LabNode, Topology, Wire

#: The namespace that holds the VLANs of all sites as bridges; nothing runs in it.
SWITCHES = "net"
#: Routers forward from the moment they have power; addresses and protocols are their configuration's business.
ROUTER_SYSCTL = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}


def build(instance: Instance, topology: Topology) -> None:
    """Make every namespace, bridge, wire and address of the topology except the cables (see ``lab.cable``)."""
    names = [SWITCHES, *(node.name for node in topology.nodes)]
    ip_batch(f"netns add {instance.netns(name)}" for name in names)
    for node in topology.nodes:
        if node.kind == "router":
            _set_sysctl(instance, node)
    _bridges(instance, topology)
    ip_batch(_link(instance, wire) for wire in topology.wires if not wire.is_cable)
    for node in topology.nodes:
        raise_ports(instance, node, topology)


def raise_ports(instance: Instance, node: LabNode, topology: Topology) -> None:
    """Bring a node's interfaces up and give it the addresses and default routes it has before it boots."""
    ends = chain.from_iterable((wire.a, wire.b) for wire in topology.wires if not wire.is_cable)
    lines = ["link set lo up"]
    lines += [f"link set {name} up" for device, name in ends if device == node.name]
    for port in node.ports:
        lines.append(f"link set {port.name} up")
        for address in port.addresses:
            nodad = " nodad" if address.version == 6 else ""
            lines.append(f"addr add {address} dev {port.name}{nodad}")
        lines += [f"route add default via {gateway} dev {port.name}" for gateway in port.gateways]
    ip_batch(lines, instance.netns(node.name))


def set_speed(instance: Instance, end: tuple[str, str], speed_mbps: int) -> None:
    """Set what the interface at the end of a cable reports as its speed."""
    device, interface = end
    argv = ["ethtool", "-s", interface, "speed", str(speed_mbps), "duplex", "full", "autoneg", "off"]
    run(argv_inside(instance, device, argv))


def _set_sysctl(instance: Instance, node: LabNode) -> None:
    with inside(instance, node.name):
        for key, value in ROUTER_SYSCTL.items():
            (Path("/proc/sys/net") / key).write_text(value, encoding="ascii")


def _bridges(instance: Instance, topology: Topology) -> None:
    switches = instance.netns(SWITCHES)
    # Without multicast snooping: no querier is there, and IPv6 neighbour discovery would go silent.
    ip_batch((f"link add {name} type bridge mcast_snooping 0 forward_delay 0" for name in topology.bridges), switches)
    pairs: list[str] = []
    lines = [f"link set {name} up" for name in topology.bridges]
    for node in topology.nodes:
        netns = instance.netns(node.name)
        for port in node.ports:
            peer = f"p{len(pairs)}"
            pairs.append(f"link add {port.name} netns {netns} type veth peer name {peer} netns {switches}")
            lines.append(f"link set {peer} master {port.bridge} up")
    ip_batch(pairs)
    ip_batch(lines, switches)


def _link(instance: Instance, wire: Wire) -> str:
    a, b = instance.netns(wire.a[0]), instance.netns(wire.b[0])
    return f"link add {wire.a[1]} netns {a} type veth peer name {wire.b[1]} netns {b}"
