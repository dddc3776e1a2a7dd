"""The demo's steps: a step that fails shows its own error, and a lab in use or evidence in the way is not touched."""

import json
import os
import sys
from pathlib import Path

import pytest

from core import console
from core.errors import RackproofError
from lab import demo, instance, keeping
from lab.demo import Demo, DemoStep
from lab.instance import Instance
from tests.support import require

ENVELOPE = {"schema": "x", "version": 1, "data": {"a": 1}, "errors": []}
TOLD = {
    "code": "NET041", "kind": "refused", "message": "a run has no end", "place": "/w/journal.jsonl",
    "expected": "none", "actual": "run 7", "remedy": "resume it", "exit_code": 6,
}  # fmt: skip


@pytest.fixture
def running(tmp_path: Path) -> Demo:
    log = tmp_path / "demo.log"
    log.touch()
    return Demo(log, console.out)


def answer(monkeypatch: pytest.MonkeyPatch, code: int, text: str) -> None:
    monkeypatch.setattr(demo, "call_verb", lambda _arguments, _log: (code, text))


def test_a_step_gives_what_it_told_programs(running: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 0, json.dumps(ENVELOPE))
    assert running.run(DemoStep("x", ("y",))) == {"a": 1}


def test_a_step_that_fails_is_shown_as_it_said_it_with_its_exit_code(
    running: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, 6, json.dumps({**ENVELOPE, "data": None, "errors": [TOLD]}))
    with pytest.raises(RackproofError) as caught:
        running.run(DemoStep("x", ("net", "apply")))
    assert caught.value.as_dict() == TOLD
    assert "[NET041] a run has no end" in str(caught.value)


def test_a_step_that_is_not_green_names_what(running: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    red = [
        {"requirement": "QH-1", "site": "dc", "status": "fail"},
        {"requirement": "QH-2", "site": "dc", "status": "waived"},
    ]
    answer(monkeypatch, 1, json.dumps({**ENVELOPE, "data": {"not_green": red}}))
    with pytest.raises(RackproofError) as caught:
        running.run(DemoStep("x", ("checks", "run")))
    assert (caught.value.code, caught.value.exit_code, caught.value.actual) == ("DEM004", 1, "QH-1 dc")


@pytest.mark.parametrize("text", ["", "Traceback", "[]", "null"])
def test_a_step_that_says_nothing_is_an_internal_error_with_its_log(
    running: Demo, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answer(monkeypatch, -9, text)
    with pytest.raises(RackproofError) as caught:
        running.run(DemoStep("x", ("y",)))
    assert (caught.value.code, caught.value.actual) == ("DEM001", "-9")
    assert str(running.log) in caught.value.remedy


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    made = Instance("demot", tmp_path / "labs" / "demot")
    (made.workspace.root / "evidence" / "bundle").mkdir(parents=True)
    return made


@pytest.mark.parametrize(
    ("is_up", "is_marked", "refused"),
    [
        (True, False, True),
        (True, True, False),
        (False, False, False),
        (False, True, False),
    ],
)
def test_a_lab_in_use_is_refused_and_what_a_killed_demo_left_is_not(
    lab: Instance, monkeypatch: pytest.MonkeyPatch, is_up: bool, is_marked: bool, refused: bool
) -> None:
    monkeypatch.setattr(Instance, "is_up", lambda _self: is_up)
    if is_marked:
        lab.demo_mark.touch()
    if not refused:
        demo.refuse_used_lab(lab)
        return
    with pytest.raises(RackproofError) as caught:
        demo.refuse_used_lab(lab)
    assert (caught.value.code, caught.value.exit_code) == ("DEM003", 6)


def test_the_evidence_of_the_run_before_stays(
    lab: Instance, running: Demo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(_self: Demo, _step: DemoStep) -> None:
        raise Stop

    monkeypatch.setattr(demo, "take_lab_down", lambda: None)
    monkeypatch.setattr(Demo, "run", stop)
    with pytest.raises(Stop):
        demo.play_demo(running, lab, tmp_path / "results")
    [kept] = keeping.list_workspaces(lab)
    assert kept.bundles == 1
    assert kept.folder != str(lab.workspace.root)
    assert lab.demo_mark.exists()


HOLD = (
    "import sys; from pathlib import Path; from core.locks import hold\n"
    "with hold(Path(sys.argv[1]), 'the demo on the lab x'):\n    print('held', flush=True); sys.stdin.read()"
)


def test_a_second_demo_is_told_who_runs_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    monkeypatch.setattr(instance, "SOCKETS", tmp_path)
    monkeypatch.setattr(demo, "SOCKETS", tmp_path)
    # Where the refusal fails, this test must fail and not begin a demo, nor take somebody's lab down.
    monkeypatch.setattr(demo, "play_demo", lambda *_given: pytest.fail("a second demo begins"))
    monkeypatch.setattr(demo, "take_lab_down", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "state"))
    for name in ("RACKPROOF_LAB", "RACKPROOF_ESTATE", "RACKPROOF_WORKSPACE"):
        monkeypatch.setenv(name, "demo")
    argv = [sys.executable, "-c", HOLD, str(tmp_path / "demo.demo")]
    first = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert require(first.stdout).readline() == "held\n"
        with pytest.raises(RackproofError) as caught:
            demo.demo(keep=False, as_json=False)
    finally:
        first.communicate(timeout=20)
    assert caught.value.code == "LCK001"
    assert str(first.pid) in caught.value.actual
    assert "the demo on the lab x" in caught.value.message
    assert not (tmp_path / "state").exists()
