"""Applying signed waivers: a failure that was accepted in writing becomes ``waived`` until the paper expires.

Only a proved failure can be waived. What is unreachable, stale or not assessed stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from checks.attest.attestation import (
    VIETNAM,
    SignedStatement,
    StatementKind,
    find_end,
    find_trouble,
    read_signers,
    read_statement,
)
from checks.judge.evidence import EvidenceView
from checks.model import Message, Status, Verdict, format_utc


def apply_waivers(verdicts: Iterable[Verdict], view: EvidenceView, now: datetime) -> list[Verdict]:
    """Return the verdicts with every failure that a valid waiver covers turned into ``waived``."""
    papers = list_valid_waivers(view, now)
    return [waive_verdict(verdict, papers) for verdict in verdicts]


def list_valid_waivers(view: EvidenceView, now: datetime) -> list[tuple[SignedStatement, str]]:
    """Return the waivers among the evidence that count today, each with the id of its evidence."""
    items = view.all("attestations")
    signers = next((read_signers(view.raw(item)) for item in items if item.key == "signers"), {})
    today = now.astimezone(VIETNAM).date()
    found = []
    for item in items:
        paper = read_statement(view.raw(item)) if item.key.startswith("waiver:") else None
        if paper is None or paper.kind is not StatementKind.WAIVER or paper.approves_itself:
            continue
        if not find_trouble(paper, signers, today):
            found.append((paper, item.id))
    return found


def encode_message(reason: Message) -> str:
    """Return a message as a value of another one, so that both are shown in the reader's language."""
    return json.dumps({"msgid": reason.msgid, "params": dict(reason.params)}, ensure_ascii=False)


def waive_verdict(verdict: Verdict, papers: list[tuple[SignedStatement, str]]) -> Verdict:
    """Return a verdict, turned into ``waived`` when it is a failure that one of the waivers covers."""
    if verdict.status is not Status.FAIL:
        return verdict
    for paper, evidence in papers:
        fits = paper.requirement == verdict.requirement and paper.covers(verdict.site)
        if fits and paper.asset in (None, verdict.asset):
            reason = Message.of(
                "waiver.accepted",
                why=encode_message(verdict.reason),
                until=paper.expires,
                number=paper.document.number,
                approver=paper.approver or "",
            )
            until = min(datetime.fromisoformat(verdict.valid_until), find_end(paper))
            return replace(
                verdict,
                status=Status.WAIVED,
                reason=reason,
                valid_until=format_utc(until),
                evidence=tuple(sorted({*verdict.evidence, evidence})),
            )
    return verdict
