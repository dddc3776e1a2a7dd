"""Corners of the power chain that no rule's outcome shows: shares, what draws nothing, doubtful cooling, two zones."""

from __future__ import annotations

import pytest

from inventory.facility import tables
from inventory.facility.capacity import n_plus_1_modules
from inventory.facility.removal import cooling_fed
from inventory.facility.verdict import FacilityOutcome, listed
from tests.inventory.facility_cases import SITE
from tests.inventory.test_facility import case_of

Changes = list[tuple[str, str]]

SECOND_ZONE = [("racks:\n", "racks:\n  - {name: R0, zone: attic, feed_a: pdu-a, feed_b: pdu-b}\n")]


def add_device(line: str) -> Changes:
    return [("devices:\n", f"devices:\n  - {line}\n")]


def test_a_load_on_three_cords_is_shared_to_the_milliwatt() -> None:
    third = "  - {name: pdu-c, kind: pdu, rating_w: 4000, fed_by: [ups-b]}\n"
    changes = [("cords: [pdu-a, pdu-b]", "cords: [pdu-a, pdu-b, pdu-c]"), ("cooling:\n", third + "cooling:\n")]
    load = case_of(changes).normal.load_w
    assert (load["pdu-a"], load["pdu-b"], load["pdu-c"]) == (583.333, 583.333, 333.333)


@pytest.mark.parametrize(
    ("line", "is_known"),
    [
        ("{name: panel, kind: environment, hardware: air, power_w: 0, rack: R1}", True),
        ("{name: strip, kind: pdu, hardware: probe, power_w: 0, rack: R1}", True),
        ("{name: box, kind: host, hardware: server, power_w: 0, rack: R1}", False),
    ],
)
def test_nothing_that_has_an_inlet_draws_nothing(line: str, is_known: bool) -> None:
    zone = case_of(add_device(line)).normal.zones["hall"]
    assert (zone.heat_w, zone.unknown == frozenset()) == (1500, is_known)


def test_cooling_of_which_nobody_knows_the_feed_may_count_and_may_not() -> None:
    case = case_of([("device: ac3}", "device: ac3}\n  - {name: ac4, zone: hall, capacity_w: 1500}")])
    assert (case.normal.zones["hall"].cold_w, case.normal.zones["hall"].doubtful_w) == (6000, 1500)
    (row,) = [row for row in tables.loads(case, case.normal) if row["kind"] == "zone"]
    assert (row["rating_w"], row["percent"]) == (7500, 20.0)


def test_a_frame_that_nothing_feeds_carries_nothing() -> None:
    case = case_of([("fed_by: [ats-1], group: ups", "group: ups")])
    found = {item.subject: item for item in n_plus_1_modules(case)}
    assert found["ups-a"].measured == 0.0


def test_a_zone_without_cooling_hides_no_other_zone() -> None:
    found = {item.subject: item.verdict for item in cooling_fed(case_of(SECOND_ZONE))}
    assert found == {"attic": FacilityOutcome.UNKNOWN, "hall": FacilityOutcome.PASS}


def test_a_zone_without_a_chain_hides_no_other_zone() -> None:
    power = SITE[SITE.index("power:\n") : SITE.index("cooling:\n")]
    cooled = "cooling:\n  - {name: ac0, zone: attic, capacity_w: 2000}\n"
    unplugged = [(f"fed_by: {feeds}, device", "device") for feeds in ("[ats-1]", "[ats-2]", "[ats-1, ats-2]")]
    changes = [*SECOND_ZONE, (power, ""), ("cooling:\n", cooled), *unplugged]
    found = {item.subject: item.text for item in cooling_fed(case_of(changes))}
    assert found == {"attic": "no_chain", "hall": "no_chain"}


def test_eight_names_are_listed_and_of_nine_the_number_is_said() -> None:
    names = tuple("abcdefghi")
    assert listed(names[:8]) == "a, b, c, d, e, f, g, h"
    assert listed(names) == "a, b, c, d, e, f, g, h, … (9)"
