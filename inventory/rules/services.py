"""Services: where they run exists and can run them, and what must survive the loss of a site has somewhere to go."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Service
from inventory.model.enums import DeviceKind
from inventory.source.parsed_estate import Draft

_RUNS_SERVICES = (DeviceKind.HOST, DeviceKind.CONTROLLER)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST160 to EST167."""
    able = [name for name, (_site, device) in draft.devices.items() if device.kind in _RUNS_SERVICES]
    for index, service in enumerate(draft.services):
        for key in ("hosts", "dr_hosts"):
            for number, name in enumerate(getattr(service, key)):
                where = draft.service_place("services", index, key, number)
                if name not in draft.devices:
                    yield mistake("EST160", where, actual=name, known=able, service=service.name)
                elif name not in able:
                    kind = draft.devices[name][1].kind.value
                    yield mistake("EST161", where, actual=f"{name} ({kind})", service=service.name)
        yield from _twice(draft, index, service)
        yield from _placement(draft, index, service)
        yield from _recovery(draft, index, service)


def _twice(draft: Draft, index: int, service: Service) -> Iterator[RackproofError]:
    for key in ("hosts", "dr_hosts"):
        names = getattr(service, key)
        for number, name in enumerate(names):
            if name in names[:number]:
                where = draft.service_place("services", index, key, number)
                yield mistake("EST167", where, actual=name, service=service.name, key=key)


def _placement(draft: Draft, index: int, service: Service) -> Iterator[RackproofError]:
    """A role that no host has gives nothing: said of its own where hosts are named beside it, as nowhere otherwise."""
    role = service.on_role
    if role is not None and role not in draft.hosts_by_role:
        code = "EST165" if service.hosts else "EST164"
        where = draft.service_place("services", index, "on_role")
        yield mistake(code, where, actual=role, known=draft.hosts_by_role, service=service.name)
    elif not draft.hosts_of(service):
        yield mistake("EST164", draft.service_place("services", index), service=service.name)


def _recovery(draft: Draft, index: int, service: Service) -> Iterator[RackproofError]:
    if service.dr_scope and not service.dr_hosts:
        yield mistake("EST162", draft.service_place("services", index), service=service.name)
    own, homes = draft.hosts_of(service), _homes(draft, service)
    for number, name in enumerate(service.dr_hosts):
        where = draft.service_place("services", index, "dr_hosts", number)
        if name in draft.devices and draft.devices[name][0].site.site in homes:
            yield mistake("EST163", where, actual=name, service=service.name, site=draft.devices[name][0].site.site)
        elif name in own:
            yield mistake("EST166", where, actual=name, service=service.name, role=service.on_role)


def _homes(draft: Draft, service: Service) -> set[str]:
    """Return the sites that recovery hosts are to replace.

    A role that hosts of many sites have loses none of them with one site: there only the hosts it names count.
    """
    named = {draft.devices[name][0].site.site for name in service.hosts if name in draft.devices}
    every = {draft.devices[name][0].site.site for name in draft.hosts_of(service) if name in draft.devices}
    if len(every) == 1:
        return every
    return named
