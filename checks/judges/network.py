"""Links and devices: their speed by tier, their state, and that each of them is watched."""

from __future__ import annotations

from collections.abc import Iterator

from checks.judging import Case, judge
from checks.model import Status, Verdict
from checks.readings import Panel, panel
from inventory.estate import Interface
from inventory.model import Device

VLAN = "vlan"


@judge("link_speed")
def judge_link_speed(case: Case) -> Iterator[Verdict]:
    """Every physical port of the roles named by threshold ``roles`` is up and at least as fast as ``speed``.

    The port's own speed counts, never the sum of a bundle. ``vlan`` names a network device's ports towards its room.
    """
    roles = str(case.requirement.threshold("roles").value).split()
    ports = [(device, port) for device in case.devices("router", "switch", "firewall")
             for port in case.estate.interfaces(device.name) if _role(port) in roles]
    if not ports:
        # Proved out of scope only where network devices are written down; a site without any is simply not known.
        known = bool(case.devices("router", "switch", "firewall"))
        yield case.say(Status.NOT_APPLICABLE if known else Status.NOT_ASSESSED, None, "port.none",
                       case.view.all("estate", case.site.site), roles=", ".join(roles))
    for device, port in ports:
        yield _speed(case, device, port)


def _role(port: Interface) -> str:
    return port.role.value if port.role else port.kind


def _speed(case: Case, device: Device, port: Interface) -> Verdict:
    view = panel(case, device.name)
    if isinstance(view, Verdict):
        return view
    name = f"{device.name} {port.name}"
    state = view.state("interface_state", port.name)
    if isinstance(state, Verdict):
        return state
    if state != "up":
        return case.say(Status.FAIL, name, "port.down", [view.found], measured=state, limit=case.limit("speed"),
                        device=device.name, port=port.name, state=state)
    speed = view.number("interface_speed", port.name)
    if isinstance(speed, Verdict):
        return speed
    good = speed >= case.number("speed")
    return case.say(
        case.met(good), name, "port.fast" if good else "port.slow", [view.found], measured=f"{speed:.0f} Mb/s",
        limit=case.limit("speed"), device=device.name, port=port.name, speed=f"{speed:.0f}",
        least=f"{case.number('speed'):.0f}",
    )


@judge("coverage")
def judge_coverage(case: Case) -> Iterator[Verdict]:
    """Every device of the kinds named by threshold ``kinds`` answers now: the count, and the names of the silent.

    Who answers without one good reading (another device at the address, access refused) is silent, too.
    """
    devices = case.devices(*str(case.requirement.threshold("kinds").value).split())
    if not devices:
        yield case.say(Status.NOT_ASSESSED, None, "coverage.none", case.view.all("estate", case.site.site))
        return
    views = {device.name: panel(case, device.name) if device.snmp else None for device in devices}
    silent = [name for name, view in views.items() if not isinstance(view, Panel) or not view.speaks]
    share = 100 * (len(views) - len(silent)) / len(views)
    good = share >= case.number("share")
    found = [view.found for view in views.values() if isinstance(view, Panel)]
    yield case.say(
        case.met(good), None, "coverage.full" if good else "coverage.short",
        [*found, *case.view.all("estate", case.site.site)], measured=f"{share:.0f} %", limit=case.limit("share"),
        answered=len(views) - len(silent), total=len(views), silent=", ".join(silent) or "-",
    )


@judge("device_state")
def judge_device_state(case: Case) -> Iterator[Verdict]:
    """Each device of the kinds named by threshold ``kinds`` says how long it has been up."""
    for device in case.devices(*str(case.requirement.threshold("kinds").value).split()):
        view = panel(case, device.name)
        uptime = view if isinstance(view, Verdict) else view.number("uptime")
        if isinstance(view, Verdict) or isinstance(uptime, Verdict):
            yield view if isinstance(view, Verdict) else uptime  # type: ignore[misc]
        else:
            yield case.say(Status.PASS, device.name, "device.up", [view.found], measured=f"{uptime:.0f} s",
                           device=device.name, uptime=f"{uptime:.0f}")


@judge("port_readings")
def judge_port_readings(case: Case) -> Iterator[Verdict]:
    """The quantities named by threshold ``quantities`` are read on each port; a state must be ``up``.

    Threshold ``ports`` is ``links`` for the lines between sites or ``all`` for every planned port.
    """
    quantities = str(case.requirement.threshold("quantities").value).split()
    links_only = str(case.requirement.threshold("ports").value) == "links"
    for device in case.devices("router", "switch", "firewall"):
        view = panel(case, device.name)
        if isinstance(view, Verdict):
            yield view
            continue
        for port in case.estate.interfaces(device.name):
            if port.kind == "link" or (port.kind == VLAN and not links_only):
                yield _port(case, view, port, quantities)


def _port(case: Case, view: Panel, port: Interface, quantities: list[str]) -> Verdict:
    name = f"{view.device} {port.name}"
    shown = []
    for quantity in quantities:
        reading = view.one(quantity, port.name)
        if reading is None or not reading.good:
            return view.silent(quantity, port.name)
        if reading.unit == "state" and reading.value != "up":
            return case.say(Status.FAIL, name, "port.down", [view.found], measured=str(reading.value),
                            device=view.device, port=port.name, state=reading.value)
        shown.append(f"{reading.value}" if isinstance(reading.value, str) else f"{reading.value:.0f}")
    return case.say(Status.PASS, name, "port.read", [view.found], measured=" / ".join(shown), device=view.device,
                    port=port.name, quantities=", ".join(quantities))


@judge("diverse_circuits")
def judge_diverse_circuits(case: Case) -> Iterator[Verdict]:
    """The site has enough circuits of network ``network``, on as many different physical routes."""
    wanted = str(case.requirement.threshold("network").value)
    items = case.view.all("estate", case.site.site)
    circuits = [circuit for circuit in case.site.circuits if circuit.network == wanted]
    paths = {circuit.path for circuit in circuits}
    good = len(paths) >= case.number("paths")
    yield case.say(case.met(good), None, "circuits.ok" if good else "circuits.few", items,
                   measured=f"{len(circuits)} / {len(paths)}", limit=case.limit("paths"), network=wanted,
                   circuits=len(circuits), paths=", ".join(sorted(paths)) or "-")


@judge("secure_protocols")
def judge_secure_protocols(case: Case) -> Iterator[Verdict]:
    """Every device is managed by an encrypted, authenticated protocol: SNMP version 3 as planned and as answered."""
    for device in case.devices():
        if device.snmp is None:
            continue
        found = case.take("snmp", device.name, "poll")
        if isinstance(found, Verdict):
            yield found
            continue
        view = panel(case, device.name)
        answered = view.poll.version if isinstance(view, Panel) else "?"
        good = device.snmp.version.value == answered == "v3"
        yield case.say(case.met(good), device.name, "snmp.secure" if good else "snmp.insecure", [found],
                       measured=answered, limit=case.limit("version"), device=device.name, version=answered)
