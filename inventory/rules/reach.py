"""Ways through the network before any device is touched, every family and VRF apart: sites, gateways, servers, routes.

Looked at only when nothing else is wrong, because a wrong link name would otherwise be said twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import GLOBAL_VRF, Site
from inventory.model.enums import Family
from inventory.network.graph import Graph, graph_of
from inventory.source.parsed_estate import Draft, DraftLink, DraftSite

NAMES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST127 (site), EST128 (gateway), EST129 (hubs apart), EST376 (DHCPv6 server), EST391 (single route).

    And EST190: without a hub there is nothing to be reached from, and nobody can tell any of it.
    """
    if not draft.head.addressing.route_reflectors:
        yield from _no_hub(draft)
        return
    at = {name: place.site for name, (place, _device) in draft.devices.items()}
    hubs = frozenset(at[name].site for name in draft.head.addressing.route_reflectors if name in at)
    parts = _parts(draft)
    reached: dict[Family, set[str]] = {Family.IPV6: set(), Family.IPV4: set()}
    for (family, vrf), (links, places) in parts.items():
        graph = graph_over(draft, links, at, hubs)
        here = graph.reached()
        reached[family] |= here
        name = NAMES[family] if vrf == GLOBAL_VRF else f"{NAMES[family]} (VRF {vrf})"
        if vrf == GLOBAL_VRF and graph.hubs:
            yield from _hubs(draft, graph, family)
        for place in places:
            # what a hub's own site does not take elsewhere has no other site to be reached from
            if place.site.site not in hubs or (vrf == GLOBAL_VRF and graph.hubs):
                yield from _site(place, graph, here, (family, vrf, name))
        yield from _routes(draft, graph, here, at, name)
    if reached[Family.IPV6]:
        yield from _relays(draft, reached[Family.IPV6])


def _parts(draft: Draft) -> dict[tuple[Family, str], tuple[list[DraftLink], list[DraftSite]]]:
    """Return the links of every family and VRF, and the sites that have a VLAN of it; the global VRF comes first."""
    found: dict[tuple[Family, str], tuple[list[DraftLink], list[DraftSite]]] = {
        (family, GLOBAL_VRF): ([], []) for family in (Family.IPV6, Family.IPV4)
    }
    for item in draft.links:
        for family in item.link.families:
            found.setdefault((family, item.link.vrf), ([], []))[0].append(item)
    for place in draft.sites:
        for key in dict.fromkeys(_list_vlan_parts(place.site)):
            found.setdefault(key, ([], []))[1].append(place)
    return found


def _list_vlan_parts(site: Site) -> Iterator[tuple[Family, str]]:
    for vlan in site.vlans:
        yield from ((family, vlan.vrf) for family in vlan.families)


def _no_hub(draft: Draft) -> Iterator[RackproofError]:
    site_of = {name: place.site.site for name, (place, _device) in draft.devices.items()}
    for item in draft.links:
        ends = [site_of[end.device] for end in (item.link.a, item.link.b) if end.device in site_of]
        if len(set(ends)) > 1:
            where = draft.head_file.place(("addressing", "route_reflectors"))
            yield mistake("EST190", where, link=item.link.id, one=ends[0], other=ends[1])
            return


def graph_over(draft: Draft, items: list[DraftLink], at: dict[str, Site], hubs: frozenset[str]) -> Graph:
    """Return these links as a graph; its hubs are those devices of hub sites that have one of them."""
    links = (
        (item.link.a.device, item.link.b.device, item.link.id)
        for item in items
        if {item.link.a.device, item.link.b.device} <= at.keys()
    )
    return graph_of(links, lambda name: draft.tiers[at[name].tier].transit, lambda name: at[name].site in hubs)


def _hubs(draft: Draft, graph: Graph, family: Family) -> Iterator[RackproofError]:
    """From one hub every other one must be found, or what hangs on one cannot speak with what hangs on the other."""
    first = Graph(graph.links, graph.transit, graph.hubs[:1])
    apart = sorted(set(graph.hubs) - first.reached())
    if apart:
        where = draft.head_file.place(("addressing", "route_reflectors"))
        yield mistake("EST129", where, actual=", ".join(apart), first=graph.hubs[0], family=NAMES[family])


def _site(place: DraftSite, graph: Graph, reached: set[str], over: tuple[Family, str, str]) -> Iterator[RackproofError]:
    family, vrf, name = over
    vlans = [
        (index, vlan) for index, vlan in enumerate(place.site.vlans) if family in vlan.families and vlan.vrf == vrf
    ]
    if not vlans:
        return
    if not set(graph.edges).intersection(place.devices) & reached:
        yield mistake("EST127", place.place("site"), actual=place.site.site, family=name)
        return
    for index, vlan in vlans:
        for router in (vlan.gateway, *vlan.backups):
            if router not in reached:
                where = place.place("vlans", index, "gateway")
                yield mistake("EST128", where, actual=router, vlan=vlan.name, family=name)


def _relays(draft: Draft, reached: set[str]) -> Iterator[RackproofError]:
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            for number, name in enumerate(vlan.relay):
                home, device = draft.devices[name]
                vlans = {item.name: item for item in home.site.vlans}
                ways = [vlans[a.vlan].gateway in reached for a in device.attach] or [name in reached]
                if not any(ways):
                    yield mistake("EST376", place.place("vlans", index, "relay", number), actual=name, vlan=vlan.name)


def _routes(
    draft: Draft, graph: Graph, reached: set[str], at: dict[str, Site], family: str
) -> Iterator[RackproofError]:
    """Where a tier asks for several physical routes, no site may hang on a single one of them."""
    for place in draft.sites:
        if draft.tiers[place.site.tier].min_paths < 2:
            continue
        for path in dict.fromkeys(circuit.path for circuit in place.site.circuits):
            ends = {circuit.router for circuit in place.site.circuits if circuit.path == path}
            edges = chain.from_iterable(graph.edges.get(str(name), ()) for name in ends)
            links = frozenset(link for there, link in edges if at[there].site != place.site.site)
            cut = sorted({at[name].site for name in graph.lost_by(frozenset(), links) & reached})
            if cut:
                where = place.place("circuits")
                shown = ", ".join(cut[:6])
                yield mistake("EST391", where, actual=path, cut=shown, count=len(cut), family=family)
