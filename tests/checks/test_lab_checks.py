"""All checks on the provisioned lab: green, quick, read-only; every fault turns exactly what it must."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.workspace import Workspace
from lab.instance import Instance
from tests.conftest import Rackproof
from tests.support import json_of, leave_long

pytestmark = pytest.mark.lab
FAULTS = yaml.safe_load((Path(__file__).parent / "fault_expectations.yml").read_text(encoding="utf-8"))
#: One of each kind: a value over SNMP, a service, a session between sites, a router.
HELD = ("sensor-silent", "exporter-stopped", "standby-disconnected", "ipv6-address-removed")
BUDGET_S = 60  # 20 s on a quiet machine, drill included; the test machine is shared


@pytest.fixture(scope="module")
def attested(provisioned_lab: Instance, rackproof: Rackproof) -> Iterator[Instance]:
    rackproof("checks", "attest", "--lab")
    rackproof("lab", "serve")
    yield provisioned_lab
    rackproof("lab", "serve", "--stop")


def judged(rackproof: Rackproof, *options: str, expected: int | None = 0) -> dict[str, Any]:
    data: dict[str, Any] = json_of(rackproof("checks", "run", "--json", *options, expected=expected).stdout)
    return data


def test_the_provisioned_lab_is_green(attested: Instance, rackproof: Rackproof) -> None:
    began = time.monotonic()
    found = judged(rackproof)
    assert found["not_green"] == []
    assert time.monotonic() - began < BUDGET_S
    assert found["coverage"]["assessed"] == found["coverage"]["in_scope"]
    assert {row["requirement"] for row in found["waived"]} == {"KH08-II5-BYDESIGN"}
    assert (Path(found["bundle"]) / "manifest.json").exists()


def test_no_drill_stands_on_the_last_one_while_it_is_valid(attested: Instance, rackproof: Rackproof) -> None:
    found = judged(rackproof, "--no-drill", "--requirement", "QH-5-RECOVER")
    assert found["not_green"] == []


def test_the_drill_leaves_nothing_behind(attested: Instance, lab_workspace: Workspace) -> None:
    from checks.ssh import ShellCommand, run_batch

    (answer,) = run_batch(
        lab_workspace.ssh_config,
        "dc-mgmt1",
        [ShellCommand("sudo ls /var/lib/postgresql | grep -c rackproof-drill; pgrep -fc 'port=54329'")],
    )
    assert answer.stdout.split() == [b"0", b"0"]


def test_one_site_only(attested: Instance, rackproof: Rackproof) -> None:
    found = judged(rackproof, "--site", "hph", "--no-drill", expected=None)
    assert {row["site"] for row in found["scoreboard"]} == {"hph"}
    assert found["not_green"] == []


def test_tape_and_pytest_agree_on_a_real_host(attested: Instance, lab_workspace: Workspace, tmp_path: Path) -> None:
    """Live through pytest, and from the tape: the same verdict for each test."""
    from checks.replay.live import record_host
    from checks.replay.suite import run_suite

    tape = record_host(lab_workspace.ssh_config, "hph-node1", "site-node")
    results, _used, missing = run_suite(tape, "site-node")
    assert missing == []
    assert {result.verdict for result in results} == {"pass"}


def test_the_watch_goes_on_and_explains_itself(attested: Instance, rackproof: Rackproof) -> None:
    rackproof("checks", "watch", "--ticks", "2", "--speed", "30", "--site", "hph", timeout=180)
    found = json_of(rackproof("checks", "history", "--json", "--limit", "500").stdout)
    assert "hph" in {row["site"] for row in found["verdicts"]}
    assert {row["status"] for row in found["verdicts"]} <= {"pass", "waived", "not_applicable", "fail", "not_assessed"}


@pytest.mark.parametrize("fault", leave_long(sorted(FAULTS), HELD))
def test_a_fault_turns_exactly_what_it_must(attested: Instance, rackproof: Rackproof, fault: str) -> None:
    plan = FAULTS[fault]
    option = "--drill" if plan.get("drill") else "--no-drill"
    rackproof("lab", "break", fault)
    try:
        time.sleep(plan.get("settle_s", 1))
        found = judged(rackproof, option, expected=1)
    finally:
        rackproof("lab", "mend", fault)
    wanted = {(requirement, site) for requirement, sites in plan["red"].items() for site in sites}
    rows = [(row["requirement"], row["site"], row["status"], row["reason"]) for row in found["not_green"]]
    assert {row[:2] for row in rows} == wanted, "\n".join(map(str, rows))
    for requirement, sites in plan["red"].items():
        for site, thing in sites.items():
            said = [row[3] for row in rows if row[:2] == (requirement, site)]
            assert any(thing in reason for reason in said), said
    deadline = time.monotonic() + 60
    while (left := judged(rackproof, option, expected=None)["not_green"]) and time.monotonic() < deadline:
        time.sleep(2)
    assert left == []
