"""A modular UPS: RFC 1628 UPS-MIB plus the APC PowerNet objects that carry modules and redundancy.

Behaviour copied from recorded devices: the input current column answers -1 (as NetMan 204 cards do) and, when told
to, the runtime answers 4294967295 (as Huawei UPS2000 cards do while they cannot estimate it).
"""

from __future__ import annotations

import math

from lab.facility.agentx import COUNTER32, GAUGE32, INTEGER, OBJECT_ID, STRING, TIMETICKS, Oid, Value
from lab.facility.world import FacilityUnit, World, wander

UPS_MIB: Oid = (1, 3, 6, 1, 2, 1, 33, 1)
POWERNET: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 1)
SUBTREES = ((1, 3, 6, 1, 2, 1, 33), (1, 3, 6, 1, 4, 1, 318, 1, 1, 1))
IDENTITY: tuple[str, Oid] = (
    "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.2.0 PN:apc_hw05_aos_620.bin AF1:v6.2.0 AN1:apc_hw05_sy_620.bin)",
    (1, 3, 6, 1, 4, 1, 318, 1, 3, 5, 4),
)
SOURCES = {"normal": 3, "bypass": 4, "battery": 5, "none": 2}
APC_STATUS = {"normal": 2, "bypass": 6, "battery": 3, "none": 7}
CONTROLS: dict[str, tuple[str, ...]] = {
    "source": tuple(SOURCES),
    "modules": ("0..SLOTS",),
    "runtime": ("ok", "not-available"),
    "battery": ("ok", "bad"),
}
MODULE_PRESENT, MODULE_ABSENT = 4, 2  # upsDiagPMStatus onOk, notInstalled
NOT_AVAILABLE = -1
UNKNOWN_MINUTES = 0xFFFFFFFF
ON_BATTERY_ALARM, GENERAL_FAULT_ALARM = 2, 18
CHARGE_PER_SECOND = 0.02
MINUTES_AT_FULL_LOAD = 12.0
LINES = 3


class Ups:
    """One UPS; keeps only what a clock alone cannot tell: battery charge, seconds on battery, input failures."""

    def __init__(self, unit: FacilityUnit, world: World) -> None:
        self.unit, self.world = unit, world
        self.charge, self.line_bads, self.on_battery_since = 100.0, 0, 0.0
        self._last = world.clock()

    @property
    def modules(self) -> int:
        """Power modules in service."""
        return int(self.unit.control("modules", str(self.unit.spec["modules"])))

    def _advance(self, now: float, load: float) -> str:
        source = self.unit.control("source", "normal")
        step, self._last = now - self._last, now
        if source == "battery":
            if not self.on_battery_since:
                self.on_battery_since, self.line_bads = now, self.line_bads + 1
            self.charge = max(0.0, self.charge - 100 * step / (60 * self._minutes_when_full(load)))
        else:
            self.on_battery_since = 0.0
            self.charge = min(100.0, self.charge + CHARGE_PER_SECOND * step)
        return source

    def _minutes_when_full(self, load: float) -> float:
        full = float(self.unit.spec["modules"]) * float(self.unit.spec["module_w"])
        share = max(0.05, load / full) if full else 1.0
        return float(MINUTES_AT_FULL_LOAD / share**1.15)

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object of this UPS at this moment."""
        load = self.world.ups_watts(self.unit, now)
        source = self._advance(now, load)
        minutes = int(self._minutes_when_full(load) * self.charge / 100)
        if self.unit.control("runtime", "ok") == "not-available":
            minutes = UNKNOWN_MINUTES
        capacity = max(1.0, self.modules * float(self.unit.spec["module_w"]))
        percent = round(100 * load / capacity)
        values: dict[Oid, Value] = {}
        self._battery(values, now, source, minutes)
        self._input(values, now, source, load)
        self._output(values, now, source, load, percent)
        self._alarms(values, source)
        self._powernet(values, now, source, load, percent, minutes)
        return values

    def _battery(self, values: dict[Oid, Value], now: float, source: str, minutes: int) -> None:
        low = source == "battery" and minutes < 5
        seconds = int(now - self.on_battery_since) if self.on_battery_since else 0
        put(values, (*UPS_MIB, 1), {1: b"APC", 2: self.unit.spec["model"].encode(), 5: self.unit.name.encode()})
        status, decivolts = (3, 3500) if low else (2, 3870)
        put(values, (*UPS_MIB, 2), {1: status, 2: seconds, 4: int(self.charge), 5: decivolts})
        values[(*UPS_MIB, 2, 3, 0)] = Value(GAUGE32 if minutes == UNKNOWN_MINUTES else INTEGER, minutes)
        values[(*UPS_MIB, 2, 7, 0)] = Value(INTEGER, round(25 + 1.5 * wander(self.unit.name + "bat", now, 1900)))

    def _input(self, values: dict[Oid, Value], now: float, source: str, load: float) -> None:
        values[(*UPS_MIB, 3, 1, 0)] = Value(COUNTER32, self.line_bads)
        values[(*UPS_MIB, 3, 2, 0)] = Value(INTEGER, LINES)
        for line in range(1, LINES + 1):
            alive = source in ("normal", "bypass")
            volts = round(230 + 3 * wander(f"{self.unit.name}in{line}", now, 210)) if alive else 0
            hertz = round(500 + 2 * wander("grid", now, 90)) if alive else 0
            row = {2: hertz, 3: volts, 4: NOT_AVAILABLE, 5: round(load / LINES / 0.95) if alive else 0}
            for column, number in row.items():
                values[(*UPS_MIB, 3, 3, 1, column, line)] = Value(INTEGER, number)

    def _output(self, values: dict[Oid, Value], now: float, source: str, load: float, percent: int) -> None:
        values[(*UPS_MIB, 4, 1, 0)] = Value(INTEGER, SOURCES[source])
        decihertz, volts = (500, 230) if source != "none" else (0, 0)
        put(values, (*UPS_MIB, 4), {2: decihertz, 3: LINES})
        for line in range(1, LINES + 1):
            watts = round(load / LINES)
            amps = round(10 * watts / 230 / 0.96)
            row = {2: volts + round(wander(f"{self.unit.name}out{line}", now, 70)) if volts else 0}
            row |= {3: amps, 4: watts, 5: min(200, percent)}
            for column, number in row.items():
                values[(*UPS_MIB, 4, 4, 1, column, line)] = Value(INTEGER, number)

    def _alarms(self, values: dict[Oid, Value], source: str) -> None:
        active = [ON_BATTERY_ALARM] if source == "battery" else []
        if self.modules < int(self.unit.spec["modules"]):
            active.append(GENERAL_FAULT_ALARM)
        values[(*UPS_MIB, 6, 1, 0)] = Value(GAUGE32, len(active))
        for row, alarm in enumerate(active, start=1):
            values[(*UPS_MIB, 6, 2, 1, 2, row)] = Value(OBJECT_ID, (*UPS_MIB, 6, 3, alarm))
            values[(*UPS_MIB, 6, 2, 1, 3, row)] = Value(TIMETICKS, 0)
        put(values, (*UPS_MIB, 7), {3: 1})

    def _powernet(
        self, values: dict[Oid, Value], now: float, source: str, load: float, percent: int, minutes: int
    ) -> None:
        module_w, slots = float(self.unit.spec["module_w"]), int(self.unit.spec["slots"])
        spare = max(0, self.modules - max(1, math.ceil(load / module_w)))
        bad = self.unit.control("battery", "ok") == "bad"
        put(values, (*POWERNET, 1, 1), {1: self.unit.spec["model"].encode(), 2: self.unit.name.encode()})
        put(values, (*POWERNET, 2, 1), {1: 2})
        values[(*POWERNET, 2, 2, 1, 0)] = Value(GAUGE32, int(self.charge))
        values[(*POWERNET, 2, 2, 2, 0)] = Value(GAUGE32, values[(*UPS_MIB, 2, 7, 0)].data)
        values[(*POWERNET, 2, 2, 3, 0)] = Value(TIMETICKS, minutes * 6000 & 0xFFFFFFFF)
        replace, count = (2, 1) if bad else (1, 0)
        put(values, (*POWERNET, 2, 2), {4: replace, 6: count})
        put(values, (*POWERNET, 4, 1), {1: APC_STATUS[source]})
        gauges = {1: 230 if source != "none" else 0, 2: 50, 3: percent, 5: spare, 8: round(load)}
        for column, number in gauges.items():
            values[(*POWERNET, 4, 2, column, 0)] = Value(GAUGE32, number)
        values[(*POWERNET, 4, 2, 6, 0)] = Value(INTEGER, round(self.modules * module_w / 1000))
        put(values, (*POWERNET, 7, 2), {3: 1, 4: b"11/01/2026"})
        put(values, (*POWERNET, 13, 2), {1: slots})
        for slot in range(1, slots + 1):
            status = MODULE_PRESENT if slot <= self.modules else MODULE_ABSENT
            values[(*POWERNET, 13, 2, 2, 1, 1, slot)] = Value(INTEGER, slot)
            values[(*POWERNET, 13, 2, 2, 1, 2, slot)] = Value(INTEGER, status)


def put(values: dict[Oid, Value], prefix: Oid, scalars: dict[int, int | bytes]) -> None:
    """Add scalars ``prefix.N.0``: bytes become octet strings, numbers Integer32."""
    for number, data in scalars.items():
        values[(*prefix, number, 0)] = Value(STRING if isinstance(data, bytes) else INTEGER, data)
