"""The IPv4 of today: what can be an address of a host, and no prefix that overlaps another one of its VRF."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import GLOBAL_VRF
from inventory.source.parsed_estate import Draft, DraftSite


def _span(prefix: IPv4Network) -> tuple[int, int]:
    first = int(prefix.network_address)
    return first, first | int(prefix.hostmask)


_LINK_LOCAL = _span(IPv4Network("169.254.0.0/16"))  # never routed (RFC 3927); two ends of one line may speak over it
_UNUSABLE = tuple(  # "this network", loopback, multicast, reserved and broadcast (RFC 6890)
    _span(IPv4Network(block)) for block in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")
)
_BLOCK = ("addressing", "ipv4_links")


class _What(Enum):
    """What a prefix is of, where that matters."""

    OTHER = 0
    LINK = 1
    ASSIGNED = 2


@dataclass(frozen=True, slots=True)
class Prefix:
    """One IPv4 prefix as written: whose it is, where it stands, and the VRF in which nothing else may lie."""

    prefix: IPv4Network
    owner: str
    place: Callable[[], Place]
    vrf: str = GLOBAL_VRF
    what: _What = _What.OTHER


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST192 (no address of a host) and EST306 (overlaps)."""
    found = list(_prefixes(draft))
    yield from _usable(draft, found)
    yield from _overlaps(found)
    yield from _in_block(draft, found)


def unusable(prefix: IPv4Network, *, link_local: bool) -> bool:
    """Tell whether no host can have an address of this; ``link_local``: two ends of one line may."""
    first, last = _span(prefix)
    never = _UNUSABLE if link_local else (*_UNUSABLE, _LINK_LOCAL)
    return any(first <= high and last >= low for low, high in never)


def _usable(draft: Draft, found: list[Prefix]) -> Iterator[RackproofError]:
    block = draft.head.addressing.ipv4_links
    wrong = block is not None and unusable(block, link_local=True)
    if wrong:
        yield mistake("EST192", draft.head_file.place(_BLOCK), actual=block, owner=".".join(_BLOCK))
    for item in found:
        link = item.what is _What.LINK
        said = item.what is _What.ASSIGNED or (wrong and link)  # as EST397; of the block, not of every link in it
        if not said and unusable(item.prefix, link_local=link):
            yield mistake("EST192", item.place(), actual=item.prefix, owner=item.owner)


def _in_block(draft: Draft, found: list[Prefix]) -> Iterator[RackproofError]:
    """Yield EST306 for what lies where a link yet to come will be numbered, in the VRFs that have links."""
    block = draft.head.addressing.ipv4_links
    if block is None:
        return
    where = draft.head_file.place(_BLOCK)
    vrfs = {GLOBAL_VRF, *(item.link.vrf for item in draft.links)}
    for item in found:
        if item.what is not _What.LINK and item.vrf in vrfs and item.prefix.overlaps(block):
            actual, first = f"{item.prefix} ({item.owner})", f"{where.file.name}:{where.line}"
            yield mistake("EST306", item.place(), actual=actual, other=block, owner=".".join(_BLOCK), first=first)


def _overlaps(found: list[Prefix]) -> Iterator[RackproofError]:
    """Sweep over all IPv4 prefixes of a VRF in address order: one that starts before the widest ends overlaps it."""
    reached: Prefix | None = None
    for item in sorted(found, key=lambda item: (item.vrf, item.prefix, item.owner)):
        if reached is not None and reached.vrf != item.vrf:
            reached = None
        if (
            reached is not None
            and item.prefix.network_address <= reached.prefix.broadcast_address
            and {item.what, reached.what} != {_What.ASSIGNED}  # two of those are EST390
        ):
            yield _overlap(item, reached)
        if reached is None or item.prefix.broadcast_address > reached.prefix.broadcast_address:
            reached = item


def _overlap(item: Prefix, reached: Prefix) -> RackproofError:
    place = reached.place()
    return mistake(
        "EST306",
        item.place(),
        actual=f"{item.prefix} ({item.owner})",
        other=reached.prefix,
        owner=reached.owner,
        first=f"{place.file.name}:{place.line}",
    )


def _prefixes(draft: Draft) -> Iterator[Prefix]:
    seen: set[object] = set()  # a loopback that stands twice is EST205, and needs no second error here
    for place in draft.sites:
        yield from _of_site(place, seen)
    ids: set[int] = set()
    for item in draft.links:
        if item.link.ipv4 is not None and item.link.id not in ids:
            ids.add(item.link.id)
            yield Prefix(item.link.ipv4, f"link {item.link.id}", _at(item.place, "ipv4"), item.link.vrf, _What.LINK)
    for index, service in enumerate(draft.services):
        if service.ipv4_anycast is not None:
            where = _at(draft.service_place, "services", index, "ipv4_anycast")
            yield Prefix(IPv4Network(service.ipv4_anycast), f"service {service.name}", where)


def _of_site(place: DraftSite, seen: set[object]) -> Iterator[Prefix]:
    site = place.site
    for index, vlan in enumerate(site.vlans):
        if vlan.ipv4 is not None:
            where = _at(place.place, "vlans", index, "ipv4")
            yield Prefix(vlan.ipv4, f"{site.site} {vlan.name}", where, vlan.vrf)
    for index, device in enumerate(site.devices):
        address = device.ipv4_loopback
        if address is not None and address not in seen:
            seen.add(address)
            yield Prefix(IPv4Network(address), device.name, _at(place.place, "devices", index, "ipv4_loopback"))
    for index, circuit in enumerate(site.circuits):
        if circuit.assigned is not None and circuit.assigned.ipv4 is not None:
            where = _at(place.place, "circuits", index, "assigned", "ipv4")
            owner = f"{site.site} {circuit.name}"
            yield Prefix(circuit.assigned.ipv4, owner, where, GLOBAL_VRF, _What.ASSIGNED)


def _at(placer: Callable[..., Place], *path: str | int) -> Callable[[], Place]:
    return lambda: placer(*path)
