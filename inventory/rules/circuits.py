"""Circuits: where they end, and the address space their operator assigned, which is written down and never computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Network, IPv6Network

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Assigned
from inventory.model.enums import ROUTING
from inventory.rules.addressing import USABLE
from inventory.rules.ipv4 import unusable
from inventory.source.parsed_estate import Draft, DraftSite

_LINK_LOCAL = IPv6Network("fe80::/10")
_POINT_TO_POINT = 31  # RFC 3021: from here on every address is one of an end
Prefix = tuple[IPv4Network | IPv6Network, str, Callable[[], Place]]


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST384 to EST390, EST393 to EST395 (where circuits end) and EST397 (addresses that cannot be used)."""
    assigned: list[Prefix] = []
    leaving = _leaving(draft)
    for place in draft.sites:
        for index, circuit in enumerate(place.site.circuits):
            yield from _end(draft, place, index, leaving)
            if circuit.assigned is not None:
                yield from _assigned(draft, place, index, circuit.assigned)
                assigned += _prefixes(place, index, circuit.assigned)
        yield from _bare(draft, place, leaving.get(place.site.site, []))
    yield from _overlaps(assigned)


def _leaving(draft: Draft) -> dict[str, list[str]]:
    """Return for every site its devices with a link to another site."""
    found: dict[str, list[str]] = {}
    for item in draft.links:
        ends = [draft.devices[end.device] for end in (item.link.a, item.link.b) if end.device in draft.devices]
        if len({place.site.site for place, _device in ends}) > 1:
            for place, device in ends:
                found.setdefault(place.site.site, []).append(device.name)
    return found


def _end(draft: Draft, place: DraftSite, index: int, leaving: dict[str, list[str]]) -> Iterator[RackproofError]:
    circuit = place.site.circuits[index]
    where = partial(place.place, "circuits", index, "router")
    routers = [device.name for device in place.site.devices if device.kind in ROUTING]
    if circuit.router is None:
        tier = draft.tiers.get(place.site.tier)
        if tier is not None and tier.min_paths:
            yield mistake("EST385", place.place("circuits", index), circuit=circuit.name, tier=place.site.tier)
    elif circuit.router not in place.devices:
        yield mistake("EST384", where(), actual=circuit.router, known=routers, circuit=circuit.name)
    elif circuit.router not in routers:
        actual = f"{circuit.router} ({place.devices[circuit.router].kind.value})"
        yield mistake("EST393", where(), actual=actual, known=routers, circuit=circuit.name)
    elif circuit.router not in leaving.get(place.site.site, ()):
        yield mistake("EST394", where(), actual=circuit.router, circuit=circuit.name)


def _bare(draft: Draft, place: DraftSite, leaving: list[str]) -> Iterator[RackproofError]:
    """Yield EST395: a way out that no circuit carries is one that no loss of a circuit or route ever takes away."""
    tier = draft.tiers.get(place.site.tier)
    ends = {circuit.router for circuit in place.site.circuits}
    routers = {device.name for device in place.site.devices if device.kind in ROUTING}
    if tier is not None and tier.min_paths > 1 and ends and ends <= routers:  # else it is told which end is wrong
        for name in dict.fromkeys(leaving):
            if name not in ends:
                yield mistake("EST395", place.place("circuits"), actual=name, tier=place.site.tier)


def _assigned(draft: Draft, place: DraftSite, index: int, said: Assigned) -> Iterator[RackproofError]:
    circuit = place.site.circuits[index]
    where = place.place("circuits", index, "assigned")
    if circuit.network not in draft.head.addressing.assigned_networks:
        known = draft.head.addressing.assigned_networks
        yield mistake("EST386", where, actual=circuit.network, known=known, circuit=circuit.name)
    origin = place.source.origin(("circuits", index, "assigned"))
    if origin is not None and origin[0].name != "site":
        yield mistake("EST387", where, actual=origin[0].name, circuit=circuit.name)
    yield from _usable(place, index, said)
    for ours in (draft.head.addressing.ipv6_prefix, draft.head.addressing.ipv6_second):
        if ours is not None and said.ipv6 is not None and said.ipv6.overlaps(ours):
            yield mistake("EST388", where, actual=said.ipv6, ours=ours, circuit=circuit.name)
    for peer, prefix in ((said.peer_ipv6, said.ipv6), (said.peer_ipv4, said.ipv4)):
        if peer is not None and (prefix is None or peer not in prefix):
            yield mistake("EST389", where, actual=peer, prefix=prefix, circuit=circuit.name)


def _usable(place: DraftSite, index: int, said: Assigned) -> Iterator[RackproofError]:
    """Yield EST397: space in which no two routers can speak, and ends that are no address of a host."""
    circuit = place.site.circuits[index]
    where = partial(place.place, "circuits", index, "assigned")
    if said.ipv6 is not None and not any(said.ipv6.subnet_of(block) for block in (*USABLE, _LINK_LOCAL)):
        yield mistake("EST397", where("ipv6"), actual=said.ipv6, circuit=circuit.name)
    if said.ipv4 is not None and unusable(said.ipv4, link_local=True):
        yield mistake("EST397", where("ipv4"), actual=said.ipv4, circuit=circuit.name)
    if said.ipv4 is not None and said.ipv4.prefixlen < _POINT_TO_POINT:
        ends = (said.ipv4.network_address, said.ipv4.broadcast_address)
        if said.peer_ipv4 in ends:
            yield mistake("EST397", where("peer_ipv4"), actual=said.peer_ipv4, circuit=circuit.name)


def _prefixes(place: DraftSite, index: int, said: Assigned) -> list[Prefix]:
    name = f"{place.site.site} {place.site.circuits[index].name}"
    return [
        (prefix, name, partial(place.place, "circuits", index, "assigned", key))
        for key, prefix in (("ipv6", said.ipv6), ("ipv4", said.ipv4))
        if prefix is not None
    ]


def _overlaps(assigned: list[Prefix]) -> Iterator[RackproofError]:
    """Yield EST390: in address order, a prefix that starts before the widest earlier one ends overlaps it."""
    widest: dict[int, Prefix] = {}
    for item in sorted(assigned, key=lambda entry: (entry[0].version, int(entry[0].network_address), entry[1])):
        before = widest.get(item[0].version)
        if before is not None and int(item[0].network_address) <= int(before[0].broadcast_address):
            yield mistake("EST390", item[2](), actual=f"{item[0]} ({item[1]})", other=f"{before[0]} ({before[1]})")
        if before is None or int(item[0].broadcast_address) > int(before[0].broadcast_address):
            widest[item[0].version] = item
