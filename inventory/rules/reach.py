"""Ways through the network before any device is touched, IPv4 and IPv6 apart: sites, gateways, DHCPv6 servers, routes.

Looked at only when nothing else is wrong, because a wrong link name would otherwise be said twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.draft import Draft, DraftSite
from inventory.graph import Graph, graph_of
from inventory.kinds import Family
from inventory.mistakes import mistake

NAMES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST127 (site), EST128 (gateway), EST129 (hubs apart), EST376 (DHCPv6 server), EST391 (single route)."""
    for family in (Family.IPV6, Family.IPV4):
        graph = graph_over(draft, family)
        if not graph.hubs:
            continue  # an estate without route reflectors has nothing to be reached from
        reached = graph.reached()
        yield from _hubs(draft, graph, family)
        for place in draft.sites:
            yield from _site(place, graph, reached, family)
        if family is Family.IPV6:
            yield from _relays(draft, reached)
        yield from _routes(draft, graph, reached, family)


def graph_over(draft: Draft, family: Family) -> Graph:
    """Return the links that carry a family as a graph."""
    at = {name: place.site for name, (place, _device) in draft.devices.items()}
    hubs = {at[name].site for name in draft.head.addressing.route_reflectors if name in at}
    links = (
        (item.link.a.device, item.link.b.device, item.link.id)
        for item in draft.links
        if family in item.link.families and {item.link.a.device, item.link.b.device} <= at.keys()
    )
    return graph_of(links, lambda name: draft.tiers[at[name].tier].transit, lambda name: at[name].site in hubs)


def _hubs(draft: Draft, graph: Graph, family: Family) -> Iterator[RackproofError]:
    """From one hub every other one must be found, or what hangs on one cannot speak with what hangs on the other."""
    first = Graph(graph.links, graph.transit, graph.hubs[:1])
    apart = sorted(set(graph.hubs) - first.reached())
    if apart:
        where = draft.head_file.place(("addressing", "route_reflectors"))
        yield mistake("EST129", where, actual=", ".join(apart), first=graph.hubs[0], family=NAMES[family])


def _site(place: DraftSite, graph: Graph, reached: set[str], family: Family) -> Iterator[RackproofError]:
    vlans = [(index, vlan) for index, vlan in enumerate(place.site.vlans) if family in vlan.families]
    if not vlans:
        return
    if not set(graph.edges).intersection(place.devices) & reached:
        yield mistake("EST127", place.place("site"), actual=place.site.site, family=NAMES[family])
        return
    for index, vlan in vlans:
        for router in (vlan.gateway, *vlan.backups):
            if router not in reached:
                where = place.place("vlans", index, "gateway")
                yield mistake("EST128", where, actual=router, vlan=vlan.name, family=NAMES[family])


def _relays(draft: Draft, reached: set[str]) -> Iterator[RackproofError]:
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            for number, name in enumerate(vlan.relay):
                home, device = draft.devices[name]
                vlans = {item.name: item for item in home.site.vlans}
                ways = [vlans[a.vlan].gateway in reached for a in device.attach] or [name in reached]
                if not any(ways):
                    yield mistake("EST376", place.place("vlans", index, "relay", number), actual=name, vlan=vlan.name)


def _routes(draft: Draft, graph: Graph, reached: set[str], family: Family) -> Iterator[RackproofError]:
    """Where a tier asks for several physical routes, no site may hang on a single one of them."""
    site_of = {name: place.site.site for name, (place, _device) in draft.devices.items()}
    for place in draft.sites:
        if draft.tiers[place.site.tier].min_paths < 2:
            continue
        for path in dict.fromkeys(circuit.path for circuit in place.site.circuits):
            ends = {circuit.router for circuit in place.site.circuits if circuit.path == path}
            links = frozenset(
                link for name in ends & graph.edges.keys() for there, link in graph.edges[str(name)]
                if site_of[there] != place.site.site
            )
            cut = sorted({site_of[name] for name in graph.lost_by(frozenset(), links) & reached})
            if cut:
                where = place.place("circuits")
                shown = ", ".join(cut[:6])
                yield mistake("EST391", where, actual=path, cut=shown, count=len(cut), family=NAMES[family])
