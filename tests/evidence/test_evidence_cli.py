"""The evidence and report verbs at the front door: exit codes, JSON, names of runs, errors with a remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import rackproof
from checks.bundle.writer import name_public_key_file, write_bundle
from checks.cli.scoreboard import not_green
from core.json_page import read_contract
from tests.evidence.sample import SPEED, Sample, sample
from tests.support import json_of
from tests.terminal.json_shapes import find_mismatches

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    made = sample(tmp_path_factory.mktemp("cli"), 4)
    write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    return made


@pytest.fixture
def call(sealed: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setenv("RACKPROOF_WORKSPACE", str(sealed.ws.root))
        monkeypatch.setenv("RACKPROOF_ESTATE", str(sealed.estate_dir))
        code = rackproof.run(list(words))
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["evidence", "verify"], 0, "VERIFIED"),
        (["evidence", "verify", "latest"], 0, "every verdict was found again"),
        (["evidence", "verify", "20261120"], 0, "VERIFIED"),
        (["evidence", "verify", "nonsense"], 2, "evidence list"),
        (["evidence", "verify", "--public-key", "/nowhere.pem"], 2, "EVD041"),
        (["evidence", "verify", "--public-key", __file__], 3, "SIG002"),
        (["evidence", "list"], 0, "20261120T013000Z-sample"),
        (["evidence", "show"], 0, "shown, not verified"),
        (["evidence", "show", "latest", SPEED], 0, "ifHighSpeed=100 Mbit/s at s003"),
        (["evidence", "show", "latest", "QH-0-NONE"], 2, "EVD033"),
        (["report", "build", "nonsense"], 2, "EVD031"),
        (["report", "build", "--lang", "xx"], 2, "xx"),
    ],
)
def test_verbs_answer_with_texts_and_stable_exit_codes(call: Call, words: list[str], code: int, says: str) -> None:
    found, text = call(*words)
    assert found == code, text
    assert says in text
    assert "Traceback" not in text


def errors_of(text: str) -> list[tuple[str, str]]:
    """Return code and place of every error in an answer for programs that has a result as well."""
    envelope = json.loads(text)
    assert envelope["data"] is not None
    return [(error["code"], error["place"]) for error in envelope["errors"]]


def test_json_says_everything(call: Call, sealed: Sample) -> None:
    code, text = call("evidence", "verify", "--json")
    data = json_of(text)
    assert code == 0
    assert (data["state"], data["trusted_key"], data["verdicts"]) == ("verified", True, len(sealed.run.verdicts))
    assert data["findings"] == data["differences"] == data["other_judges"] == []


def test_programs_get_what_was_measured_as_the_contract_says(call: Call, sealed: Sample) -> None:
    contract = read_contract()
    _code, text = call("evidence", "show", "--json")
    shown = json_of(text)
    assert find_mismatches(shown, contract.schemas["evidence.show"].data, contract.types) == []
    rows = not_green(sealed.run, "en")
    assert find_mismatches(rows, ["NotGreen"], contract.types) == []
    speed = {"name": "interface_speed", "value": 100.0, "unit": "Mb/s"}
    assert [speed] in [row["measured"] for row in rows]
    assert [speed] in [verdict["measured"] for verdict in shown["verdicts"]]
    assert {verdict["threshold"]["value"] for verdict in shown["verdicts"] if verdict["threshold"]} == {500, 900, 1000}


def test_without_the_key_a_bundle_is_untrusted_until_the_key_is_given(
    call: Call, sealed: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    shutil.copytree(sealed.ws.evidence_dir / sealed.run.id, away)
    key = shutil.copy(name_public_key_file(sealed.ws), tmp_path / "signer.pem")
    monkeypatch.setattr(sealed, "ws", replace(sealed.ws, root=tmp_path / "elsewhere"))
    code, text = call("evidence", "verify", str(away))
    assert code == 3 and "UNTRUSTED" in text
    assert errors_of(call("evidence", "verify", str(away), "--json")[1]) == [("EVD044", str(away))]
    code, text = call("evidence", "verify", str(away), "--public-key", str(key))
    assert code == 0 and "VERIFIED" in text
    assert not (tmp_path / "elsewhere").exists()  # verifying leaves nothing behind, no key above all


def test_a_broken_bundle_is_named_and_gets_no_report(call: Call, sealed: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(sealed.ws.evidence_dir / sealed.run.id, folder)
    victim = min((folder / "raw").glob("*/*"))
    victim.write_bytes(b"X" + victim.read_bytes()[1:])
    code, text = call("evidence", "verify", str(folder))
    assert code == 3
    assert victim.name in text and "byte 0" in text and "requirements that depend on it: QH-3-" in text
    assert errors_of(call("evidence", "verify", str(folder), "--json")[1]) == [("EVD043", str(victim))]
    code, text = call("report", "build", str(folder), "--out", str(tmp_path / "out"))
    assert code == 3 and "RPT001" in text


def test_report_build_writes_what_it_says(call: Call, sealed: Sample) -> None:
    code, text = call("report", "build", "latest", "--lang", "vi", "--json")
    data = json_of(text)
    assert code == 0 and data["state"] == "verified"
    folder = sealed.ws.reports_dir / sealed.run.id
    assert {path.name for path in folder.iterdir()} == {"report.vi.html", "report.junit.xml", "evidence"}


def test_a_chain_with_a_hole_is_not_whole(
    call: Call, sealed: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "chain"
    ws = replace(sealed.ws, root=root)
    for number in range(3):
        run = replace(sealed.run, id=f"run-{number}")
        write_bundle(run, sealed.store, sealed.estate_dir, ws, requirements_dir=sealed.requirements_dir)
    monkeypatch.setattr(sealed, "ws", ws)
    assert call("evidence", "list")[0] == 0
    hidden = tmp_path / "hidden"
    gone = "the journal says it was sealed; it is gone"
    for name, says in (("run-1", "bundle 2 (run-1) is missing"), ("run-1", gone), ("run-2", gone)):
        shutil.move(ws.evidence_dir / name, hidden)
        code, text = call("evidence", "list")
        assert code == 3 and says in text
        assert {found for found, _place in errors_of(call("evidence", "list", "--json")[1])} == {"EVD045"}
        shutil.move(hidden, ws.evidence_dir / name)
    manifest = ws.evidence_dir / "run-2" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    code, text = call("evidence", "list")
    assert code == 3 and "not the one that the journal says" in text
