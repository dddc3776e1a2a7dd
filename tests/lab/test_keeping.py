"""Evidence, journal and keys of a lab are set aside or destroyed by their owner's word, never by the way."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import RackproofError
from lab import cli, facility, keeping, owner, sweep, up
from lab.instance import Instance
from tests.support import json_of, require

NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    for module in (up, owner):
        monkeypatch.setattr(module, "SOCKETS", tmp_path / "sockets")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    monkeypatch.setenv("RACKPROOF_LAB", "kept")
    made = Instance("kept", tmp_path / "labs" / "kept")
    fill(made.workspace.root)
    return made


def fill(workspace: Path) -> None:
    (workspace / "evidence" / "20261126-1").mkdir(parents=True)
    (workspace / "keys").mkdir()
    for name in ("signing.pem", "ops_ed25519", "ops_ed25519.pub"):
        (workspace / "keys" / name).write_text("x")
    (workspace / "journal.jsonl").write_text("{}\n{}\n")


def test_what_is_kept_is_told(instance: Instance) -> None:
    [kept] = keeping.list_workspaces(instance)
    assert (kept.bundles, kept.journal_records, kept.keys) == (1, 2, 2)


def test_a_workspace_is_set_aside_with_its_date_and_nothing_is_lost(instance: Instance) -> None:
    workspace = instance.workspace.root
    first = require(keeping.set_aside(workspace, NOW))
    assert first.name == "workspace-20261126-200000"
    fill(workspace)
    second = require(keeping.set_aside(workspace, NOW))
    assert second != first
    assert keeping.set_aside(workspace, NOW) is None
    workspace.mkdir()
    assert keeping.set_aside(workspace, NOW) is None  # an empty one is nobody's evidence
    assert all((folder / "evidence" / "20261126-1").is_dir() for folder in (first, second))
    assert len(keeping.list_workspaces(instance)) == 3


@pytest.mark.parametrize("answer", ["", "lab", "Kept", "kept "])
def test_without_the_right_name_nothing_is_destroyed(instance: Instance, answer: str) -> None:
    with pytest.raises(RackproofError) as caught:
        keeping.destroy(instance, answer)
    assert (caught.value.code, caught.value.exit_code) == ("LAB031", 6)
    assert (instance.workspace.root / "journal.jsonl").exists()


def test_a_lab_that_is_up_is_not_destroyed(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Instance, "is_up", lambda _self: True)
    with pytest.raises(RackproofError) as caught:
        keeping.destroy(instance, "kept")
    assert caught.value.code == "LAB032"
    assert (instance.workspace.root / "journal.jsonl").exists()


def test_nor_while_somebody_raises_it(instance: Instance) -> None:
    with up.exclusive(instance, "raising it"), pytest.raises(RackproofError) as caught:
        keeping.destroy(instance, "kept")
    assert caught.value.code == "LCK001"
    assert (instance.workspace.root / "journal.jsonl").exists()


def test_the_name_destroys_all_that_is_kept(instance: Instance) -> None:
    keeping.set_aside(instance.workspace.root, NOW)
    fill(instance.workspace.root)
    done = CliRunner().invoke(cli.app, ["destroy", "--yes", "kept", "--json"])
    assert done.exit_code == 0, done.output
    assert len(json_of(done.stdout)["destroyed"]) == 2
    assert keeping.list_workspaces(instance) == []
    assert json_of(CliRunner().invoke(cli.app, ["destroy", "--json"]).stdout)["destroyed"] == []


def test_down_says_what_it_keeps(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facility, "stop", lambda _folder: None)
    monkeypatch.setattr(sweep, "clean", lambda _instance: None)
    monkeypatch.setattr(sweep, "leftovers", lambda _instance: sweep.Leftovers((), (), (), ()))
    done = CliRunner().invoke(cli.app, ["down"])
    assert done.exit_code == 0, done.output
    assert str(instance.workspace.root) in done.stdout
    assert "lab destroy" in done.stdout
