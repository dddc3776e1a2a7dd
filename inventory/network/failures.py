"""What one failure cuts: every router, link, circuit, physical route and power component taken away in turn.

A site is *cut* when none of its routers reaches a hub, and *without gateway* when its routers still reach one but a
VLAN has none of its gateways left: neither the gateway nor a backup that could take its address over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from inventory.facility import power_losses
from inventory.model.entities import Link
from inventory.model.enums import ROUTING, Family
from inventory.model.estate import Estate
from inventory.network.graph import Graph, graph_of

Sites = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing lost and the sites that feel it. ``kind`` is device, link, circuit, path or power.

    ``name`` is that of the device or link; of the others ``SITE NAME``.
    """

    kind: str
    name: str
    cut: Sites
    without_gateway: Sites


class Network:
    """An estate as a network, over one address family or (None) over whatever a link carries."""

    def __init__(self, estate: Estate, family: Family | None = None) -> None:
        self._estate = estate
        self._links = [link for link in estate.links if family is None or family in link.families]
        hub_sites = {estate.site_of[name] for name in estate.head.addressing.route_reflectors}
        self.graph: Graph = graph_of(
            ((link.a.device, link.b.device, link.id) for link in self._links),
            lambda name: estate.tier_of(estate.site_of[name]).transit,
            lambda name: estate.site_of[name] in hub_sites,
        )
        self._order = {code: index for index, code in enumerate(estate.sites)}
        self._dead = set(self.graph.edges) - self.graph.reached()

    @cached_property
    def routers(self) -> dict[str, list[str]]:
        """The linked routing devices of every site."""
        found: dict[str, list[str]] = {code: [] for code in self._estate.sites}
        for device in self._estate.devices_of(*ROUTING):
            if device.name in self.graph.edges:
                found[self._estate.site_of[device.name]].append(device.name)
        return found

    @cached_property
    def gateways(self) -> dict[str, list[frozenset[str]]]:
        """For every site the gateways of each of its VLANs: the one that holds the address, and its backups."""
        found: dict[str, list[frozenset[str]]] = {}
        for code, site in self._estate.sites.items():
            found[code] = [frozenset((vlan.gateway, *vlan.backups)) for vlan in site.vlans]
        return found

    def unreached(self) -> Sites:
        """Return the sites that reach no hub even with everything in place."""
        return self._ordered(self._always[0])

    def failures(self) -> Iterator[Failure]:
        """Yield the effect of each single loss, those without effect too."""
        below = self.graph.dominated()
        for name in self.graph.edges:
            yield self._failure("device", name, below(name))
        for link in self._links:
            yield self._failure("link", str(link.id), below(link.id))
        for kind, name, links in self._lines():
            yield self._failure(kind, name, self.graph.lost_by(frozenset(), links))
        for code, site in self._estate.sites.items():
            for loss in power_losses(site):
                lost = self.graph.lost_by(frozenset(loss.devices), frozenset())
                yield self._failure("power", f"{code} {loss.component}", lost)

    def _lines(self) -> Iterator[tuple[str, str, frozenset[int]]]:
        """Yield every circuit and every physical route of a site with the links that run over it."""
        carried: dict[str, list[int]] = {}
        for link in self._links:
            for device in outside_ends(link, self._estate.site_of):
                carried.setdefault(device, []).append(link.id)
        for code, site in self._estate.sites.items():
            paths: dict[str, list[int]] = {}
            for circuit in site.circuits:
                links = carried.get(circuit.router or "", [])
                paths.setdefault(circuit.path, []).extend(links)
                yield "circuit", f"{code} {circuit.name}", frozenset(links)
            yield from (("path", f"{code} {path}", frozenset(links)) for path, links in paths.items())

    @cached_property
    def _always(self) -> tuple[set[str], set[str]]:
        """The sites that are cut, and those without a gateway, with everything in place."""
        cut = {code for code, names in self.routers.items() if self._dead.issuperset(names)}
        return cut, {code for code in self.gateways if self._headless(code, self._dead)} - cut

    def _headless(self, code: str, lost: set[str]) -> bool:
        return not all(self._has_living(names, lost) for names in self.gateways[code])

    def _has_living(self, names: Iterable[str], lost: set[str]) -> bool:
        """Tell whether one of these devices has links and is not lost."""
        return any(name in self.graph.edges and name not in lost for name in names)

    def _failure(self, kind: str, name: str, lost: set[str]) -> Failure:
        """Add what this loss does to what is lost ``always``; only the sites of lost devices are looked at."""
        always_cut, always_headless = self._always
        gone = lost | self._dead
        felt = {self._estate.site_of[device] for device in lost} - always_cut
        cut = {code for code in felt if gone.issuperset(self.routers[code])}
        headless = {code for code in felt - cut if self._headless(code, gone)}
        return Failure(kind, name, self._ordered(always_cut | cut), self._ordered((always_headless | headless) - cut))

    def _ordered(self, sites: set[str]) -> Sites:
        return tuple(sorted(sites, key=self._order.__getitem__))


def outside_ends(link: Link, site_of: dict[str, str]) -> tuple[str, ...]:
    """Return the ends of a link that leave their site and so run over a circuit there; none of a link inside one."""
    one, other = link.a.device, link.b.device
    if site_of.get(one) == site_of.get(other):
        return ()
    return (one, other)


def single_points(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return, for every site that one failure can cut, what these failures are (``device x``, ``link 7``)."""
    found: dict[str, list[str]] = {}
    for failure in Network(estate).failures():
        for site in failure.cut:
            found.setdefault(site, []).append(f"{failure.kind} {failure.name}")
    return {site: tuple(causes) for site, causes in found.items()}
