"""An in-row cooling unit: APC PowerNet airIRRC objects, as recorded from an ACRC103.

Tenths of a kilowatt and of a degree; airflow in whole litres per second (the recording pairs 1717 ft³/min with 810).
The suction and return humidity columns answer -1, as the recorded unit does.
"""

from __future__ import annotations

from lab.facility.agentx import INTEGER, STRING, Oid, Value
from lab.facility.world import SUPPLY_CELSIUS, FacilityUnit, World, wander

UNIT: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 13, 3, 2, 2)
GROUP: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 13, 3, 2, 1)
SUBTREES = ((1, 3, 6, 1, 4, 1, 318, 1, 1, 13, 3),)
IDENTITY: tuple[str, Oid] = (
    "APC Web/SNMP Management Card (MB:v4.1.1 PF:v3.9.2 PN:apc_hw03_aos_392.bin AF1:v3.8.0 AN1:apc_hw03_acrc_380.bin)",
    (1, 3, 6, 1, 4, 1, 318, 1, 3, 14, 5),
)
MODES = {"standby": 1, "on": 2, "idle": 3}
CONTROLS: dict[str, tuple[str, ...]] = {"mode": tuple(MODES), "filter": ("ok", "clogged")}
NOT_AVAILABLE = -1
LITRES_PER_SECOND_PER_KW = 48


class Crac:
    """One cooling unit; its share of the heat follows from which units run."""

    def __init__(self, unit: FacilityUnit, world: World) -> None:
        self.unit, self.world = unit, world
        self.started = world.clock()

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object of this unit at this moment."""
        mode = self.unit.control("mode", "on")
        heat = self.world.heat_watts(self.unit.site, now)
        available = self.world.cooling_watts(self.unit.site)
        capacity = float(self.unit.spec["capacity_w"])
        output = min(capacity, heat * capacity / available) if mode == "on" and available else 0.0
        inlet = SUPPLY_CELSIUS + self.world.room_rise(self.unit.site, now) + 0.6 * wander(self.unit.name, now, 400)
        back = inlet + 11 * output / capacity + 2
        flow = output / 1000 * LITRES_PER_SECOND_PER_KW + (250 if mode == "on" else 0)
        pressure = 130 if self.unit.control("filter", "ok") == "clogged" else 45
        tenths_kw = round(output / 100)
        numbers = {1: MODES[mode], 2: tenths_kw, 3: tenths_kw, 4: round(flow * 2.119), 5: round(flow)}
        numbers |= {6: fahrenheit(inlet), 7: round(inlet * 10), 8: fahrenheit(inlet - 3), 9: round((inlet - 3) * 10)}
        numbers |= {10: fahrenheit(back), 11: round(back * 10), 12: NOT_AVAILABLE, 13: NOT_AVAILABLE}
        numbers |= {14: 0, 15: pressure, 16: round(1000 * output / capacity), 17: 1}
        values = {(*UNIT, 2, column, 0): Value(INTEGER, number) for column, number in numbers.items()}
        values[(*UNIT, 1, 2, 0)] = Value(STRING, self.unit.name.encode())
        values[(*UNIT, 3, 2, 0)] = Value(INTEGER, 21_000 + int((now - self.started) / 3600))
        values[(*GROUP, 1, 1, 0)] = Value(INTEGER, round(min(heat, available) / 100))
        values[(*GROUP, 1, 6, 0)] = Value(INTEGER, round((inlet + 0.5) * 10))
        return values


def fahrenheit(celsius: float) -> int:
    """Return tenths of a degree Fahrenheit, the unit of the columns beside the metric ones."""
    return round((celsius * 9 / 5 + 32) * 10)
