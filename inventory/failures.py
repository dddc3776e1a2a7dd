"""What one failure cuts: every router and every link taken away in turn, over the links as written.

Policy-aware: a router of a tier that is no transit (a regional room) is reached but never passed through. A site is
*cut* when none of its routers reaches a hub (a site with a route reflector), and *without gateway* when its routers
still reach one but the router that holds the gateway of a VLAN does not: first-hop redundancy is not
modelled yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.estate import Estate
from inventory.model import DeviceKind

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
        for name in self._edges:
            yield self._effect("device", name, self.reached(lost_device=name))
        for link in self._estate.links:
            yield self._effect("link", str(link.id), self.reached(lost_link=link.id))

    def unreached(self) -> tuple[str, ...]:
        """Return the sites that reach no hub even with everything in place."""
        return self._effect("none", "", self.reached()).cut

    def _effect(self, kind: str, name: str, reached: set[str]) -> Failure:
        cut: list[str] = []
        headless: list[str] = []
        for code, routers in self._routers.items():
            if not reached.intersection(routers):
                cut.append(code)
            elif not self._gateways[code] <= reached:
                headless.append(code)
        return Failure(kind, name, tuple(cut), tuple(headless))


def single_points(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Return, for every site that one failure can cut, what these failures are (``device x``, ``link 7``)."""
    found: dict[str, list[str]] = {}
    for failure in Network(estate).failures():
        for site in failure.cut:
            found.setdefault(site, []).append(f"{failure.kind} {failure.name}")
    return {site: tuple(causes) for site, causes in found.items()}
