"""Readings: nothing silent is ever left out, nothing doubtful is ever good."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from core.errors import RackproofError
from inventory.model.estate import Estate
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import find_profile
from monitoring.quantities.readings import Quality, Reading
from monitoring.snmp import ber
from monitoring.snmp.poll import Absence
from tests.monitoring.conftest import Poller, Tree, integer

UIO = (1, 3, 6, 1, 4, 1, 318, 1, 1, 25)
UPS = (1, 3, 6, 1, 2, 1, 33, 1)
PDU = (1, 3, 6, 1, 4, 1, 318, 1, 1, 26)
FACILITY = ("ups-a", "pdu-a", "ats-1", "crac-1", "env-dc", "core1", "dc-db1")


def sensors(**changes: tuple[int, bytes] | None) -> Tree:
    """A healthy env-dc, with some objects replaced (or removed by None): keys like t1 h1 c1 (comm) i1 (contact)."""
    tree: Tree = {}
    for port in range(1, 9):
        row = (port, 1)
        cells = {f"t{port}": (6, integer(22)), f"h{port}": (7, integer(47)), f"c{port}": (10, integer(2))}
        for key, (column, value) in cells.items():
            told = changes.get(key, value)
            if told is not None:
                tree[(*UIO, 1, 2, 1, column, *row)] = told
    for contact in (1, 2, 3):
        told = changes.get(f"i{contact}", integer(1))
        if told is not None:
            tree[(*UIO, 2, 2, 1, 5, contact, 1)] = told
    return tree


def one(found: list[Reading], quantity: str, position: str = "") -> Reading:
    matching = [item for item in found if (item.quantity, item.position) == (quantity, position)]
    assert len(matching) == 1, (quantity, position, [(i.quantity, i.position) for i in found])
    return matching[0]


def test_a_healthy_unit_gives_every_configured_point(estate: Estate, polled: Poller) -> None:
    found = readings(polled("env-dc", sensors()), estate)
    wanted = {(s.quantity.value, s.position) for _, s in estate.sensors("dc") if s.device == "env-dc"}
    assert {(item.quantity, item.position) for item in found} == wanted
    assert all(item.good and item.site == "dc" for item in found)
    assert one(found, "temperature", "R1/front-top").value == 22.0
    assert (one(found, "smoke", "hall").value, one(found, "door", "hall").value) == ("normal", "closed")


@pytest.mark.parametrize(
    ("changes", "quantity", "position", "quality", "detail"),
    [
        ({"t1": None}, "temperature", "R1/front-top", Quality.NO_DATA, "no such instance"),
        ({"t1": integer(-1)}, "temperature", "R1/front-top", Quality.NO_DATA, "-1"),
        ({"t1": integer(-273)}, "temperature", "R1/front-top", Quality.NO_DATA, "-273"),
        ({"t1": integer(9999)}, "temperature", "R1/front-top", Quality.NO_DATA, "9999"),
        ({"t1": (ber.GAUGE32, b"\xff\xff\xff\xff")}, "temperature", "R1/front-top", Quality.NO_DATA, "4294967295"),
        ({"t1": (ber.NULL, b"")}, "temperature", "R1/front-top", Quality.NO_DATA, "no such instance"),
        ({"t1": (ber.NO_SUCH_INSTANCE, b"")}, "temperature", "R1/front-top", Quality.NO_DATA, "no such instance"),
        ({"t1": (ber.OCTET_STRING, b"22.5")}, "temperature", "R1/front-top", Quality.ERROR, "not a number"),
        ({"t1": (ber.INTEGER, b"")}, "temperature", "R1/front-top", Quality.ERROR, "not a number"),
        ({"h2": integer(-1)}, "humidity", "R1/front-middle", Quality.NO_DATA, "-1"),
        ({"h2": integer(101)}, "humidity", "R1/front-middle", Quality.NO_DATA, "101"),
        ({"c1": integer(3)}, "temperature", "R1/front-top", Quality.NO_DATA, "not valid (3)"),
        ({"c1": None}, "humidity", "R1/front-top", Quality.NO_DATA, "not valid (None)"),
        ({"i2": integer(4)}, "fire", "hall", Quality.NO_DATA, "4"),
        ({"i2": integer(3)}, "fire", "hall", Quality.NO_DATA, "3"),
        ({"i2": integer(7)}, "fire", "hall", Quality.ERROR, "unknown state 7"),
        ({"i1": None}, "smoke", "hall", Quality.NO_DATA, "no such instance"),
    ],
)
def test_a_doubtful_point_is_there_and_not_good(
    estate: Estate, polled: Poller, changes: dict[str, tuple[int, bytes] | None], quantity: str, position: str,
    quality: Quality, detail: str,
) -> None:  # fmt: skip
    found = readings(polled("env-dc", sensors(**changes)), estate)
    reading = one(found, quantity, position)
    assert (reading.quality, reading.value) == (quality, None) and detail in reading.detail
    assert len(found) == len(readings(polled("env-dc", sensors()), estate))


@pytest.mark.parametrize(("contact", "value"), [("i1", "alarm"), ("i2", "alarm"), ("i3", "open")])
def test_an_open_contact_is_an_alarm(estate: Estate, polled: Poller, contact: str, value: str) -> None:
    found = readings(polled("env-dc", sensors(**{contact: integer(2)})), estate)
    quantity = {"i1": "smoke", "i2": "fire", "i3": "door"}[contact]
    assert one(found, quantity, "hall").value == value


@pytest.mark.parametrize("device", FACILITY)
def test_a_silent_device_is_unreachable_at_every_point(estate: Estate, polled: Poller, device: str) -> None:
    found = readings(polled(device, {}, reply=lambda _datagram: None), estate)
    assert found and all(item.quality is Quality.UNREACHABLE and item.value is None for item in found)
    assert all("no reply" in item.detail for item in found)


@pytest.mark.parametrize("device", FACILITY)
def test_an_agent_that_knows_nothing_gives_no_good_reading(estate: Estate, polled: Poller, device: str) -> None:
    found = readings(polled(device, {}), estate)
    assert found and not any(item.good for item in found)
    assert {item.quality for item in found} == {Quality.NO_DATA}


@pytest.mark.parametrize("device", FACILITY)
def test_another_device_at_the_address_is_an_error(estate: Estate, polled: Poller, device: str) -> None:
    found = readings(polled(device, sensors(), identity=(1, 3, 6, 1, 4, 1, 9, 1, 1)), estate)
    assert found and all(item.quality is Quality.ERROR for item in found)
    assert "1.3.6.1.4.1.9.1.1" in found[0].detail


def test_a_device_that_does_not_say_what_it_is_is_an_error(estate: Estate, polled: Poller) -> None:
    raw = polled("env-dc", sensors())
    bare = RawPoll.from_bytes(raw.to_bytes().replace(b"1.3.6.1.2.1.1.2.0", b"1.3.6.1.2.1.1.9.0"))
    assert {item.quality for item in readings(bare, estate)} == {Quality.ERROR}


@pytest.mark.parametrize(
    ("oid", "value", "quantity", "expected"),
    [
        ((*UPS, 2, 3, 0), integer(25), "ups_runtime", 1500.0),
        ((*UPS, 2, 3, 0), (ber.GAUGE32, b"\xff\xff\xff\xff"), "ups_runtime", None),
        ((*UPS, 2, 3, 0), integer(65535), "ups_runtime", None),
        ((*UPS, 2, 3, 0), integer(-1), "ups_runtime", None),
        ((*UPS, 2, 4, 0), integer(101), "ups_battery_charge", None),
        ((*UPS, 2, 4, 0), integer(100), "ups_battery_charge", 100.0),
        ((*UPS, 2, 4, 0), integer(0), "ups_battery_charge", 0.0),
        ((*UPS, 4, 1, 0), integer(5), "ups_output_source", "battery"),
        ((*UPS, 4, 1, 0), integer(1), "ups_output_source", None),
        ((*UPS, 2, 7, 0), integer(-273), "ups_battery_temperature", None),
        ((*UPS, 6, 1, 0), (ber.GAUGE32, b"\x02"), "ups_alarms", 2.0),
    ],
)
def test_figures_of_a_ups(
    estate: Estate, polled: Poller, oid: tuple[int, ...], value: tuple[int, bytes], quantity: str, expected: object
) -> None:
    assert one(readings(polled("ups-a", {oid: value}), estate), quantity).value == expected


def test_modules_are_counted_from_the_table_and_an_empty_table_is_no_data(estate: Estate, polled: Poller) -> None:
    column = (1, 3, 6, 1, 4, 1, 318, 1, 1, 1, 13, 2, 2, 1, 2)
    states = {(*column, slot): integer(state) for slot, state in enumerate((4, 4, 6, 2), start=1)}
    found = readings(polled("ups-a", states), estate)
    assert one(found, "ups_modules_in_service").value == 2.0
    assert one(found, "ups_modules_failed").value == 1.0
    empty = one(readings(polled("ups-a", {}), estate), "ups_modules_in_service")
    assert empty.quality is Quality.NO_DATA


def test_racks_of_a_pdu_come_from_the_estate(estate: Estate, polled: Poller) -> None:
    tree = {(*PDU, 8, 3, 1, 5, 1): integer(481), (*PDU, 4, 3, 1, 5, 1): integer(2210)}
    found = readings(polled("pdu-a", tree), estate)
    assert one(found, "pdu_rack_current", "R1").value == pytest.approx(48.1)
    assert one(found, "pdu_rack_current", "R2").quality is Quality.NO_DATA
    assert one(found, "pdu_power").value == 22100.0


def test_interfaces_are_found_by_name_and_a_missing_one_is_there(estate: Estate, polled: Poller) -> None:
    names: Tree = {(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 7): (ber.OCTET_STRING, b"up1")}
    tree: Tree = {**names, (1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 7): integer(1)}
    tree[(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15, 7)] = integer(100)
    found = readings(polled("hph-edge1", tree), estate)
    assert one(found, "interface_state", "up1").value == "up"
    assert one(found, "interface_speed", "up1").value == 100.0
    assert one(found, "interface_state", "up2").detail == "the device has no such interface"
    assert {i.position for i in found if i.quantity == "interface_state"} == {
        i.name for i in estate.interfaces("hph-edge1") if i.kind != "loopback"
    }


def test_a_walk_that_failed_is_an_error_not_an_empty_table(estate: Estate, polled: Poller) -> None:
    raw = polled("env-dc", sensors())
    data = raw.to_bytes().replace(b'["walk","1.3.6.1.4.1.318.1.1.25.1.2.1","complete"]',
                                  b'["walk","1.3.6.1.4.1.318.1.1.25.1.2.1","no reply"]')  # fmt: skip
    broken = RawPoll.from_bytes(data)
    kept = {oid: v for oid, v in broken.by_oid.items() if oid[: len(UIO) + 3] != (*UIO, 1, 2, 1)}
    broken.__dict__["by_oid"] = kept
    found = readings(broken, estate)
    assert one(found, "temperature", "R1/front-top").quality is Quality.ERROR
    assert one(found, "temperature", "R1/front-top").detail == "no reply"
    assert one(found, "fire", "hall").good


def test_judging_again_gives_the_same(estate: Estate, polled: Poller) -> None:
    raw = polled("env-dc", sensors(t1=integer(-1)))
    again = RawPoll.from_bytes(raw.to_bytes())
    assert again.to_bytes() == raw.to_bytes()
    assert readings(again, estate) == readings(raw, estate)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"schema":"rackproof.raw-poll/9"}', b"\xff", b'{"schema":"rackproof.raw-poll/1"}'],
)
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    with pytest.raises(RackproofError) as caught:
        RawPoll.from_bytes(data)
    assert caught.value.code == "MON010"


def test_a_recording_of_another_estate_is_refused(estate: Estate, polled: Poller) -> None:
    data = polled("env-dc", sensors()).to_bytes()
    with pytest.raises(RackproofError) as caught:
        readings(RawPoll.from_bytes(data.replace(b'"env-dc"', b'"env-xx"')), estate)
    assert caught.value.code == "MON011"
    with pytest.raises(RackproofError) as caught:
        readings(RawPoll.from_bytes(data.replace(b'"apc-uio"', b'"apc-uiq"')), estate)
    assert caught.value.code == "MON003"


def test_every_profile_of_the_estate_exists(estate: Estate) -> None:
    for device in estate.devices.values():
        if device.snmp is not None:
            find_profile(device.snmp.profile)


TABLES = ((*UPS, 3, 3), (*UPS, 4, 4))


def test_a_table_that_is_gone_is_named_not_left_out(estate: Estate, polled: Poller) -> None:
    """A UPS without its tables of lines had ten good readings and no other: a shorter list, and green."""
    rows = product(TABLES, (2, 3, 4, 5), (1, 2, 3))
    whole = {(*table, 1, column, line): integer(230) for table, column, line in rows}
    for tree, is_good in ((whole, True), ({}, False)):
        raw = replace(polled("ups-a", tree, identity=(1, 3, 6, 1, 4, 1, 5491, 6)), profile="ups-mib")
        found = [item for item in readings(raw, estate) if item.quantity == "ups_input_voltage"]
        assert found and all(item.good for item in found) == is_good
    [gone] = found
    assert (gone.position, gone.quality, gone.detail) == ("", Quality.NO_DATA, "the table is empty")


def test_one_row_that_cannot_be_read_spoils_the_count(estate: Estate, polled: Poller) -> None:
    column = (1, 3, 6, 1, 4, 1, 318, 1, 1, 1, 13, 2, 2, 1, 2)
    states = {(*column, slot): integer(4) for slot in (1, 2)} | {(*column, 3): (ber.OCTET_STRING, b"failed")}
    found = one(readings(polled("ups-a", states), estate), "ups_modules_failed")
    assert (found.quality, found.value) == (Quality.ERROR, None)


@pytest.mark.parametrize(("value", "quality"), [(integer(101), Quality.NO_DATA), ((ber.NULL, b""), Quality.NO_DATA),
                                                ((ber.OCTET_STRING, b"1"), Quality.ERROR)])  # fmt: skip
def test_what_only_some_models_have_is_named_where_it_is_there_and_wrong(
    estate: Estate, polled: Poller, value: tuple[int, bytes], quality: Quality
) -> None:
    column = (1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2)
    assert not [i for i in readings(polled("dc-db1", {}), estate) if i.quantity == "processor_load"]
    found = readings(polled("dc-db1", {(*column, 7): value}), estate)
    assert one(found, "processor_load", "7").quality is quality


@pytest.mark.parametrize(
    ("error", "absence"),
    [("", Absence.NONE), ("no reply", Absence.NO_ANSWER), ("no reply (refused: wrong engine)", Absence.NOT_BELIEVED),
     ("credentials refused: wrongDigests", Absence.LOGIN_REFUSED), ("budget: too much time", Absence.FAULT)],
)  # fmt: skip
def test_recordings_made_before_the_absence_was_kept_are_read(polled: Poller, error: str, absence: Absence) -> None:
    data = json.loads(polled("env-dc", sensors()).to_bytes())
    del data["absence"]
    assert RawPoll.from_bytes(json.dumps(data | {"error": error}).encode()).absence is absence


def test_a_vendors_mark_says_that_this_model_lacks_what_only_some_have(estate: Estate, polled: Poller) -> None:
    column = next(s.column for s in find_profile("apc-symmetra").readings if s.quantity == "ups_input_current")
    assert column is not None
    for value, count in ((-1, 0), (-7, 1), (50, 1)):
        found = readings(polled("ups-a", {(*column, 1): integer(value)}), estate)
        assert len([item for item in found if item.quantity == "ups_input_current"]) == count, value
