"""Links: both ends exist and differ, IPv4 is a /31, the speed is what the tiers at both ends ask for."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.enums import DeviceKind, Family
from inventory.source.parsed_estate import Draft, DraftLink

_LINKED = (DeviceKind.ROUTER, DeviceKind.FIREWALL, DeviceKind.SWITCH)
_LENGTH = 31  # RFC 3021


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST120 to EST126."""
    able = [name for name, (_site, device) in draft.devices.items() if device.kind in _LINKED]
    for item in draft.links:
        yield from _ends(draft, item, able)
        yield from _ipv4(item)
        yield from _speed(draft, item)
    for place in draft.sites:
        tier = draft.tiers.get(place.site.tier)
        paths = sorted({circuit.path for circuit in place.site.circuits})
        if tier is not None and len(paths) < tier.min_paths:
            where = place.place("circuits")
            yield mistake("EST126", where, actual=", ".join(paths) or None, tier=place.site.tier, least=tier.min_paths)


def _ends(draft: Draft, item: DraftLink, able: list[str]) -> Iterator[RackproofError]:
    for side, end in (("a", item.link.a), ("b", item.link.b)):
        where = item.place(side, "device")
        if end.device not in draft.devices:
            yield mistake("EST120", where, actual=end.device, known=able, link=item.link.id)
        elif end.device not in able:
            kind = draft.devices[end.device][1].kind.value
            yield mistake("EST121", where, actual=f"{end.device} ({kind})", link=item.link.id)
    if item.link.a.device == item.link.b.device:
        yield mistake("EST122", item.place("b", "device"), actual=item.link.b.device, link=item.link.id)


def _ipv4(item: DraftLink) -> Iterator[RackproofError]:
    if item.link.ipv4 is None and Family.IPV4 in item.link.families:
        yield mistake("EST124", item.place("ipv4"), link=item.link.id)
    elif item.link.ipv4 is not None and item.link.ipv4.prefixlen != _LENGTH:
        yield mistake("EST123", item.place("ipv4"), actual=item.link.ipv4, link=item.link.id)


def _speed(draft: Draft, item: DraftLink) -> Iterator[RackproofError]:
    for name in dict.fromkeys((item.link.a.device, item.link.b.device)):
        if name not in draft.devices:
            continue
        tier_name = draft.devices[name][0].site.tier
        tier = draft.tiers.get(tier_name)
        least = tier.min_speed_mbps.get(item.link.role) if tier else None
        if least is not None and item.link.speed_mbps < least:
            yield mistake(
                "EST125",
                item.place("speed_mbps"),
                actual=item.link.speed_mbps,
                link=item.link.id,
                role=item.link.role.value,
                least=least,
                tier=tier_name,
                device=name,
            )
            return
