"""Services: where they run exists and can run them, and what must survive the loss of a site has somewhere to go."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.draft import Draft
from inventory.kinds import DeviceKind
from inventory.mistakes import mistake
from inventory.model import Service

_RUNS_SERVICES = (DeviceKind.HOST, DeviceKind.CONTROLLER)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST160 to EST164."""
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
        yield from _recovery(draft, index, service)


def _recovery(draft: Draft, index: int, service: Service) -> Iterator[RackproofError]:
    if service.dr_scope and not service.dr_hosts:
        yield mistake("EST162", draft.service_place("services", index), service=service.name)
    homes = {draft.devices[name][0].site.site for name in service.hosts if name in draft.devices}
    for number, name in enumerate(service.dr_hosts):
        if name in draft.devices and draft.devices[name][0].site.site in homes:
            where = draft.service_place("services", index, "dr_hosts", number)
            yield mistake("EST163", where, actual=name, service=service.name, site=draft.devices[name][0].site.site)
    if not service.hosts and not any(device.role == service.on_role for _site, device in draft.devices.values()):
        yield mistake("EST164", draft.service_place("services", index), service=service.name)
