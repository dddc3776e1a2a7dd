"""Temperature and humidity at every position, contacts of fire, smoke and doors, and the cooling of rooms."""

from __future__ import annotations

from collections.abc import Iterator

from checks.judge.case import Case
from checks.judge.device_readings import read_device
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict
from inventory.model.entities import Device, Sensor

CLIMATE = {"temperature": Unit.CELSIUS, "humidity": Unit.HUMIDITY}
NORMAL = frozenset({"normal", "closed"})


@judge("climate_at_positions")
def judge_climate(case: Case) -> Iterator[Verdict]:
    """Every position of every rack has a fresh temperature and humidity within the limits; silence is a failure."""
    unmeasured = [rack.name for rack in case.site.racks if not rack.positions]
    if not case.site.racks:
        unmeasured = [case.site.site]
    for place in unmeasured:
        yield case.verdict(Status.FAIL, place, "rack.no_position", case.site_evidence, place=place)

    for rack in case.site.racks:
        for position in rack.positions:
            for quantity in CLIMATE:
                yield from judge_position(case, f"{rack.name}/{position}", quantity)


@judge("room_cooling")
def judge_room_cooling(case: Case) -> Iterator[Verdict]:
    """The room has at least one cooling unit, and the climate at its positions shows that it works."""
    units = [unit.name for unit in case.site.cooling]
    yield case.pass_or_fail(
        len(units) >= case.number("units"),
        None,
        ("room.cooled", "room.uncooled"),
        case.site_evidence,
        measured=(Measurement("units", len(units), Unit.COUNT),),
        limit=case.limit("units"),
        units=", ".join(units) or "-",
    )
    yield from judge_climate(case)


def judge_position(case: Case, position: str, quantity: str) -> Iterator[Verdict]:
    """One quantity at one position: every sensor that measures it there; none at all is a failure."""
    sensors = [s for s in case.site.sensors if s.position == position and s.quantity.value == quantity]
    if not sensors:
        yield case.verdict(
            Status.FAIL, position, "position.no_sensor", case.site_evidence, position=position, quantity=quantity
        )
    yield from case.judge_each(sensors, judge_sensor)


def judge_sensor(case: Case, sensor: Sensor) -> Iterator[Verdict]:
    """One sensor reads a value within the limits; within them, but not as wanted, is a warning that passes."""
    quantity, position = sensor.quantity.value, sensor.position
    view = read_device(case, sensor.device)
    value = view.number(quantity, position)

    low, high = case.number(f"{quantity}_min"), case.number(f"{quantity}_max")
    is_inside = low <= value <= high
    is_wanted = case.number(f"{quantity}_warn_min") <= value <= case.number(f"{quantity}_warn_max")
    # The limit that is shown is the one that the value is nearer to.
    nearest = "max" if value >= (low + high) / 2 else "min"
    unit = CLIMATE[quantity]
    yield case.pass_or_fail(
        is_inside,
        position,
        ("climate.ok" if is_wanted else "climate.warn", "climate.bad"),
        [view.found],
        measured=(Measurement(quantity, value, unit),),
        limit=case.limit(f"{quantity}_{nearest}"),
        position=position,
        quantity=quantity,
        value=f"{value:g}",
        unit=unit.value,
        low=f"{low:g}",
        high=f"{high:g}",
        device=sensor.device,
    )


@judge("contacts")
def judge_contacts(case: Case) -> Iterator[Verdict]:
    """The contacts the requirement names (threshold ``contacts``) exist in every zone with racks, answer, rest."""
    for quantity in case.words("contacts"):
        sensors = [sensor for sensor in case.site.sensors if sensor.quantity.value == quantity]
        if sensors:
            yield from judge_covered_zones(case, quantity, sensors)
        else:
            yield case.verdict(
                Status.FAIL,
                None,
                "contact.absent",
                case.site_evidence,
                quantity=quantity,
                limit=case.limit("contacts"),
            )
        yield from case.judge_each(sensors, judge_contact)


def judge_covered_zones(case: Case, quantity: str, sensors: list[Sensor]) -> Iterator[Verdict]:
    """Say which zones with racks have no contact of a kind, neither of the zone itself nor in one of its racks."""
    for zone in sorted({rack.zone for rack in case.site.racks}):
        racks = tuple(f"{rack.name}/" for rack in case.site.racks if rack.zone == zone)
        covering = [s for s in sensors if s.position == zone or s.position.startswith(racks)]
        if not covering:
            yield case.verdict(
                Status.FAIL,
                f"{quantity} {zone}",
                "contact.uncovered",
                case.site_evidence,
                quantity=quantity,
                zone=zone,
                limit=case.limit("contacts"),
            )


def judge_contact(case: Case, sensor: Sensor) -> Iterator[Verdict]:
    """One contact is at rest."""
    quantity = sensor.quantity.value
    view = read_device(case, sensor.device)
    state = view.state(quantity, sensor.position)
    yield case.pass_or_fail(
        state in NORMAL,
        f"{quantity} {sensor.position}",
        ("contact.ok", "contact.alarm"),
        [view.found],
        measured=(Measurement(quantity, state, Unit.STATE),),
        limit=case.limit("contacts"),
        quantity=quantity,
        position=sensor.position,
        state=state,
        device=sensor.device,
    )


@judge("cooling_state")
def judge_cooling_state(case: Case) -> Iterator[Verdict]:
    """Every cooling unit is read now: what it does, how much, and the air it gives."""
    yield from case.judge_each(case.devices("crac"), judge_cooling_unit)


def judge_cooling_unit(case: Case, device: Device) -> Iterator[Verdict]:
    """One cooling unit is read now."""
    view = read_device(case, device.name)
    mode, output_w = view.state("cooling_mode"), view.number("cooling_output")
    supply_c = view.number("cooling_supply_temperature")
    measured = (
        Measurement("mode", mode, Unit.STATE),
        Measurement("output", output_w, Unit.WATT),
        Measurement("supply_temperature", supply_c, Unit.CELSIUS),
    )
    yield case.verdict(
        Status.PASS,
        device.name,
        "cooling.read",
        [view.found],
        measured=measured,
        device=device.name,
        mode=mode,
    )
