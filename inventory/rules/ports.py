"""Switch ports and first-hop security: every port has a use, machines cannot play router, routers are not shut out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device, PortUse, Vlan
from inventory.model.enums import Assignment, DeviceKind, Duty, Family, Feature, PortMode
from inventory.model.hardware import port_range
from inventory.source.parsed_estate import Draft, DraftSite


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST195, EST198 (guards that guard nothing), EST322 and EST360 to EST371."""
    used: set[str] = set()
    for place in draft.sites:
        tier = draft.tiers.get(place.site.tier)
        duty = tier.guarded_ports if tier else Duty.NONE
        for index, device in enumerate(place.site.devices):
            used.update(use.guard for use in device.ports if use.guard)
            for number, use in enumerate(device.ports):
                yield from _use(draft, place, (index, number), use, duty)
            yield from _cover(draft, place, index, device, duty)
    for name in draft.policies.guards:
        if name not in used:
            yield mistake("EST370", draft.policy_place("guards", name), actual=name)


def _use(draft: Draft, place: DraftSite, at: tuple[int, int], use: PortUse, duty: Duty) -> Iterator[RackproofError]:
    def where(*path: str) -> tuple[str | int, ...]:
        return ("devices", at[0], "ports", at[1], *path)

    vlans = {vlan.name: vlan for vlan in place.site.vlans}
    if (use.mode is PortMode.ACCESS) != (use.vlan is not None):
        yield mistake("EST362", place.place(*where("vlan")), actual=use.vlan, use=use.name, mode=use.mode.value)
    elif use.vlan is not None and use.vlan not in vlans:
        yield mistake("EST363", place.place(*where("vlan")), actual=use.vlan, known=vlans, use=use.name)
    guards = draft.policies.guards
    if use.guard is not None and use.guard not in guards:
        yield mistake("EST364", place.place(*where("guard")), actual=use.guard, known=guards, use=use.name)
    elif use.mode is PortMode.ACCESS and use.guard is not None and guards[use.guard].trusted:
        yield mistake("EST365", place.place(*where("guard")), actual=use.guard, use=use.name)
    elif use.mode is PortMode.TRUNK and (use.guard is None or not guards[use.guard].trusted):
        yield mistake("EST366", place.place(*where("guard")), actual=use.guard, use=use.name)
    elif use.mode is PortMode.ACCESS and use.guard is not None:
        yield from _guarding(draft, partial(place.place, *where("guard")), use, vlans.get(use.vlan or ""), duty)
    elif use.mode is PortMode.ACCESS and use.guard is None:
        vlan = vlans.get(use.vlan or "")
        advertised = vlan is not None and vlan.assignment is not Assignment.STATIC
        if advertised or duty is Duty.ERROR:
            yield mistake("EST367", place.place(*where()), use=use.name, vlan=use.vlan)
        elif duty is Duty.WARNING:
            yield mistake("EST368", place.place(*where()), use=use.name, vlan=use.vlan)


def _guarding(
    draft: Draft, where: Callable[[], Place], use: PortUse, vlan: Vlan | None, duty: Duty
) -> Iterator[RackproofError]:
    """Yield EST195 and EST198: a profile keeps out routers (RFC 6105) and DHCPv6 servers (RFC 7610), or is none.

    A false DHCPv6 server is asked only where the VLAN's machines ask one; elsewhere it is as grave as the tier says.
    """
    if vlan is None or use.guard is None or Family.IPV6 not in vlan.families:
        return
    features = draft.policies.guards[use.guard].features
    asks = {
        Feature.RA_GUARD: vlan.assignment is not Assignment.STATIC,
        Feature.DHCPV6_GUARD: vlan.assignment is Assignment.DHCPV6,
    }
    missing = [feature for feature in asks if feature not in features]
    grave = duty is Duty.ERROR or any(asks[feature] for feature in missing)
    if missing and (grave or duty is Duty.WARNING):
        shown = ", ".join(feature.value for feature in missing)
        code = "EST195" if grave else "EST198"
        yield mistake(code, where(), actual=use.guard, use=use.name, vlan=vlan.name, missing=shown)


def _cover(draft: Draft, place: DraftSite, index: int, device: Device, duty: Duty) -> Iterator[RackproofError]:
    model = draft.hardware_of(device)
    if model is None:
        if draft.hardware and device.hardware is None and device.kind is DeviceKind.SWITCH and duty is not Duty.NONE:
            yield mistake("EST322", place.place("devices", index), actual=device.name)
        return
    there = model.port_names()
    seen: dict[str, str] = {}
    for number, use in enumerate(device.ports):
        where = partial(place.place, "devices", index, "ports", number, "ports")
        names = port_range(use.ports)
        strange = [name for name in names if name not in there]
        if strange or not names:
            blocks = [f"{b.name}{b.first}-{b.first + b.count - 1}" for b in model.ports]
            yield mistake("EST360", where(), actual=use.ports, hardware=device.hardware, there=", ".join(blocks) or "-")
        twice = next((name for name in names if name in seen), None)
        if twice is not None:
            yield mistake("EST361", where(), actual=twice, first=seen[twice])
        seen.update(dict.fromkeys(names, use.name))
    silent = [name for name in there if name not in seen]
    if silent and device.kind is DeviceKind.SWITCH and duty is not Duty.NONE:
        code = "EST369" if duty is Duty.ERROR else "EST371"
        at = place.place("devices", index, "ports") if device.ports else place.place("devices", index)
        shown = ", ".join(silent[:6])
        if len(silent) > 6:
            shown += f", … ({len(silent)})"
        yield mistake(code, at, actual=shown, device=device.name)
