"""Corners of the power chain that no rule's outcome shows: shares, what draws nothing, doubtful cooling, two zones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inventory.facility import Redundancy, redundancy, tables
from inventory.facility.capacity import n_plus_1_modules, n_plus_1_power, within_rating
from inventory.facility.paths import foreign_cord
from inventory.facility.removal import cooling_fed, effect
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
        ("{name: panel, kind: environment, hardware: air, power_w: 0, rack: R1, cords: [pdu-a]}", True),
        ("{name: strip, kind: pdu, hardware: probe, power_w: 0, rack: R1, cords: [pdu-a]}", True),
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


def test_a_group_is_all_of_it_and_what_is_left_without_its_largest() -> None:
    site = case_of(
        [("name: g2, kind: generator, rating_w: 5000", "name: g2, kind: generator, rating_w: 3000")]
    ).facility.site
    assert redundancy(site) == [
        Redundancy("generators", ("g1", "g2"), 8000, 3000),
        Redundancy("ups", ("ups-a", "ups-b"), 8000, 4000),
        Redundancy("cooling hall", ("ac1", "ac2", "ac3"), 6000, 4000),
    ]


def test_a_component_at_exactly_its_rating_is_not_over_it() -> None:
    case = case_of([("ats-2, kind: ats, rating_w: 5000", "ats-2, kind: ats, rating_w: 2100")])
    assert effect(case, case.without["ups-a"]).over == ()
    less = case_of([("ats-2, kind: ats, rating_w: 5000", "ats-2, kind: ats, rating_w: 2099")])
    assert effect(less, less.without["ups-a"]).over == (("ats-2", 2100.0, 2099),)


@pytest.mark.parametrize(("watt", "outcome"), [(750, FacilityOutcome.PASS), (749, FacilityOutcome.FAIL)])
def test_cooling_that_is_exactly_enough_is_enough(watt: int, outcome: FacilityOutcome) -> None:
    (found,) = cooling_fed(case_of([("capacity_w: 2000", f"capacity_w: {watt}")] * 3))
    assert found.verdict is outcome


@pytest.mark.parametrize(
    ("modules", "outcome"),
    [
        ("module_rating_w: 2000", FacilityOutcome.UNKNOWN),
        ("modules: 2", FacilityOutcome.UNKNOWN),
        ("modules: 1, module_rating_w: 4000", FacilityOutcome.FAIL),
    ],
)
def test_a_frame_has_a_spare_module_only_where_that_is_written(modules: str, outcome: FacilityOutcome) -> None:
    case = case_of([("modules: 2, module_rating_w: 2000", modules)])
    assert {item.subject: item.verdict for item in n_plus_1_modules(case)}["ups-a"] is outcome


def test_one_module_is_no_spare_one_also_where_it_carries_nothing() -> None:
    changes = [
        ("modules: 2, module_rating_w: 2000", "modules: 1, module_rating_w: 4000"),
        ("fed_by: [ats-1], group: ups", "group: ups"),
    ]
    found = {item.subject: item for item in n_plus_1_modules(case_of(changes))}
    assert (found["ups-a"].verdict, found["ups-a"].measured) == (FacilityOutcome.FAIL, 0.0)


def test_without_any_ups_nobody_knows_of_a_spare_one() -> None:
    power = SITE[SITE.index("  - {name: ups-a") : SITE.index("  - {name: pdu-a")]
    changes = [(power, ""), ("fed_by: [ups-a]", "fed_by: [ats-1]"), ("fed_by: [ups-b]", "fed_by: [ats-2]")]
    assert [item.text for item in n_plus_1_power(case_of(changes)) if item.subject == "x"] == ["no_ups"]


def test_a_group_that_carries_nothing_carries_nothing() -> None:
    changes = [("fed_by: [ups-a]", "fed_by: [ats-1]"), ("fed_by: [ups-b]", "fed_by: [ats-2]")]
    found = {item.subject: item.measured for item in n_plus_1_power(case_of(changes))}
    assert found["ups"] == 0.0


def test_a_member_that_nothing_feeds_adds_nothing_to_its_group() -> None:
    changes = [("fed_by: [ats-2], group: ups", "group: ups")]
    found = {item.subject: item.measured for item in n_plus_1_power(case_of(changes))}
    assert found["ups"] == 1500.0


def test_half_a_watt_on_a_generator_beside_the_grid_is_a_load() -> None:
    case = case_of([])
    case.__dict__["normal"] = replace(case.normal, load_w=case.normal.load_w | {"g1": 0.5})
    assert {item.subject: item.text for item in within_rating(case)}["g1"] == "on_generator"


def test_a_rack_without_a_feed_hides_no_other_rack() -> None:
    changes = [("racks:\n", "racks:\n  - {name: R0, zone: hall}\n")]
    assert [item.subject for item in foreign_cord(case_of(changes))] == ["R0", "R1"]


def test_nothing_is_above_a_name_that_is_none() -> None:
    assert case_of([]).facility.upstream("nothing") == frozenset()
