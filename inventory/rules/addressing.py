"""The two address plans: what the IPv6 layout needs, and that no IPv4 prefix of today overlaps another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network

from core.errors import Place, RackproofError
from inventory.draft import Draft, DraftSite
from inventory.mistakes import mistake

_PLAN_LENGTH = 32  # the layout puts region and site into the 16 bits after it
_GLOBAL = "default"  # the VRF of loopbacks and services
_SMALLEST_VLAN = 30  # a gateway and at least one more host
_USABLE = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"))
_DOCUMENTATION = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
Prefix = tuple[IPv4Network, str, Callable[[], Place], str]


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST301 to EST309: address plan mistakes. IPv6 numbers that collide are duplicates (EST202 to EST208)."""
    yield from _space(draft)
    yield from _regions(draft)
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            if vlan.ipv4 is not None and vlan.ipv4.prefixlen > _SMALLEST_VLAN:
                yield mistake("EST304", place.place("vlans", index, "ipv4"), actual=vlan.ipv4, vlan=vlan.name)
        yield from _hosts(place)
    yield from _overlaps(draft)


def _space(draft: Draft) -> Iterator[RackproofError]:
    prefix = draft.head.addressing.ipv6_prefix
    where = draft.head_file.place(("addressing", "ipv6_prefix"))
    if prefix.prefixlen != _PLAN_LENGTH:
        yield mistake("EST301", where, actual=prefix)
    elif not any(prefix.subnet_of(block) for block in _USABLE):
        yield mistake("EST302", where, actual=prefix)
    elif any(prefix.subnet_of(block) or block.subnet_of(prefix) for block in _DOCUMENTATION):
        yield mistake("EST303", where, actual=prefix)
    second = draft.head.addressing.ipv6_second
    if second is not None and (
        second.prefixlen != _PLAN_LENGTH
        or second.overlaps(prefix)
        or not any(second.subnet_of(block) for block in _USABLE)
        or any(second.overlaps(block) for block in _DOCUMENTATION)
    ):
        yield mistake("EST309", draft.head_file.place(("addressing", "ipv6_second")), actual=second)


def _regions(draft: Draft) -> Iterator[RackproofError]:
    first: dict[int, tuple[str, str]] = {}
    for place in draft.sites:
        site = place.site
        owner, code = first.setdefault(site.region, (site.province, site.site))
        if site.province != owner:
            where = place.place("province") if site.province else place.place("region")
            yield mistake("EST307", where, actual=site.province or "''", region=site.region, owner=owner, first=code)


def _hosts(place: DraftSite) -> Iterator[RackproofError]:
    vlans = {vlan.name: vlan for vlan in place.site.vlans}
    for index, device in enumerate(place.site.devices):
        for number, attachment in enumerate(device.attach):
            vlan = vlans.get(attachment.vlan)
            if vlan is not None and vlan.ipv4 is not None and attachment.host > vlan.ipv4.num_addresses - 2:
                where = place.place("devices", index, "attach", number, "host")
                most = max(vlan.ipv4.num_addresses - 2, 0)
                yield mistake("EST305", where, actual=attachment.host, vlan=vlan.name, prefix=vlan.ipv4, most=most)


def _overlaps(draft: Draft) -> Iterator[RackproofError]:
    """Sweep over all IPv4 prefixes of a VRF in address order: one that starts before the widest ends overlaps it."""
    reached: Prefix | None = None
    for prefix in sorted(_prefixes(draft), key=lambda item: (item[3], item[0], item[1])):
        if reached is not None and reached[3] != prefix[3]:
            reached = None
        if reached is not None and prefix[0].network_address <= reached[0].broadcast_address:
            place = reached[2]()
            yield mistake(
                "EST306",
                prefix[2](),
                actual=f"{prefix[0]} ({prefix[1]})",
                other=reached[0],
                owner=reached[1],
                first=f"{place.file.name}:{place.line}",
            )
        if reached is None or prefix[0].broadcast_address > reached[0].broadcast_address:
            reached = prefix


def _prefixes(draft: Draft) -> Iterator[Prefix]:
    seen: set[object] = set()  # a loopback that stands twice is EST205, and needs no second error here
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            if vlan.ipv4 is not None:
                yield vlan.ipv4, f"{place.site.site} {vlan.name}", _at(place.place, "vlans", index, "ipv4"), vlan.vrf
        for index, device in enumerate(place.site.devices):
            address = device.ipv4_loopback
            if address is not None and address not in seen:
                seen.add(address)
                yield IPv4Network(address), device.name, _at(place.place, "devices", index, "ipv4_loopback"), _GLOBAL
    ids: set[int] = set()
    for item in draft.links:
        if item.link.ipv4 is not None and item.link.id not in ids:
            ids.add(item.link.id)
            yield item.link.ipv4, f"link {item.link.id}", _at(item.place, "ipv4"), item.link.vrf
    for index, service in enumerate(draft.services):
        if service.ipv4_anycast is not None:
            where = _at(draft.service_place, "services", index, "ipv4_anycast")
            yield IPv4Network(service.ipv4_anycast), f"service {service.name}", where, _GLOBAL


def _at(placer: Callable[..., Place], *path: str | int) -> Callable[[], Place]:
    return lambda: placer(*path)
