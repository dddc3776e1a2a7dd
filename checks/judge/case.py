"""What a judge is handed: one requirement at one site with its evidence, and how it says its verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from checks.judge.evidence import CLOCKS_APART, TROUBLES, EvidenceView, FitEvidence
from checks.model import (
    CollectOutcome,
    EvidenceItem,
    Limit,
    Measurement,
    Message,
    Status,
    Verdict,
    format_utc,
    parse_utc,
    refuse_endless,
)
from checks.register.requirement import Requirement
from inventory.model.entities import Device, Site
from inventory.model.estate import Estate

Thing = TypeVar("Thing")


class Unfit(Exception):
    """What a judge needs is not there, or is no evidence of now; ``verdict`` is what the judgement then comes to.

    ``Case.require`` and the readings of a device raise it. Whoever judges one thing of many catches it for that thing
    (``Case.judge_each``); the engine catches the rest. So a judge only says what fit evidence means.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.status.value}: {verdict.reason.msgid}")
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class JudgeContext:
    """What a judge may know beside the evidence: the estate, the moment judged for, the register, earlier verdicts."""

    estate: Estate
    now: datetime
    requirements: Mapping[str, Requirement]
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgeId:
    """Which judge judged: its name, and the digest of every source that its judgement depends on."""

    name: str
    sha256: str


class Case:
    """One requirement at one site, with the evidence: what a judge is handed, and how it says its verdicts."""

    def __init__(
        self, requirement: Requirement, site: Site, view: EvidenceView, context: JudgeContext, judged_by: JudgeId
    ) -> None:
        self.requirement, self.site, self.view, self.context = requirement, site, view, context
        self.estate, self.now = context.estate, context.now
        self._judge = judged_by

    def devices(self, *kinds: str) -> list[Device]:
        """Return the devices of this site of the given kinds (all when none is given)."""
        return [device for device in self.site.devices if not kinds or device.kind.value in kinds]

    def hosts(self, role: str) -> list[Device]:
        """Return the hosts of this site that have a role."""
        return [device for device in self.devices("host") if device.role == role]

    def limit(self, name: str) -> Limit:
        """Return a threshold of the requirement as the limit to show."""
        found = self.requirement.threshold(name)
        return Limit(found.value, found.unit, found.provenance.value, found.source)

    def number(self, name: str) -> float:
        """Return a threshold of the requirement as a number; ValueError for infinity, which nothing would exceed."""
        number = float(self.requirement.threshold(name).value)
        refuse_endless(name, number)
        return number

    def words(self, name: str) -> list[str]:
        """Return the words of a threshold; ValueError when there is none: over nothing everything would be true."""
        found = str(self.requirement.threshold(name).value).split()
        if not found:
            raise ValueError(f"threshold {name} names nothing")
        return found

    @property
    def site_evidence(self) -> list[EvidenceItem]:
        """The file of the estate that defines this site, as evidence."""
        return self.view.all("estate", self.site.site)

    @property
    def estate_evidence(self) -> list[EvidenceItem]:
        """The files of the estate that belong to no single site, as evidence."""
        return self.view.all("estate", "estate")

    def require(self, collector: str, asset: str, key: str, *, codes: tuple[int, ...] = (0,)) -> FitEvidence:
        """Return evidence that was collected, is of now, and ended with one of the exit codes ``codes``.

        Raises Unfit with the verdict that says what is wrong with it: not there, not reached, old, of the future.
        """
        item = self.view.one(collector, asset, key)
        if item is None:
            raise Unfit(self.verdict(Status.NOT_ASSESSED, asset, "evidence.missing", what=key, asset=asset))
        if item.outcome is not CollectOutcome.COLLECTED:
            status, msgid = TROUBLES[item.outcome]
            trouble = read_first_line(self.view.raw(item))
            raise Unfit(self.verdict(status, asset, msgid, [item], asset=asset, what=key, trouble=trouble))

        ended = parse_utc(item.ended_at)
        moment: dict[str, Any] = {"what": key, "asset": asset, "at": item.ended_at}
        if ended > self.now + CLOCKS_APART:
            raise Unfit(self.verdict(Status.ERROR, asset, "evidence.future", [item], **moment))
        if self.now > ended + timedelta(seconds=self.requirement.validity_s):
            raise Unfit(self.verdict(Status.STALE, asset, "evidence.stale", [item], **moment))

        if item.exit_code not in (None, *codes):
            trouble = read_first_line(self.view.raw(item))
            end: dict[str, Any] = {"asset": asset, "what": key, "code": item.exit_code, "trouble": trouble}
            raise Unfit(self.verdict(Status.ERROR, asset, "evidence.exit_code", [item], **end))
        return FitEvidence(item, self.view.raw(item))

    def find_fit(self, collector: str, asset: str, key: str) -> FitEvidence | None:
        """Return what ``require`` would, or None where it would raise: for evidence that another verdict speaks of."""
        try:
            return self.require(collector, asset, key)
        except Unfit:
            return None

    def judge_each(
        self, things: Iterable[Thing], judge_one: Callable[[Case, Thing], Iterator[Verdict]]
    ) -> Iterator[Verdict]:
        """Judge things one by one: what is unfit to judge one of them is its verdict, and hides none of the others."""
        for thing in things:
            try:
                yield from judge_one(self, thing)
            except Unfit as unfit:
                yield unfit.verdict

    def verdict(
        self,
        status: Status,
        asset: str | None,
        msgid: str,
        evidence: Sequence[EvidenceItem | FitEvidence] = (),
        /,
        *,
        measured: tuple[Measurement, ...] = (),
        limit: Limit | None = None,
        **params: object,
    ) -> Verdict:
        """Make a verdict; it is valid as long as the oldest evidence under it."""
        items = [entry.item if isinstance(entry, FitEvidence) else entry for entry in evidence]
        oldest = min([self.now, *(parse_utc(item.ended_at) for item in items)])
        return Verdict(
            requirement=self.requirement.id,
            site=self.site.site,
            asset=asset,
            status=status,
            reason=Message.of(msgid, **params),
            measured=measured,
            threshold=limit,
            evidence=tuple(sorted({item.id for item in items})),
            judged_at=format_utc(self.now),
            valid_until=format_utc(oldest + timedelta(seconds=self.requirement.validity_s)),
            judge=self._judge.name,
            judge_sha256=self._judge.sha256,
        )

    def pass_or_fail(
        self,
        good: bool,
        asset: str | None,
        msgids: tuple[str, str],
        evidence: Sequence[EvidenceItem | FitEvidence],
        /,
        *,
        measured: tuple[Measurement, ...] = (),
        limit: Limit | None = None,
        **params: object,
    ) -> Verdict:
        """Make the verdict that something is as it must be, or is not; ``msgids`` are the reason of either."""
        status, msgid = (Status.PASS, msgids[0]) if good else (Status.FAIL, msgids[1])
        return self.verdict(status, asset, msgid, evidence, measured=measured, limit=limit, **params)


def end_verdict(verdict: Verdict, moment: datetime) -> Verdict:
    """Return the verdict, valid no longer than until ``moment``: what it stands on ends then."""
    return replace(verdict, valid_until=format_utc(min(parse_utc(verdict.valid_until), moment)))


def read_first_line(raw: bytes) -> str:
    """Return the first line of an answer that says something: what people are shown of a failed command."""
    for line in raw.decode("utf-8", errors="replace").splitlines():
        if line.strip("- ") not in ("", "stderr"):
            return line[:200]
    return "no output"
