"""The command line: what an operator and a program see, and the exit codes they can rely on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import rackproof
from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY, Workspace
from netconfig.cli import net as cli
from netconfig.journal.record import open_journal
from netconfig.rollout import rollout
from tests.netconfig.world import World
from tests.support import json_of


@pytest.fixture
def room(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command line with the routers of the model behind it."""
    ws = Workspace(tmp_path, REPOSITORY / "lab" / "estate")
    (tmp_path / "keys").mkdir()
    world.journal = lambda: open_journal(ws)  # type: ignore[method-assign]
    monkeypatch.setattr(cli, "current", lambda: ws)
    monkeypatch.setattr(
        rollout, "make_context", lambda estate, ws, run, say, timer_s=None: world.means(run, timer_s=timer_s)
    )
    return world


def run(*arguments: str, expected: int = 0) -> str:
    try:
        done = CliRunner().invoke(cli.app, list(arguments), standalone_mode=False, catch_exceptions=False)
    except RackproofError as error:
        assert int(error.exit_code) == expected
        return str(error)
    code = done.return_value if isinstance(done.return_value, int) else done.exit_code
    assert code == expected, done.output
    return str(done.stdout)


def plan_id(*options: str) -> str:
    return str(json_of(run("plan", "--json", *options))["plan_id"])


def test_plan_apply_and_nothing_to_do(room: World) -> None:
    assert "plan " in run("plan")
    assert "ipv6 address" in run("plan", "--commands")
    result = json_of(run("apply", "--approve", plan_id(), "--json"))
    assert (result["result"], len(result["devices"]), result["not_started"]) == ("verified", 5, [])
    assert json_of(run("apply", "--json"))["result"] == "nothing_to_do"
    assert "nothing to do" in run("plan")
    assert [item["result"] for item in json_of(run("journal", "--json"))] == ["verified"]
    assert "verified" in run("journal")
    assert "ARMED" in run("journal", "--run", result["run"])


@pytest.mark.parametrize("approval", [(), ("--approve", "0" * 12), ("--approve", "")])
def test_without_the_plans_id_nothing_happens(room: World, approval: tuple[str, ...]) -> None:
    before = room.routers["core2"].running
    assert "NET044" in run("apply", *approval, expected=int(ExitCode.REFUSED))
    assert room.routers["core2"].running == before
    assert list(room.journal().read()) == []


def test_an_approval_does_not_outlive_what_it_was_given_for(room: World) -> None:
    approved = plan_id()
    router = room.routers["core1"]
    router.running = router.startup = router.running.replace("hostname core1", "hostname core1x")
    assert "NET044" in run("apply", "--approve", approved, expected=int(ExitCode.REFUSED))


def test_rolled_back_is_exit_code_5(room: World, tmp_path: Path) -> None:
    room.converge()
    file = tmp_path / "cut.yml"
    file.write_text("devices:\n  hph-edge1:\n    add: |\n      interface up1\n       shutdown\n")
    approved = plan_id("--change", str(file))
    options = ("--change", str(file), "--approve", approved, "--timer", "20")
    out = run("apply", *options, expected=int(ExitCode.ROLLED_BACK))
    assert "ROLLED_BACK" in out
    assert "nothing to do" in run("plan")


def test_an_unproved_run_blocks_the_next_until_it_is_resumed_or_closed(room: World, tmp_path: Path) -> None:
    room.converge()
    room.routers["hph-edge1"].restores = False
    file = tmp_path / "cut.yml"
    file.write_text("devices:\n  hph-edge1:\n    add: |\n      interface up1\n       shutdown\n")
    options = ("--change", str(file), "--approve", plan_id("--change", str(file)))
    run("apply", *options, expected=int(ExitCode.UNREACHABLE))
    assert "NET041" in run("apply", *options, expected=int(ExitCode.REFUSED))
    run("resume", expected=int(ExitCode.UNREACHABLE))
    assert "NET041" in run("apply", *options, expected=int(ExitCode.REFUSED))
    run("resume", "--close", "router replaced", expected=int(ExitCode.UNREACHABLE))
    assert [item["result"] for item in json_of(run("journal", "--json"))] == ["unproven"]
    assert "every run" in run("resume")


def test_status_is_green_only_when_every_router_is_reached_and_in_step(room: World) -> None:
    run("status", expected=int(ExitCode.NOT_GREEN))
    room.converge()
    assert all(row["in_sync"] for row in json_of(run("status", "--json")))
    room.routers["core1"].armed = {"id": "x", "deadline": 1e9, "running": "", "startup": ""}
    run("status", expected=int(ExitCode.NOT_GREEN))
    room.routers["dr-edge1"].dead = True
    rows = json_of(run("status", "--json", expected=int(ExitCode.UNREACHABLE)))
    assert [row["device"] for row in rows if row["in_sync"] is None] == ["dr-edge1"]


def test_a_tampered_journal_is_not_listed(room: World) -> None:
    run("apply", "--approve", plan_id(), "--json")
    file = room.journal().path
    file.write_text(file.read_text().replace("core2", "core9", 1))
    assert "JRN001" in run("journal", expected=int(ExitCode.INVALID))


def test_render_needs_no_router(room: World, tmp_path: Path) -> None:
    assert run("render", "core1").startswith("hostname core1\n")
    run("render", "--to", str(tmp_path / "out"))
    assert min(path.name for path in (tmp_path / "out").iterdir()) == "core1.conf"
    assert set(json_of(run("render", "--json"))) == set(room.routers)
    assert "NET010" in run("render", "core7", expected=int(ExitCode.USAGE))


def test_the_front_door_knows_which_verbs_speak_to_routers() -> None:
    assert rackproof.SPEAKS_TO_DEVICES["net"] == {"plan", "apply", "resume", "status"}
