"""The verbs of the checks for people and for programs: tables that fit, JSON on each, names that do not exist."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

import rackproof
from checks.cli import checks as cli
from checks.cli import evidence as evidence_cli
from checks.cli import report as report_cli
from checks.register.requirement import Requirement
from checks.watch import service as watching
from checks.watch.history import History
from checks.watch.scheduler import Sweeper, SweepResult
from core import console
from core.workspace import Workspace
from tests.support import Ask, require

from .conftest import LAB_ESTATE

APPS = {"checks": cli.app, "evidence": evidence_cli.app, "report": report_cli.app}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    (tmp_path / "ws").mkdir()

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setenv("RACKPROOF_WORKSPACE", str(tmp_path / "ws"))
        monkeypatch.setenv("RACKPROOF_ESTATE", str(LAB_ESTATE))
        code = rackproof.run(list(words))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.mark.parametrize("room", APPS)
def test_every_verb_can_speak_to_programs(room: str) -> None:
    group = get_command(APPS[room])
    assert isinstance(group, TyperGroup)
    for name in group.list_commands(typer.Context(group)):
        command = require(group.get_command(typer.Context(group), name))
        assert "--json" in {option for parameter in command.params for option in parameter.opts}, f"{room} {name}"


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_list_fits_the_terminal_and_cuts_no_name(
    call: Ask, monkeypatch: pytest.MonkeyPatch, requirements: dict[str, Requirement], width: int, language: str
) -> None:
    """It was wider than 80 columns and cut the ids with an ellipsis."""
    from rich.console import Console

    monkeypatch.setenv("RACKPROOF_LANG", language)
    monkeypatch.setattr(console.out, "console", Console(force_terminal=True, width=width, color_system=None))
    code, shown, _err = call("checks", "list")
    assert code == 0
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "…" not in shown
    assert all(name in shown for name in requirements)


def test_explain_in_vietnamese_has_no_english_label(call: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    code, shown, _err = call("checks", "explain", "QH-3-DC-NPLUS1")
    assert code == 0
    labels = {"clause", "quote", "binds", "owner", "threshold", "judge", "collects", "cadence", "spare_modules"}
    assert labels & set(shown.split()) == set()


def test_the_watch_tells_programs_one_line_per_event(call: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def sweeper(_ws: Workspace, _sites: tuple[str, ...], _history: History, tell: watching.Tell) -> Sweeper:
        def sweep(_due: Sequence[Requirement]) -> SweepResult:
            tell({"event": "swept", "run_id": "a", "bundle": ""})
            return SweepResult("a", ())

        return sweep

    monkeypatch.setattr(watching, "make_sweeper", sweeper)
    monkeypatch.setattr(watching, "prepare_bundle", lambda _ws: None)
    monkeypatch.setattr(watching, "require_secrets", lambda _ws, _requirements: None)
    code, shown, _err = call("checks", "watch", "--ticks", "1", "--json")
    assert code == 0
    lines = [json.loads(line) for line in shown.splitlines()]
    told = [(line["schema"], line["data"]["event"]) for line in lines]
    assert told == [("checks.watch", "swept"), ("checks.watch", "ended")]


@pytest.mark.parametrize(
    ("words", "code", "exits"),
    [
        (["checks", "history", "--site", "hpg"], "CHK002", 2),
        (["checks", "history", "--requirement", "QH-3-DC-NPLUS"], "CHK001", 2),
        (["checks", "watch", "--ticks", "1", "--site", "hpg"], "CHK002", 2),
        (["checks", "watch", "--ticks", "1", "--listen", "nowhere"], "CHK007", 2),
        (["checks", "watch", "--ticks", "1", "--listen", "127.0.0.1:99999"], "CHK007", 2),
        (["checks", "run", "--site", "hpg"], "CHK002", 2),
        (["evidence", "verify", str(LAB_ESTATE)], "EVD036", 2),
        (["evidence", "verify"], "EVD034", 2),
        (
            [
                "checks",
                "waive",
                "QH-5-BCP",
                "--document",
                __file__,
                "--number",
                "1",
                "--signer",
                "x",
                "--approver",
                "y",
                "--expires",
                "2099-01-01",
                "--reason",
                "why",
                "--site",
                "hpg",
            ],
            "CHK002",
            2,
        ),
    ],
)
def test_wrong_use_is_said_by_code_to_people_and_programs(call: Ask, words: list[str], code: str, exits: int) -> None:
    got, _out, err = call(*words)
    assert (got, f"[{code}]" in err) == (exits, True), err
    got, out, _err = call(*words, "--json")
    envelope = json.loads(out)
    assert (got, envelope["schema"], envelope["errors"][0]["code"]) == (exits, "error", code)


def test_a_history_of_so_many_has_no_more_gaps_either(call: Ask, tmp_path: Path) -> None:
    """`checks history --limit 3` printed three verdicts and every gap of the year."""
    from datetime import UTC, datetime

    from checks.watch.history import History
    from core.store import open_store

    history = History(open_store(f"sqlite:///{tmp_path / 'ws' / 'store.sqlite'}"))
    noted = datetime(2026, 1, 1, tzinfo=UTC)
    for slot in range(0, 6000, 60):
        history.note_gap("QH-3-DC-NPLUS1", (float(slot), float(slot)), "late", noted)
        history.note_gap("QH-3-NOC", (float(slot), float(slot)), "late", noted)
    code, shown, _err = call("checks", "history", "--limit", "3", "--requirement", "QH-3-NOC")
    assert code == 0
    assert [line.split()[1] for line in shown.splitlines()] == ["QH-3-NOC"] * 3


def test_a_share_is_never_rounded_up() -> None:
    from checks.cli.scoreboard import _scores

    row = {"site": "dc", "tier": "DC", "passed": 1, "waived": 0, "not_met": 1, "total": 300, "coverage": 0.9967}
    assert _scores(row)[-1] == "99%"


def test_no_text_hides_in_an_f_string() -> None:
    """Babel sees no call inside an f-string of Python 3.11: such a text would stay English for ever."""
    from checks.cli import evidence_text
    from checks.cli import scoreboard as show
    from checks.cli import signed_statements as papers_cli

    for module in (cli, evidence_cli, report_cli, evidence_text, papers_cli, show, watching):
        source = inspect.getsource(module)
        assert not [line for line in source.splitlines() if "{_('" in line or '{_("' in line], module.__name__
