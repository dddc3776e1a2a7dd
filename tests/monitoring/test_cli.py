"""The monitor command: exit codes, texts and JSON, without a lab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import rackproof
from core.workspace import REPOSITORY
from monitoring import collect, rules
from tests.monitoring.conftest import Poller, integer
from tests.monitoring.test_normalise import sensors


@pytest.fixture(autouse=True)
def _workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RACKPROOF_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("RACKPROOF_ESTATE", str(REPOSITORY / "lab" / "estate"))


def test_targets_as_json_and_as_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert rackproof.run(["monitor", "targets", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert rackproof.run(["monitor", "targets", "--to", str(tmp_path / "t")]) == 0
    assert json.loads((tmp_path / "t" / "node.json").read_text()) == told["node"]
    capsys.readouterr()
    assert rackproof.run(["monitor", "targets"]) == 0
    assert "[fd52:5052:101:106e::10]:9780" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["monitor", "poll", "ups-z"], 2, "MON012"),
        (["monitor", "poll", "dc-ctl1"], 2, "MON013"),
        (["monitor", "poll"], 2, "SEC001"),
        (["monitor", "serve", "--listen", "nowhere"], 2, "MON022"),
        (["monitor", "serve", "--listen", "127.0.0.1:0"], 2, "MON022"),
        (["monitor", "serve", "--listen", "127.0.0.1:99999"], 2, "MON022"),
        (["monitor", "serve", "--interval", "0"], 2, "interval"),
        (["monitor", "rules", "chekc"], 2, "chekc"),
    ],
)
def test_mistakes_are_texts_not_tracebacks(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert rackproof.run(arguments) == code
    told = capsys.readouterr()
    assert words in told.err and "Traceback" not in told.err + told.out


@pytest.mark.parametrize(
    ("case", "code"), [("good", 0), ("silent sensor", 1), ("silent device", 4)]
)
def test_exit_codes_and_json_of_a_poll(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], polled: Poller, case: str, code: int
) -> None:
    tree = sensors(t1=integer(-1)) if case == "silent sensor" else sensors()
    reply = (lambda _datagram: None) if case == "silent device" else None
    raw = polled("env-dc", tree, reply=reply)
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: [raw])
    assert rackproof.run(["monitor", "poll", "env-dc", "--json"]) == code
    told = json.loads(capsys.readouterr().out)[0]
    qualities = {item["quality"] for item in told["readings"]}
    assert qualities == {"good": {"good"}, "silent sensor": {"good", "no_data"}, "silent device": {"unreachable"}}[case]
    assert rackproof.run(["monitor", "poll", "env-dc"]) == code
    shown = capsys.readouterr().out
    assert "R1/front-top" in shown and ("no reply" in shown) == (case == "silent device")


def test_raw_answers_are_kept(monkeypatch: pytest.MonkeyPatch, polled: Poller, tmp_path: Path) -> None:
    raw = polled("env-dc", sensors())
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: [raw])
    assert rackproof.run(["monitor", "poll", "env-dc", "--raw", str(tmp_path / "raw")]) == 0
    assert (tmp_path / "raw" / "env-dc.json").read_bytes() == raw.to_bytes()


def test_rules_are_listed_with_the_provenance_of_their_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert rackproof.run(["monitor", "rules", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 20 and {row["provenance"] for row in rows} == {"S", "R", "P"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_a_broken_rule_makes_the_check_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(rules.FOLDER, tmp_path / "rules")
    file = tmp_path / "rules" / "facility.yml"
    file.write_text(file.read_text().replace("rackproof_ups_redundancy < 1", "rackproof_ups_redundancy < 0"))
    monkeypatch.setattr(rules, "FOLDER", tmp_path / "rules")
    monkeypatch.setattr(rules, "TESTS", tmp_path / "rules" / "tests")
    assert rackproof.run(["monitor", "rules", "check", "--json"]) == 1


def test_without_promtool_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rules.shutil, "which", lambda _name: None)
    monkeypatch.delenv("RACKPROOF_PROMTOOL", raising=False)
    assert rackproof.run(["monitor", "rules", "check"]) == 6
    assert "apt-get install" in capsys.readouterr().err
