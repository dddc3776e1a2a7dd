"""What a report shows, worked out from a bundle before any language or layout: scoreboard, requirements, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from checks.bundle import raw_name
from checks.bundle_read import BundleReader
from checks.judging import binds
from checks.model import SEVERITY, EvidenceItem, Status, Verdict, roll_up
from checks.report_papers import PaperView, paper_views
from checks.report_raw import GREEN_BYTES, OTHER_BYTES, Excerpt, excerpt
from checks.report_score import Score, pair_statuses
from checks.report_words import VIETNAM
from checks.requirement import Requirement
from inventory.model import Site, Tier

SETTLED = frozenset({Status.PASS, Status.WAIVED, Status.NOT_APPLICABLE})
RAW_BUDGET = 3_000_000  # bytes of raw output shown inside one report; the rest is linked


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site on the scoreboard."""

    site: Site
    score: Score


@dataclass(frozen=True, slots=True)
class TierRow:
    """One tier on the scoreboard with its sites, the worst first."""

    code: str
    tier: Tier | None
    score: Score
    sites: tuple[SiteRow, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict of a requirement, with the numbers of its evidence in the appendix."""

    verdict: Verdict
    site: Site | None
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One requirement: its worst status, its score over sites, its verdicts (the worst first)."""

    requirement: Requirement
    status: Status
    score: Score
    overdue: bool
    open_rows: tuple[Row, ...]
    green_rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The requirements of one group of the register."""

    code: str
    score: Score
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One evidence item of the appendix. ``shown`` is None when the report's budget for raw output is used up."""

    number: int
    item: EvidenceItem
    path: str
    shown: Excerpt | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a partial run did not look at: sites of the estate, requirements of the register, the restore drill."""

    sites: tuple[str, ...]
    requirements: tuple[str, ...]
    drill: bool

    @property
    def anything(self) -> bool:
        """Tell whether the run was partial."""
        return bool(self.sites or self.requirements or self.drill)


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything a report shows."""

    bundle: BundleReader
    total: Score
    tiers: tuple[TierRow, ...]
    groups: tuple[Group, ...]
    attention: tuple[Card, ...]
    exhibits: tuple[Exhibit, ...]
    papers: tuple[PaperView, ...]
    unbound: tuple[str, ...]
    left_out: LeftOut
    unused_evidence: int
    head: Mapping[str, Any]


def view(bundle: BundleReader) -> ReportView:
    """Work out what the report of a bundle shows."""
    run, estate = bundle.run, bundle.estate
    numbers = _numbers(run.verdicts)
    pairs = pair_statuses(run.verdicts)
    today = datetime.fromisoformat(run.judged_at).astimezone(VIETNAM).date()
    cards = [_card(bundle.register[name], verdicts, numbers, estate.sites, today)
             for name, verdicts in _by_requirement(run.verdicts) if name in bundle.register]
    by_site: dict[str, list[Status]] = {}
    for (_requirement, where), status in pairs.items():
        by_site.setdefault(where, []).append(status)
    rows = [SiteRow(site, Score.of(by_site.get(name, ()))) for name, site in estate.sites.items()]
    return ReportView(
        bundle=bundle, total=Score.of(pairs.values()), tiers=_tiers(rows, estate.tiers), groups=_groups(cards),
        attention=tuple(sorted((card for card in cards if card.status not in SETTLED), key=_urgency)),
        exhibits=tuple(_exhibits(bundle, numbers)), papers=paper_views(run, bundle.raw, today),
        unbound=tuple(sorted(set(run.requirements) - {verdict.requirement for verdict in run.verdicts})),
        left_out=_left_out(bundle),
        unused_evidence=len(run.evidence) - len(numbers), head=bundle.manifest.head,
    )


def _left_out(bundle: BundleReader) -> LeftOut:
    """Work out what a run left out, from the estate and the register in the bundle, not from what it says of itself."""
    run, sites = bundle.run, bundle.estate.sites
    chosen = set(run.selection.get("sites") or sites)
    asked = {name for name, rule in bundle.register.items() if any(binds(rule, site) for site in sites.values())}
    drilled = run.selection.get("drill") is not False or any(item.collector == "drill" for item in run.evidence)
    return LeftOut(tuple(sorted(set(sites) - chosen)), tuple(sorted(asked - set(run.requirements))), not drilled)


def _urgency(card: Card) -> tuple[int, bool, str]:
    return SEVERITY.index(card.status), not card.overdue, card.requirement.id


def _numbers(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Number the evidence in the order in which the report first speaks of it."""
    found: dict[str, int] = {}
    for verdict in sorted(verdicts, key=lambda item: (item.requirement, SEVERITY.index(item.status), item.site)):
        for item in verdict.evidence:
            found.setdefault(item, len(found) + 1)
    return found


def _by_requirement(verdicts: Iterable[Verdict]) -> Iterable[tuple[str, list[Verdict]]]:
    ordered = sorted(verdicts, key=lambda verdict: verdict.requirement)
    return ((name, list(found)) for name, found in groupby(ordered, key=lambda verdict: verdict.requirement))


def _card(
    requirement: Requirement, verdicts: list[Verdict], numbers: Mapping[str, int], sites: Mapping[str, Site],
    today: date,
) -> Card:
    ordered = sorted(verdicts, key=lambda item: (SEVERITY.index(item.status), item.site, item.asset or ""))
    rows = [Row(item, sites.get(item.site), tuple(numbers[name] for name in item.evidence)) for item in ordered]
    status = roll_up(item.status for item in verdicts)
    late = requirement.due.date is not None and requirement.due.date < today and status not in SETTLED
    return Card(
        requirement, status, Score.of(pair_statuses(verdicts).values()), late,
        tuple(row for row in rows if row.verdict.status is not Status.PASS),
        tuple(row for row in rows if row.verdict.status is Status.PASS),
    )


def _groups(cards: list[Card]) -> tuple[Group, ...]:
    ordered = sorted(cards, key=lambda card: (card.requirement.group, SEVERITY.index(card.status), card.requirement.id))
    return tuple(
        Group(code, Score.total(card.score for card in found), tuple(found))
        for code, found in ((code, list(some)) for code, some in groupby(ordered, key=lambda c: c.requirement.group))
    )


def _tiers(rows: list[SiteRow], tiers: Mapping[str, Tier]) -> tuple[TierRow, ...]:
    """Return the tiers in the order of the table, each with its sites: what is not green first."""
    order = list(tiers)
    found = []
    for code in sorted({row.site.tier for row in rows}, key=lambda code: order.index(code) if code in order else 99):
        sites = sorted((row for row in rows if row.site.tier == code),
                       key=lambda row: (SEVERITY.index(row.score.worst), row.site.site))
        found.append(TierRow(code, tiers.get(code), Score.total(row.score for row in sites), tuple(sites)))
    return tuple(found)


def _exhibits(bundle: BundleReader, numbers: Mapping[str, int]) -> Iterable[Exhibit]:
    """Yield the evidence that verdicts name, by number; evidence of what is not green is shown at more length."""
    items = {item.id: item for item in bundle.run.evidence}
    green = dict.fromkeys(numbers, True)
    for verdict in bundle.run.verdicts:
        for name in verdict.evidence:
            green[name] = green[name] and verdict.status is Status.PASS
    budget = RAW_BUDGET
    shown: dict[str, Excerpt] = {}
    for name in sorted(numbers, key=lambda name: (green[name], numbers[name])):
        if budget > 0:
            shown[name] = excerpt(bundle.raw(items[name].sha256), most=GREEN_BYTES if green[name] else OTHER_BYTES)
            budget -= len(shown[name].text)
    for name, number in numbers.items():
        yield Exhibit(number, items[name], raw_name(items[name].sha256), shown.get(name), not green[name])
