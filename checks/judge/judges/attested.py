"""What no machine can see: a signed paper that is there, valid today, signed by somebody who may."""

from __future__ import annotations

from collections.abc import Iterator

from checks.attest.attestation import (
    EVERY_SITE,
    VIETNAM,
    SignedStatement,
    StatementKind,
    find_end,
    find_trouble,
    read_signers,
    read_statement,
)
from checks.judge.case import Case, end_verdict
from checks.judge.registry import judge
from checks.model import EvidenceItem, Limit, Measurement, Status, Unit, Verdict, measure_known

TROUBLES = {
    "stranger": "paper.stranger",
    "signature": "paper.signature",
    "expired": "paper.expired",
    "not-yet": "paper.not_yet",
}


@judge("attested")
def judge_attested(case: Case) -> Iterator[Verdict]:
    """A statement for this requirement and site is valid; missing, expired or badly signed is *not met*."""
    prefix = f"{StatementKind.ATTESTATION.value}:"
    files = [item for item in case.view.all("attestations", case.requirement.id) if item.key.startswith(prefix)]
    signer_files = [item for item in case.view.all("attestations", "signers") if item.key == "signers"]
    statements = list(read_statements(case, files))
    if not statements:
        yield case.verdict(Status.FAIL, None, "paper.missing", [*files, *signer_files], limit=show_limit(case))
        return

    signers = read_signers(case.view.raw(signer_files[0])) if signer_files else {}
    today = case.now.astimezone(VIETNAM).date()
    # One without trouble, if there is any; of several the one that lasts longest.
    judged = [(find_trouble(statement, signers, today), item, statement) for item, statement in statements]
    why, item, statement = min(judged, key=lambda entry: (entry[0] != "", -entry[2].expires.toordinal()))
    yield judge_statement(case, statement, why, [item, *signer_files])


def read_statements(case: Case, files: list[EvidenceItem]) -> Iterator[tuple[EvidenceItem, SignedStatement]]:
    """Yield the attestations among some files that speak of this requirement and site."""
    for item in files:
        statement = read_statement(case.view.raw(item))
        if statement is None or statement.kind is not StatementKind.ATTESTATION:
            continue
        if statement.requirement == case.requirement.id and statement.covers(case.site.site):
            yield item, statement


def judge_statement(case: Case, statement: SignedStatement, why: str, items: list[EvidenceItem]) -> Verdict:
    """One statement is valid and of an edition that is accepted; ``why`` is what is wrong with it, if anything."""
    measured = (Measurement("expires", statement.expires.isoformat(), Unit.DATE),)
    limit = show_limit(case)
    words = {
        "number": statement.document.number,
        "signer": statement.signer,
        "expires": statement.expires,
        "signed": statement.signed_on,
        "edition": statement.edition or "-",
    }
    if why:
        return case.verdict(Status.FAIL, None, TROUBLES[why], items, measured=measured, limit=limit, **words)
    accepted = list_editions(case)
    if accepted and statement.edition not in accepted:
        return case.verdict(
            Status.FAIL,
            None,
            "paper.edition",
            items,
            measured=measure_known("edition", statement.edition or None, Unit.NAME),
            limit=limit,
            accepted=", ".join(accepted),
            **words,
        )
    msgid = "paper.valid_all" if EVERY_SITE in statement.sites else "paper.valid"
    passed = case.verdict(Status.PASS, None, msgid, items, measured=measured, limit=limit, **words)
    return end_verdict(passed, find_end(statement))


def list_editions(case: Case) -> list[str]:
    """Return the editions of a standard that the requirement accepts; none where it asks for no edition."""
    names = {threshold.name: threshold for threshold in case.requirement.thresholds}
    if "editions" not in names:
        return []
    return [part.strip() for part in str(names["editions"].value).split(",")]


def show_limit(case: Case) -> Limit | None:
    """Return the requirement's first threshold as the limit to show; None where it has none."""
    names = [threshold.name for threshold in case.requirement.thresholds]
    return case.limit(names[0]) if names else None
