"""Power: N+1 from the live load, two independent paths to every rack, and a power chain that says how it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import networkx as nx

from checks.judging import Case, Found, judge
from checks.model import Status, Verdict
from checks.readings import Panel, panel
from inventory.model import PowerNode, Rack, Site

# Kinds whose loss takes a service with them: what they are plugged into must survive the loss of either path.
DUAL_CORD = ("router", "switch", "firewall", "host", "controller")
# Where the output of a UPS comes from while it protects its load, and what a PDU says of a load within its limits.
PROTECTED = frozenset({"normal", "booster", "reducer"})
WITHIN = frozenset({"low", "normal"})


@judge("redundancy")
def judge_redundancy(case: Case) -> Iterator[Verdict]:
    """N+1 of power modules, transfer switch, cooling units and rack feeds. ``QH III.3b``, footnote 2: at least N+1."""
    yield from _written_down(case)
    yield from _ups(case)
    yield from _transfer_switches(case)
    yield from _cooling(case)
    yield from _racks(case)


def _written_down(case: Case) -> Iterator[Verdict]:
    """Say what the estate leaves out: what is not written down is not judged, and its absence would look green."""
    site = case.site
    ups = [node for node in site.power if node.kind == "ups"]
    zones = {unit.zone for unit in site.cooling}
    racks = {rack.name for rack in site.racks}
    gaps = [what for what, there in (("UPS", ups), ("cooling unit", site.cooling), ("rack", site.racks)) if not there]
    gaps += [f"{node.name} (UPS without device or module rating)" for node in ups
             if node.device is None or node.module_rating_w is None]
    gaps += [f"{unit.name} (cooling unit without device)" for unit in site.cooling if unit.device is None]
    gaps += [f"{rack.name} (no cooling unit in zone {rack.zone})" for rack in site.racks if rack.zone not in zones]
    gaps += [f"{device.name} (in no rack)" for device in case.devices(*DUAL_CORD) if device.rack not in racks]
    if gaps:
        yield case.say(Status.FAIL, None, "redundancy.unknown", case.view.all("estate", site.site),
                       what=", ".join(gaps))


def _ups(case: Case) -> Iterator[Verdict]:
    frames: dict[str, list[tuple[PowerNode, float, float, Found]]] = {}
    for node in case.site.power:
        if node.kind != "ups" or node.device is None or node.module_rating_w is None:
            continue
        figures = _frame_figures(case, node)
        if isinstance(figures, Verdict):
            yield figures
            continue
        load, modules, spare, found = figures
        if load <= 0:
            yield case.say(Status.FAIL, node.device, "ups.no_load", [found], measured=f"{load:.0f} W",
                           device=node.device)
        capacity = max(0.0, modules - 1) * node.module_rating_w
        good = load <= capacity and spare >= case.number("spare_modules")
        yield case.say(
            case.met(good), node.device, "ups.frame_ok" if good else "ups.frame_short", [found],
            measured=f"{load:.0f} W / {modules:.0f} × {node.module_rating_w} W", limit=case.limit("spare_modules"),
            device=node.device, load=f"{load:.0f}", capacity=f"{capacity:.0f}", modules=f"{modules:.0f}",
            planned=node.modules or 0, spare=f"{spare:.0f}",
        )
        frames.setdefault(node.group or node.name, []).append((node, load, modules * node.module_rating_w, found))
    for group, members in frames.items():
        yield from _group(case, group, members)


def _group(case: Case, group: str, members: list[tuple[PowerNode, float, float, Found]]) -> Iterator[Verdict]:
    """The frames of a group together: whichever is lost, the others must carry everything."""
    if len(members) < 2:
        return
    load = sum(member[1] for member in members)
    rest = sum(member[2] for member in members) - max(member[2] for member in members)
    good = load <= rest
    yield case.say(
        case.met(good), group, "ups.group_ok" if good else "ups.group_short", [member[3] for member in members],
        measured=f"{load:.0f} W / {rest:.0f} W", limit=case.limit("spare_modules"), group=group, load=f"{load:.0f}",
        rest=f"{rest:.0f}", devices=", ".join(member[0].device or "" for member in members),
    )


def _frame_figures(case: Case, node: PowerNode) -> tuple[float, float, float, Found] | Verdict:
    view = panel(case, node.device or "")
    if isinstance(view, Verdict):
        return view
    load, modules = view.number("ups_active_power"), view.number("ups_modules_in_service")
    spare, source = view.number("ups_redundancy"), view.state("ups_output_source")
    for figure in (load, modules, spare, source):
        if isinstance(figure, Verdict):
            return figure
    if source not in PROTECTED:
        return case.say(Status.FAIL, view.device, "ups.unprotected", [view.found], measured=str(source),
                        device=view.device, source=source)
    assert not isinstance(load, Verdict) and not isinstance(modules, Verdict)  # noqa: S101 - narrowed above
    assert not isinstance(spare, Verdict)  # noqa: S101 - narrowed above
    return load, modules, spare, view.found


def _transfer_switches(case: Case) -> Iterator[Verdict]:
    for device in case.devices("ats"):
        view = panel(case, device.name)
        if isinstance(view, Verdict):
            yield view
            continue
        state = view.state("ats_redundancy")
        if isinstance(state, Verdict):
            yield state
            continue
        good = state == "full"
        yield case.say(case.met(good), device.name, "ats.ok" if good else "ats.lost", [view.found], measured=state,
                       device=device.name, state=state)


def _cooling(case: Case) -> Iterator[Verdict]:
    zones: dict[str, list[tuple[float, float, Found]]] = {}
    for unit in case.site.cooling:
        if unit.device is None:
            continue
        view = panel(case, unit.device)
        mode = view if isinstance(view, Verdict) else view.state("cooling_mode")
        output = view if isinstance(view, Verdict) else view.number("cooling_output")
        troubles = [entry for entry in (view, mode, output) if isinstance(entry, Verdict)]
        if troubles:
            yield troubles[0]
            zones.setdefault(unit.zone, [])
            continue
        assert isinstance(view, Panel) and isinstance(output, float)  # noqa: S101 - narrowed above
        zones.setdefault(unit.zone, []).append((unit.capacity_w, output, view.found))
    for zone, units in zones.items():
        demand = sum(unit[1] for unit in units)
        rest = sum(unit[0] for unit in units) - max((unit[0] for unit in units), default=0)
        # No heat at all from a hall that is powered is a meter that does not measure, or cooling that does not cool.
        good = len(units) >= 2 and 0 < demand <= rest
        yield case.say(
            case.met(good), zone, "cooling.ok" if good else "cooling.short", [unit[2] for unit in units],
            measured=f"{demand:.0f} W / {rest:.0f} W", limit=case.limit("spare_units"), zone=zone,
            demand=f"{demand:.0f}", rest=f"{rest:.0f}", units=len(units),
        )


def _racks(case: Case) -> Iterator[Verdict]:
    items = case.view.all("estate", case.site.site)
    for rack in case.site.racks:
        single = _single_point(case.site, rack)
        cords = [device.name for device in case.site.devices
                 if device.rack == rack.name and device.kind.value in DUAL_CORD
                 and not {rack.feed_a, rack.feed_b} <= set(device.cords)]
        dead = _dead_feeds(case, rack)
        yield from dead
        if single or cords:
            yield case.say(Status.FAIL, rack.name, "rack.single", items, rack=rack.name,
                           what=", ".join([*single, *cords]), limit=case.limit("paths"))
        elif not dead:
            yield case.say(Status.PASS, rack.name, "rack.dual", items, measured=f"{rack.feed_a} + {rack.feed_b}",
                           limit=case.limit("paths"), rack=rack.name, a=rack.feed_a, b=rack.feed_b)


def _dead_feeds(case: Case, rack: Rack) -> list[Verdict]:
    """Say which of a rack's feeds carries nothing just now, or cannot be read."""
    found: list[Verdict] = []
    for feed in (rack.feed_a, rack.feed_b):
        view = panel(case, feed) if feed else None
        power = view.number("pdu_power") if isinstance(view, Panel) else view
        if isinstance(power, Verdict):
            found.append(power)
        elif isinstance(view, Panel) and power is not None and power <= 0:
            found.append(case.say(Status.FAIL, feed, "rack.feed_dead", [view.found], rack=rack.name, feed=feed))
    return found


def _single_point(site: Site, rack: Rack) -> list[str]:
    """Return the components whose loss alone would leave the rack without power; ``no feed`` when one is missing."""
    if not rack.feed_a or not rack.feed_b or rack.feed_a == rack.feed_b:
        return ["one feed only"]
    nodes: Mapping[str, PowerNode] = {node.name: node for node in site.power}
    graph: nx.DiGraph[str] = nx.DiGraph((above, node.name) for node in nodes.values() for above in node.fed_by)
    graph.add_edges_from((feed, "rack") for feed in (rack.feed_a, rack.feed_b))
    sources = [name for name, node in nodes.items() if node.kind == "utility"]
    return sorted(name for name in nodes if not _powered(graph, sources, name))


def _powered(graph: nx.DiGraph[str], sources: list[str], lost: str) -> bool:
    left = graph.subgraph([name for name in graph if name != lost])
    return any(source != lost and source in left and nx.has_path(left, source, "rack") for source in sources)


@judge("power_state")
def judge_power_state(case: Case) -> Iterator[Verdict]:
    """Every UPS, PDU and transfer switch is read now, runs normally and is within its limits."""
    for device in case.devices("ups", "pdu", "ats"):
        view = panel(case, device.name)
        if isinstance(view, Verdict):
            yield view
        elif device.kind.value == "ups":
            yield from _ups_state(case, view)
        elif device.kind.value == "pdu":
            yield _pdu_state(case, view)
        else:
            yield _ats_state(case, view)


def _pdu_state(case: Case, view: Panel) -> Verdict:
    power, load = view.number("pdu_power"), view.state("pdu_load_state")
    supply = view.state("pdu_power_supply")
    for entry in (power, load, supply):
        if isinstance(entry, Verdict):
            return entry
    good = load in WITHIN and supply == "normal"
    return case.say(case.met(good), view.device, "pdu.read" if good else "pdu.bad", [view.found],
                    measured=f"{power:.0f} W, {load}, {supply}", device=view.device, power=f"{power:.0f}", load=load,
                    supply=supply)


def _ats_state(case: Case, view: Panel) -> Verdict:
    source, parts = view.state("ats_selected_source"), ("ats_switch", "ats_overcurrent")
    states = {part: view.state(part) for part in parts} | {
        f"source {letter}": view.state("ats_source", letter) for letter in ("a", "b")}
    for entry in (source, *states.values()):
        if isinstance(entry, Verdict):
            return entry
    bad = [f"{part} {state}" for part, state in states.items() if state != "ok"]
    return case.say(case.met(not bad), view.device, "ats.bad" if bad else "ats.read", [view.found],
                    measured=", ".join([str(source), *bad]), device=view.device, source=source,
                    bad=", ".join(bad) or "-")


def _ups_state(case: Case, view: Panel) -> Iterator[Verdict]:
    source, battery = view.state("ups_output_source"), view.state("ups_battery_status")
    runtime, replacement = view.number("ups_runtime"), view.state("ups_battery_replace")
    troubles = [entry for entry in (source, battery, runtime, replacement) if isinstance(entry, Verdict)]
    if troubles or not isinstance(runtime, float):
        yield troubles[0]
        return
    minutes = runtime / 60
    if replacement != "not_needed":
        battery = f"{battery} (replacement {replacement})"
    good = source == "normal" and battery == "normal" and minutes >= case.number("runtime_min")
    yield case.say(
        case.met(good), view.device, "ups.state_ok" if good else "ups.state_bad", [view.found],
        measured=f"{source}, {battery}, {minutes:.0f} min", limit=case.limit("runtime_min"), device=view.device,
        source=source, battery=battery, minutes=f"{minutes:.0f}",
    )
