"""What no machine can see: a signed paper that is there, valid today, signed by somebody who may."""

from __future__ import annotations

from collections.abc import Iterator

from checks.attestation import EVERY_SITE, VIETNAM, Kind, Paper, end_of, read_paper, read_signers, trouble
from checks.judging import Case, judge
from checks.model import EvidenceItem, Limit, Status, Verdict

TROUBLES = {"stranger": "paper.stranger", "signature": "paper.signature", "expired": "paper.expired",
            "not-yet": "paper.not_yet"}


@judge("attested")
def judge_attested(case: Case) -> Iterator[Verdict]:
    """A paper for this requirement and site counts; missing, expired or badly signed is *not met*, never unknown."""
    items = [item for item in case.view.all("attestations", case.requirement.id)
             if item.key.startswith(f"{Kind.ATTESTATION.value}:")]
    signer_items = [item for item in case.view.all("attestations", "signers") if item.key == "signers"]
    papers = [(item, paper) for item in items if (paper := read_paper(case.view.raw(item))) is not None
              and paper.kind is Kind.ATTESTATION and paper.requirement == case.requirement.id
              and paper.covers(case.site.site)]
    if not papers:
        yield case.say(Status.FAIL, None, "paper.missing", [*items, *signer_items], limit=_limit(case))
        return
    signers = read_signers(case.view.raw(signer_items[0])) if signer_items else {}
    today = case.now.astimezone(VIETNAM).date()
    judged = [(trouble(paper, signers, today), item, paper) for item, paper in papers]
    why, item, paper = min(judged, key=lambda entry: (entry[0] != "", -entry[2].expires.toordinal()))
    yield _verdict(case, why, [item, *signer_items], paper)


def _verdict(case: Case, why: str, items: list[EvidenceItem], paper: Paper) -> Verdict:
    words = {"number": paper.document.number, "signer": paper.signer, "expires": paper.expires,
             "signed": paper.signed_on, "edition": paper.edition or "-"}
    if why:
        return case.say(Status.FAIL, None, TROUBLES[why], items, measured=str(paper.expires), limit=_limit(case),
                        **words)
    accepted = _editions(case)
    if accepted and paper.edition not in accepted:
        return case.say(Status.FAIL, None, "paper.edition", items, measured=paper.edition or "-", limit=_limit(case),
                        accepted=", ".join(accepted), **words)
    where = "paper.valid_all" if EVERY_SITE in paper.sites else "paper.valid"
    passed = case.say(Status.PASS, None, where, items, measured=str(paper.expires), limit=_limit(case), **words)
    return case.ending(passed, end_of(paper))


def _editions(case: Case) -> list[str]:
    names = {threshold.name: threshold for threshold in case.requirement.thresholds}
    return [part.strip() for part in str(names["editions"].value).split(",")] if "editions" in names else []


def _limit(case: Case) -> Limit | None:
    names = [threshold.name for threshold in case.requirement.thresholds]
    return case.limit(names[0]) if names else None
