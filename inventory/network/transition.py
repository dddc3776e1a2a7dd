"""The way of every site from IPv4 to IPv6 alone, as planned (RFC 7381) and as the estate itself shows it.

The stage a site says it is at is a claim; what its VLANs, links, loopbacks and services use is counted beside it. What
stands in the way of the next stage is named, and what nobody has looked at stands in the way too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from core.i18n import N_, _
from inventory.model.entities import Device, Site
from inventory.model.enums import Assignment, Family, Feature, Stage
from inventory.model.estate import Estate, Interface

_VLAN = N_("VLAN {} without IPv6")
_SERVICE = N_("service {} without IPv6")
_RELAY = N_("VLAN {} without DHCPv6 server")
_NOT_KNOWN = N_("{}: not known whether it can be managed over IPv6 alone")
_CANNOT = N_("{}: cannot be managed over IPv6 alone")
_NEXT = {Stage.IPV4_ONLY: Stage.DUAL_STACK, Stage.DUAL_STACK: Stage.IPV6_ONLY}


@dataclass(frozen=True, slots=True)
class Progress:
    """One site: its stage as said and as counted, how many interfaces use which family, and the next stage.

    ``shares`` are IPv6 and IPv4 shares of its interfaces, 0 to 1. ``due`` is the day of the next stage; ``overdue``
    says that a stage whose day has passed is not reached. ``in_the_way`` names what keeps the site from the next stage,
    or from the last one that it only says it has reached.
    """

    site: str
    tier: str
    said: Stage
    counted: Stage | None
    interfaces: int
    ipv6: int
    ipv4: int
    next: Stage | None
    due: date | None
    overdue: bool
    in_the_way: tuple[str, ...]

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of its interfaces that use IPv6 and IPv4; zeros for a site without interfaces."""
        if self.interfaces:
            return (self.ipv6 / self.interfaces, self.ipv4 / self.interfaces)
        return (0.0, 0.0)


def progress(estate: Estate, today: date) -> Iterator[Progress]:
    """Yield every site, in the order of the files."""
    services = _services(estate)
    for code, site in estate.sites.items():
        held = list(chain.from_iterable(estate.interfaces(device.name) for device in site.devices))
        days = {**estate.tier_of(code).transition, **site.transition}
        counted = _counted(held)
        following = _NEXT.get(site.stage)
        held_up = tuple(_in_the_way(estate, site, following or site.stage, services.get(code, [])))
        # What claims the last stage and is held up is measured by the stage before it.
        reached = site.stage if following or not held_up else Stage.DUAL_STACK
        yield Progress(
            code,
            site.tier,
            site.stage,
            counted,
            len(held),
            sum(1 for interface in held if interface.ipv6 is not None),
            sum(1 for interface in held if interface.ipv4 is not None),
            following,
            days.get(following) if following else None,
            _overdue(days, reached, counted, today),
            held_up,
        )


def _counted(held: list[Interface]) -> Stage | None:
    """Return the stage that the interfaces show; None when there are none to show anything."""
    if not held:
        return None
    if all(i.ipv4 is None for i in held if i.kind == "vlan") and all(i.ipv6 is not None for i in held):
        return Stage.IPV6_ONLY
    if all(i.ipv6 is not None for i in held):
        return Stage.DUAL_STACK
    return Stage.IPV4_ONLY


def _overdue(days: dict[Stage, date], said: Stage, counted: Stage | None, today: date) -> bool:
    """Tell whether a stage is not reached on its day; a site that shows nothing has reached nothing."""
    order = list(Stage)
    reached = min(order.index(said), order.index(counted)) if counted is not None else -1
    return any(today > day and order.index(stage) > reached for stage, day in days.items())


def _services(estate: Estate) -> dict[str, list[str]]:
    """Return for every site the services it hosts that cannot be used over IPv6 alone."""
    found: dict[str, list[str]] = {}
    for service in estate.services.values():
        if Family.IPV6 not in service.families:
            for code in dict.fromkeys(estate.site_of[host] for host in (*service.hosts, *service.dr_hosts)):
                found.setdefault(code, []).append(service.name)
    return found


def _in_the_way(estate: Estate, site: Site, following: Stage, services: list[str]) -> Iterator[str]:
    """Name what keeps a site from a stage: that of tomorrow, or IPv6 alone where it says that it is there already."""
    if following is Stage.DUAL_STACK:
        yield from (_said(_VLAN, vlan.name) for vlan in site.vlans if not estate.uses_ipv6(vlan))
    if following is not Stage.IPV6_ONLY:
        return
    yield from (_said(_SERVICE, name) for name in services)
    yield from (_management(estate, device) for device in site.devices if _management(estate, device))
    for vlan in site.vlans:
        if not estate.uses_ipv6(vlan):
            yield _said(_VLAN, vlan.name)
        elif vlan.assignment is Assignment.DHCPV6 and not vlan.relay:
            yield _said(_RELAY, vlan.name)


def _management(estate: Estate, device: Device) -> str:
    """Say why a device cannot be managed over IPv6 alone; an empty text when it can, or has no address at all."""
    if not estate.interfaces(device.name):
        return ""
    model = estate.hardware.get(device.hardware) if device.hardware else None
    if model is None or model.features is None:
        return _said(_NOT_KNOWN, device.name)
    if Feature.IPV6_MANAGEMENT in model.features:
        return ""
    return _said(_CANNOT, device.name)


def _said(text: str, name: str) -> str:
    """Return a reason in the language of this process."""
    return _(text).format(name)
