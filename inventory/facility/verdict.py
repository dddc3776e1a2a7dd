"""The verdict on the power and cooling of a site as data: one row per rule and subject, by rating and not by live load.

``rules.yml`` says which rule binds which tier, by which clause, and what a person reads in English and Vietnamese.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from core.models import read_model
from inventory.facility.flow import Flow, flow
from inventory.facility.graph import Facility
from inventory.model.entities import Tier
from inventory.model.estate import Estate
from inventory.model.fields import StrictModel, Text

EVERY = "every"  # a rule that binds every tier
_TABLE = Path(__file__).with_name("rules.yml")


class FacilityOutcome(StrEnum):
    """A verdict. What is not known is never a pass; a rule that does not bind a tier is never one either."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


OPEN = (FacilityOutcome.FAIL, FacilityOutcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class FacilityVerdict:
    """One verdict. ``measured`` and ``limit`` are in ``unit``; ``names`` are the objects that it is about.

    ``provenance``: S written in the plan of the sector, R derived from a standard that it names, P the operator's own
    choice.
    """

    site: str
    tier: str
    rule: str
    subject: str
    verdict: FacilityOutcome
    measured: float | None
    limit: float | None
    unit: str
    names: tuple[str, ...]
    reason: dict[str, str]
    clause: str
    provenance: str


@dataclass(frozen=True, slots=True)
class FacilityFinding:
    """What a rule says of one subject: ``text`` is the key of its reason in ``rules.yml``, the outcome when left out.

    ``parts`` are sentences of ``rules.yml`` (key and facts) that the reason may hold as ``{parts}``.
    """

    subject: str
    verdict: FacilityOutcome
    measured: float | None = None
    limit: float | None = None
    unit: str = ""
    names: tuple[str, ...] = ()
    text: str = ""
    parts: tuple[tuple[str, dict[str, object]], ...] = ()


@dataclass(frozen=True)
class FacilityCase:
    """One site as the rules see it; every state of its power chain is computed once."""

    facility: Facility

    @cached_property
    def normal(self) -> Flow:
        """Everything in place."""
        return flow(self.facility)

    @cached_property
    def blackout(self) -> Flow:
        """Every utility lost at once."""
        return self.blackout_without()

    def blackout_without(self, *names: str) -> Flow:
        """Every utility lost, and these components with them."""
        utilities = [name for name, node in self.facility.nodes.items() if node.kind == "utility"]
        return flow(self.facility, [*utilities, *names])

    @cached_property
    def without(self) -> dict[str, Flow]:
        """Every component of the power chain and every cooling unit, taken away one at a time."""
        return {name: flow(self.facility, [name]) for name in (*self.facility.nodes, *self.facility.cooling)}


Rule = Callable[[FacilityCase], Iterator[FacilityFinding]]


class RuleText(StrictModel):
    """What ``rules.yml`` says of a rule: the field of a tier that binds it, its clauses, and its texts by outcome.

    ``clauses``: tier → clause and provenance. ``en`` and ``vi`` hold ``title`` and a reason per outcome or key.
    """

    binds: str
    clauses: dict[str, tuple[str, Literal["S", "R", "P"]]] = Field(default_factory=dict)
    en: dict[str, str]
    vi: dict[str, str]

    def texts(self, language: str) -> dict[str, str]:
        """Return the texts in ``en`` or ``vi``."""
        if language == "vi":
            return self.vi
        return self.en


class RuleTable(StrictModel):
    """``rules.yml``: the rules by name, and the sentences that several of them share."""

    rules: dict[str, RuleText] = Field(min_length=1)
    parts: dict[str, Text]

    def part(self, key: str, language: str) -> str:
        """Return a shared sentence in ``en`` or ``vi``."""
        text = self.parts[key]
        if language == "vi":
            return text.vi
        return text.en


@cache
def table() -> RuleTable:
    """Return ``rules.yml``."""
    return read_model(_TABLE, RuleTable)


def judge_site(estate: Estate, code: str, rules: Mapping[str, Rule]) -> Iterator[FacilityVerdict]:
    """Yield the verdict of every rule on one site; one that does not bind its tier gives one ``not_applicable`` row."""
    site, tier = estate.sites[code], estate.tier_of(code)
    case = FacilityCase(Facility(site, estate.hardware))
    for name, rule in rules.items():
        found = rule(case) if binds(name, tier) else [FacilityFinding(code, FacilityOutcome.NOT_APPLICABLE)]
        for finding in found:
            yield row_of(code, site.tier, name, finding)


def binds(rule: str, tier: Tier) -> bool:
    """Tell whether a rule binds a tier, by the tier's field that ``rules.yml`` names."""
    field = table().rules[rule].binds
    return field == EVERY or bool(getattr(tier, field))


def weigh(load: float, limit: float, unknown: bool) -> FacilityOutcome:
    """Compare what is known to flow with a limit: too much is a failure whatever else there is."""
    if load > limit:
        return FacilityOutcome.FAIL
    if unknown:
        return FacilityOutcome.UNKNOWN
    return FacilityOutcome.PASS


def listed(names: tuple[str, ...], shown: int = 8) -> str:
    """Return names for a sentence, the first few of many."""
    rest = f", … ({len(names)})" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest


def sentence(key: str, facts: Mapping[str, object], language: str) -> str:
    """Return a part of a reason in ``en`` or ``vi``."""
    return table().part(key, language).format(**facts)


def row_of(site: str, tier: str, rule: str, finding: FacilityFinding) -> FacilityVerdict:
    """Return a finding as a row: with its reason in both languages and the clause that makes the rule bind the tier."""
    clause, provenance = table().rules[rule].clauses.get(tier, ("tiers.yml", "P"))
    return FacilityVerdict(
        site,
        tier,
        rule,
        finding.subject,
        finding.verdict,
        finding.measured,
        finding.limit,
        finding.unit,
        finding.names,
        {language: _reason(rule, tier, finding, language) for language in ("en", "vi")},
        clause,
        provenance,
    )


def _reason(rule: str, tier: str, finding: FacilityFinding, language: str) -> str:
    texts = table().rules[rule].texts(language)
    key = finding.text or finding.verdict.value
    text = texts[key] if key in texts else table().part(key, language)
    return text.format(
        subject=finding.subject,
        tier=tier,
        names=listed(finding.names),
        measured=f"{finding.measured or 0:g}",
        limit=f"{finding.limit or 0:g}",
        parts="; ".join(sentence(key, facts, language) for key, facts in finding.parts),
    )
