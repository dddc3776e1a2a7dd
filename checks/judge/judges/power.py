"""Power: N+1 from the live load, two independent paths to every rack, and a power chain that says how it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from checks.judge.case import Case, Unfit
from checks.judge.device_readings import DeviceReadings, read_device
from checks.judge.evidence import FitEvidence
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_known
from inventory.model.entities import CoolingUnit, Device, PowerNode, Rack, Site

# Kinds whose loss takes a service with them: what they are plugged into must survive the loss of either path.
DUAL_CORD = ("router", "switch", "firewall", "host", "controller")
# Where the output of a UPS comes from while it protects its load, and what a PDU says of a load within its limits.
PROTECTED = frozenset({"normal", "booster", "reducer"})
WITHIN = frozenset({"low", "normal"})


@dataclass(frozen=True, slots=True)
class UpsFrame:
    """One UPS as it is now: its load in watts, the modules that work, and how many of them it says are spare."""

    node: PowerNode
    load_w: float
    modules: float
    spare: float
    evidence: FitEvidence

    @property
    def module_rating_w(self) -> int:
        """What one module carries, in watts, as planned."""
        return self.node.module_rating_w or 0

    @property
    def capacity_w(self) -> float:
        """What all its modules carry together, in watts."""
        return self.modules * self.module_rating_w


@dataclass(frozen=True, slots=True)
class RunningUnit:
    """One cooling unit as it is now: what it can take away and what it takes away, in watts of heat."""

    capacity_w: int
    output_w: float
    evidence: FitEvidence


@judge("redundancy")
def judge_redundancy(case: Case) -> Iterator[Verdict]:
    """N+1 of power modules, transfer switch, cooling units and rack feeds. ``QH III.3b``, footnote 2: at least N+1."""
    yield from judge_completeness(case)
    yield from judge_frames(case)
    yield from case.judge_each(case.devices("ats"), judge_transfer_switch)
    yield from judge_cooling_spare(case)
    yield from case.judge_each(case.site.racks, judge_rack)


def judge_completeness(case: Case) -> Iterator[Verdict]:
    """Say what the estate leaves out: what is not written down is not judged, and its absence would look green."""
    gaps = list(list_gaps(case))
    if gaps:
        yield case.verdict(Status.FAIL, None, "redundancy.unknown", case.site_evidence, what=", ".join(gaps))


def list_gaps(case: Case) -> Iterator[str]:
    """Yield what the power, cooling and racks of the site lack to be judged."""
    site = case.site
    frames = [node for node in site.power if node.kind == "ups"]
    zones = {unit.zone for unit in site.cooling}
    racks = {rack.name for rack in site.racks}

    if not frames:
        yield "UPS"
    if not site.cooling:
        yield "cooling unit"
    if not site.racks:
        yield "rack"
    for node in frames:
        if node.device is None or node.module_rating_w is None:
            yield f"{node.name} (UPS without device or module rating)"
    for unit in site.cooling:
        if unit.device is None:
            yield f"{unit.name} (cooling unit without device)"
    for rack in site.racks:
        if rack.zone not in zones:
            yield f"{rack.name} (no cooling unit in zone {rack.zone})"
    for device in case.devices(*DUAL_CORD):
        if device.rack not in racks:
            yield f"{device.name} (in no rack)"


def judge_frames(case: Case) -> Iterator[Verdict]:
    """Every UPS carries its load without one of its modules, and every group of them without one of its frames."""
    groups: dict[str, list[UpsFrame]] = {}
    for node in case.site.power:
        # What is not written down was said by judge_completeness.
        if node.kind != "ups" or node.device is None or node.module_rating_w is None:
            continue
        try:
            frame = read_frame(case, node, node.device)
        except Unfit as unfit:
            yield unfit.verdict
            continue
        yield from judge_frame(case, frame, node.device)
        groups.setdefault(node.group or node.name, []).append(frame)

    for group, frames in groups.items():
        if len(frames) > 1:
            yield judge_group(case, group, frames)


def read_frame(case: Case, node: PowerNode, device: str) -> UpsFrame:
    """Return a UPS as it is now. Raises Unfit: it cannot be read, or it does not protect its load (bypass, battery)."""
    view = read_device(case, device)
    load, modules = view.number("ups_active_power"), view.number("ups_modules_in_service")
    spare, source = view.number("ups_redundancy"), view.state("ups_output_source")
    if source not in PROTECTED:
        measured = (Measurement("output_source", source, Unit.STATE),)
        raise Unfit(
            case.verdict(
                Status.FAIL, device, "ups.unprotected", [view.found], measured=measured, device=device, source=source
            )
        )
    return UpsFrame(node, load, modules, spare, view.found)


def judge_frame(case: Case, frame: UpsFrame, device: str) -> Iterator[Verdict]:
    """One UPS has a module to spare: by its live load and by its own word."""
    load = Measurement("load", frame.load_w, Unit.WATT)
    if frame.load_w <= 0:
        # A hall that draws nothing is a meter that does not measure.
        yield case.verdict(Status.FAIL, device, "ups.no_load", [frame.evidence], measured=(load,), device=device)
    capacity_w = max(0.0, frame.modules - 1) * frame.module_rating_w
    measured = (
        load,
        Measurement("modules", frame.modules, Unit.COUNT),
        Measurement("module_rating", frame.module_rating_w, Unit.WATT),
    )
    yield case.pass_or_fail(
        frame.load_w <= capacity_w and frame.spare >= case.number("spare_modules"),
        device,
        ("ups.frame_ok", "ups.frame_short"),
        [frame.evidence],
        measured=measured,
        limit=case.limit("spare_modules"),
        device=device,
        load=f"{frame.load_w:.0f}",
        capacity=f"{capacity_w:.0f}",
        modules=f"{frame.modules:.0f}",
        planned=frame.node.modules or 0,
        spare=f"{frame.spare:.0f}",
    )


def judge_group(case: Case, group: str, frames: list[UpsFrame]) -> Verdict:
    """The frames of a group together: whichever is lost, the others must carry everything."""
    capacities = [frame.capacity_w for frame in frames]
    load_w = sum(frame.load_w for frame in frames)
    rest_w = sum(capacities) - max(capacities)
    return case.pass_or_fail(
        load_w <= rest_w,
        group,
        ("ups.group_ok", "ups.group_short"),
        [frame.evidence for frame in frames],
        measured=(Measurement("load", load_w, Unit.WATT), Measurement("remaining_capacity", rest_w, Unit.WATT)),
        limit=case.limit("spare_modules"),
        group=group,
        load=f"{load_w:.0f}",
        rest=f"{rest_w:.0f}",
        devices=", ".join(frame.node.device or "" for frame in frames),
    )


def judge_transfer_switch(case: Case, device: Device) -> Iterator[Verdict]:
    """One transfer switch has both of its sources."""
    view = read_device(case, device.name)
    state = view.state("ats_redundancy")
    yield case.pass_or_fail(
        state == "full",
        device.name,
        ("ats.ok", "ats.lost"),
        [view.found],
        measured=(Measurement("redundancy", state, Unit.STATE),),
        device=device.name,
        state=state,
    )


def judge_cooling_spare(case: Case) -> Iterator[Verdict]:
    """Every zone is cooled without one of its units; a unit that cannot be read counts as none."""
    zones: dict[str, list[RunningUnit]] = {}
    for unit in case.site.cooling:
        if unit.device is None:
            continue
        running = zones.setdefault(unit.zone, [])
        try:
            running.append(read_cooling_unit(case, unit, unit.device))
        except Unfit as unfit:
            yield unfit.verdict
    for zone, units in zones.items():
        yield judge_zone(case, zone, units)


def read_cooling_unit(case: Case, unit: CoolingUnit, device: str) -> RunningUnit:
    """Return a cooling unit as it is now. Raises Unfit where it does not say what it does and how much."""
    view = read_device(case, device)
    view.state("cooling_mode")
    return RunningUnit(unit.capacity_w, view.number("cooling_output"), view.found)


def judge_zone(case: Case, zone: str, units: list[RunningUnit]) -> Verdict:
    """The units of one zone: whichever stops, the others must take all the heat away."""
    capacities = [unit.capacity_w for unit in units]
    demand_w = sum(unit.output_w for unit in units)
    rest_w = sum(capacities) - max(capacities, default=0)
    # No heat at all from a hall that is powered is a meter that does not measure, or cooling that does not cool.
    is_good = len(units) >= 2 and 0 < demand_w <= rest_w
    return case.pass_or_fail(
        is_good,
        zone,
        ("cooling.ok", "cooling.short"),
        [unit.evidence for unit in units],
        measured=(Measurement("heat", demand_w, Unit.WATT), Measurement("remaining_capacity", rest_w, Unit.WATT)),
        limit=case.limit("spare_units"),
        zone=zone,
        demand=f"{demand_w:.0f}",
        rest=f"{rest_w:.0f}",
        units=len(units),
    )


def judge_rack(case: Case, rack: Rack) -> Iterator[Verdict]:
    """One rack keeps its power whatever single component is lost, and both of its feeds carry something now."""
    dead = list(judge_feeds(case, rack))
    yield from dead

    weak = [*find_single_points(case.site, rack), *find_single_cords(case.site, rack)]
    if weak:
        yield case.verdict(
            Status.FAIL,
            rack.name,
            "rack.single",
            case.site_evidence,
            rack=rack.name,
            what=", ".join(weak),
            limit=case.limit("paths"),
        )
    elif not dead:
        yield case.verdict(
            Status.PASS,
            rack.name,
            "rack.dual",
            case.site_evidence,
            measured=(
                *measure_known("feed_a", rack.feed_a, Unit.NAME),
                *measure_known("feed_b", rack.feed_b, Unit.NAME),
            ),
            limit=case.limit("paths"),
            rack=rack.name,
            a=rack.feed_a,
            b=rack.feed_b,
        )


def judge_feeds(case: Case, rack: Rack) -> Iterator[Verdict]:
    """Say which of a rack's feeds carries nothing just now, or cannot be read; nothing of those that carry."""
    for feed in (rack.feed_a, rack.feed_b):
        if not feed:
            continue  # find_single_points says so
        try:
            view = read_device(case, feed)
            power_w = view.number("pdu_power")
        except Unfit as unfit:
            yield unfit.verdict
            continue
        if power_w <= 0:
            yield case.verdict(Status.FAIL, feed, "rack.feed_dead", [view.found], rack=rack.name, feed=feed)


def find_single_cords(site: Site, rack: Rack) -> list[str]:
    """Return the devices of a rack that are not plugged into both of its feeds."""
    feeds = {rack.feed_a, rack.feed_b}
    in_rack = [device for device in site.devices if device.rack == rack.name and device.kind.value in DUAL_CORD]
    return [device.name for device in in_rack if not feeds <= set(device.cords)]


def find_single_points(site: Site, rack: Rack) -> list[str]:
    """Return the components whose loss alone would leave the rack without power; ``one feed only`` when one is."""
    if not rack.feed_a or not rack.feed_b or rack.feed_a == rack.feed_b:
        return ["one feed only"]
    graph: nx.DiGraph[str] = nx.DiGraph()
    for node in site.power:
        for above in node.fed_by:
            graph.add_edge(above, node.name)
    graph.add_edges_from((feed, "rack") for feed in (rack.feed_a, rack.feed_b))
    utilities = [node.name for node in site.power if node.kind == "utility"]
    return sorted(node.name for node in site.power if not is_powered(graph, utilities, node.name))


def is_powered(graph: nx.DiGraph[str], sources: list[str], lost: str) -> bool:
    """Tell whether the rack is reached from some source with one component taken away."""
    rest = graph.subgraph([name for name in graph if name != lost])
    living = [source for source in sources if source in rest]
    return any(nx.has_path(rest, source, "rack") for source in living)


@judge("power_state")
def judge_power_state(case: Case) -> Iterator[Verdict]:
    """Every UPS, PDU and transfer switch is read now, runs normally and is within its limits."""
    yield from case.judge_each(case.devices("ups", "pdu", "ats"), judge_power_device)


def judge_power_device(case: Case, device: Device) -> Iterator[Verdict]:
    """One device of the power chain, by its kind."""
    view = read_device(case, device.name)
    if device.kind.value == "ups":
        yield judge_ups_state(case, view)
    elif device.kind.value == "pdu":
        yield judge_pdu_state(case, view)
    else:
        yield judge_ats_state(case, view)


def judge_ups_state(case: Case, view: DeviceReadings) -> Verdict:
    """A UPS feeds from the mains, its battery is well and lasts long enough."""
    source, battery = view.state("ups_output_source"), view.state("ups_battery_status")
    minutes, replacement = view.number("ups_runtime") / 60, view.state("ups_battery_replace")
    measured = [Measurement("output_source", source, Unit.STATE), Measurement("battery", battery, Unit.STATE)]
    if replacement != "not_needed":
        measured.append(Measurement("battery_replacement", replacement, Unit.STATE))
        battery = f"{battery} (replacement {replacement})"
    return case.pass_or_fail(
        source == "normal" and battery == "normal" and minutes >= case.number("runtime_min"),
        view.device,
        ("ups.state_ok", "ups.state_bad"),
        [view.found],
        measured=(*measured, Measurement("runtime", minutes, Unit.MINUTE)),
        limit=case.limit("runtime_min"),
        device=view.device,
        source=source,
        battery=battery,
        minutes=f"{minutes:.0f}",
    )


def judge_pdu_state(case: Case, view: DeviceReadings) -> Verdict:
    """A PDU says how much it carries, that this is within its limits, and that its own supply is well."""
    power_w, load = view.number("pdu_power"), view.state("pdu_load_state")
    supply = view.state("pdu_power_supply")
    return case.pass_or_fail(
        load in WITHIN and supply == "normal",
        view.device,
        ("pdu.read", "pdu.bad"),
        [view.found],
        measured=(
            Measurement("power", power_w, Unit.WATT),
            Measurement("load_state", load, Unit.STATE),
            Measurement("supply", supply, Unit.STATE),
        ),
        device=view.device,
        power=f"{power_w:.0f}",
        load=load,
        supply=supply,
    )


def judge_ats_state(case: Case, view: DeviceReadings) -> Verdict:
    """A transfer switch says which source it takes, and its parts and both sources are well."""
    source = view.state("ats_selected_source")
    states = {part: view.state(part) for part in ("ats_switch", "ats_overcurrent")}
    for letter in ("a", "b"):
        states[f"source {letter}"] = view.state("ats_source", letter)

    broken = {part: state for part, state in states.items() if state != "ok"}
    bad = [f"{part} {state}" for part, state in broken.items()]
    not_ok = [Measurement(part.replace(" ", "_"), state, Unit.STATE) for part, state in broken.items()]
    return case.pass_or_fail(
        not bad,
        view.device,
        ("ats.read", "ats.bad"),
        [view.found],
        measured=(Measurement("selected_source", source, Unit.STATE), *not_ok),
        device=view.device,
        source=source,
        bad=", ".join(bad) or "-",
    )
