"""Packet filters: they exist, fit their family, have a twin in the other one, and let ICMPv6 do its work (RFC 4890)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

from pydantic import Field

from core.errors import RackproofError
from core.models import read_model
from inventory.model.diagnostics import mistake
from inventory.model.entities import Vlan
from inventory.model.enums import Assignment, Family
from inventory.model.fields import StrictModel
from inventory.model.policy import FilterRule, PacketFilter
from inventory.source.parsed_estate import Draft, DraftSite

_ICMP = {Family.IPV4: "icmp", Family.IPV6: "icmpv6"}
_VERSIONS = {Family.IPV4: 4, Family.IPV6: 6}
_DHCPV6 = 547
_CLIENTS = IPv6Network("fe80::/64")
_RELAYS = IPv6Address("ff02::1:2")
_TABLE = Path(__file__).resolve().parent / "icmpv6.yml"


class Icmpv6Types(StrictModel):
    """The types of ICMPv6 (number → name) that a filter must let pass, and those that it never may."""

    must: dict[int, str] = Field(min_length=1)
    never: dict[int, str] = Field(min_length=1)


@cache
def icmpv6() -> Icmpv6Types:
    """Return the types that must pass and those that never may, with their names."""
    return read_model(_TABLE, Icmpv6Types)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST196 (DHCPv6 that a filter stops) and EST350 to EST359."""
    used: set[str] = set()
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            used.update(vlan.filters)
            yield from _bound(draft, place, index, vlan)
    for name, item in draft.policies.filters.items():
        if name not in used:
            yield mistake("EST357", draft.policy_place("filters", name), actual=name)
        for index, rule in enumerate(item.rules):
            yield from _rule(draft, name, index, rule, item.family)
        yield from _shadowed(draft, name, item)
        if item.family is Family.IPV6:
            yield from _icmpv6(draft, name, item)


def _bound(draft: Draft, place: DraftSite, index: int, vlan: Vlan) -> Iterator[RackproofError]:
    families: list[Family] = []
    for number, name in enumerate(vlan.filters):
        where = place.place("vlans", index, "filters", number)
        found = draft.policies.filters.get(name)
        if found is None:
            yield mistake("EST350", where, actual=name, known=draft.policies.filters, vlan=vlan.name)
            continue
        if found.family not in vlan.families:
            yield mistake("EST351", where, actual=name, vlan=vlan.name, family=found.family.value)
        if found.family in families:
            yield mistake("EST359", where, actual=name, vlan=vlan.name, family=found.family.value)
        families.append(found.family)
        asked = vlan.assignment is Assignment.DHCPV6 and found.family is Family.IPV6
        stop = _stops_dhcpv6(found.rules) if asked else None
        if stop is not None:
            rule = stop + 1 if stop < len(found.rules) else "-"  # the end of the list has no number
            yield mistake("EST196", where, actual=name, vlan=vlan.name, rule=rule)
    missing = [family.value for family in vlan.families if families and family not in families]
    if missing:
        where = place.place("vlans", index, "filters")
        yield mistake("EST352", where, actual=", ".join(vlan.filters), vlan=vlan.name, family=missing[0])


def _stops_dhcpv6(rules: tuple[FilterRule, ...]) -> int | None:
    """Return the rule that stops what a client asks a relay, len(rules) for the end of the list; None when it passes.

    RFC 8415: from a link-local address to All_DHCP_Relay_Agents_and_Servers, UDP port 547.
    """
    for number, rule in enumerate(rules):
        fits = rule.protocol == "any" or (rule.protocol == "udp" and (not rule.ports or _DHCPV6 in rule.ports))
        source, destination = rule.source, rule.destination
        fits &= source is None or (isinstance(source, IPv6Network) and _asks_from(source, rule.action == "permit"))
        fits &= destination is None or (isinstance(destination, IPv6Network) and _RELAYS in destination)
        if fits:
            if rule.action == "deny":
                return number
            return None
    return len(rules)


def _asks_from(source: IPv6Network, some: bool) -> bool:
    """Tell whether clients ask from there: all of them for a rule that stops them, any for one that lets them pass."""
    if some:
        return _CLIENTS.overlaps(source)
    return _CLIENTS.subnet_of(source)


def _rule(draft: Draft, name: str, index: int, rule: FilterRule, family: Family) -> Iterator[RackproofError]:
    where = draft.policy_place("filters", name, "rules", index)
    if rule.protocol in _ICMP.values() and rule.protocol != _ICMP[family]:
        yield mistake("EST356", where, actual=rule.protocol, filter=name, family=family.value)
    if (rule.types and rule.protocol not in _ICMP.values()) or (rule.ports and rule.protocol not in ("tcp", "udp")):
        key = "types" if rule.types else "ports"
        yield mistake("EST358", where, actual=rule.protocol, filter=name, key=key)
    for prefix in (rule.source, rule.destination):
        if prefix is not None and prefix.version != _VERSIONS[family]:
            yield mistake("EST356", where, actual=prefix, filter=name, family=family.value)


def _covers(earlier: FilterRule, later: FilterRule) -> bool:
    """Tell whether every packet that the later rule fits was decided by the earlier one."""
    whole = earlier.protocol == "any" or (
        earlier.protocol == later.protocol
        and (not earlier.types or (bool(later.types) and set(later.types) <= set(earlier.types)))
        and (not earlier.ports or (bool(later.ports) and set(later.ports) <= set(earlier.ports)))
    )
    return whole and all(
        mine is None or (theirs is not None and theirs.version == mine.version and theirs.subnet_of(mine))  # type: ignore[arg-type]
        for mine, theirs in ((earlier.source, later.source), (earlier.destination, later.destination))
    )


def _shadowed(draft: Draft, name: str, item: PacketFilter) -> Iterator[RackproofError]:
    for index, rule in enumerate(item.rules):
        first = next((n for n, earlier in enumerate(item.rules[:index]) if _covers(earlier, rule)), None)
        if first is not None:
            where = draft.policy_place("filters", name, "rules", index)
            yield mistake("EST355", where, filter=name, number=index + 1, first=first + 1)


def _icmpv6(draft: Draft, name: str, item: PacketFilter) -> Iterator[RackproofError]:
    """The first rule that fits decides; one that fits only some packets of a type does not surely let it pass."""
    for type_, word in icmpv6().must.items():
        number = _blocking(item.rules, type_)
        if number is not None:
            path = ("rules", number) if number < len(item.rules) else ()
            where = draft.policy_place("filters", name, *path)
            yield mistake("EST353", where, actual=f"{type_} ({word})", filter=name)
    for type_, word in icmpv6().never.items():
        number = _letting_through(item.rules, type_)
        if number is not None:
            where = draft.policy_place("filters", name, "rules", number)
            yield mistake("EST354", where, actual=f"{type_} ({word})", filter=name)


def _fits(rule: FilterRule, type_: int) -> bool:
    return rule.protocol == "any" or (rule.protocol == "icmpv6" and (not rule.types or type_ in rule.types))


def _partly(rule: FilterRule) -> bool:
    return rule.source is not None or rule.destination is not None or bool(rule.ports)


def _blocking(rules: tuple[FilterRule, ...], type_: int) -> int | None:
    """Return the rule that stops (some of) a type, len(rules) for the end of the list; None when all of it passes."""
    for number, rule in enumerate(rules):
        if _fits(rule, type_) and (rule.action == "deny" or not _partly(rule)):
            if rule.action == "deny":
                return number
            return None
    return len(rules)


def _letting_through(rules: tuple[FilterRule, ...], type_: int) -> int | None:
    """Return the rule that lets (some of) a type pass; None when none does."""
    for number, rule in enumerate(rules):
        if _fits(rule, type_) and (rule.action == "permit" or not _partly(rule)):
            if rule.action == "permit":
                return number
            return None
    return None
