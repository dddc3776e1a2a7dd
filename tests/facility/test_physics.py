"""The simulated facility: figures that agree with each other, move, and react to controls."""

from __future__ import annotations

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from lab.facility import controls, plan, snmpd
from lab.facility.agentx import Oid, Value
from lab.facility.simulator import MODELS, DeviceModel
from lab.facility.world import FacilityUnit, World

NOON = 1_790_000_000.0
SECRETS = {"snmp_auth_password": "auth-secret-1", "snmp_priv_password": "priv-secret-1", "snmp_community": "read-1"}


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lab() -> tuple[World, dict[str, DeviceModel], Clock]:
    clock = Clock()
    agents = plan.agents(load_estate(REPOSITORY / "lab" / "estate"), "t")
    units = [FacilityUnit(agent.name, agent.kind, agent.site, agent.spec) for agent in agents]
    world = World(units, clock)
    return world, {unit.name: MODELS[unit.kind](unit, world) for unit in units}, clock


def values(models: dict[str, DeviceModel], name: str, clock: Clock) -> dict[Oid, Value]:
    return models[name].snapshot(clock.now)


def read_number(models: dict[str, DeviceModel], name: str, oid: Oid, clock: Clock) -> int:
    number = values(models, name, clock)[oid].data
    assert isinstance(number, int)
    return number


POWERNET = (1, 3, 6, 1, 4, 1, 318, 1, 1)
UPS_WATTS, UPS_SPARE = (*POWERNET, 1, 4, 2, 8, 0), (*POWERNET, 1, 4, 2, 5, 0)
PDU_POWER = (*POWERNET, 26, 4, 3, 1, 5, 1)
SECONDS_ON_BATTERY = (1, 3, 6, 1, 2, 1, 33, 1, 2, 2, 0)


def test_a_ups_gives_what_its_pdu_draws(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    _world, models, clock = lab
    for _ in range(20):
        clock.now += 3571
        for path in "ab":
            given = read_number(models, f"ups-{path}", UPS_WATTS, clock)
            drawn = read_number(models, f"pdu-{path}", PDU_POWER, clock) * 10
            assert given == pytest.approx(drawn * 1.015, rel=0.01)


def test_n_plus_1_depends_on_one_module_at_every_hour(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, models, clock = lab
    for minute in range(0, 24 * 60, 7):
        clock.now = NOON + minute * 60
        for name in ("ups-a", "ups-b"):
            assert 20_000 < world.ups_watts(world.units[name], clock.now) < 0.9 * 40_000
            assert values(models, name, clock)[UPS_SPARE].data == 1


def test_one_path_carries_everything_at_every_hour(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, _, clock = lab
    world.units["pdu-b"].controls["power"] = "off"
    for minute in range(0, 24 * 60, 7):
        clock.now = NOON + minute * 60
        assert world.pdu_watts(world.units["pdu-a"], clock.now) < 0.8 * 60_000
        assert world.ups_watts(world.units["ups-a"], clock.now) < 60_000


def test_values_move(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    _, models, clock = lab
    before = {name: values(models, name, clock) for name in models}
    clock.now += 40
    assert all(values(models, name, clock) != table for name, table in before.items() if not name.startswith("env-hph"))


def test_a_lost_module_shows_in_redundancy_and_module_table(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, models, clock = lab
    assert values(models, "ups-a", clock)[UPS_SPARE].data == 1
    world.units["ups-a"].controls["modules"] = "2"
    after = values(models, "ups-a", clock)
    assert after[UPS_SPARE].data == 0
    assert [after[(*POWERNET, 1, 13, 2, 2, 1, 2, slot)].data for slot in range(1, 5)] == [4, 4, 2, 2]


def test_battery_counts_and_drains(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, models, clock = lab
    values(models, "ups-b", clock)
    world.units["ups-b"].controls["source"] = "battery"
    values(models, "ups-b", clock)
    clock.now += 90
    after = values(models, "ups-b", clock)
    assert after[SECONDS_ON_BATTERY].data == 90
    left = after[(1, 3, 6, 1, 2, 1, 33, 1, 2, 4, 0)].data
    assert isinstance(left, int)
    assert left < 100
    world.units["ups-b"].controls["source"] = "normal"
    assert values(models, "ups-b", clock)[SECONDS_ON_BATTERY].data == 0


def test_a_dead_path_moves_its_load(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, models, clock = lab
    world.units["pdu-b"].controls["power"] = "off"
    assert values(models, "pdu-b", clock)[PDU_POWER].data == 0
    assert 4100 < read_number(models, "pdu-a", PDU_POWER, clock) < 4700


def test_one_cooling_unit_carries_the_room_and_none_does_not(lab: tuple[World, dict[str, DeviceModel], Clock]) -> None:
    world, _, clock = lab
    world.units["crac-1"].controls["mode"] = "standby"
    clock.now += 600
    assert world.room_rise("dc", clock.now) == pytest.approx(0, abs=0.01)
    world.units["crac-2"].controls["mode"] = "standby"
    clock.now += 600
    assert world.room_rise("dc", clock.now) > 10


TEMPERATURE = (*POWERNET, 25, 1, 2, 1, 6, 1, 1)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sensor:R1/front-top", "missing", None),
        ("sensor:R1/front-top", "not-available", -1),
        ("temperature:R1/front-top", "missing", None),
        ("temperature:R1/front-top", "31.4", 31),
    ],
)
def test_silent_sensors(
    lab: tuple[World, dict[str, DeviceModel], Clock], key: str, value: str, expected: int | None
) -> None:
    world, models, clock = lab
    unit = world.units["env-dc"]
    controls.check(unit, key, value)
    unit.controls[key] = value
    found = values(models, "env-dc", clock).get(TEMPERATURE)
    assert (found.data if found else None) == expected


@pytest.mark.parametrize(
    ("device", "key", "value", "code"),
    [
        ("ups-a", "moduls", "3", "LAB021"),
        ("ups-a", "modules", "9", "LAB022"),
        ("ups-a", "modules", "-1", "LAB022"),
        ("ups-a", "source", "sun", "LAB022"),
        ("pdu-a", "bank.R9", "off", "LAB021"),
        ("env-dc", "sensor:R9/front", "missing", "LAB021"),
        ("env-dc", "sensor:R1/front-top", "22", "LAB022"),
        ("env-dc", "contact:flood", "alarm", "LAB021"),
        ("env-dc", "contact:fire", "1", "LAB022"),
        ("env-dc", "temperature:R1/front-top", "<number>", "LAB022"),
    ],
)
def test_a_control_that_a_device_does_not_have_is_refused(
    lab: tuple[World, dict[str, DeviceModel], Clock], device: str, key: str, value: str, code: str
) -> None:
    world, _, _ = lab
    with pytest.raises(RackproofError) as caught:
        controls.check(world.units[device], key, value)
    assert caught.value.code == code


@pytest.mark.parametrize(("key", "value"), [("modules", "3"), ("source", "battery"), ("agent", "silent")])
def test_controls_of_a_ups(lab: tuple[World, dict[str, DeviceModel], Clock], key: str, value: str) -> None:
    world, _, _ = lab
    controls.check(world.units["ups-a"], key, value)


def test_the_configuration_holds_only_its_own_credentials() -> None:
    agents = {agent.name: agent for agent in plan.agents(load_estate(REPOSITORY / "lab" / "estate"), "t")}
    v3, v2 = snmpd.configuration(agents["pdu-a"], SECRETS), snmpd.configuration(agents["pdu-b"], SECRETS)
    assert "read-1" not in v3 and "rouser rackproof-mon priv" in v3 and "SHA-256" in v3
    assert "auth-secret-1" not in v2 and "rocommunity read-1" in v2
    with pytest.raises(RackproofError) as caught:
        snmpd.configuration(agents["pdu-a"], {"snmp_community": "x"})
    assert caught.value.code == "LAB020"
