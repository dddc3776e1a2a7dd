"""Engines as processes: silence is no success, secrets do not pass, and nothing is left running."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from inventory.model.enums import Family, ProvisioningEngine
from playbooks.engines import EngineCommand, Mode, commands, resolve_limit
from playbooks.events import Ending, EngineResult, TaskStatus
from playbooks.failures import choose_exit_code, explain_failures
from playbooks.running import run_all, start_results

ESTATE = load_estate(REPOSITORY / "lab" / "estate")
ROOMS = ["hph-kv01-node1", "hph-node1"]


def task(status: str, host: str = "h1", name: str = "a task", **more: str) -> str:
    return json.dumps({"event": "task", "host": host, "task": name, "status": status, **more})


def end(status: str = "done", host: str = "h1") -> str:
    return json.dumps({"event": "end", "host": host, "status": status})


def result_of(*lines: str, asked: tuple[str, ...] = ("h1",), exit_code: int | None = 0) -> EngineResult:
    result = EngineResult("ansible", asked, exit_code=exit_code)
    for line in lines:
        result.feed(line)
    return result


def run(script: str, secrets: Sequence[str] = (), timeout: float = 20) -> EngineResult:
    work = [EngineCommand(ProvisioningEngine.PYINFRA, ("h1",), (sys.executable, "-c", script), {})]
    results = start_results(work)
    run_all(
        work,
        results,
        {str(number): secret for number, secret in enumerate(secrets)},
        timeout,
        lambda _command, _event: None,
    )
    return results[0]


BRAKE = "Brake until every host of this wave answers"


@pytest.mark.parametrize(
    ("lines", "exit_code", "expected"),
    [
        ([], 0, ExitCode.NOT_GREEN),
        ([task("ok"), end()], 0, ExitCode.OK),
        ([task("changed"), end()], 0, ExitCode.OK),
        ([task("ok")], 0, ExitCode.NOT_GREEN),
        ([end()], 0, ExitCode.NOT_GREEN),
        ([task("skipped"), end()], 0, ExitCode.NOT_GREEN),
        ([task("ok"), end("stopped")], 0, ExitCode.NOT_GREEN),
        ([task("ok"), end("failed")], 0, ExitCode.NOT_GREEN),
        ([task("ok"), task("failed"), end()], 0, ExitCode.NOT_GREEN),
        ([task("ok"), end()], 2, ExitCode.NOT_GREEN),
        ([task("ok"), end()], None, ExitCode.NOT_GREEN),
        ([task("ok"), end()], -9, ExitCode.NOT_GREEN),
        ([task("ok"), task("unreachable"), end()], 0, ExitCode.UNREACHABLE),
        ([task("failed", name=BRAKE), end("failed")], 2, ExitCode.UNREACHABLE),
        ([task("ok"), '{"event": "stopped", "detail": "a host is gone"}', end()], 0, ExitCode.NOT_GREEN),
        (["Traceback (most recent call last):"], 1, ExitCode.NOT_GREEN),
        (['{"event": "task", "host": '], 0, ExitCode.NOT_GREEN),
        (['{"event": "task", "host": "h1", "task": "x", "status": "splendid"}', end()], 0, ExitCode.NOT_GREEN),
        ([task("ok"), '{"event": "end", "host": "h1", "status": "splendid"}'], 0, ExitCode.NOT_GREEN),
    ],
)
def test_only_work_that_went_well_is_success(lines: list[str], exit_code: int | None, expected: ExitCode) -> None:
    assert choose_exit_code([result_of(*lines, exit_code=exit_code)]) == expected


def test_no_engine_at_all_is_no_success() -> None:
    assert choose_exit_code([]) == ExitCode.NOT_GREEN


def test_every_host_that_was_asked_must_have_an_end() -> None:
    """An engine that tells of one of its two hosts and ends with 0 did half of its work."""
    result = result_of(task("ok"), end(), asked=("h1", "h2"))
    assert not result.is_good and result.ending("h2") is Ending.SILENT
    assert [(error.code, error.kind) for error in explain_failures([result])] == [("PRV024", "not_green")]
    assert "h2" in str(explain_failures([result])[0])


def test_a_result_knows_whom_its_engine_was_started_for(tmp_path: Path) -> None:
    made = commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.PLAN, list(ProvisioningEngine), [])
    assert len(made) == 2 and all(command.hosts for command in made)
    assert [result.asked for result in start_results(made)] == [command.hosts for command in made]


def test_a_host_that_was_named_and_never_worked_on_counts_too() -> None:
    result = EngineResult("ansible", exit_code=0)
    for line in (json.dumps({"event": "hosts", "hosts": ["h1", "h2"]}), task("ok"), end()):
        result.feed(line)
    assert not result.is_good


def test_one_engine_that_did_its_work_does_not_make_up_for_the_other() -> None:
    good, dead = result_of(task("ok"), end()), result_of(task("ok", "h2"), asked=("h2",), exit_code=-9)
    assert choose_exit_code([good, dead]) == ExitCode.NOT_GREEN
    assert [error.code for error in explain_failures([good, dead])] == ["PRV025", "PRV024"]
    assert "a task" in explain_failures([dead])[1].actual


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_difference_finds_its_task(order: str) -> None:
    result = EngineResult("ansible")
    lines = [task("changed"), json.dumps({"event": "diff", "host": "h1", "task": "a task", "detail": "-x\n+y"})]
    for line in lines if order == "after" else reversed(lines):
        result.feed(line)
    assert [event.detail for event in result.of(TaskStatus.CHANGED)] == ["-x\n+y"]


def test_secrets_are_replaced_in_everything_an_engine_says() -> None:
    result = run(
        f"import sys; print({task('failed', detail='password is s3cr3t-mark')!r}); sys.exit('s3cr3t-mark')",
        ["s3cr3t-mark"],
    )
    assert "s3cr3t-mark" not in repr(result)
    assert result.events and result.noise


def test_what_an_engine_did_before_its_time_was_up_is_kept() -> None:
    result = run(f"import time; print({task('changed')!r}, flush=True); time.sleep(600)", timeout=2)
    assert [event.status for event in result.events] == [TaskStatus.CHANGED]
    assert result.timed_out_after == 2 and result.exit_code != 0


def test_an_engine_that_dies_in_the_middle_is_not_good() -> None:
    script = f"import os; print({task('ok')!r}, flush=True); os.kill(os.getpid(), 9)"
    result = run(script)
    assert result.exit_code == -9 and not result.is_good
    assert [error.code for error in explain_failures([result])] == ["PRV025", "PRV024"]


def test_an_engine_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    result = run(script, timeout=1.5)
    assert not result.is_good
    assert [error.code for error in explain_failures([result])] == ["PRV001", "PRV024"]
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
def test_limit(names: list[str], expected: list[str]) -> None:
    assert sorted(resolve_limit(ESTATE, names)) == sorted(expected)


@pytest.mark.parametrize(("name", "close"), [("dc-db2", "dc-db1"), ("hhp", "hph"), ("core1", ""), ("", "")])
def test_limit_refuses_what_is_no_host(name: str, close: str) -> None:
    with pytest.raises(RackproofError) as caught:
        resolve_limit(ESTATE, [name])
    assert caught.value.code == "PRV002" and close in caught.value.remedy


@pytest.mark.parametrize(
    ("engines", "limit", "expected"),
    [
        (
            list(ProvisioningEngine),
            [],
            {ProvisioningEngine.ANSIBLE: ["dc-db1", "dc-mgmt1", "dr-db1"], ProvisioningEngine.PYINFRA: ROOMS},
        ),
        ([ProvisioningEngine.PYINFRA], [], {ProvisioningEngine.PYINFRA: ROOMS}),
        (list(ProvisioningEngine), ["dr-db1"], {ProvisioningEngine.ANSIBLE: ["dr-db1"]}),
    ],
)
def test_who_is_provisioned_by_what(
    tmp_path: Path, engines: list[ProvisioningEngine], limit: list[str], expected: dict[ProvisioningEngine, list[str]]
) -> None:
    made = commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.PLAN, engines, limit)
    assert {command.engine: sorted(command.hosts) for command in made} == expected
    assert all({"--check", "--plan"} & set(command.argv) for command in made)


@pytest.mark.parametrize(
    ("engines", "limit", "code", "kind"),
    [
        ([ProvisioningEngine.PYINFRA], ["dr-db1"], "PRV003", "wrong_use"),
        ([ProvisioningEngine.ANSIBLE], ROOMS, "PRV003", "wrong_use"),
        ([], [], "PRV004", "not_set_up"),
    ],
)
def test_no_host_to_work_on_is_a_mistake_with_its_exit_code(
    tmp_path: Path, engines: list[ProvisioningEngine], limit: list[str], code: str, kind: str
) -> None:
    with pytest.raises(RackproofError) as caught:
        commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.APPLY, engines, limit)
    assert (caught.value.code, caught.value.kind, caught.value.exit_code) == (code, kind, ExitCode.USAGE)


def test_an_apply_is_no_dry_run(tmp_path: Path) -> None:
    made = commands(ESTATE, Workspace(tmp_path, ESTATE.root, True), Mode.APPLY, list(ProvisioningEngine), [])
    assert not any({"--check", "--plan"} & set(command.argv) for command in made)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_host_without_ipv6_is_refused_before_anything_runs(tmp_path: Path) -> None:
    dc = ESTATE.sites["dc"]
    vlans = tuple(vlan.model_copy(update={"families": (Family.IPV4,)}) for vlan in dc.vlans)
    estate = replace(ESTATE, sites={**ESTATE.sites, "dc": dc.model_copy(update={"vlans": vlans})})
    ws = Workspace(tmp_path, ESTATE.root, True)
    with pytest.raises(RackproofError) as caught:
        commands(estate, ws, Mode.PLAN, list(ProvisioningEngine), [])
    assert caught.value.code == "EST090"
    assert commands(estate, ws, Mode.PLAN, list(ProvisioningEngine), ["hph-node1"])
