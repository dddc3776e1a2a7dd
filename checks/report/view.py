"""What a report shows, worked out from a bundle before any language or layout: scoreboard, requirements, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from checks.bundle.reader import BundleReader
from checks.bundle.writer import name_raw
from checks.model import SEVERITY, EvidenceItem, Status, Verdict, roll_up
from checks.register.requirement import Requirement, binds
from checks.report.raw import GREEN_BYTES, OTHER_BYTES, Excerpt, take_excerpt
from checks.report.score import Score, roll_up_pairs
from checks.report.signed_statements import StatementView, list_statements
from checks.report.translations import VIETNAM
from inventory.model.entities import Site, Tier

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
class VerdictRow:
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
    open_rows: tuple[VerdictRow, ...]
    green_rows: tuple[VerdictRow, ...]


@dataclass(frozen=True, slots=True)
class RequirementGroup:
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
    groups: tuple[RequirementGroup, ...]
    attention: tuple[Card, ...]
    exhibits: tuple[Exhibit, ...]
    papers: tuple[StatementView, ...]
    unbound: tuple[str, ...]
    left_out: LeftOut
    unused_evidence: int
    head: Mapping[str, Any]


def make_view(bundle: BundleReader) -> ReportView:
    """Work out what the report of a bundle shows."""
    run, estate = bundle.run, bundle.estate
    numbers = number_evidence(run.verdicts)
    pairs = roll_up_pairs(run.verdicts)
    today = datetime.fromisoformat(run.judged_at).astimezone(VIETNAM).date()

    cards = []
    for name, verdicts in group_by_requirement(run.verdicts):
        if name in bundle.register:
            cards.append(make_card(bundle.register[name], verdicts, numbers, estate.sites, today))
    open_cards = [card for card in cards if card.status not in SETTLED]

    by_site: dict[str, list[Status]] = {}
    for (_requirement, where), status in pairs.items():
        by_site.setdefault(where, []).append(status)
    rows = [SiteRow(site, Score.of(by_site.get(name, ()))) for name, site in estate.sites.items()]
    judged = {verdict.requirement for verdict in run.verdicts}
    return ReportView(
        bundle=bundle,
        total=Score.of(pairs.values()),
        tiers=group_sites(rows, estate.tiers),
        groups=group_cards(cards),
        attention=tuple(sorted(open_cards, key=rate_urgency)),
        exhibits=tuple(list_exhibits(bundle, numbers)),
        papers=list_statements(run, bundle.raw, today),
        unbound=tuple(sorted(set(run.requirements) - judged)),
        left_out=find_left_out(bundle),
        unused_evidence=len(run.evidence) - len(numbers),
        head=bundle.manifest.head,
    )


def find_left_out(bundle: BundleReader) -> LeftOut:
    """Work out what a run left out, from the estate and the register in the bundle, not from what it says of itself."""
    run, sites = bundle.run, bundle.estate.sites
    selected = set(run.selection.get("sites") or sites)
    binding = set()
    for name, requirement in bundle.register.items():
        if any(binds(requirement, site) for site in sites.values()):
            binding.add(name)
    has_evidence = any(item.collector == "drill" for item in run.evidence)
    drilled = run.selection.get("drill") is not False or has_evidence
    return LeftOut(tuple(sorted(set(sites) - selected)), tuple(sorted(binding - set(run.requirements))), not drilled)


def rate_urgency(card: Card) -> tuple[int, bool, str]:
    """Return the sort key of a card: the worst status first, then what is overdue."""
    return SEVERITY.index(card.status), not card.overdue, card.requirement.id


def number_evidence(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Give the evidence numbers in the order in which the report first speaks of it."""
    found: dict[str, int] = {}
    for verdict in sorted(verdicts, key=lambda item: (item.requirement, SEVERITY.index(item.status), item.site)):
        for item in verdict.evidence:
            found.setdefault(item, len(found) + 1)
    return found


def group_by_requirement(verdicts: Iterable[Verdict]) -> Iterable[tuple[str, list[Verdict]]]:
    """Yield the verdicts of each requirement, by its id."""
    ordered = sorted(verdicts, key=lambda verdict: verdict.requirement)
    return ((name, list(found)) for name, found in groupby(ordered, key=lambda verdict: verdict.requirement))


def make_card(
    requirement: Requirement,
    verdicts: list[Verdict],
    numbers: Mapping[str, int],
    sites: Mapping[str, Site],
    today: date,
) -> Card:
    """Return the card of one requirement."""
    ordered = sorted(verdicts, key=lambda item: (SEVERITY.index(item.status), item.site, item.asset or ""))
    rows = []
    for verdict in ordered:
        evidence = tuple(numbers[name] for name in verdict.evidence)
        rows.append(VerdictRow(verdict, sites.get(verdict.site), evidence))
    status = roll_up(item.status for item in verdicts)
    late = requirement.due.date is not None and requirement.due.date < today and status not in SETTLED
    return Card(
        requirement,
        status,
        Score.of(roll_up_pairs(verdicts).values()),
        late,
        tuple(row for row in rows if row.verdict.status is not Status.PASS),
        tuple(row for row in rows if row.verdict.status is Status.PASS),
    )


def group_cards(cards: list[Card]) -> tuple[RequirementGroup, ...]:
    """Return the cards by group of the register, the worst first in each."""
    ordered = sorted(cards, key=lambda card: (card.requirement.group, SEVERITY.index(card.status), card.requirement.id))
    groups = []
    for code, found in groupby(ordered, key=lambda card: card.requirement.group):
        members = tuple(found)
        groups.append(RequirementGroup(code, Score.total(card.score for card in members), members))
    return tuple(groups)


def group_sites(rows: list[SiteRow], tiers: Mapping[str, Tier]) -> tuple[TierRow, ...]:
    """Return the tiers in the order of the table, each with its sites: what is not green first."""
    order = list(tiers)
    found = []
    for code in sorted({row.site.tier for row in rows}, key=lambda code: order.index(code) if code in order else 99):
        sites = sorted(
            (row for row in rows if row.site.tier == code),
            key=lambda row: (SEVERITY.index(row.score.worst), row.site.site),
        )
        found.append(TierRow(code, tiers.get(code), Score.total(row.score for row in sites), tuple(sites)))
    return tuple(found)


def list_exhibits(bundle: BundleReader, numbers: Mapping[str, int]) -> Iterable[Exhibit]:
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
            most = GREEN_BYTES if green[name] else OTHER_BYTES
            shown[name] = take_excerpt(bundle.raw(items[name].sha256), most=most)
            budget -= len(shown[name].text)
    for name, number in numbers.items():
        yield Exhibit(number, items[name], name_raw(items[name].sha256), shown.get(name), not green[name])
