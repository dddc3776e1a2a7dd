"""Applying signed waivers: a failure that was accepted in writing becomes ``waived`` until the paper expires.

Only a proved failure can be waived. What is unreachable, stale or not assessed stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from checks.attestation import VIETNAM, Kind, Paper, end_of, read_paper, read_signers, trouble
from checks.judging import EvidenceView
from checks.model import Message, Status, Verdict, utc_text


def apply_waivers(verdicts: Iterable[Verdict], view: EvidenceView, now: datetime) -> list[Verdict]:
    """Return the verdicts with every failure that a valid waiver covers turned into ``waived``."""
    papers = _valid_waivers(view, now)
    return [_waive(verdict, papers) for verdict in verdicts]


def _valid_waivers(view: EvidenceView, now: datetime) -> list[tuple[Paper, str]]:
    items = view.all("attestations")
    signers = next((read_signers(view.raw(item)) for item in items if item.key == "signers"), {})
    today = now.astimezone(VIETNAM).date()
    found = []
    for item in items:
        paper = read_paper(view.raw(item)) if item.key.startswith("waiver:") else None
        if paper is None or paper.kind is not Kind.WAIVER or paper.approves_itself:
            continue
        if not trouble(paper, signers, today):
            found.append((paper, item.id))
    return found


def _as_text(reason: Message) -> str:
    """Return a message as a value of another one, so that both are shown in the reader's language."""
    return json.dumps({"msgid": reason.msgid, "params": dict(reason.params)}, ensure_ascii=False)


def _waive(verdict: Verdict, papers: list[tuple[Paper, str]]) -> Verdict:
    if verdict.status is not Status.FAIL:
        return verdict
    for paper, evidence in papers:
        fits = paper.requirement == verdict.requirement and paper.covers(verdict.site)
        if fits and paper.asset in (None, verdict.asset):
            reason = Message.of("waiver.accepted", why=_as_text(verdict.reason), until=paper.expires,
                                number=paper.document.number, approver=paper.approver or "")
            until = min(datetime.fromisoformat(verdict.valid_until), end_of(paper))
            return replace(verdict, status=Status.WAIVED, reason=reason, valid_until=utc_text(until),
                           evidence=tuple(sorted({*verdict.evidence, evidence})))
    return verdict
