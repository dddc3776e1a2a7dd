"""Circuits: where they end, and the address space their operator assigned, which is written down and never computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Network, IPv6Network

from core.errors import Place, RackproofError
from inventory.draft import Draft, DraftSite
from inventory.mistakes import mistake
from inventory.model import Assigned

Prefix = tuple[IPv4Network | IPv6Network, str, Callable[[], Place]]


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST384 to EST390."""
    assigned: list[Prefix] = []
    for place in draft.sites:
        tier = draft.tiers.get(place.site.tier)
        for index, circuit in enumerate(place.site.circuits):
            if circuit.router is not None and circuit.router not in place.devices:
                where = place.place("circuits", index, "router")
                yield mistake("EST384", where, actual=circuit.router, known=place.devices, circuit=circuit.name)
            elif circuit.router is None and tier is not None and tier.min_paths:
                where = place.place("circuits", index)
                yield mistake("EST385", where, circuit=circuit.name, tier=place.site.tier)
            if circuit.assigned is not None:
                yield from _assigned(draft, place, index, circuit.assigned)
                assigned += _prefixes(place, index, circuit.assigned)
    yield from _overlaps(assigned)


def _assigned(draft: Draft, place: DraftSite, index: int, said: Assigned) -> Iterator[RackproofError]:
    circuit = place.site.circuits[index]
    where = place.place("circuits", index, "assigned")
    if circuit.network not in draft.head.addressing.assigned_networks:
        known = draft.head.addressing.assigned_networks
        yield mistake("EST386", where, actual=circuit.network, known=known, circuit=circuit.name)
    origin = place.source.origin(("circuits", index, "assigned"))
    if origin is not None and origin[0].name != "site":
        yield mistake("EST387", where, actual=origin[0].name, circuit=circuit.name)
    for ours in (draft.head.addressing.ipv6_prefix, draft.head.addressing.ipv6_second):
        if ours is not None and said.ipv6 is not None and said.ipv6.overlaps(ours):
            yield mistake("EST388", where, actual=said.ipv6, ours=ours, circuit=circuit.name)
    for peer, prefix in ((said.peer_ipv6, said.ipv6), (said.peer_ipv4, said.ipv4)):
        if peer is not None and (prefix is None or peer not in prefix):
            yield mistake("EST389", where, actual=peer, prefix=prefix, circuit=circuit.name)


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
