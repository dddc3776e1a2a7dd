"""Engines as processes: silence is no success, secrets do not pass, and nothing is left running."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY, Workspace
from inventory.kinds import Engine, Family
from inventory.load import load_estate
from playbooks.cli import _code
from playbooks.engines import Command, Mode, commands
from playbooks.events import EngineResult, Status
from playbooks.limits import resolve_limit
from playbooks.running import run_all

ESTATE = load_estate(REPOSITORY / "lab" / "estate")
ROOMS = ["hph-kv01-node1", "hph-node1"]


def task(status, host="h1", name="a task", **more):
    return json.dumps({"event": "task", "host": host, "task": name, "status": status, **more})


def run(script, secrets=(), timeout=20):
    command = Command(Engine.PYINFRA, ("h1",), (sys.executable, "-c", script), {})
    return run_all([command], dict(enumerate(secrets)), timeout, lambda _command, _event: None)[0]


@pytest.mark.parametrize(
    ("lines", "exit_code", "expected"),
    [
        ([], 0, ExitCode.NOT_GREEN),
        ([task("ok")], 0, ExitCode.OK),
        ([task("changed")], 0, ExitCode.OK),
        ([task("ok"), task("failed")], 0, ExitCode.NOT_GREEN),
        ([task("ok")], 2, ExitCode.NOT_GREEN),
        ([task("ok")], None, ExitCode.NOT_GREEN),
        ([task("ok"), task("unreachable")], 0, ExitCode.UNREACHABLE),
        ([task("failed", name="Brake until every host of this wave answers")], 2, ExitCode.UNREACHABLE),
        ([task("ok"), '{"event": "stopped", "detail": "a host is gone"}'], 0, ExitCode.NOT_GREEN),
        (["Traceback (most recent call last):"], 1, ExitCode.NOT_GREEN),
        (['{"event": "task", "host": '], 0, ExitCode.NOT_GREEN),
    ],
)
def test_only_work_that_went_well_is_success(lines, exit_code, expected):
    result = EngineResult("ansible", exit_code=exit_code)
    for line in lines:
        result.feed(line)
    assert _code([result]) == expected


def test_no_engine_at_all_is_no_success():
    assert _code([]) == ExitCode.NOT_GREEN


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_difference_finds_its_task(order):
    result = EngineResult("ansible")
    lines = [task("changed"), json.dumps({"event": "diff", "host": "h1", "task": "a task", "detail": "-x\n+y"})]
    for line in lines if order == "after" else reversed(lines):
        result.feed(line)
    assert [event.detail for event in result.of(Status.CHANGED)] == ["-x\n+y"]


def test_secrets_are_replaced_in_everything_an_engine_says():
    result = run(f"import sys; print({task('failed', detail='password is s3cr3t-mark')!r}); sys.exit('s3cr3t-mark')",
                 ["s3cr3t-mark"])
    assert "s3cr3t-mark" not in repr(result)
    assert result.events and result.noise


def test_an_engine_that_hangs_is_stopped_with_its_children(tmp_path):
    mark = tmp_path / "child"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(RackproofError) as caught:
        run(script, timeout=1.5)
    assert caught.value.code == "PRV001"
    child = int(mark.read_text())
    deadline = time.monotonic() + 5
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(child)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["dr"], ["dr-db1"]),
        (["hph", "hph-kv01-node1"], ["hph-node1", "hph-kv01-node1"]),
        (["dc-db1", "dc-db1"], ["dc-db1"]),
    ],
)
def test_limit(names, expected):
    assert sorted(resolve_limit(ESTATE, names)) == sorted(expected)


@pytest.mark.parametrize(("name", "close"), [("dc-db2", "dc-db1"), ("hhp", "hph"), ("core1", ""), ("", "")])
def test_limit_refuses_what_is_no_host(name, close):
    with pytest.raises(RackproofError) as caught:
        resolve_limit(ESTATE, [name])
    assert caught.value.code == "PRV002" and close in caught.value.remedy


@pytest.mark.parametrize(
    ("engines", "limit", "expected"),
    [
        (list(Engine), [], {Engine.ANSIBLE: ["dc-db1", "dc-mgmt1", "dr-db1"], Engine.PYINFRA: ROOMS}),
        ([Engine.PYINFRA], [], {Engine.PYINFRA: ROOMS}),
        (list(Engine), ["dr-db1"], {Engine.ANSIBLE: ["dr-db1"]}),
        ([Engine.PYINFRA], ["dr-db1"], {}),
    ],
)
def test_who_is_provisioned_by_what(tmp_path, engines, limit, expected):
    made = commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.PLAN, engines, limit)
    assert {command.engine: sorted(command.hosts) for command in made} == expected
    assert all({"--check", "--plan"} & set(command.argv) for command in made)


def test_an_apply_is_no_dry_run(tmp_path):
    made = commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.APPLY, list(Engine), [])
    assert not any({"--check", "--plan"} & set(command.argv) for command in made)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_host_without_ipv6_is_refused_before_anything_runs(tmp_path):
    dc = ESTATE.sites["dc"]
    vlans = tuple(vlan.model_copy(update={"families": (Family.IPV4,)}) for vlan in dc.vlans)
    estate = replace(ESTATE, sites={**ESTATE.sites, "dc": dc.model_copy(update={"vlans": vlans})})
    ws = Workspace(tmp_path, ESTATE.root, True)
    with pytest.raises(RackproofError) as caught:
        commands(estate, ws, Mode.PLAN, list(Engine), [])
    assert caught.value.code == "EST090"
    assert commands(estate, ws, Mode.PLAN, list(Engine), ["hph-node1"])
