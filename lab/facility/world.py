"""The physics shared by all simulated devices of a lab: the load, who carries it, and how warm it gets.

Every figure is a smooth function of the clock, so that two devices asked at the same moment agree with each other
(what the UPS of a path gives is what its PDU draws plus distribution loss) and a second poll never sees a frozen room.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

DAY_S = 86_400
DISTRIBUTION_LOSS = 0.015
THERMAL_TIME_CONSTANT_S = 120.0
SUPPLY_CELSIUS = 21.5
RISE_WITHOUT_COOLING_CELSIUS = 16.0


def wander(seed: str, now: float, period_s: float) -> float:
    """Return a smooth value in -1..1 that differs from seed to seed and never repeats within a day."""
    phase = zlib.crc32(seed.encode()) % 6283 / 1000
    slow = math.sin(2 * math.pi * now / period_s + phase)
    quick = math.sin(2 * math.pi * now / (period_s / 7.3) + phase * 2.1)
    return 0.7 * slow + 0.3 * quick


def load_factor(now: float) -> float:
    """Return the load as a share of its daily mean: highest at 14:00 Vietnam time (UTC+7), lowest at 02:00.

    The swing stays within 6 %, so that the lab's verdicts do not depend on the hour at which it runs.
    """
    hour = (now / 3600 + 7) % 24
    return 1 + 0.04 * math.cos(2 * math.pi * (hour - 14) / 24) + 0.015 * wander("load", now, 610)


@dataclass
class FacilityUnit:
    """What one device was told to be (``spec``) and told to do since (``controls``)."""

    name: str
    kind: str
    site: str
    spec: Mapping[str, Any]
    controls: dict[str, str] = field(default_factory=dict)

    def control(self, key: str, default: str) -> str:
        """Return the present setting of a control."""
        return self.controls.get(key, default)


class World:
    """All units of the lab and the flows between them."""

    def __init__(self, units: list[FacilityUnit], clock: Callable[[], float]) -> None:
        self.units = {unit.name: unit for unit in units}
        self.clock = clock
        self.started = clock()
        self._warmth: dict[str, tuple[float, float]] = {}

    def of_kind(self, kind: str, site: str) -> list[FacilityUnit]:
        """Return the units of one kind at one site."""
        return [unit for unit in self.units.values() if unit.kind == kind and unit.site == site]

    def source_of(self, pdu: FacilityUnit) -> FacilityUnit | None:
        """Return the UPS that feeds a PDU."""
        return self.units.get(str(pdu.spec.get("fed_by", "")))

    def alive(self, pdu: FacilityUnit) -> bool:
        """Say whether a PDU has power: it is on, and so is the UPS that feeds it."""
        ups = self.source_of(pdu)
        fed = ups is None or ups.control("source", "normal") != "none"
        return fed and pdu.control("power", "on") == "on"

    def _carries(self, pdu: FacilityUnit, rack: str) -> bool:
        """Tell whether a PDU is alive and its bank of this rack is on."""
        has_bank = any(bank["rack"] == rack for bank in pdu.spec["banks"])
        return has_bank and self.alive(pdu) and pdu.control(f"bank.{rack}", "on") == "on"

    def bank_watts(self, pdu: FacilityUnit, bank: int, now: float) -> float:
        """Return what one bank (one rack) draws from this PDU; a dead sister PDU's share moves over here."""
        racks = list(pdu.spec["banks"])
        if not self.alive(pdu) or pdu.control(f"bank.{racks[bank]['rack']}", "on") != "on":
            return 0.0
        rack = racks[bank]
        demand = float(rack["watts"]) * load_factor(now) * (1 + 0.005 * wander(rack["rack"], now, 330))
        carriers = [other for other in self.of_kind("pdu", pdu.site) if self._carries(other, rack["rack"])]
        if len(carriers) == 1:
            return demand
        lean = 0.01 * wander(rack["rack"] + "lean", now, 470)
        if carriers[0].name == pdu.name:
            return demand * (0.5 + lean)
        return demand * (0.5 - lean)

    def pdu_watts(self, pdu: FacilityUnit, now: float) -> float:
        """Return what a PDU draws altogether."""
        return sum(self.bank_watts(pdu, bank, now) for bank in range(len(pdu.spec["banks"])))

    def ups_watts(self, ups: FacilityUnit, now: float) -> float:
        """Return what a UPS gives: its PDUs' draw plus the loss of the distribution between them."""
        fed = [pdu for pdu in self.of_kind("pdu", ups.site) if self.source_of(pdu) is ups]
        return sum(self.pdu_watts(pdu, now) for pdu in fed) * (1 + DISTRIBUTION_LOSS)

    def heat_watts(self, site: str, now: float) -> float:
        """Return the heat of a site: every watt that its racks draw."""
        return sum(self.pdu_watts(pdu, now) for pdu in self.of_kind("pdu", site))

    def cooling_watts(self, site: str) -> float:
        """Return the cooling available from the units that run."""
        running = [u for u in self.of_kind("crac", site) if u.control("mode", "on") == "on"]
        return sum(float(unit.spec["capacity_w"]) for unit in running)

    def room_rise(self, site: str, now: float) -> float:
        """Return how much warmer than its supply air the room is (°C); follows the cooling with a delay."""
        units = self.of_kind("crac", site)
        heat = self.heat_watts(site, now)
        share = min(1.0, self.cooling_watts(site) / heat) if units and heat else 1.0
        goal = (1 - share) * RISE_WITHOUT_COOLING_CELSIUS
        before, rise = self._warmth.get(site, (now, goal))
        rise += (goal - rise) * (1 - math.exp(-(now - before) / THERMAL_TIME_CONSTANT_S))
        self._warmth[site] = (now, rise)
        return rise
