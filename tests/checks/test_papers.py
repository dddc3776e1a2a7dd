"""Signed papers: made, checked, refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from checks.attest import signed_statements as papers
from checks.attest.attestation import Signer, StatementKind, find_trouble, read_signers, read_statement
from core.errors import RackproofError
from core.workspace import REPOSITORY, Workspace
from rackproof import run
from tests.support import json_of


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("RACKPROOF_WORKSPACE", str(tmp_path / "ws"))
    monkeypatch.setenv("RACKPROOF_ESTATE", str(REPOSITORY / "lab" / "estate"))
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    return Workspace(tmp_path / "ws", REPOSITORY / "lab" / "estate")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"a plan")
    return file


DAY = "2027-01-01"
FILLED = ["--document", "DOC", "--number", "1", "--signer", "x", "--expires", DAY]


def attest(document: Path, *more: str) -> int:
    return run(
        [
            "checks",
            "attest",
            "QH-5-BCP",
            "--document",
            str(document),
            "--number",
            "12/KH-C2",
            "--signer",
            "cuc2",
            "--expires",
            "2027-06-30",
            *(more or ("--all-sites",)),
        ]
    )


def test_a_paper_from_the_command_line_is_valid(
    ws: Workspace, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["checks", "signer", "cuc2", "--title", "Cục trưởng"]) == 0
    assert attest(document) == 0
    (file,) = ws.attestations_dir.glob("attestation-*.yml")
    paper = read_statement(file.read_bytes())
    signers = read_signers((ws.attestations_dir / "signers.yml").read_bytes())
    assert paper and find_trouble(paper, signers, papers.today()) == ""
    assert paper.document.sha256 == papers.digest(document)
    assert find_trouble(paper, signers, paper.expires + timedelta(days=1)) == "expired"
    assert find_trouble(paper, signers, paper.valid_from - timedelta(days=1)) == "not-yet"
    assert find_trouble(paper, {}, papers.today()) == "stranger"
    changed = paper.model_copy(update={"statement": "something else"})
    assert find_trouble(changed, signers, papers.today()) == "signature"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["attest", "QH-5-BCP", *FILLED], "PAP007"),
        (["attest", "QH-5-BCP", "--all-sites", "--number", "1", "--signer", "x", "--expires", DAY], "PAP005"),
        (["attest", "NO-SUCH", "--all-sites", *FILLED], "CHK001"),
        (["attest", "QH-5-BCP", "--all-sites", "--document", "/none", *FILLED[2:]], "PAP001"),
        (["attest", "QH-5-BCP", "--all-sites", *FILLED[:-1], "soon"], "PAP006"),
        (["attest", "QH-5-BCP", "--all-sites", *FILLED], "PAP002"),
        (["signer", "../evil"], "PAP003"),
        (["attest", "--lab"], "PAP004"),
        (["explain", "NO-SUCH"], "CHK001"),
    ],
)
def test_what_cannot_be_signed_is_refused_in_words(
    ws: Workspace, document: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code = run(["checks", *(str(document) if word == "DOC" else word for word in arguments)])
    shown = capsys.readouterr().err
    assert code not in (0, 70), shown
    assert says in shown
    assert not list(ws.attestations_dir.glob("attestation-*")) if ws.attestations_dir.exists() else True


def test_a_signer_of_attestations_may_not_waive(
    ws: Workspace, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["checks", "signer", "cuc2"])
    code = run(
        [
            "checks",
            "waive",
            "KH08-II5-BYDESIGN",
            "--document",
            str(document),
            "--number",
            "1",
            "--signer",
            "cuc2",
            "--approver",
            "A",
            "--expires",
            DAY,
            "--reason",
            "old",
            "--site",
            "dc",
            "--asset",
            "pdu-b",
        ]
    )
    assert code == 6
    assert "PAP002" in capsys.readouterr().err


def test_a_waiver_needs_an_approver(ws: Workspace, document: Path) -> None:
    with pytest.raises(ValueError, match="approver"):
        papers.make_lab_statement(StatementKind.WAIVER, "KH08-II5-BYDESIGN", ("dc",), "old thing")


def test_keys_are_private_and_papers_are_readable_text(ws: Workspace, document: Path) -> None:
    run(["checks", "signer", "cuc2"])
    attest(document, "--site", "dc")
    key = ws.root / "keys" / "signer-cuc2.pem"
    assert key.stat().st_mode & 0o077 == 0
    (file,) = ws.attestations_dir.glob("attestation-*.yml")
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert data["sites"] == ["dc"]
    assert str(data["document"]["number"]) == "12/KH-C2"


def test_another_key_under_a_known_name_is_refused(ws: Workspace, document: Path) -> None:
    run(["checks", "signer", "cuc2"])
    papers.add_signer(ws, Signer(name="cuc2", public_key="0" * 64))
    with pytest.raises(RackproofError, match="PAP002"):
        papers.write_statement(
            ws,
            papers.make_lab_statement(StatementKind.ATTESTATION, "QH-5-BCP", ("*",), "xxx").model_copy(
                update={"signer": "cuc2"}
            ),
            papers.load_signer_key(ws, "cuc2"),
        )


def test_list_and_explain_speak(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "list", "--json"]) == 0
    assert len(json_of(capsys.readouterr().out)) >= 45
    assert run(["checks", "explain", "QH-3-DC-NPLUS1"]) == 0
    shown = capsys.readouterr().out
    assert "dự phòng ít nhất N+1" in shown
    assert "(S: QH footnote 2: N+1)" in shown
