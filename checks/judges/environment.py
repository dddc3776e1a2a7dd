"""Temperature and humidity at every position, contacts of fire, smoke and doors, and the cooling of rooms."""

from __future__ import annotations

from collections.abc import Iterator

from checks.judging import Case, judge
from checks.model import Status, Verdict
from checks.readings import panel
from inventory.model import Sensor

CLIMATE = ("temperature", "humidity")
NORMAL = frozenset({"normal", "closed"})


@judge("climate_at_positions")
def judge_climate(case: Case) -> Iterator[Verdict]:
    """Every position of every rack has a fresh temperature and humidity within the limits; silence is a failure."""
    unmeasured = [rack.name for rack in case.site.racks if not rack.positions] or (
        [] if case.site.racks else [case.site.site])
    for place in unmeasured:
        yield case.say(Status.FAIL, place, "rack.no_position", case.view.all("estate", case.site.site), place=place)
    for rack in case.site.racks:
        for position in rack.positions:
            yield from _position(case, f"{rack.name}/{position}")


@judge("room_cooling")
def judge_room_cooling(case: Case) -> Iterator[Verdict]:
    """The room has at least one cooling unit, and the climate at its positions shows that it works."""
    items = case.view.all("estate", case.site.site)
    units = [unit.name for unit in case.site.cooling]
    good = len(units) >= case.number("units")
    yield case.say(case.met(good), None, "room.cooled" if good else "room.uncooled", items, measured=str(len(units)),
                   limit=case.limit("units"), units=", ".join(units) or "-")
    yield from judge_climate(case)


def _position(case: Case, position: str) -> Iterator[Verdict]:
    for quantity in CLIMATE:
        sensors = [s for s in case.site.sensors if s.position == position and s.quantity.value == quantity]
        if not sensors:
            yield case.say(Status.FAIL, position, "position.no_sensor", case.view.all("estate", case.site.site),
                           position=position, quantity=quantity)
        for sensor in sensors:
            yield _climate(case, sensor)


def _climate(case: Case, sensor: Sensor) -> Verdict:
    quantity, position = sensor.quantity.value, sensor.position
    view = panel(case, sensor.device)
    if isinstance(view, Verdict):
        return view
    value = view.number(quantity, position)
    if isinstance(value, Verdict):
        return value
    low, high = case.number(f"{quantity}_min"), case.number(f"{quantity}_max")
    inside = low <= value <= high
    wanted = case.number(f"{quantity}_warn_min") <= value <= case.number(f"{quantity}_warn_max")
    msgid = "climate.ok" if inside and wanted else "climate.warn" if inside else "climate.bad"
    unit = case.requirement.threshold(f"{quantity}_max").unit
    return case.say(
        case.met(inside), position, msgid, [view.found], measured=f"{value:g} {unit}",
        limit=case.limit(f"{quantity}_max" if value > high or value >= (low + high) / 2 else f"{quantity}_min"),
        position=position, quantity=quantity, value=f"{value:g}", unit=unit, low=f"{low:g}", high=f"{high:g}",
        device=sensor.device,
    )


@judge("contacts")
def judge_contacts(case: Case) -> Iterator[Verdict]:
    """The contacts the requirement names (threshold ``contacts``) exist in every zone with racks, answer, rest."""
    for quantity in str(case.requirement.threshold("contacts").value).split():
        sensors = [sensor for sensor in case.site.sensors if sensor.quantity.value == quantity]
        if not sensors:
            yield case.say(Status.FAIL, None, "contact.absent", case.view.all("estate", case.site.site),
                           quantity=quantity, limit=case.limit("contacts"))
        for zone in sorted({rack.zone for rack in case.site.racks}) if sensors else ():
            racks = tuple(f"{rack.name}/" for rack in case.site.racks if rack.zone == zone)
            if not any(sensor.position == zone or sensor.position.startswith(racks) for sensor in sensors):
                yield case.say(Status.FAIL, f"{quantity} {zone}", "contact.uncovered",
                               case.view.all("estate", case.site.site), quantity=quantity, zone=zone,
                               limit=case.limit("contacts"))
        for sensor in sensors:
            yield _contact(case, sensor)


def _contact(case: Case, sensor: Sensor) -> Verdict:
    quantity = sensor.quantity.value
    view = panel(case, sensor.device)
    if isinstance(view, Verdict):
        return view
    state = view.state(quantity, sensor.position)
    if isinstance(state, Verdict):
        return state
    good = state in NORMAL
    return case.say(case.met(good), f"{quantity} {sensor.position}", "contact.ok" if good else "contact.alarm",
                    [view.found], measured=state, limit=case.limit("contacts"), quantity=quantity,
                    position=sensor.position, state=state, device=sensor.device)


@judge("cooling_state")
def judge_cooling_state(case: Case) -> Iterator[Verdict]:
    """Every cooling unit is read now: what it does, how much, and the air it gives."""
    for device in case.devices("crac"):
        view = panel(case, device.name)
        if isinstance(view, Verdict):
            yield view
            continue
        mode, output = view.state("cooling_mode"), view.number("cooling_output")
        supply = view.number("cooling_supply_temperature")
        troubles = [entry for entry in (mode, output, supply) if isinstance(entry, Verdict)]
        yield troubles[0] if troubles else case.say(
            Status.PASS, device.name, "cooling.read", [view.found], measured=f"{mode}, {output:.0f} W, {supply:g} °C",
            device=device.name, mode=mode)
