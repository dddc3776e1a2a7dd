"""What one failure cuts: every router and every link taken away in turn, over the links as written.

Policy-aware: a router of a tier that is no transit (a regional room) is reached but never passed through. A site is
*cut* when none of its routers reaches a hub (a site with a route reflector), and *without gateway* when its routers
still reach one but the router that holds the gateway of a VLAN does not: first-hop redundancy is not
modelled yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from networkx import DiGraph, immediate_dominators

from inventory.estate import Estate
from inventory.kinds import DeviceKind

_HUBS = ""  # stands above every hub; no device has an empty name
_ROUTING = (DeviceKind.ROUTER, DeviceKind.FIREWALL, DeviceKind.SWITCH)


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing lost (``device`` or ``link``) and the sites that feel it."""

    kind: str
    name: str
    cut: tuple[str, ...]
    without_gateway: tuple[str, ...]


class Network:
    """The links of an estate as a graph of routing devices."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._edges: dict[str, list[tuple[str, int]]] = {}
        for link in estate.links:
            self._edges.setdefault(link.a.device, []).append((link.b.device, link.id))
            self._edges.setdefault(link.b.device, []).append((link.a.device, link.id))
        self._transit = {name for name in self._edges if estate.tier_of(estate.site_of[name]).transit}
        reflectors = estate.head.addressing.route_reflectors
        self._hub_sites = {estate.site_of[name] for name in reflectors}
        self._hubs = [name for name in self._edges if estate.site_of[name] in self._hub_sites]
        self._gateways = {code: {vlan.gateway for vlan in site.vlans} for code, site in estate.sites.items()}
        self._routers: dict[str, list[str]] = {code: [] for code in estate.sites}
        for device in estate.devices_of(*_ROUTING):
            if device.name in self._edges:
                self._routers[estate.site_of[device.name]].append(device.name)
        self._order = {code: index for index, code in enumerate(estate.sites)}
        self._dead = set(self._edges) - self.reached()
        self._gateway_of: dict[str, list[str]] = {}
        for code, gateways in self._gateways.items():
            for name in gateways:
                self._gateway_of.setdefault(name, []).append(code)

    def reached(self, lost_device: str = "", lost_link: int = 0) -> set[str]:
        """Return every routing device that still reaches a hub with one device or one link lost."""
        found = {name for name in self._hubs if name != lost_device}
        todo = list(found)
        while todo:
            here = todo.pop()
            if here not in self._transit:
                continue
            for there, link in self._edges[here]:
                if there not in found and there != lost_device and link != lost_link:
                    found.add(there)
                    todo.append(there)
        return found

    def failures(self) -> Iterator[Failure]:
        """Yield the effect of losing each device and each link, those without effect too."""
        below = self._dominated()
        always = self._without(self._dead)
        for name in self._edges:
            yield self._failure("device", name, below(name), always)
        for link in self._estate.links:
            yield self._failure("link", str(link.id), below(link.id), always)

    def unreached(self) -> tuple[str, ...]:
        """Return the sites that reach no hub even with everything in place."""
        return self._ordered(self._without(self._dead)[0])

    def _dominated(self) -> Callable[[str | int], set[str]]:
        """Return a function: the routing devices that every way from the hubs to passes through a device or a link.

        One dominator tree answers for every single loss, so the cost grows with the links and not with their square.
        """
        graph: DiGraph[str | int] = DiGraph()
        graph.add_edges_from((_HUBS, name) for name in self._hubs)
        for here, edges in self._edges.items():
            for there, link in edges:
                graph.add_edge(link, there)
                if here in self._transit:
                    graph.add_edge(here, link)
        children: dict[str | int, list[str | int]] = {}
        if _HUBS in graph:
            for node, parent in immediate_dominators(graph, _HUBS).items():
                if node != _HUBS and parent is not None:
                    children.setdefault(parent, []).append(node)

        def below(lost: str | int) -> set[str]:
            found, todo = {lost} if isinstance(lost, str) else set(), [*children.get(lost, [])]
            while todo:
                node = todo.pop()
                todo += children.get(node, [])
                if isinstance(node, str):
                    found.add(node)
            return found

        return below

    def _without(self, lost: set[str]) -> tuple[set[str], set[str]]:
        """Return the sites cut and without gateway when these routing devices are not reached and all others are."""
        cut = {code for code, routers in self._routers.items() if lost.issuperset(routers)}
        linked = set(self._edges)
        return cut, {code for code, held in self._gateways.items() if held & lost or not held <= linked} - cut

    def _failure(self, kind: str, name: str, lost: set[str], always: tuple[set[str], set[str]]) -> Failure:
        """Add what this loss does to what is lost ``always``; only the sites of lost devices are looked at."""
        felt = {self._estate.site_of[device] for device in lost} - always[0]
        cut = {code for code in felt if all(name in lost or name in self._dead for name in self._routers[code])}
        headless = {code for device in lost for code in self._gateway_of.get(device, ())} - always[0]
        return Failure(kind, name, self._ordered(always[0] | cut), self._ordered((always[1] | headless) - cut))

    def _ordered(self, sites: set[str]) -> tuple[str, ...]:
        return tuple(sorted(sites, key=self._order.__getitem__))


def single_points(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return, for every site that one failure can cut, what these failures are (``device x``, ``link 7``)."""
    found: dict[str, list[str]] = {}
    for failure in Network(estate).failures():
        for site in failure.cut:
            found.setdefault(site, []).append(f"{failure.kind} {failure.name}")
    return {site: tuple(causes) for site, causes in found.items()}
