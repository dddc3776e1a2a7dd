"""Links and devices: their speed by tier, their state, and that each of them is watched."""

from __future__ import annotations

from collections.abc import Iterator

from checks.judge.case import Case
from checks.judge.device_readings import POLL, DeviceReadings, find_readings, measure_reading, read_device
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_known
from inventory.model.entities import Device
from inventory.model.estate import Interface

NETWORK_DEVICES = ("router", "switch", "firewall")
LINK, VLAN = "link", "vlan"
SECURE_VERSION = "v3"


@judge("link_speed")
def judge_link_speed(case: Case) -> Iterator[Verdict]:
    """Every physical port of the roles named by threshold ``roles`` is up and at least as fast as ``speed``.

    The port's own speed counts, never the sum of a bundle. ``vlan`` names a network device's ports towards its room.
    """
    roles = case.words("roles")
    devices = case.devices(*NETWORK_DEVICES)
    ports = []
    for device in devices:
        for port in case.estate.interfaces(device.name):
            if name_role(port) in roles:
                ports.append((device, port))

    if not ports:
        # Proved out of scope only where network devices are written down; a site without any is simply not known.
        status = Status.NOT_APPLICABLE if devices else Status.NOT_ASSESSED
        yield case.verdict(status, None, "port.none", case.site_evidence, roles=", ".join(roles))
    yield from case.judge_each(ports, judge_speed)


def name_role(port: Interface) -> str:
    """Return the role of a port as threshold ``roles`` names it: its own, or its kind where it has none."""
    return port.role.value if port.role else port.kind


def judge_speed(case: Case, device_port: tuple[Device, Interface]) -> Iterator[Verdict]:
    """One port is up and fast enough."""
    device, port = device_port
    view = read_device(case, device.name)
    name = f"{device.name} {port.name}"

    state = view.state("interface_state", port.name)
    if state != "up":
        yield case.verdict(
            Status.FAIL,
            name,
            "port.down",
            [view.found],
            measured=(Measurement("interface_state", state, Unit.STATE),),
            limit=case.limit("speed"),
            device=device.name,
            port=port.name,
            state=state,
        )
        return

    speed, least = view.number("interface_speed", port.name), case.number("speed")
    measured, limit = Measurement("interface_speed", speed, Unit.MEGABIT_PER_SECOND), case.limit("speed")
    yield case.pass_or_fail(
        limit.is_reached_by(measured),
        name,
        ("port.fast", "port.slow"),
        [view.found],
        measured=(measured,),
        limit=limit,
        device=device.name,
        port=port.name,
        speed=f"{speed:.0f}",
        least=f"{least:.0f}",
    )


@judge("coverage")
def judge_coverage(case: Case) -> Iterator[Verdict]:
    """Every device of the kinds named by threshold ``kinds`` answers now: the count, and the names of the silent.

    Who answers without one good reading (another device at the address, access refused) is silent, too.
    """
    devices = case.devices(*case.words("kinds"))
    if not devices:
        yield case.verdict(Status.NOT_ASSESSED, None, "coverage.none", case.site_evidence)
        return

    evidence, silent = [], []
    for device in devices:
        view = find_readings(case, device.name) if device.snmp else None
        if view is not None:
            evidence.append(view.found)
        if view is None or not view.speaks:
            silent.append(device.name)

    answered = len(devices) - len(silent)
    share, limit = Measurement("share", 100 * answered / len(devices), Unit.PERCENT), case.limit("share")
    yield case.pass_or_fail(
        limit.is_reached_by(share),
        None,
        ("coverage.full", "coverage.short"),
        [*evidence, *case.site_evidence],
        measured=(share,),
        limit=limit,
        answered=answered,
        total=len(devices),
        silent=", ".join(silent) or "-",
    )


@judge("device_state")
def judge_device_state(case: Case) -> Iterator[Verdict]:
    """Each device of the kinds named by threshold ``kinds`` says how long it has been up."""
    yield from case.judge_each(case.devices(*case.words("kinds")), judge_uptime)


def judge_uptime(case: Case, device: Device) -> Iterator[Verdict]:
    """One device says how long it has been up."""
    view = read_device(case, device.name)
    uptime_s = view.number("uptime")
    yield case.verdict(
        Status.PASS,
        device.name,
        "device.up",
        [view.found],
        measured=(Measurement("uptime", uptime_s, Unit.SECOND),),
        device=device.name,
        uptime=f"{uptime_s:.0f}",
    )


@judge("port_readings")
def judge_port_readings(case: Case) -> Iterator[Verdict]:
    """The quantities named by threshold ``quantities`` are read on each port; a state must be ``up``.

    Threshold ``ports`` is ``links`` for the lines between sites or ``all`` for every planned port.
    """
    yield from case.judge_each(case.devices(*NETWORK_DEVICES), judge_ports)


def judge_ports(case: Case, device: Device) -> Iterator[Verdict]:
    """Every port of one device that counts is read."""
    kinds = {LINK} if case.requirement.threshold("ports").value == "links" else {LINK, VLAN}
    quantities = case.words("quantities")
    view = read_device(case, device.name)
    for port in case.estate.interfaces(device.name):
        if port.kind in kinds:
            yield judge_port(case, view, port, quantities)


def judge_port(case: Case, view: DeviceReadings, port: Interface, quantities: list[str]) -> Verdict:
    """Every quantity is read on one port, and each of its states is ``up``."""
    name = f"{view.device} {port.name}"
    measured = []
    for quantity in quantities:
        reading = view.one(quantity, port.name)
        if reading is None or not reading.good:
            return view.judge_silence(quantity, port.name)
        if reading.unit == "state" and reading.value != "up":
            return case.verdict(
                Status.FAIL,
                name,
                "port.down",
                [view.found],
                measured=(measure_reading(reading),),
                device=view.device,
                port=port.name,
                state=reading.value,
            )
        measured.append(measure_reading(reading))
    return case.verdict(
        Status.PASS,
        name,
        "port.read",
        [view.found],
        measured=tuple(measured),
        device=view.device,
        port=port.name,
        quantities=", ".join(quantities),
    )


@judge("diverse_circuits")
def judge_diverse_circuits(case: Case) -> Iterator[Verdict]:
    """The site has enough circuits of network ``network``, on as many different physical routes."""
    network = str(case.requirement.threshold("network").value)
    circuits = [circuit for circuit in case.site.circuits if circuit.network == network]
    paths = {circuit.path for circuit in circuits}
    counts = (Measurement("circuits", len(circuits), Unit.COUNT), Measurement("paths", len(paths), Unit.COUNT))
    yield case.pass_or_fail(
        len(paths) >= case.number("paths"),
        None,
        ("circuits.ok", "circuits.few"),
        case.site_evidence,
        measured=counts,
        limit=case.limit("paths"),
        network=network,
        circuits=len(circuits),
        paths=", ".join(sorted(paths)) or "-",
    )


@judge("secure_protocols")
def judge_secure_protocols(case: Case) -> Iterator[Verdict]:
    """Every device is managed by an encrypted, authenticated protocol: SNMP version 3 as planned and as answered."""
    managed = [device for device in case.devices() if device.snmp is not None]
    yield from case.judge_each(managed, judge_protocol)


def judge_protocol(case: Case, device: Device) -> Iterator[Verdict]:
    """One device is planned to be asked over SNMP version 3 and answered over it."""
    found = case.require("snmp", device.name, POLL)
    view = find_readings(case, device.name)
    answered = view.poll.version if view is not None else "?"
    planned = device.snmp.version.value if device.snmp is not None else "?"
    yield case.pass_or_fail(
        planned == answered == SECURE_VERSION,
        device.name,
        ("snmp.secure", "snmp.insecure"),
        [found],
        measured=measure_known("snmp_version", view.poll.version if view is not None else None, Unit.STATE),
        limit=case.limit("version"),
        device=device.name,
        version=answered,
    )
