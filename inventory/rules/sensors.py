"""Sensors: their device and position exist, and every position of a rack is measured as strictly as the tier says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from core.errors import RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.enums import DeviceKind, Duty, Quantity
from inventory.source.parsed_estate import Draft, DraftSite

_PER_POSITION = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
_OF_THEIR_OWN = (DeviceKind.UPS, DeviceKind.CRAC)  # they report the temperature they have, at no rack
_MEASURE = (DeviceKind.ENVIRONMENT, *_OF_THEIR_OWN)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST150 to EST155, EST045 and EST049 (doubt about where a sensor is and who answers for it)."""
    for place in draft.sites:
        yield from _groups(place)
        yield from _sensors(place)
        tier = draft.tiers.get(place.site.tier)
        if tier is not None and tier.measured_positions is not Duty.NONE:
            yield from _unmeasured(place, tier.measured_positions)


def _groups(place: DraftSite) -> Iterator[RackproofError]:
    racks = [rack.name for rack in place.site.racks]
    for index, group in enumerate(place.site.sensor_groups):
        for number, rack in enumerate(group.racks):
            if rack not in racks:
                yield mistake("EST152", place.place("sensor_groups", index, "racks", number), actual=rack, known=racks)


def _sensors(place: DraftSite) -> Iterator[RackproofError]:
    racks = {rack.name: rack.positions for rack in place.site.racks}
    positions: set[str] = set()
    for rack, names in racks.items():
        positions.update(f"{rack}/{position}" for position in names)
    zones = {rack.zone for rack in place.site.racks} | {unit.zone for unit in place.site.cooling}
    for index, sensor in enumerate(place.sensors):
        where, device = partial(place.sensor_place, index), place.devices.get(sensor.device)
        if device is None:
            yield mistake("EST150", where(), actual=sensor.device, known=place.devices, position=sensor.position)
        elif device.kind not in _MEASURE:
            actual = f"{device.name} ({device.kind.value})"
            yield mistake("EST049", where(), actual=actual, quantity=sensor.quantity.value, position=sensor.position)
        of_a_rack = sensor.quantity in _PER_POSITION and (device is None or device.kind not in _OF_THEIR_OWN)
        facts = {"device": sensor.device, "quantity": sensor.quantity.value}
        if sensor.position not in positions and sensor.position not in zones:
            known = positions if of_a_rack or "/" in sensor.position else zones
            yield mistake("EST151", where(), actual=sensor.position, known=known, **facts)
        elif of_a_rack and sensor.position not in positions:
            yield mistake("EST045", where(), actual=sensor.position, known=positions, **facts)


def _unmeasured(place: DraftSite, duty: Duty) -> Iterator[RackproofError]:
    measured = {(sensor.position, sensor.quantity) for sensor in place.sensors}
    for index, rack in enumerate(place.site.racks):
        if not rack.positions:
            yield mistake("EST155", place.place("racks", index), rack=rack.name, tier=place.site.tier)
        for number, position in enumerate(rack.positions):
            name = f"{rack.name}/{position}"
            missing = [quantity.value for quantity in _PER_POSITION if (name, quantity) not in measured]
            if missing:
                code = "EST153" if duty is Duty.ERROR else "EST154"
                where = place.place("racks", index, "positions", number)
                yield mistake(code, where, actual=name, missing=" and ".join(missing), tier=place.site.tier)
