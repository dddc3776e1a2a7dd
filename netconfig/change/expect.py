"""What must be true of a router after its change, given which routers already carry the new configuration."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.i18n import _
from core.workspace import Workspace
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate
from netconfig.change.observe import GLOBAL_VRF, Address, BgpSession, Observed, list_configured
from netconfig.diff.losses import Drop
from netconfig.diff.tree import ConfigNode
from netconfig.intent.design import design_router, list_managed
from netconfig.platforms.platform import Held

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
    bgp: Mapping[BgpSession, str]
    defaults: frozenset[str] = frozenset()

    def missing(self, seen: Observed, first: Observed) -> list[str]:
        """Return in words what is expected and not there; ``first`` is what was seen first after the change.

        A BGP session stays Established for a whole hold time (RFC 4271, 6.5) after its last message, so it counts only
        once another message has come from the peer since ``first``.
        """
        silent = {peer for peer, heard in seen.bgp.items() if first.bgp.get(peer) == heard}
        down, quiet = sorted(self.bgp.keys() - seen.bgp.keys()), sorted(self.bgp.keys() & silent)
        return [
            *(_("address {address} is not on {name}").format(address=address, name=name)
              for name, address in sorted(self.addresses - seen.addresses)),
            *(_("no default route {prefix}").format(prefix=prefix) for prefix in sorted(self.defaults - seen.defaults)),
            *(_("no OSPFv2 neighbour on {name}").format(name=name) for name in sorted(self.ospf - seen.ospf)),
            *(_("no OSPFv3 neighbour on {name}").format(name=name) for name in sorted(self.ospf6 - seen.ospf6)),
            *(_("no BGP session with {peer}").format(peer=self.name_session(peer)) for peer in down),
            *(_("nothing heard from {peer} since").format(peer=self.name_session(peer)) for peer in quiet),
        ]  # fmt: skip

    def name_session(self, peer: BgpSession) -> str:
        """Return a session with the name of the router at its other end, where that is known."""
        return f"{self.bgp[peer]} {peer}".strip()


@dataclass(frozen=True, slots=True)
class Probe:
    """An end-to-end ping over IPv6, from a host over the new path."""

    source: str
    source_ipv4: str
    target: str
    address: str

    def __str__(self) -> str:
        """Name it for people."""
        source, target, address = self.source, self.target, self.address
        return _("IPv6 ping {source} -> {target} ({address})").format(source=source, target=target, address=address)


Pinger = Callable[[Probe], bool]


def expect_state(
    estate: Estate, device: str, intended: ConfigNode, before: Observed, done: set[str], dropped: Sequence[Drop] = ()
) -> Expected:
    """Return what must hold on ``device`` after its change.

    What was up before must be up again, unless the change named it (``dropped``); what the estate wants besides counts
    as soon as the other end is ``done``, on IPv6 already.
    """
    from networkx import has_path  # late, as in make_graph

    design = design_router(estate, device)
    graph = make_graph(estate, {*done, device})
    neighbours = set(list_neighbours(intended))
    names = {peer.address: peer.name for peer in design.peers}
    sessions = {peer: names.get(peer.peer, "") for peer in before.bgp if not is_dropped(dropped, peer)}
    for peer in design.peers:
        is_reached = peer.name in done and has_path(graph, device, peer.name)
        if is_reached and peer.address in neighbours:
            sessions[BgpSession(GLOBAL_VRF, "ipv6Unicast", peer.address)] = peer.name

    ospf_dropped = find_dropped_adjacencies(dropped, Held.OSPF_ADJACENCY, Held.OSPF_PROCESS, before.ospf)
    ospf6_dropped = find_dropped_adjacencies(dropped, Held.OSPF6_ADJACENCY, Held.OSPF6_PROCESS, before.ospf6)
    return Expected(
        addresses=list_configured(intended),
        ospf=before.ospf - ospf_dropped,
        ospf6=(before.ospf6 - ospf6_dropped) | set(list_ospf6_links(estate, device, intended, done)),
        bgp=sessions,
        defaults=before.defaults - find_dropped_defaults(dropped, intended),
    )


def list_neighbours(intended: ConfigNode) -> Iterator[str]:
    """Yield the BGP neighbours that a configuration names."""
    for section, node in intended.children.items():
        if section.startswith("router bgp"):
            for line in node.children:
                if line.startswith("neighbor "):
                    yield line.split()[1]


def list_ospf6_links(estate: Estate, device: str, intended: ConfigNode, done: set[str]) -> Iterator[str]:
    """Yield the interfaces that a configuration has up and in OSPFv3 and whose other end is ``done``."""
    peers = {interface.name: interface.peer[0] for interface in estate.interfaces(device) if interface.peer}
    for section, node in intended.children.items():
        if not section.startswith("interface ") or "shutdown" in node.children:
            continue
        name = section.split()[1]
        has_ospf6 = any(line.startswith("ipv6 ospf6 area") for line in node.children)
        if has_ospf6 and peers.get(name) in done:
            yield name


def is_dropped(dropped: Sequence[Drop], peer: BgpSession) -> bool:
    """Tell whether a change named this session: its neighbour, its neighbour in this family, or all of BGP."""
    for drop in dropped:
        if drop.what == Held.BGP_PROCESS:
            return True
        in_family = not drop.section.startswith("ipv") or drop.section == peer.family[:4].lower()
        if drop.what == Held.BGP_SESSION and drop.of == peer.peer and in_family:
            return True
    return False


def find_dropped_adjacencies(dropped: Sequence[Drop], one: Held, all_: Held, up: frozenset[str]) -> frozenset[str]:
    """Return the interfaces of which a change named the adjacency; a named process takes all of them."""
    if any(drop.what == all_ for drop in dropped):
        return up
    return frozenset(drop.section for drop in dropped if drop.what == one)


def find_dropped_defaults(dropped: Sequence[Drop], intended: ConfigNode) -> frozenset[str]:
    """Return the default routes that a change named and that no other line of the new configuration gives."""
    gone = set()
    for drop in dropped:
        others = [line for line in intended.children if f"route {drop.of} " in line]
        if drop.what == Held.DEFAULT_ROUTE and not others:
            gone.add(drop.of)
    return frozenset(gone)


def make_graph(estate: Estate, devices: Iterable[str]) -> nx.Graph[str]:
    """Return the graph of links between these routers."""
    import networkx as nx  # a third of a second that only a rollout has to pay

    wanted = set(devices)
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(wanted)
    for link in estate.links:
        if link.a.device in wanted and link.b.device in wanted:
            graph.add_edge(link.a.device, link.b.device)
    return graph


def list_probes(estate: Estate, device: str, done: set[str]) -> list[Probe]:
    """Return the end-to-end pings that must work once ``device`` and ``done`` carry IPv6 and that cross ``device``."""
    graph = make_graph(estate, {*done, device})
    found = []
    for target in list_hosts(estate, PROBE_TO):
        for source in list_hosts(estate, PROBE_FROM):
            if device in find_crossed(graph, name_gateway(estate, source), name_gateway(estate, target)):
                found.append(Probe(source, str(estate.ipv4(source)), target, str(estate.ipv6(target))))
    return found


def find_crossed(graph: nx.Graph[str], start: str, end: str) -> set[str]:
    """Return the routers on the shortest paths between two of them; none where there is no path."""
    from networkx import all_shortest_paths, has_path  # late, as in make_graph

    if start not in graph or end not in graph or not has_path(graph, start, end):
        return set()
    crossed: set[str] = set()
    for path in all_shortest_paths(graph, start, end):
        crossed.update(path)
    return crossed


def make_pinger(ws: Workspace) -> Pinger:
    """Return what runs a probe: ping on the source host, reached over IPv4 as the operations account."""

    def ping(probe: Probe) -> bool:
        argv = ["ssh", "-F", str(ws.ssh_config), "-o", f"HostName={probe.source_ipv4}", probe.source]
        return run_quietly([*argv, "ping", "-6", "-n", "-c", "2", "-i", "0.3", "-W", "2", probe.address])

    return ping


def run_quietly(argv: Sequence[str]) -> bool:
    """Run a program without showing its output; tell whether it ended well and in time."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def list_hosts(estate: Estate, role: str) -> list[str]:
    """Return the hosts of a role that are plugged in."""
    return [device.name for device in estate.devices_of(DeviceKind.HOST) if device.role == role and device.attach]


def name_gateway(estate: Estate, host: str) -> str:
    """Return the router that is the gateway of a host; empty when it has none."""
    vlan = estate.address(host).vlan
    if vlan:
        return vlan.gateway
    return ""


def list_waves(estate: Estate) -> list[list[str]]:
    """Return the routers by rollout wave, the canary first."""
    by_wave: dict[int, list[str]] = {}
    for device in list_managed(estate):
        if device.wave is not None:
            by_wave.setdefault(device.wave, []).append(device.name)
    return [sorted(by_wave[wave]) for wave in sorted(by_wave)]
