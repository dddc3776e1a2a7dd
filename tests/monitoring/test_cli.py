"""The monitor command: exit codes, texts and JSON, without a lab."""

from __future__ import annotations

import json
import shutil
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import rackproof
from core.console import emit_json_line
from core.errors import RackproofError
from core.errors.table import read_table
from core.workspace import REPOSITORY
from inventory.load import loader as load
from inventory.model.estate import Estate
from monitoring.cli import monitor as cli
from monitoring.export.exporter import Exporter
from monitoring.poll import collect
from monitoring.rules import alert_rules as rules
from monitoring.snmp.poll import Absence
from tests.monitoring.conftest import T0, Poller, integer
from tests.monitoring.test_normalise import sensors
from tests.support import json_of, needs_program


@pytest.fixture(autouse=True)
def _workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RACKPROOF_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("RACKPROOF_ESTATE", str(REPOSITORY / "lab" / "estate"))


def test_targets_as_json_and_as_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert rackproof.run(["monitor", "targets", "--json"]) == 0
    told = json_of(capsys.readouterr().out)
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


@pytest.mark.parametrize(("case", "code"), [("good", 0), ("silent sensor", 1), ("silent device", 4)])
def test_exit_codes_and_json_of_a_poll(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], polled: Poller, case: str, code: int
) -> None:
    tree = sensors(t1=integer(-1)) if case == "silent sensor" else sensors()
    reply = (lambda _datagram: None) if case == "silent device" else None
    raw = polled("env-dc", tree, reply=reply)
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: [raw])
    assert rackproof.run(["monitor", "poll", "env-dc", "--json"]) == code
    told = json.loads(capsys.readouterr().out)["data"]["devices"][0]
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
    rows = json_of(capsys.readouterr().out)
    assert len(rows) >= 20 and {row["provenance"] for row in rows} == {"S", "R", "P"}


@needs_program("promtool")
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
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("RACKPROOF_PROMTOOL", raising=False)
    assert rackproof.run(["monitor", "rules", "check"]) == 2
    assert "apt-get install" in capsys.readouterr().err


def test_one_of_two_devices_is_not_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], polled: Poller
) -> None:
    answers = [polled("env-dc", sensors()), polled("pdu-b", {}, reply=lambda _datagram: None)]
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: answers)
    assert rackproof.run(["monitor", "poll", "env-dc", "pdu-b", "--json"]) == 4
    envelope = json.loads(capsys.readouterr().out)
    told = envelope["data"]
    assert [error["code"] for error in envelope["errors"]] == ["MON040"]
    assert (told["asked"], told["answered"]) == (2, 1)
    absent = [(item["device"], item["code"], item["kind"], item["exit_code"]) for item in told["absent"]]
    assert absent == [("pdu-b", "MON040", "unreachable", 4)]
    assert rackproof.run(["monitor", "poll", "env-dc", "pdu-b"]) == 4
    shown = capsys.readouterr().out
    assert "1 of 2 devices answered" in shown and "[MON040] pdu-b does not answer" in shown


@pytest.mark.parametrize(
    ("absences", "code"),
    [
        ((Absence.NO_ANSWER,), 4),
        ((Absence.NOT_BELIEVED,), 4),
        ((Absence.LOGIN_REFUSED,), 7),
        ((Absence.NO_ANSWER, Absence.LOGIN_REFUSED), 7),
        ((Absence.NO_ANSWER, Absence.LOGIN_REFUSED, Absence.FAULT), 70),
    ],
)
def test_what_a_device_fails_for_decides_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], polled: Poller,
    absences: tuple[Absence, ...], code: int,
) -> None:  # fmt: skip
    names = ("ups-a", "ups-b", "pdu-a")
    silent = [polled(name, {}, reply=lambda _datagram: None) for name in names[: len(absences)]]
    answers = [replace(raw, absence=absence) for raw, absence in zip(silent, absences, strict=True)]
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: [polled("env-dc", sensors()), *answers])
    assert rackproof.run(["monitor", "poll", "--json"]) == code
    told = json.loads(capsys.readouterr().out)["data"]
    assert [item["code"] for item in told["absent"]] == [cli.ABSENCES[absence] for absence in absences]


def test_a_refused_login_is_never_told_to_check_its_power() -> None:
    entry = read_table("MON")["MON041"]
    assert entry["kind"] == "login_refused"
    assert "check" not in entry["en"]["remedy"] and "network and power are fine" in entry["en"]["remedy"]


def test_devices_that_give_nothing_are_not_good() -> None:
    assert cli.choose_exit_code([], {}) == 1
    assert cli.choose_exit_code([], {"ups-a": []}) == 1


def test_an_estate_without_devices_to_poll_or_to_scrape_is_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], estate: Estate, tmp_path: Path
) -> None:
    bare = copy(estate)
    object.__setattr__(bare, "devices", {})
    monkeypatch.setattr(load, "load_estate", lambda *_args: bare)
    for verb, code in (("poll", "MON016"), ("serve", "MON016"), ("targets", "MON026")):
        assert rackproof.run(["monitor", verb, "--json"]) == 2
        [error] = json.loads(capsys.readouterr().out)["errors"]
        assert (error["code"], error["kind"]) == (code, "not_set_up")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1", "127.0.0.1:9780"),
        ("::1", "[::1]:9780"),
        ("[::1]", "[::1]:9780"),
        ("::1:9780", "[::1:9780]:9780"),
        ("localhost:9780", ""),
        ("127.0.0.1:", ""),
        ("127.0.0.1:٩٧٨٠", ""),
        ("[127.0.0.1]:9780", ""),
        (":9780", ""),
    ],
)
def test_what_cannot_be_listened_on_says_what_was_meant(
    capsys: pytest.CaptureFixture[str], text: str, meant: str
) -> None:
    assert rackproof.run(["monitor", "serve", "--listen", text, "--json"]) == 2
    [error] = json.loads(capsys.readouterr().out)["errors"]
    assert (error["code"], error["actual"]) == ("MON022", text)
    assert error["remedy"] == (f"did you mean '{meant}'?" if meant else "")


@pytest.mark.parametrize("verb", [["targets", "--to"], ["poll", "env-dc", "--raw"]])
@pytest.mark.parametrize(("place", "kind"), [("/proc/x", "missing_file"), ("{tmp}/file", "missing_file")])
def test_a_folder_that_cannot_be_is_an_error_of_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], polled: Poller, tmp_path: Path,
    verb: list[str], place: str, kind: str,
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("")
    raw = polled("env-dc", sensors())
    monkeypatch.setattr(collect, "poll_devices", lambda *_args: [raw])
    assert rackproof.run(["monitor", *verb, place.format(tmp=tmp_path), "--json"]) == 2
    [error] = json.loads(capsys.readouterr().out)["errors"]
    assert error["kind"] == kind


def test_files_that_were_written_are_named_for_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert rackproof.run(["monitor", "targets", "--to", str(tmp_path / "t"), "--json"]) == 0
    files = json_of(capsys.readouterr().out)["files"]
    assert [Path(name).name for name in files] == ["rackproof.json", "node.json"]


def test_what_is_waited_for_is_named() -> None:
    assert cli.name_waiting(["a", "b", "c", "d", "e"]) == "waiting for a, b, c and 2 more"
    assert cli.name_waiting([]) == "all devices have been asked"


def test_no_rules_at_all_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rules, "FOLDER", tmp_path)
    monkeypatch.setattr(rules, "TESTS", tmp_path / "tests")
    assert {item.name: item.ok for item in rules.check(["true"])[:2]} == {
        "conventions of the rules": False, "unit tests for every rule": False,
    }  # fmt: skip


def test_what_the_tool_says_of_itself_is_no_part_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rules.run_tool("x", ["sh", "-c", "echo answer; echo 'Created directory' >&2"])
    assert (found.ok, found.output, found.errors) == (True, "answer", "Created directory")
    monkeypatch.setattr(rules, "TIMEOUT_S", 0.1)
    with pytest.raises(RackproofError) as caught:
        rules.run_tool("x", ["sleep", "60"])
    assert caught.value.code == "MON031"


def test_serving_tells_programs_how_all_stand(
    estate: Estate, polled: Poller, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [estate.devices[name] for name in ("env-dc", "pdu-b", "core1")]
    exporter = Exporter(estate, collect.Poller(estate, {}), devices, 15.0)
    exporter.take(polled("env-dc", sensors(t1=integer(-1))))
    exporter.take(polled("pdu-b", {}, reply=lambda _datagram: None))
    emit_json_line(exporter.summary(datetime.fromtimestamp(T0 + 2, UTC)))
    text = capsys.readouterr().out
    told = json_of(text)
    assert text.count("\n") == 1
    assert (told["devices"], told["up"], told["not_polled_yet"]) == (3, 1, ["core1"])
    assert (told["absent"], told["readings_not_good"]) == ({"pdu-b": "no_answer"}, {"env-dc": 1})
