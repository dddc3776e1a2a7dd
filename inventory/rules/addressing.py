"""The two address plans: what the IPv6 layout needs, and that the hosts of a VLAN fit into its IPv4 prefix."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Network

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.source.parsed_estate import Draft, DraftSite

_PLAN_LENGTH = 32  # the layout puts region and site into the 16 bits after it
_SMALLEST_VLAN = 30  # a gateway and at least one more host
USABLE = (IPv6Network("2000::/3"), IPv6Network("fc00::/7"))
_DOCUMENTATION = (IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST301 to EST305, EST307 and EST309. IPv6 numbers that collide are duplicates (EST202 to EST208)."""
    yield from _space(draft)
    yield from _regions(draft)
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            if vlan.ipv4 is not None and vlan.ipv4.prefixlen > _SMALLEST_VLAN:
                yield mistake("EST304", place.place("vlans", index, "ipv4"), actual=vlan.ipv4, vlan=vlan.name)
        yield from _hosts(place)


def _space(draft: Draft) -> Iterator[RackproofError]:
    prefix = draft.head.addressing.ipv6_prefix
    where = draft.head_file.place(("addressing", "ipv6_prefix"))
    if prefix.prefixlen != _PLAN_LENGTH:
        yield mistake("EST301", where, actual=prefix)
    elif not any(prefix.subnet_of(block) for block in USABLE):
        yield mistake("EST302", where, actual=prefix)
    elif any(prefix.subnet_of(block) or block.subnet_of(prefix) for block in _DOCUMENTATION):
        yield mistake("EST303", where, actual=prefix)
    second = draft.head.addressing.ipv6_second
    if second is not None and (
        second.prefixlen != _PLAN_LENGTH
        or second.overlaps(prefix)
        or not any(second.subnet_of(block) for block in USABLE)
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
