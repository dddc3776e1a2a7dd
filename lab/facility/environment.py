"""An environment unit: APC PowerNet Universal I/O sensors and input contacts.

Temperatures are whole degrees Celsius and humidity whole percent: the recorded SMTL1000 answers 27 °C beside 81 °F.
-1 means that the sensor has lost communication (PowerNet-MIB, ``uioSensorStatusTemperatureDegC``). Contacts are wired
normally closed, so that a cut cable looks like an alarm.
"""

from __future__ import annotations

from lab.facility.agentx import INTEGER, STRING, Oid, Value
from lab.facility.world import SUPPLY_CELSIUS, FacilityUnit, World, wander

UIO: Oid = (1, 3, 6, 1, 4, 1, 318, 1, 1, 25)
SENSOR: Oid = (*UIO, 1, 2, 1)
CONTACT: Oid = (*UIO, 2, 2, 1)
SUBTREES = (UIO,)
IDENTITY: tuple[str, Oid] = (
    "APC Web/SNMP Management Card (MB:v4.2.9 PF:v2.3.1.1 PN:apc_hw21_aos_2.3.1.1.bin AF1:v2.3.1.1)",
    (1, 3, 6, 1, 4, 1, 318, 1, 3, 8, 4),
)
LOST, COMMS_OK, COMMS_LOST = -1, 2, 3
CLOSED, OPEN, NOT_APPLICABLE = 1, 2, 4
NORMAL, CRITICAL = 1, 3
CONTROLS: dict[str, tuple[str, ...]] = {
    "sensor:POSITION": ("ok", "missing", "not-available"),  # temperature: and humidity: take a number as well
    "contact:QUANTITY": ("normal", "alarm", "missing", "not-available"),
}
HUMIDITY = 47.0


class Environment:
    """One environment unit with a temperature and humidity sensor per position and dry contacts."""

    def __init__(self, unit: FacilityUnit, world: World) -> None:
        self.unit, self.world = unit, world

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object of this unit at this moment; a missing sensor has no row at all."""
        values: dict[Oid, Value] = {}
        rise = self.world.room_rise(self.unit.site, now)
        for sensor in self.unit.spec["sensors"]:
            self._sensor(values, sensor["position"], (int(sensor["index"]), 1), rise, now)
        for contact in self.unit.spec["contacts"]:
            self._contact(values, contact, (int(contact["index"]), 1))
        return values

    def _sensor(self, values: dict[Oid, Value], position: str, row: Oid, rise: float, now: float) -> None:
        whole = self.unit.control(f"sensor:{position}", "ok")
        celsius = self._told(f"temperature:{position}", whole, self._celsius(position, rise, now))
        humidity = self._told(f"humidity:{position}", whole, self._humidity(position, rise, now))
        if whole == "missing":
            return
        lost = celsius == LOST and humidity == LOST
        values[(*SENSOR, 3, *row)] = Value(STRING, position.encode())
        values[(*SENSOR, 4, *row)] = Value(STRING, f"Port {row[0]}".encode())
        numbers = {1: row[0], 2: 1, 9: NORMAL, 10: COMMS_LOST if lost else COMMS_OK}
        if celsius is not None:
            numbers |= {5: round(celsius * 9 / 5 + 32) if celsius != LOST else LOST, 6: round(celsius)}
        if humidity is not None:
            numbers |= {7: round(humidity)}
        for column, number in numbers.items():
            values[(*SENSOR, column, *row)] = Value(INTEGER, number)

    def _told(self, key: str, whole: str, natural: float) -> float | None:
        setting = self.unit.control(key, whole)
        if setting == "missing":
            return None
        if setting == "not-available":
            return LOST
        if setting == "ok":
            return natural
        return float(setting)

    def _celsius(self, position: str, rise: float, now: float) -> float:
        rear = 1.2 if "rear" in position else 0.0
        height = 0.0
        if "top" in position:
            height = 1.2
        elif "middle" in position:
            height = 0.4
        return SUPPLY_CELSIUS + 0.4 + rear + height + rise + 0.7 * wander(self.unit.name + position, now, 260)

    def _humidity(self, position: str, rise: float, now: float) -> float:
        rear = -3.0 if "rear" in position else 0.0
        return max(12.0, HUMIDITY + rear - 1.6 * rise + 2.2 * wander(position + self.unit.name, now, 340))

    def _contact(self, values: dict[Oid, Value], contact: dict[str, str], row: Oid) -> None:
        setting = self.unit.control(f"contact:{contact['quantity']}", "normal")
        if setting == "missing":
            return
        state = {"normal": CLOSED, "alarm": OPEN, "not-available": NOT_APPLICABLE}[setting]
        alarm = {"normal": NORMAL, "alarm": CRITICAL, "not-available": NOT_APPLICABLE}[setting]
        name = f"{contact['quantity']} {contact['position']}"
        values[(*CONTACT, 3, *row)] = Value(STRING, name.encode())
        for column, number in {1: row[0], 2: row[1], 5: state, 6: alarm}.items():
            values[(*CONTACT, column, *row)] = Value(INTEGER, number)
