"""Address families: what says it uses IPv4 has an IPv4 prefix, and what a site uses fits the stage it says it is at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.enums import Family, Stage
from inventory.source.parsed_estate import Draft, DraftSite

Used = tuple[str, tuple[Family, ...], Callable[..., Place]]
_STAGES = tuple(Stage)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST317 to EST319 (prefixes), EST340 to EST343 (stages and their days), EST047 (services)."""
    links = _links_by_site(draft)
    for place in draft.sites:
        for index, vlan in enumerate(place.site.vlans):
            if (vlan.ipv4 is None) == (Family.IPV4 in vlan.families):
                code = "EST317" if vlan.ipv4 is None else "EST318"
                yield mistake(code, place.place("vlans", index), actual=vlan.ipv4, vlan=vlan.name)
        yield from _stage(place, [*_vlans(place), *links.get(place.site.site, [])])
        yield from _days(draft, place)
    yield from _services(draft)
    for item in draft.links:
        if item.link.ipv4 is not None and Family.IPV4 not in item.link.families:
            yield mistake("EST319", item.place("ipv4"), actual=item.link.ipv4, link=item.link.id)


def _vlans(place: DraftSite) -> list[Used]:
    return [
        (f"VLAN {vlan.name}", vlan.families, partial(place.place, "vlans", index))
        for index, vlan in enumerate(place.site.vlans)
    ]


def _links_by_site(draft: Draft) -> dict[str, list[Used]]:
    found: dict[str, list[Used]] = {}
    for item in draft.links:
        ends = [draft.devices[e.device][0].site for e in (item.link.a, item.link.b) if e.device in draft.devices]
        waits = any(site.stage is Stage.IPV4_ONLY for site in ends)  # one end is not ready: the other cannot be blamed
        for code in dict.fromkeys(site.site for site in ends if not waits or site.stage is Stage.IPV4_ONLY):
            used: Used = (f"link {item.link.id}", item.link.families, partial(item.place, "id"))
            found.setdefault(code, []).append(used)
    return found


def _stage(place: DraftSite, used: list[Used]) -> Iterator[RackproofError]:
    """At dual stack nothing is without IPv6; at IPv6 only no VLAN has IPv4; links may serve others, and keep theirs."""
    stage = place.site.stage
    for name, families, where in used:
        if stage is not Stage.IPV4_ONLY and Family.IPV6 not in families:
            yield mistake("EST340", where(), actual=name, site=place.site.site, stage=stage.value)
        elif stage is Stage.IPV6_ONLY and Family.IPV4 in families and name.startswith("VLAN"):
            yield mistake("EST341", where(), actual=name, site=place.site.site)
    if stage is Stage.IPV4_ONLY and used and all(Family.IPV6 in families for _name, families, _where in used):
        yield mistake("EST342", place.place("stage"), actual=stage.value, site=place.site.site)


def _services(draft: Draft) -> Iterator[RackproofError]:
    """A service that only IPv4 reaches runs at no site that says it has none."""
    for index, service in enumerate(draft.services):
        if Family.IPV6 in service.families:
            continue
        for name in (*draft.hosts_of(service), *service.dr_hosts):
            site = draft.devices[name][0].site if name in draft.devices else None
            if site is not None and site.stage is Stage.IPV6_ONLY:
                where = draft.service_place("services", index, "families")
                yield mistake("EST047", where, actual=name, service=service.name, site=site.site)
                break


def _days(draft: Draft, place: DraftSite) -> Iterator[RackproofError]:
    tier = draft.tiers.get(place.site.tier)
    days = dict(place.site.transition)
    if tier:
        days = {**tier.transition, **days}
    ordered = [(stage, days[stage]) for stage in _STAGES if stage in days]
    for (earlier, first), (later, second) in pairwise(ordered):
        if second <= first:
            where = place.place("transition") if place.site.transition else place.place("tier")
            yield mistake("EST343", where, actual=second, later=later.value, earlier=earlier.value, first=first)
