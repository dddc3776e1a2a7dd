"""What a room looks like with components taken away: racks, devices, ratings and zones. By rating, not live load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.facility.flow import Flow
from inventory.facility.verdict import FacilityCase, FacilityFinding, FacilityOutcome, listed
from inventory.model.enums import DeviceKind

# Kinds whose loss takes a service with them, as the judges of the live readings have it. Another kind that has one
# inlet cannot hang on two sides: it fails for itself (single-corded) and not every component above it.
_SERVING = (DeviceKind.ROUTER, DeviceKind.SWITCH, DeviceKind.FIREWALL, DeviceKind.HOST, DeviceKind.CONTROLLER)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a state does. ``over``: (component, load, rating) in watt; ``hot``: (zone, heat, cooling that runs) in watt.

    ``for_itself``: dropped devices that have one inlet and take no service with them. ``unknown``: names of what is not
    known and could still drop or overload something. ``highest`` is the component nearest to its rating.
    """

    dark: tuple[str, ...]
    dropped: tuple[str, ...]
    for_itself: tuple[str, ...]
    over: tuple[tuple[str, float, int], ...]
    hot: tuple[tuple[str, int, int], ...]
    unknown: tuple[str, ...]
    highest: tuple[str, float, int] | None

    @property
    def verdict(self) -> FacilityOutcome:
        """Fail when a load is dropped, a component or zone is above its capacity; unknown when that is not known."""
        if self.dark or self.dropped or self.over or self.hot:
            return FacilityOutcome.FAIL
        if self.unknown:
            return FacilityOutcome.UNKNOWN
        return FacilityOutcome.PASS

    def parts(self) -> tuple[tuple[str, dict[str, object]], ...]:
        """Return the effect as sentences of ``rules.yml``: key and facts."""
        said: list[tuple[str, dict[str, object]]] = []
        named = [("dark", self.dark), ("dropped", self.dropped), ("for_itself", self.for_itself)]
        said += [(key, {"names": listed(names)}) for key, names in named if names]
        said += [("over", {"name": name, "load": f"{load:g}", "rating": rating}) for name, load, rating in self.over]
        said += [("hot", {"zone": zone, "heat": heat, "cold": cold}) for zone, heat, cold in self.hot]
        if self.unknown:
            said.append(("unknown", {"names": listed(self.unknown)}))
        if self.highest and self.highest[1] and not self.over:
            name, load, rating = self.highest
            said.append(("highest", {"name": name, "load": f"{load:g}", "rating": rating}))
        return tuple(said)


def effect(case: FacilityCase, state: Flow) -> Effect:
    """Return what a state of the power chain does to racks, devices, components and zones."""
    facility = case.facility
    devices = {device.name: device for device in facility.site.devices}
    lonely = {
        name
        for name in state.dropped
        if devices[name].kind not in _SERVING and len(devices[name].cords) == 1 and facility.inlets(devices[name]) == 1
    }
    loads = [(name, load, facility.nodes[name].rating_w) for name, load in state.load_w.items()]
    hot, unknown = _climate(state)
    unknown.update(*state.unknown.values())
    unknown |= {load.name for load in facility.loads if not load.placed and load.name not in state.lost}
    return Effect(
        dark=state.dark,
        dropped=tuple(name for name in state.dropped if name not in lonely),
        for_itself=tuple(name for name in state.dropped if name in lonely),
        over=tuple(item for item in loads if item[1] > item[2]),
        hot=hot,
        unknown=tuple(sorted(unknown)),
        highest=max(loads, key=lambda item: item[1] / item[2], default=None),
    )


def removable(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every power component and every cooling unit can be taken away without dropping a load, one at a time."""
    if not case.facility.nodes:
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_chain")
    for name, state in case.without.items():
        yield _finding(name, effect(case, state))


def generator_start(case: FacilityCase) -> Iterator[FacilityFinding]:
    """With every utility lost the generators carry everything, devices and cooling, within the ratings."""
    site, kinds = case.facility.site, {str(node.kind) for node in case.facility.nodes.values()}
    if not kinds:
        yield FacilityFinding(site.site, FacilityOutcome.UNKNOWN, text="no_chain")
    elif "generator" not in kinds:
        yield FacilityFinding(site.site, FacilityOutcome.FAIL, 0, 1, "units", text="no_generator")
    elif "utility" not in kinds:
        yield FacilityFinding(site.site, FacilityOutcome.UNKNOWN, text="no_utility")
    else:
        found = effect(case, case.blackout)
        finding = _finding(site.site, found)
        if found.for_itself:
            finding = _failed(finding)
        yield finding


def cooling_fed(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every zone stays cooled when any one power component is lost: the capacity that is fed covers the heat."""
    for zone in case.normal.zones:
        units = [unit for unit in case.facility.site.cooling if unit.zone == zone]
        states = {name: case.without[name].zones[zone] for name in case.facility.nodes}
        if not units:
            yield FacilityFinding(zone, FacilityOutcome.UNKNOWN, text="none")
            continue
        if not states:
            yield FacilityFinding(zone, FacilityOutcome.UNKNOWN, text="no_chain")
            continue
        heat = case.normal.zones[zone].heat_w
        worst = min(states.values(), key=lambda state: state.cold_w)
        bad = tuple(name for name, state in states.items() if state.heat_w > state.cold_w + state.doubtful_w)
        unknown = sorted(set().union(*(state.unknown for state in states.values())))
        unknown += [unit.name for unit in units if not unit.fed_by]
        if bad:
            yield FacilityFinding(zone, FacilityOutcome.FAIL, heat, worst.cold_w, "W", bad)
        elif unknown:
            yield FacilityFinding(zone, FacilityOutcome.UNKNOWN, heat, worst.cold_w, "W", tuple(unknown))
        else:
            yield FacilityFinding(zone, FacilityOutcome.PASS, heat, worst.cold_w, "W")
    if not case.normal.zones:
        yield FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_rack")


def _climate(state: Flow) -> tuple[tuple[tuple[str, int, int], ...], set[str]]:
    """Return the zones that are certainly too warm, and what is not known of the others."""
    hot: list[tuple[str, int, int]] = []
    unknown: set[str] = set()
    for name, zone in state.zones.items():
        if zone.heat_w > zone.cold_w + zone.doubtful_w:
            hot.append((name, zone.heat_w, zone.cold_w))
        unknown |= zone.unknown
    return tuple(hot), unknown


def _finding(subject: str, found: Effect) -> FacilityFinding:
    names = (*found.dark, *found.dropped, *(name for name, *_ in (*found.over, *found.hot)))
    load = rating = None
    if found.over:
        _name, load, rating = found.over[0]
    elif found.highest:
        _name, load, rating = found.highest
    return FacilityFinding(
        subject,
        found.verdict,
        load,
        rating,
        "W",
        names or found.for_itself or found.unknown,
        text="effect",
        parts=found.parts(),
    )


def _failed(finding: FacilityFinding) -> FacilityFinding:
    return FacilityFinding(
        finding.subject,
        FacilityOutcome.FAIL,
        finding.measured,
        finding.limit,
        finding.unit,
        finding.names,
        finding.text,
        finding.parts,
    )
