"""Profiles and rules as data: what is wrong in them is found before a device is polled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from core.errors import RackproofError
from core.workspace import REPOSITORY, Workspace
from inventory.estate import Estate
from monitoring import rules, targets
from monitoring.collect import Poller, plan_of, poll_devices, polled
from monitoring.exposition import FIXED, metric
from monitoring.profiles import load_profiles, profile_named

GOOD = {
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
    profile = profile_named("thing", tmp_path)
    assert plan_of(profile).walks == ((1, 3, 6, 1, 4, 1, 9, 1),)
    with pytest.raises(RackproofError) as caught:
        profile_named("thong", tmp_path)
    assert "thing" in str(caught.value)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_rules_hold_all_checks() -> None:
    assert [(item.name, item.output) for item in rules.check() if not item.ok] == []


def test_every_metric_in_a_rule_exists() -> None:
    known = {metric(spec)[0] for profile in load_profiles().values() for spec in profile.readings} | set(FIXED) | {"up"}
    for path, rule in rules.alerts():
        used = set(re.findall(r"\b(rackproof_\w+)\b", rule["expr"]))
        assert used <= known | {"rackproof"}, f"{path.name}: {rule['alert']}: {used - known}"


def test_every_state_in_a_rule_exists() -> None:
    states = {state for p in load_profiles().values() for s in p.readings for state in (s.enum or {}).values()}
    for _, rule in rules.alerts():
        for group in re.findall(r'state=~?"([^"]+)"', rule["expr"]):
            assert set(group.split("|")) <= states, rule["alert"]


def test_every_runbook_has_the_alert_as_a_heading() -> None:
    for _, rule in rules.alerts():
        file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        headings = [line[3:].lower() for line in (REPOSITORY / file).read_text().splitlines() if line.startswith("## ")]
        assert anchor in headings


def test_targets_follow_the_estate(estate: Estate, tmp_path: Path) -> None:
    found = targets.targets(estate)
    assert [entry["labels"]["device"] for entry in found["rackproof"]] == ["dc-ctl1"]
    hosts = {device.name for device in estate.devices.values() if device.kind == "host"}
    assert {entry["labels"]["device"] for entry in found["node"]} == hosts
    assert all(entry["targets"][0].startswith("[fd52:5052:") for entries in found.values() for entry in entries)
    assert {path.name for path in targets.write(estate, tmp_path)} == {"rackproof.json", "node.json"}


@pytest.mark.parametrize(("name", "code"), [("nothing", "MON012"), ("dc-ctl1", "MON013")])
def test_a_device_that_cannot_be_polled_is_named(estate: Estate, name: str, code: str) -> None:
    with pytest.raises(RackproofError) as caught:
        polled(estate, [name])
    assert caught.value.code == code


def test_a_missing_secret_is_named(estate: Estate) -> None:
    with pytest.raises(RackproofError) as caught:
        Poller(estate, {})._session(estate.devices["ups-a"], "::1")
    assert caught.value.code == "MON014" and "snmp_auth_password" in str(caught.value)


def test_a_workspace_without_secrets_is_an_error(estate: Estate, tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        poll_devices(estate, Workspace(tmp_path, estate.root), ["ups-a"])
    assert caught.value.code == "SEC001"
