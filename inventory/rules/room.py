"""Room on hosts: what a service needs fits into each host it is placed on, as far as both are written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Resources, Service
from inventory.source.parsed_estate import Draft

_UNITS = {"vcpu": "vCPU", "ram_gb": "GB RAM", "storage_gb": "GB storage"}
_KEPT = ("ram_gb", "storage_gb")  # processors are shared in time, memory and disks are not


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST168 for a host that is too small for a service, EST169 for a recovery host or services together.

    Recovery with less is a decision some take (the requirement on it has a share), so there it is only doubt.
    """
    placed: dict[str, list[Service]] = {}
    for index, service in enumerate(draft.services):
        hosts = draft.hosts_of(service)
        yield from _alone(draft, index, service, hosts)
        for name in dict.fromkeys((*hosts, *service.dr_hosts)):
            placed.setdefault(name, []).append(service)
    for name, services in placed.items():
        yield from _together(draft, name, services)


def _alone(draft: Draft, index: int, service: Service, hosts: Iterable[str]) -> Iterator[RackproofError]:
    for code, key, names in (("EST168", "hosts", hosts), ("EST169", "dr_hosts", service.dr_hosts)):
        for name in names:
            short = _short(draft, name, [service], _UNITS)
            if short:
                named = getattr(service, key)
                at = (key, named.index(name)) if name in named else ("on_role",)
                where = draft.service_place("services", index, *at)
                yield mistake(code, where, actual=name, short=short, services=service.name)


def _together(draft: Draft, name: str, services: list[Service]) -> Iterator[RackproofError]:
    if len(services) < 2 or any(_short(draft, name, [service], _UNITS) for service in services):
        return  # one alone, or one that does not fit alone, is said already
    short = _short(draft, name, services, _KEPT)
    if short:
        site, device = draft.devices[name]
        where = site.place("devices", site.site.devices.index(device), "resources")
        yield mistake("EST169", where, actual=name, short=short, services=", ".join(item.name for item in services))


def _short(draft: Draft, name: str, services: list[Service], keys: Iterable[str]) -> str:
    """Say what a host lacks for services; an empty text when nothing, or when what it has is not written down."""
    has: Resources | None = draft.devices[name][1].resources if name in draft.devices else None
    if has is None:
        return ""
    needs = [item.needs for item in services if item.needs is not None]
    short = []
    for key in keys:
        wanted = sum(getattr(need, key) for need in needs)
        there = getattr(has, key)
        if wanted > there:
            short.append(f"{there:g} < {wanted:g} {_UNITS[key]}")
    return ", ".join(short)
