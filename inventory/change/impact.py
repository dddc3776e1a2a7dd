"""Who feels the changes of an estate: the owners of sites, the services, and the sites whose way to a hub changes."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.change.diff import EstateChange
from inventory.model.estate import Estate
from inventory.network.failures import single_points


@dataclass(frozen=True, slots=True)
class Affected:
    """One site that changes touch, who answers for it, and what kinds of things change there."""

    site: str
    name: str
    owner: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What changes mean: sites, services (by name), and per site the single failures that it gains or loses."""

    sites: tuple[Affected, ...]
    services: tuple[str, ...]
    new_single_points: dict[str, tuple[str, ...]]
    gone_single_points: dict[str, tuple[str, ...]]


def find_impact(old: Estate, new: Estate, changed: list[EstateChange]) -> Impact:
    """Return who is affected by ``changed``, the differences from ``old`` to ``new``."""
    reasons: dict[str, dict[str, None]] = {}
    for change in changed:
        for site in change.sites:
            reasons.setdefault(site, {})[change.kind] = None
    before, after = single_points(old), single_points(new)
    both = [code for code in new.sites if code in old.sites]
    return Impact(
        tuple(_affected(old, new, site, tuple(kinds)) for site, kinds in reasons.items()),
        _services(old, new, changed),
        _difference(after, before, both),
        _difference(before, after, both),
    )


def _affected(old: Estate, new: Estate, code: str, kinds: tuple[str, ...]) -> Affected:
    site = new.sites.get(code) or old.sites[code]
    owner = site.owner.unit.translate() if site.owner else ""
    return Affected(code, site.name.translate(), owner, kinds)


def _services(old: Estate, new: Estate, changed: list[EstateChange]) -> tuple[str, ...]:
    """Return the services that change, and those with a host that changes or whose address does."""
    touched = {change.name.split(" ")[0] for change in changed if change.kind in ("device", "address")}
    gone: set[str] = set()
    for change in changed:
        if change.kind == "site":
            gone |= set(change.sites)
    found = {change.name: None for change in changed if change.kind == "service"}
    for estate in (old, new):
        for service in estate.services.values():
            hosts = {*service.hosts, *service.dr_hosts}
            if hosts & touched or gone & {estate.site_of[host] for host in hosts}:
                found[service.name] = None
    return tuple(found)


def _difference(
    more: dict[str, tuple[str, ...]], less: dict[str, tuple[str, ...]], sites: list[str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for site in sites:
        known = less.get(site, ())
        causes = tuple(cause for cause in more.get(site, ()) if cause not in known)
        if causes:
            found[site] = causes
    return found
