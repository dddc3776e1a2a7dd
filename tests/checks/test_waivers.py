"""Waivers by themselves: which paper counts, what it covers, and until when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from checks.attest.attestation import SignedDocument, SignedStatement, StatementKind, sign, write_yaml
from checks.attest.signed_statements import encode_public_key
from checks.collect.capture import capture_evidence
from checks.judge.evidence import EvidenceView
from checks.judge.waivers import apply_waivers, list_valid_waivers
from checks.model import Captured, MemoryRawStore, Message, Status, Verdict

NOW = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
FAILURE = Verdict(
    "QH-5-BCP", "dc", "pdu-b", Status.FAIL, Message.of("services.untagged", bad="Đỏ"), (), None, ("e1",),
    "2026-11-22T01:00:00.000+00:00", "2026-11-22T02:00:00.000+00:00", "mine", "0" * 64,
)  # fmt: skip
PAPER = SignedStatement(
    kind=StatementKind.WAIVER,
    requirement="QH-5-BCP",
    sites=("dc",),
    asset="pdu-b",
    statement="old, to be replaced",
    approver="A",
    document=SignedDocument(number="12/KH-C2", date=date(2026, 11, 1), sha256="0" * 64),
    signer="cuc2",
    signed_on=date(2026, 11, 1),
    valid_from=date(2026, 11, 1),
    expires=date(2027, 6, 30),
)


def collect(key: str, raw: bytes) -> Captured:
    return capture_evidence(("dc", "papers"), ("attestations", key), key, raw, (NOW, NOW))


def collect_papers(*papers: SignedStatement) -> list[Captured]:
    return [
        collect(f"{paper.kind.value}:{number}", write_yaml(sign(paper, KEY)).encode())
        for number, paper in enumerate(papers)
    ]


SIGNERS = collect(
    "signers",
    yaml.safe_dump(
        {"signers": [{"name": "cuc2", "public_key": encode_public_key(KEY), "kinds": ["attestation", "waiver"]}]}
    ).encode(),
)


def view(*found: Captured) -> EvidenceView:
    store = MemoryRawStore()
    for entry in found:
        store.put(entry.raw)
    return EvidenceView([entry.item for entry in found], store.get)


def waive(*papers: SignedStatement, verdict: Verdict = FAILURE, now: datetime = NOW) -> Verdict:
    (found,) = apply_waivers([verdict], view(SIGNERS, *collect_papers(*papers)), now)
    return found


def change(**changes: Any) -> SignedStatement:
    return PAPER.model_copy(update=changes)


def test_a_failure_that_was_accepted_in_writing_is_waived_and_says_by_whom() -> None:
    (paper,) = collect_papers(PAPER)
    found = waive(PAPER)
    assert (found.status, found.reason.msgid) == (Status.WAIVED, "waiver.accepted")
    said = dict(found.reason.params)
    assert (said["until"], said["number"], said["approver"]) == ("2027-06-30", "12/KH-C2", "A")
    assert json.loads(said["why"]) == {"msgid": "services.untagged", "params": {"bad": "Đỏ"}}
    assert "Đỏ" in said["why"]
    assert found.evidence == tuple(sorted(["e1", paper.item.id]))
    assert found.valid_until == FAILURE.valid_until


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAIL])
def test_only_what_is_proved_can_be_waived(status: Status) -> None:
    verdict = replace(FAILURE, status=status)
    assert waive(PAPER, verdict=verdict) == verdict


@pytest.mark.parametrize(
    "paper",
    [
        change(requirement="QH-5-DR"),
        change(sites=("dr",)),
        change(asset="pdu-a"),
        change(requirement="QH-5-DR", asset=None),
        change(kind=StatementKind.ATTESTATION),
        change(approver="Cuc2 "),
        change(signer="stranger"),
        change(valid_from=date(2026, 11, 23)),
        change(expires=date(2026, 11, 21)),
    ],
)
def test_a_paper_of_something_else_waives_nothing(paper: SignedStatement) -> None:
    assert waive(paper) == FAILURE
    # One that counts for nothing hides none that does, whichever comes first.
    assert waive(paper, PAPER).status is Status.WAIVED
    assert waive(PAPER, paper).status is Status.WAIVED


@pytest.mark.parametrize("paper", [change(asset=None), change(sites=("*",)), change(sites=("dr", "dc"))])
def test_a_paper_may_be_about_more(paper: SignedStatement) -> None:
    assert waive(paper).status is Status.WAIVED


def test_a_day_begins_and_ends_in_vietnam() -> None:
    """A paper that expires on 22 November counts until 17:00 UTC of that day, and so does its verdict."""
    paper = change(expires=date(2026, 11, 22))
    long = replace(FAILURE, valid_until="2026-11-30T00:00:00.000+00:00")
    found = waive(paper, verdict=long, now=datetime(2026, 11, 22, 16, 59, tzinfo=UTC))
    assert (found.status, found.valid_until) == (Status.WAIVED, "2026-11-22T17:00:00.000+00:00")
    assert waive(paper, verdict=long, now=datetime(2026, 11, 22, 17, 0, tzinfo=UTC)) == long


def test_without_a_list_of_signers_and_behind_what_is_no_paper_nothing_counts() -> None:
    papers = collect_papers(PAPER)
    assert list_valid_waivers(view(*papers), NOW) == []
    rubbish = collect("waiver:rubbish", b"- no paper")
    other = collect("plan:0", write_yaml(sign(PAPER, KEY)).encode())
    assert list_valid_waivers(view(SIGNERS, rubbish, other), NOW) == []
    assert [item for _paper, item in list_valid_waivers(view(SIGNERS, rubbish, *papers), NOW)] == [papers[0].item.id]
