"""Signed papers as a report shows them: what was signed, by whom, until when, and whether it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from checks.attest.attestation import SignedStatement, StatementKind, find_trouble, read_signers, read_statement
from checks.model import EvidenceItem, Run

COLLECTOR = "attestations"


@dataclass(frozen=True, slots=True)
class StatementView:
    """One paper. ``problem`` is empty when it counts, else ``stranger``, ``signature``, ``expired``, ``not-yet``."""

    paper: SignedStatement
    item: EvidenceItem
    signer_title: str
    problem: str

    @property
    def is_waiver(self) -> bool:
        """Tell waivers from attestations."""
        return self.paper.kind is StatementKind.WAIVER


def list_statements(run: Run, raw: Callable[[str], bytes], today: date) -> tuple[StatementView, ...]:
    """Return every paper among the evidence that is about a requirement of the run, by requirement and date."""
    return tuple(
        sorted(read_statements(run, raw, today), key=lambda view: (view.paper.requirement, view.paper.signed_on))
    )


def read_statements(run: Run, raw: Callable[[str], bytes], today: date) -> Iterator[StatementView]:
    """Yield the statements among the evidence that are about a requirement of the run."""
    items = [item for item in run.evidence if item.collector == COLLECTOR]
    signers = next((read_signers(raw(item.sha256)) for item in items if item.key == "signers"), {})
    for item in items:
        paper = read_statement(raw(item.sha256)) if item.key != "signers" else None
        if paper is not None and paper.requirement in run.requirements:
            signer = signers.get(paper.signer)
            yield StatementView(paper, item, signer.title if signer else "", find_trouble(paper, signers, today))
