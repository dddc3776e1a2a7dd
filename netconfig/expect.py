"""What must be true of a router after its change, given which routers already carry the new configuration."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.workspace import Workspace
from inventory.estate import Estate
from inventory.kinds import DeviceKind
from netconfig.design import managed, router
from netconfig.observe import Address, Observed, configured
from netconfig.tree import Node

if TYPE_CHECKING:
    import networkx as nx

PROBE_TIMEOUT_S = 15
PROBE_FROM, PROBE_TO = "site-node", "database-primary"


@dataclass(frozen=True, slots=True)
class Expected:
    """Post-conditions of one change; compared with what is observed."""

    addresses: frozenset[Address]
    ospf: frozenset[str]
    ospf6: frozenset[str]
    bgp: dict[str, str]

    def missing(self, seen: Observed, first: Observed) -> list[str]:
        """Return in words what is expected and not there; ``first`` is what was seen first after the change.

        A BGP session stays Established for a whole hold time (RFC 4271, 6.5) after its last message, so it counts only
        once another message has come from the peer since ``first``.
        """
        silent = {peer for peer, heard in seen.bgp.items() if first.bgp.get(peer) == heard}
        return [
            *(f"address {address} is not on {name}" for name, address in sorted(self.addresses - seen.addresses)),
            *(f"no OSPFv2 neighbour on {name}" for name in sorted(self.ospf - seen.ospf)),
            *(f"no OSPFv3 neighbour on {name}" for name in sorted(self.ospf6 - seen.ospf6)),
            *(f"no BGP session with {self.bgp[peer]} ({peer})" for peer in sorted(self.bgp.keys() - seen.bgp.keys())),
            *(f"nothing heard from {self.bgp[peer]} ({peer}) since" for peer in sorted(self.bgp.keys() & silent)),
        ]


@dataclass(frozen=True, slots=True)
class Probe:
    """An end-to-end ping over IPv6, from a host over the new path."""

    source: str
    source_ipv4: str
    target: str
    address: str

    def __str__(self) -> str:
        """Name it for people."""
        return f"IPv6 ping {self.source} -> {self.target} ({self.address})"


Pinger = Callable[[Probe], bool]


def expected(estate: Estate, device: str, intended: Node, before: Observed, done: set[str]) -> Expected:
    """Return what must hold on ``device``; neighbours count only when they are ``done``, on IPv6 already."""
    from networkx import has_path

    design = router(estate, device)
    graph = network(estate, {*done, device})
    up = {
        line.split()[1]: {*node.children} for line, node in intended.children.items() if line.startswith("interface ")
    }
    live = {name for name, lines in up.items() if "shutdown" not in lines}
    peers = {interface.name: interface.peer[0] for interface in estate.interfaces(device) if interface.peer}
    neighbours = {
        line.split()[1]
        for section, node in intended.children.items()
        if section.startswith("router bgp")
        for line in node.children
        if line.startswith("neighbor ")
    }
    return Expected(
        addresses=configured(intended),
        ospf=frozenset(name for name in before.ospf & live if any(x.startswith("ip ospf area") for x in up[name])),
        ospf6=frozenset(
            name
            for name in live
            if peers.get(name) in done and any(line.startswith("ipv6 ospf6 area") for line in up[name])
        ),
        bgp={
            peer.address: peer.name
            for peer in design.peers
            if peer.name in done and peer.address in neighbours and has_path(graph, device, peer.name)
        },
    )


def network(estate: Estate, devices: Iterable[str]) -> nx.Graph[str]:
    """Return the graph of links between these routers."""
    import networkx as nx  # a third of a second that only a rollout has to pay

    chosen = set(devices)
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(chosen)
    graph.add_edges_from(
        (link.a.device, link.b.device) for link in estate.links if {link.a.device, link.b.device} <= chosen
    )
    return graph


def probes(estate: Estate, device: str, done: set[str]) -> list[Probe]:
    """Return the end-to-end pings that must work once ``device`` and ``done`` carry IPv6 and that cross ``device``."""
    from networkx import all_shortest_paths, has_path

    graph = network(estate, {*done, device})
    found = []
    for target in _hosts(estate, PROBE_TO):
        for source in _hosts(estate, PROBE_FROM):
            ends = _gateway(estate, source), _gateway(estate, target)
            whole = all(end in graph for end in ends) and has_path(graph, *ends)
            if whole and device in {node for path in all_shortest_paths(graph, *ends) for node in path}:
                address = str(estate.ipv6(target))
                found.append(Probe(source, str(estate.ipv4(source)), target, address))
    return found


def pinger(ws: Workspace) -> Pinger:
    """Return what runs a probe: ping on the source host, reached over IPv4 as the operations account."""

    def ping(probe: Probe) -> bool:
        argv = ["ssh", "-F", str(ws.ssh_config), "-o", f"HostName={probe.source_ipv4}", probe.source]
        return _succeeds([*argv, "ping", "-6", "-n", "-c", "2", "-i", "0.3", "-W", "2", probe.address])

    return ping


def _succeeds(argv: Sequence[str]) -> bool:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _hosts(estate: Estate, role: str) -> list[str]:
    return [device.name for device in estate.devices_of(DeviceKind.HOST) if device.role == role and device.attach]


def _gateway(estate: Estate, host: str) -> str:
    vlan = estate.address(host).vlan
    return vlan.gateway if vlan else ""


def waves(estate: Estate) -> list[list[str]]:
    """Return the routers by rollout wave, the canary first."""
    numbers = sorted({device.wave for device in managed(estate) if device.wave is not None})
    return [sorted(device.name for device in managed(estate) if device.wave == number) for number in numbers]
