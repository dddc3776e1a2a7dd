"""Sensors: their device and position exist, and every position of a rack is measured as strictly as the tier says."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.draft import Draft, DraftSite
from inventory.kinds import Duty, Quantity
from inventory.mistakes import mistake

_PER_POSITION = (Quantity.TEMPERATURE, Quantity.HUMIDITY)


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST150 to EST155."""
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
    positions = {f"{rack}/{position}" for rack, names in racks.items() for position in names}
    zones = {rack.zone for rack in place.site.racks} | {unit.zone for unit in place.site.cooling}
    for index, sensor in enumerate(place.sensors):
        if sensor.device not in place.devices:
            where = place.sensor_place(index)
            yield mistake("EST150", where, actual=sensor.device, known=place.devices, position=sensor.position)
        needs_rack = sensor.quantity in _PER_POSITION or "/" in sensor.position
        known = positions if needs_rack else zones
        if sensor.position not in positions | zones:
            yield mistake(
                "EST151",
                place.sensor_place(index),
                actual=sensor.position,
                known=known,
                device=sensor.device,
                quantity=sensor.quantity.value,
            )


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
