"""Profiles and rules as data: what is wrong in them is found before a device is polled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import RackproofError
from core.workspace import REPOSITORY, Workspace
from inventory.model.estate import Estate
from monitoring.export import targets
from monitoring.export.exposition import FIXED
from monitoring.poll.collect import Poller, choose_devices, plan_poll, poll_devices
from monitoring.profiles.profile import FOLDER, find_profile, load_profiles, name_metric
from monitoring.rules import alert_rules as rules
from tests.support import needs_program

GOOD: dict[str, Any] = {
    "name": "thing", "title": "A thing", "source": "its MIB", "object_ids": ["1.3.6.1.4.1.9"],
    "walks": ["1.3.6.1.4.1.9.1"],
    "readings": [{"quantity": "heat", "column": "1.3.6.1.4.1.9.1.2", "unit": "celsius", "help": "Heat"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": "other"}, "named like its file"),
        ({"walks": ["1.3.6.1.4.1.8"]}, "in no walk"),
        ({"object_ids": ["one.two"]}, "object_ids"),
        ({"readings": [{**GOOD["readings"][0], "unit": "furlong"}]}, "furlong"),
        ({"readings": [{**GOOD["readings"][0], "unit": "state"}]}, "enum"),
        ({"readings": [{**GOOD["readings"][0], "oid": "1.3.6.1.4.1.9.1.2.0"}]}, "exactly one"),
        ({"readings": [{"quantity": "heat", "help": "Heat"}]}, "exactly one"),
        ({"readings": [{**GOOD["readings"][0], "rows": "links"}]}, "label"),
        ({"readings": [{**GOOD["readings"][0], "quantity": "Heat!"}]}, "quantity"),
    ],
)
def test_a_bad_profile_is_refused_with_its_file(tmp_path: Path, change: dict[str, object], words: str) -> None:
    (tmp_path / "thing.yml").write_text(yaml.safe_dump({**GOOD, **change}))
    with pytest.raises(RackproofError) as caught:
        load_profiles(tmp_path)
    assert "thing.yml" in str(caught.value) and words in str(caught.value)


def test_a_good_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "thing.yml").write_text(yaml.safe_dump(GOOD))
    profile = find_profile("thing", tmp_path)
    assert plan_poll(profile).walks == ((1, 3, 6, 1, 4, 1, 9, 1),)
    with pytest.raises(RackproofError) as caught:
        find_profile("thong", tmp_path)
    assert "thing" in str(caught.value)


@needs_program("promtool")
def test_the_rules_hold_all_checks() -> None:
    assert [(item.name, item.output) for item in rules.check() if not item.ok] == []


def test_every_metric_in_a_rule_exists() -> None:
    known = (
        {name_metric(spec)[0] for profile in load_profiles().values() for spec in profile.readings}
        | set(FIXED)
        | {"up"}
    )
    for path, rule in rules.list_alerts():
        used = {name.removesuffix("_total") for name in re.findall(r"\b(rackproof_\w+)\b", rule.expr)}
        assert used <= known | {"rackproof"}, f"{path.name}: {rule.alert}: {used - known}"


def test_every_state_in_a_rule_exists() -> None:
    states = {state for p in load_profiles().values() for s in p.readings for state in (s.enum or {}).values()}
    for _, rule in rules.list_alerts():
        for group in re.findall(r'state=~?"([^"]+)"', rule.expr):
            assert set(group.split("|")) <= states, rule.alert


def test_every_runbook_has_the_alert_as_a_heading() -> None:
    for _, rule in rules.list_alerts():
        file, _, anchor = rule.annotations.runbook_url.partition("#")
        headings = [line[3:].lower() for line in (REPOSITORY / file).read_text().splitlines() if line.startswith("## ")]
        assert anchor in headings


def test_targets_follow_the_estate(estate: Estate, tmp_path: Path) -> None:
    found = targets.list_targets(estate)
    assert [entry["labels"]["device"] for entry in found["rackproof"]] == ["dc-ctl1"]
    hosts = {device.name for device in estate.devices.values() if device.kind == "host"}
    assert {entry["labels"]["device"] for entry in found["node"]} == hosts
    assert all(entry["targets"][0].startswith("[fd52:5052:") for entries in found.values() for entry in entries)
    assert all(set(entry["labels"]) == {"site", "device"} for entry in found["rackproof"])
    assert {path.name for path in targets.write(found, tmp_path)} == {"rackproof.json", "node.json"}


@pytest.mark.parametrize(("name", "code"), [("nothing", "MON012"), ("dc-ctl1", "MON013")])
def test_a_device_that_cannot_be_polled_is_named(estate: Estate, name: str, code: str) -> None:
    with pytest.raises(RackproofError) as caught:
        choose_devices(estate, [name])
    assert caught.value.code == code


def test_a_missing_secret_is_named(estate: Estate) -> None:
    with pytest.raises(RackproofError) as caught:
        Poller(estate, {}).find_session(estate.devices["ups-a"], "::1")
    assert caught.value.code == "MON014" and "snmp_auth_password" in str(caught.value)


def test_a_workspace_without_secrets_is_an_error(estate: Estate, tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        poll_devices(estate, Workspace(tmp_path, estate.root), ["ups-a"])
    assert caught.value.code == "SEC001"


def test_a_key_that_stands_twice_is_refused_with_its_place(tmp_path: Path) -> None:
    """The second `no_data` won silently: the mark for "not available" became a temperature."""
    text = (FOLDER / "apc-inrow.yml").read_text()
    mark = "    no_data: [-1]\n"
    at = text.index(mark) + len(mark)
    (tmp_path / "apc-inrow.yml").write_text(text[:at] + "    no_data: []\n" + text[at:])
    with pytest.raises(RackproofError) as caught:
        load_profiles(tmp_path)
    line = text[:at].count("\n") + 1
    assert caught.value.kind == "invalid_data" and "no_data" in caught.value.message
    assert (caught.value.place.file.name, caught.value.place.line) == ("apc-inrow.yml", line)  # type: ignore[union-attr]


DATA_FILES = [*FOLDER.glob("*.yml"), *rules.FOLDER.glob("*.yml"), *rules.TESTS.glob("*.yml")]


@pytest.mark.parametrize("path", DATA_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("mistake", ["twice", "unknown", "anchor"])
def test_every_kind_of_data_file_is_read_strictly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: Path, mistake: str
) -> None:
    """In each file of the room, at each of its lines that begin a key: twice, or beside one that nobody knows."""
    for name, home in (("FOLDER", rules.FOLDER), ("TESTS", rules.TESTS)):
        monkeypatch.setattr(rules, name, tmp_path if path.parent == home else tmp_path / "none")
    added = {"twice": "{0}: 1", "unknown": "surprise: 1", "anchor": "surprise: &x 1"}[mistake]
    lines = path.read_text().splitlines()
    keys = [n for n, line in enumerate(lines) if re.match(r"^ *(- )?[a-z_]+: \S", line) and "{{" not in line]
    for at in keys[:: max(1, len(keys) // 6)]:
        lead, key = re.match(r"^( *(?:- )?)([a-z_]+):", lines[at]).groups()  # type: ignore[union-attr]
        if lines[at].rstrip().endswith(">-"):
            continue
        spoilt = [*lines[: at + 1], " " * len(lead) + added.format(key), *lines[at + 1 :]]
        (tmp_path / path.name).write_text("\n".join(spoilt))
        with pytest.raises(RackproofError) as caught:
            load_profiles.__wrapped__(tmp_path) if path.parent == FOLDER else (
                rules.check_tested(),
                rules.list_alerts(),
            )
        place = caught.value.place or caught.value.errors[0].place  # type: ignore[attr-defined]
        assert place.file.name == path.name and place.line == at + 2, (lines[at], str(caught.value))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"unit": "state", "enum": {1: "normal"}}, {"unit": "state", "enum": {1: "online"}}, "online"),
        ({"unit": "watt"}, {"unit": "volt_ampere"}, "volt_ampere"),
        ({}, {"counter": True}, "counter"),
        ({"unit": "watt"}, {"quantity": "heat_watts"}, "heat_watts"),
    ],
)
def test_two_profiles_that_disagree_on_a_quantity_are_refused(
    tmp_path: Path, first: dict[str, object], second: dict[str, object], words: str
) -> None:
    for name, change in (("one", first), ("two", second)):
        reading = {"quantity": "heat", "oid": "1.3.6.1.4.1.9.1.2.0", "help": "Heat", **change}
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump({**GOOD, "name": name, "readings": [reading]}))
    with pytest.raises(RackproofError) as caught:
        load_profiles(tmp_path)
    error = caught.value
    assert error.code == "MON004" and words in error.actual
    assert "two.yml" in str(error.place) and "one.yml" in error.expected


def test_the_same_states_under_other_numbers_are_one_quantity(tmp_path: Path) -> None:
    for name, codes in (("one", {1: "on", 2: "off"}), ("two", {7: "off", 9: "on"})):
        reading = {"quantity": "heat", "oid": "1.3.6.1.4.1.9.1.2.0", "unit": "state", "enum": codes, "help": "Heat"}
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump({**GOOD, "name": name, "readings": [reading]}))
    assert set(load_profiles(tmp_path)) == {"one", "two"}


def test_secrets_are_looked_at_before_anything_is_sent(estate: Estate) -> None:
    short = {"snmp_auth_password": "short", "snmp_priv_password": "long-enough", "snmp_community": "x"}
    for secrets, code, kind in (({}, "MON014", "not_set_up"), (short, "MON015", "invalid_data")):
        with pytest.raises(RackproofError) as caught:
            Poller(estate, secrets).prepare(choose_devices(estate))
        assert (caught.value.code, caught.value.kind) == (code, kind)
