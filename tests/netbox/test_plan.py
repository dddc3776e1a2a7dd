"""What a plan does with a NetBox that differs: decided without one, from the same form a real one is read into."""

from dataclasses import replace
from pathlib import Path

import pytest

from inventory.load.loader import load_estate
from inventory.netbox.kinds import BY_PATH, KINDS, Form
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import objects
from inventory.netbox.plan import make_plan
from inventory.netbox.words import plan_lines
from tests.netbox.worlds import BASE, LAB, REFERENCE, Change, held, pushed


@pytest.mark.parametrize("folder", [BASE, LAB, REFERENCE], ids=lambda p: p.parts[-2])
def test_every_reference_is_to_an_earlier_object(folder: Path) -> None:
    made = objects(load_estate(folder))
    order = [kind.path for kind in KINDS]
    for kind in KINDS:
        for key, fields in made[kind.path].items():
            assert set(fields) == {field.name for field in kind.fields}, (kind.path, key)
            for field in kind.fields:
                if field.form in (Form.REF, Form.SCOPE, Form.ASSIGNED, Form.END) and fields[field.name]:
                    assert fields[field.name] in made[field.to], (kind.path, key, field.name)
                    assert order.index(field.to) < order.index(kind.path)


def edit(path: str, key: str, **fields: object) -> Change:
    def change(world: Snapshot) -> None:
        live = world.kinds[path][key]
        world.kinds[path][key] = replace(live, fields=live.fields | fields)

    return change


def lose(path: str, key: str) -> Change:
    return lambda world: world.kinds[path].pop(key)


def add(path: str, key: str, ours: bool, like: str, **fields: str | None) -> Change:
    def change(world: Snapshot) -> None:
        world.kinds[path][key] = Live(9000 + len(world.kinds[path]), key, world.kinds[path][like].fields | fields, ours)

    return change


def untag(path: str, key: str) -> Change:
    def change(world: Snapshot) -> None:
        world.kinds[path][key] = replace(world.kinds[path][key], ours=False)

    return change


def hold(path: str, key: str, count: int) -> Change:
    def change(world: Snapshot) -> None:
        world.kinds[path][key] = replace(world.kinds[path][key], holds=count)

    return change


DEVICES, SITES, CABLES = "dcim/devices", "dcim/sites", "dcim/cables"
CABLE = "core1/to-core2 - core2/to-core1"
CASES = {
    # name: (what differs, expected actions as (verb, kind, key, changed fields), what is left as (kind, key, why))
    "nothing": ([], [], []),
    "lost device": ([lose(DEVICES, "dc-db1")], [("create", DEVICES, "dc-db1", None)], []),
    "the estate's field": ([edit(DEVICES, "core1", role="edge")], [("change", DEVICES, "core1", {"role"})], []),
    "NetBox's field": ([edit(DEVICES, "core1", serial="X")], [], [(DEVICES, "core1", "owned")]),
    "NetBox's field, empty there": (
        [edit(DEVICES, "core1", serial="")],
        [("change", DEVICES, "core1", {"serial"})],
        [],
    ),
    "type not known there": (
        [edit(DEVICES, "core1", device_type="generic/generic-router")],
        [("change", DEVICES, "core1", {"device_type"})],
        [],
    ),
    "status": ([edit(SITES, "dc", status="retired")], [], [(SITES, "dc", "no place")]),
    "made by somebody": ([untag(DEVICES, "core1")], [("adopt", DEVICES, "core1", set())], []),
    "made by somebody, differs": (
        [untag(DEVICES, "core1"), edit(DEVICES, "core1", role="edge", serial="X")],
        [("adopt", DEVICES, "core1", {"role"})],
        [(DEVICES, "core1", "owned")],
    ),
    "somebody's vocabulary": (
        [untag("dcim/manufacturers", "dell"), edit("dcim/manufacturers", "dell", name="Dell Inc.")],
        [],
        [],
    ),
    "gone from the estate": ([add(DEVICES, "old", True, "dc-db1", name="old")], [("delete", DEVICES, "old", None)], []),
    "gone, but not ours": ([add(DEVICES, "old", False, "dc-db1", name="old")], [], []),
    "gone, with parts in it": (
        [add(DEVICES, "old", True, "dc-db1", name="old"), hold(DEVICES, "old", 3)],
        [],
        [(DEVICES, "old", "in use")],
    ),
    "gone, with somebody's device in it": (
        [
            add(SITES, "oldsite", True, "dc", slug="oldsite"),
            add(DEVICES, "his", False, "dc-db1", name="his", site="oldsite"),
        ],
        [],
        [(SITES, "oldsite", "in use")],
    ),
    "gone with all that is in it": (
        [
            add(SITES, "oldsite", True, "dc", slug="oldsite"),
            add(DEVICES, "old", True, "dc-db1", name="old", site="oldsite"),
        ],
        [("delete", SITES, "oldsite", None), ("delete", DEVICES, "old", None)],
        [],
    ),
    "vocabulary nobody uses": (
        [add("dcim/platforms", "ios", True, "frr", slug="ios")],
        [("delete", "dcim/platforms", "ios", None)],
        [],
    ),
    "vocabulary somebody uses": (
        [add("dcim/platforms", "ios", True, "frr", slug="ios"), add(DEVICES, "his", False, "dc-db1", platform="ios")],
        [],
        [("dcim/platforms", "ios", "in use")],
    ),
    "somebody's cable in the way": (
        [
            lose(CABLES, CABLE),
            add(
                CABLES, "his", False, "core1/to-dr - dr-edge1/up1", a_terminations="core1/to-core2", b_terminations=None
            ),
        ],
        [],
        [(CABLES, CABLE, "occupied")],
    ),
    "our old cable in the way": (
        [
            lose(CABLES, CABLE),
            add(
                CABLES, "old", True, "core1/to-dr - dr-edge1/up1", a_terminations="core1/to-core2", b_terminations=None
            ),
        ],
        [("create", CABLES, CABLE, None), ("delete", CABLES, "old", None)],
        [],
    ),
    "ends the other way round": (
        [edit(CABLES, CABLE, a_terminations="core2/to-core1", b_terminations="core1/to-core2")],
        [],
        [],
    ),
    "our custom field on more kinds": (
        [
            edit(
                "extras/custom-fields",
                "rackproof",
                object_types=["dcim.site", "dcim.rack", "dcim.device", "dcim.cable", "ipam.vlan", "ipam.vrf"],
            )
        ],
        [],
        [],
    ),
}


@pytest.mark.parametrize(("differs", "actions", "left"), CASES.values(), ids=CASES)
def test_plan(
    differs: list[Change], actions: list[tuple[str, str, str, set[str] | None]], left: list[tuple[str, str, str]]
) -> None:
    _, made, world = pushed()
    for change in differs:
        change(world)
    plan = make_plan(made, world)
    wanted = {(verb, kind, key): fields for verb, kind, key, fields in actions}
    assert {(a.verb.value, a.kind, a.key) for a in plan.actions} == set(wanted)
    for action in plan.actions:
        fields = wanted[action.verb.value, action.kind, action.key]
        assert fields is None or set(action.changes) == fields
    assert {(item.kind, item.key, item.why) for item in plan.left} == set(left)


def test_an_empty_netbox_gets_everything_once() -> None:
    _, made, _ = pushed()
    plan = make_plan(made, held({kind.path: {} for kind in KINDS}))
    assert {(a.kind, a.key) for a in plan.actions} == {(path, key) for path in made for key in made[path]}
    assert {a.verb.value for a in plan.actions} == {"create"}


def test_the_id_of_a_plan_is_its_content() -> None:
    _, made, world = pushed()
    first = make_plan(made, world).plan_id
    edit(DEVICES, "core1", role="edge")(world)
    second = make_plan(made, world).plan_id
    assert second == make_plan(made, world).plan_id != first
    edit(DEVICES, "core1", role="site-node")(world)  # the same change, from another value: somebody was there
    assert make_plan(made, world).plan_id not in (first, second)


@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_plan_in_words_names_what_changes(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", lang)
    _, made, world = pushed()
    rest = made[DEVICES]["core1"]["rackproof"]
    for change in (
        edit(DEVICES, "core1", rackproof={**rest, "wave": 7}, serial="X"),
        untag(DEVICES, "crac-1"),
        edit(SITES, "dr", status="retired"),
        add(DEVICES, "old", True, "dc-db1", name="old"),
    ):
        change(world)
    text = "\n".join(plan_lines(make_plan(made, world)))
    for part in ("rackproof.wave: 7 → 1", "crac-1", "old", "retired", "serial"):
        assert part in text
    assert "kind" not in text and "{" not in text


def test_counters_that_protect_are_asked_for() -> None:
    assert BY_PATH[DEVICES].holds and BY_PATH[SITES].holds
