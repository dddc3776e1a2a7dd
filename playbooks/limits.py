"""What ``--limit`` may name: a host or a site."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import RackproofError
from inventory.export.hosts import host_inventory
from inventory.model.estate import Estate


def resolve_limit(estate: Estate, names: Sequence[str]) -> list[str]:
    """Return the hosts that these hosts and sites stand for, in the order of the estate.

    Raises RackproofError (PRV002) for a name that is neither, and for a site without hosts: a typing error must not
    look like a run that found nothing to do.
    """
    by_site: dict[str, list[str]] = {}
    for host in host_inventory(estate).hosts:
        by_site.setdefault(host.variables["rackproof_site"], []).append(host.name)
    hosts = {host for members in by_site.values() for host in members}
    chosen: set[str] = set()
    for name in names:
        if name not in hosts and name not in by_site:
            raise RackproofError("PRV002", actual=name, known=hosts | set(by_site))
        chosen.update(by_site.get(name, [name]))
    return [host for members in by_site.values() for host in members if host in chosen]
