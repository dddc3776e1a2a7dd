"""A metered rack PDU: APC PowerNet rPDU2 objects; one bank per rack that it feeds.

``rPDU2DeviceStatusPower`` is in hundredths of a kilowatt, currents in tenths of an ampere, energy in tenths of a
kilowatt-hour (PowerNet-MIB; the same units in recordings of AP8932 and AP8959).
"""

from __future__ import annotations

from lab.facility.agentx import INTEGER, STRING, Oid, Value
from lab.facility.world import FacilityUnit, World, wander

RPDU2: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 26)
SUBTREES = (RPDU2,)
IDENTITY: tuple[str, Oid] = (
    "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.7.2 PN:apc_hw05_aos_672.bin AF1:v6.7.2 AN1:apc_hw05_rpdu2g_672.bin)",
    (1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 6),
)
CONTROLS: dict[str, tuple[str, ...]] = {"power": ("on", "off"), "bank.RACK": ("on", "off")}
PHASES, VOLTS, POWER_FACTOR = 3, 230, 0.96
LOW, NORMAL, NEAR_OVERLOAD, OVERLOAD = 1, 2, 3, 4
NEAR_OVERLOAD_SHARE = 0.8


class RackPdu:
    """One PDU; the energy counter is the only thing it has to remember."""

    def __init__(self, unit: FacilityUnit, world: World) -> None:
        self.unit, self.world = unit, world
        self.watt_seconds = float(unit.spec.get("start_kwh", 12_000)) * 3.6e6
        self._last = world.clock()

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object of this PDU at this moment."""
        banks = [self.world.bank_watts(self.unit, bank, now) for bank in range(len(self.unit.spec["banks"]))]
        watts = sum(banks)
        self.watt_seconds += watts * (now - self._last)
        self._last = now
        values: dict[Oid, Value] = {}
        self._device(values, watts)
        self._phases(values, watts, now)
        self._banks(values, banks)
        return values

    def _state(self, watts: float, rating: float) -> int:
        if watts > rating:
            return OVERLOAD
        if watts > NEAR_OVERLOAD_SHARE * rating:
            return NEAR_OVERLOAD
        return NORMAL

    def _device(self, values: dict[Oid, Value], watts: float) -> None:
        rating = float(self.unit.spec["rating_w"])
        numbers = {1: 1, 2: 1, 4: self._state(watts, rating), 5: round(watts / 10), 6: round(rating / 10)}
        numbers |= {9: int(self.watt_seconds / 3.6e5), 11: 1, 12: 1, 13: 1, 14: 1}
        numbers |= {16: round(watts / POWER_FACTOR / 10), 17: round(100 * POWER_FACTOR)}
        for column, number in numbers.items():
            values[(*RPDU2, 4, 3, 1, column, 1)] = Value(INTEGER, number)
        values[(*RPDU2, 4, 3, 1, 3, 1)] = Value(STRING, self.unit.name.encode())

    def _phases(self, values: dict[Oid, Value], watts: float, now: float) -> None:
        for phase in range(1, PHASES + 1):
            lean = 1 + 0.03 * wander(f"{self.unit.name}L{phase}", now, 150)
            share = watts / PHASES * lean
            alive = self.world.alive(self.unit)
            volts = round(VOLTS + 2 * wander(f"{self.unit.name}V{phase}", now, 120)) if alive else 0
            numbers = {1: phase, 2: 1, 3: phase, 4: self._state(share, float(self.unit.spec["rating_w"]) / PHASES)}
            numbers |= {5: round(10 * share / VOLTS / POWER_FACTOR), 6: volts, 7: round(share / 10)}
            for column, number in numbers.items():
                values[(*RPDU2, 6, 3, 1, column, phase)] = Value(INTEGER, number)

    def _banks(self, values: dict[Oid, Value], banks: list[float]) -> None:
        for bank, watts in enumerate(banks, start=1):
            numbers = {1: bank, 2: 1, 3: bank, 4: NORMAL if watts else LOW}
            numbers |= {5: round(10 * watts / VOLTS / POWER_FACTOR)}
            for column, number in numbers.items():
                values[(*RPDU2, 8, 3, 1, column, bank)] = Value(INTEGER, number)
