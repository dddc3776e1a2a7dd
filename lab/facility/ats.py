"""An automatic transfer switch: APC PowerNet ats objects, as recorded from an AP4423.

The input current column answers -1: the recorded family has no meter there (PowerNet-MIB, "-1 if not supported").
"""

from __future__ import annotations

from lab.facility.agentx import INTEGER, STRING, Oid, Value
from lab.facility.world import FacilityUnit, World, wander

ATS: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 8)
SUBTREES = (ATS,)
IDENTITY: tuple[str, Oid] = (
    "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.4.6 PN:apc_hw05_aos_646.bin AF1:v6.4.7 AN1:apc_hw05_ats4g_647.bin)",
    (1, 3, 6, 1, 4, 1, 318, 1, 3, 32),
)
CONTROLS: dict[str, tuple[str, ...]] = {
    "source": ("a", "b"),
    "source_a": ("ok", "fail"),
    "source_b": ("ok", "fail"),
    "switch": ("ok", "fail"),
}
FAIL, OK = 1, 2
#: What the MIB shows where something works, or does not.
STATES = {True: OK, False: FAIL}
SOURCE_NUMBERS = {"a": 1, "b": 2}
NOT_AVAILABLE = -1


class Ats:
    """One transfer switch: picks the preferred source while that is good, the other one otherwise."""

    def __init__(self, unit: FacilityUnit, world: World) -> None:
        self.unit, self.world = unit, world

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object of this switch at this moment."""
        good = {side: self.unit.control(f"source_{side}", "ok") == "ok" for side in ("a", "b")}
        wanted = self.unit.control("source", "a")
        other = "b" if wanted == "a" else "a"
        selected = wanted if good[wanted] or not good[other] else other
        switch = self.unit.control("switch", "ok") == "ok"
        redundant = good["a"] and good["b"] and switch
        ups = self.world.units.get(str(self.unit.spec.get("feeds", "")))
        load = self.world.ups_watts(ups, now) / 0.95 if ups and good[selected] else 0.0
        status = {1: 2, 2: SOURCE_NUMBERS[selected], 3: STATES[redundant], 4: OK, 5: OK, 6: OK}
        status |= {10: STATES[switch], 12: STATES[good["a"]], 13: STATES[good["b"]], 14: 1}
        values = {(*ATS, 5, 1, number, 0): Value(INTEGER, data) for number, data in status.items()}
        values[(*ATS, 1, 5, 0)] = Value(STRING, b"AP4423")
        for number, side in ((1, "a"), (2, "b")):
            volts = round(230 + 3 * wander(f"{self.unit.name}{side}", now, 180)) if good[side] else 0
            values[(*ATS, 5, 3, 3, 1, 3, number, 1, 1)] = Value(INTEGER, volts)
            values[(*ATS, 5, 3, 3, 1, 6, number, 1, 1)] = Value(INTEGER, NOT_AVAILABLE)
        values[(*ATS, 5, 4, 3, 1, 4, 1, 1, 1)] = Value(INTEGER, round(10 * load / 230))
        values[(*ATS, 5, 4, 3, 1, 7, 1, 1, 1)] = Value(INTEGER, round(load))
        return values
