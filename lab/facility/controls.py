"""What may be done to a simulated device, as data; every control request is checked against it."""

from __future__ import annotations

from itertools import product

from core.errors import RackproofError
from lab.facility import ats, crac, environment, pdu, ups
from lab.facility.world import FacilityUnit

AGENT = ("normal", "slow", "silent")


def check(unit: FacilityUnit, key: str, value: str) -> None:
    """Refuse a control that the device does not have. Raises RackproofError LAB021 with what it does have."""
    allowed = _allowed(unit, key)
    if allowed is None:
        raise RackproofError("LAB021", actual=key, device=unit.name, names=", ".join(["agent", *_keys(unit)]))
    if not _fits(allowed, value):
        raise RackproofError("LAB022", actual=value, device=unit.name, control=key, allowed=" | ".join(allowed))


def _keys(unit: FacilityUnit) -> list[str]:
    if unit.kind == "environment":
        positions = [sensor["position"] for sensor in unit.spec["sensors"]]
        prefixes = ("sensor", "temperature", "humidity")
        contacts = [f"contact:{contact['quantity']}" for contact in unit.spec["contacts"]]
        return [f"{prefix}:{position}" for position, prefix in product(positions, prefixes)] + contacts
    if unit.kind == "pdu":
        return ["power"] + [f"bank.{bank['rack']}" for bank in unit.spec["banks"]]
    tables = {"ups": ups.CONTROLS, "crac": crac.CONTROLS, "ats": ats.CONTROLS}
    return list(tables[unit.kind])


def _allowed(unit: FacilityUnit, key: str) -> tuple[str, ...] | None:
    if key == "agent":
        return AGENT
    if key not in _keys(unit):
        return None
    if unit.kind == "environment":
        kind = key.partition(":")[0]
        choices = environment.CONTROLS["contact:QUANTITY" if kind == "contact" else "sensor:POSITION"]
        return (*choices, "<number>") if kind in ("temperature", "humidity") else tuple(choices)
    if unit.kind == "pdu":
        return pdu.CONTROLS["power" if key == "power" else "bank.RACK"]
    if key == "modules":
        return (f"0..{unit.spec['slots']}",)
    table: dict[str, tuple[str, ...]] = {"ups": ups.CONTROLS, "crac": crac.CONTROLS, "ats": ats.CONTROLS}[unit.kind]
    return table[key]


def _fits(allowed: tuple[str, ...], value: str) -> bool:
    if value in allowed and not value.startswith("<"):
        return True
    if allowed[-1] == "<number>":
        return value.removeprefix("-").replace(".", "", 1).isdigit()
    low, dots, high = allowed[0].partition("..")
    return bool(dots) and value.isdigit() and int(low) <= int(value) <= int(high)
