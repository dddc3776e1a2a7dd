"""Judging: pure functions from collected evidence to verdicts. No clock, network, file or workspace is touched here.

A judge is a generator ``(Case) -> Verdict…`` registered under the name that requirement files use. The engine adds what
no judge may forget: no verdict is ``not_assessed``, unfit evidence is the verdict that says so, any other exception is
``error``, a signed waiver is applied last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from checks.judge.case import Case, JudgeContext, Unfit
from checks.judge.evidence import CLOCKS_APART, EvidenceView
from checks.judge.liveness import judge_services
from checks.judge.registry import Judge, RegisteredJudge, judges
from checks.judge.waivers import apply_waivers
from checks.model import CollectOutcome, Message, Status, Verdict, parse_utc
from checks.register.requirement import Requirement, binds
from inventory.model.estate import Estate

# These leave the list of what is not met: neither may rest on nothing.
CLAIMS = frozenset({Status.PASS, Status.NOT_APPLICABLE})


def judge_all(
    requirements: Mapping[str, Requirement],
    estate: Estate,
    view: EvidenceView,
    now: datetime,
    wanted: frozenset[str] | None = None,
) -> tuple[Verdict, ...]:
    """Judge every requirement (only those ``wanted``) at every site it binds.

    Pure: the same arguments give the same verdicts. ``requirements`` is the whole register, which some judges look at.
    """
    asked = [item for name, item in requirements.items() if wanted is None or name in wanted]
    of_evidence = [item for item in asked if not find_judge(item).derived]
    of_verdicts = [item for item in asked if find_judge(item).derived]

    first: list[Verdict] = []
    context = JudgeContext(estate, now, requirements)
    for requirement in of_evidence:
        first += judge_sites(requirement, view, context)
    first = apply_waivers(first, view, now)

    last: list[Verdict] = []
    context = JudgeContext(estate, now, requirements, tuple(first))
    for requirement in of_verdicts:
        last += judge_sites(requirement, view, context)
    return tuple(sorted([*first, *last], key=lambda v: (v.requirement, v.site, v.asset or "", v.reason.msgid)))


def find_judge(requirement: Requirement) -> RegisteredJudge:
    """Return the judge that a requirement names."""
    return judges()[requirement.check.judge]


def judge_sites(requirement: Requirement, view: EvidenceView, context: JudgeContext) -> Iterator[Verdict]:
    """Judge one requirement at every site it binds."""
    judged_by = find_judge(requirement).id
    for site in context.estate.sites.values():
        if binds(requirement, site):
            yield from judge_case(Case(requirement, site, view, context, judged_by))


def judge_case(case: Case) -> list[Verdict]:
    """Judge one requirement at one site: by its judge, then by the services it names; every claim is checked."""
    verdicts: list[Verdict] = []
    try:
        verdicts.extend(run_judge(find_judge(case.requirement).function, case))
        if not verdicts:
            verdicts.append(case.verdict(Status.NOT_ASSESSED, None, "judge.nothing"))
        # After the judge's own: a judge that found nothing to judge is not made up for by services that run.
        verdicts.extend(run_judge(judge_services, case))
    except Exception as error:  # noqa: BLE001 - whatever a judge stumbles over is a verdict, never silence
        trouble = f"{type(error).__name__}: {error}"
        verdicts.append(case.verdict(Status.ERROR, None, "judge.failed", trouble=trouble))
    return [refuse_unfounded(case, verdict) for verdict in verdicts]


def run_judge(judge: Judge, case: Case) -> Iterator[Verdict]:
    """Yield the verdicts of a judge; evidence that is unfit for all that it judges is its last one."""
    try:
        yield from judge(case)
    except Unfit as unfit:
        yield unfit.verdict


def refuse_unfounded(case: Case, verdict: Verdict) -> Verdict:
    """Return a verdict, or the error of its judge: a claim stands on evidence that was collected and is of now."""
    if verdict.status not in CLAIMS:
        return verdict
    if not verdict.evidence:
        return replace(verdict, status=Status.ERROR, reason=Message.of("judge.no_evidence"))

    oldest = case.now - timedelta(seconds=case.requirement.validity_s)
    newest = case.now + CLOCKS_APART
    for item_id in verdict.evidence:
        item = case.view.named(item_id)
        collected = item is not None and item.outcome is CollectOutcome.COLLECTED
        if item is None or not collected or not oldest <= parse_utc(item.ended_at) <= newest:
            what = f"{item.collector} {item.key} of {item.asset}" if item else item_id
            return replace(verdict, status=Status.ERROR, reason=Message.of("judge.unfit_evidence", what=what))
    return verdict
