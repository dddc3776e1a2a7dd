"""The static verdict as tables for people and as plain data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from core.i18n import N_, translator
from inventory.facility.flow import Flow
from inventory.facility.removal import Effect
from inventory.facility.verdict import OPEN, FacilityCase, FacilityOutcome, FacilityVerdict, listed, sentence, table

Rows = list[dict[str, Any]]
_WORST_FIRST = (FacilityOutcome.FAIL, FacilityOutcome.UNKNOWN, FacilityOutcome.PASS, FacilityOutcome.NOT_APPLICABLE)
_TEXTS = {
    "basis": N_(
        "By rating: the most that devices draw by data sheet against ratings as written. It is not the live load."
    ),
    "verdict": N_("verdict"),
    "loads": N_("loads"),
    "tiers": N_("tiers"),
    "open": N_("failed or unknown"),
    "tier": N_("tier"),
    "site": N_("site"),
    "sites": N_("sites"),
    "rule": N_("rule"),
    "subject": N_("subject"),
    "reason": N_("reason"),
    "clause": N_("clause"),
    "component": N_("component"),
    "kind": N_("kind"),
    "load": N_("load W"),
    "rating": N_("rating W"),
    "unknown": N_("not known"),
    "pass": N_("pass"),
    "fail": N_("fail"),
    "not_applicable": N_("not applicable"),
    "zone": N_("zone"),
    "without": N_("{site} without {names}"),
    "nothing": N_("nothing is dropped, nothing is overloaded"),
}


def word(key: str, language: str, **facts: object) -> str:
    """Return a heading or a sentence in ``en`` or ``vi``."""
    return translator(language).gettext(_TEXTS[key]).format(**facts)


def as_data(row: FacilityVerdict) -> dict[str, Any]:
    """Return a verdict as plain data."""
    return {**asdict(row), "verdict": row.verdict.value, "names": list(row.names)}


def worst_first(rows: Iterable[FacilityVerdict]) -> list[FacilityVerdict]:
    """Return verdicts with the failures first, then what is unknown; otherwise in the order of sites and rules."""
    return sorted(rows, key=lambda row: _WORST_FIRST.index(row.verdict))


def verdicts(rows: Iterable[FacilityVerdict], language: str) -> Rows:
    """Return one line per rule, outcome and reason; subjects that it is said of alike stand together."""
    grouped: dict[tuple[FacilityOutcome, str, str], list[FacilityVerdict]] = {}
    for row in worst_first(rows):
        grouped.setdefault((row.verdict, row.rule, row.reason[language]), []).append(row)
    found: Rows = []
    for (outcome, rule, reason), same in grouped.items():
        subjects = tuple(row.subject for row in same)
        found.append(
            {
                word("verdict", language): word(outcome.value, language),
                word("rule", language): _title(rule, language),
                word("subject", language): listed(subjects),
                word("reason", language): reason,
                word("clause", language): f"{same[0].clause} ({same[0].provenance})",
            }
        )
    return found


def open_ones(rows: Iterable[FacilityVerdict], language: str) -> Rows:
    """Return one line per failed or unknown verdict, the failures first."""
    return [
        {
            word("site", language): row.site,
            word("verdict", language): word(row.verdict.value, language),
            word("rule", language): _title(row.rule, language),
            word("subject", language): row.subject,
            word("reason", language): row.reason[language],
        }
        for row in worst_first(rows)
        if row.verdict in OPEN
    ]


def per_tier(rows: Iterable[FacilityVerdict]) -> dict[str, dict[str, int]]:
    """Return how many sites each tier has and how many verdicts of each outcome."""
    counted: dict[str, Counter[str]] = {}
    sites: dict[str, set[str]] = {}
    for row in rows:
        counted.setdefault(row.tier, Counter())[row.verdict.value] += 1
        sites.setdefault(row.tier, set()).add(row.site)
    found: dict[str, dict[str, int]] = {}
    for tier, outcomes in counted.items():
        numbers = {outcome.value: outcomes[outcome.value] for outcome in _WORST_FIRST}
        found[tier] = {"sites": len(sites[tier]), **numbers}
    return found


def tiers(rows: Iterable[FacilityVerdict], language: str) -> Rows:
    """Return ``per_tier`` with headings."""
    found: Rows = []
    for tier, counts in per_tier(rows).items():
        numbers = {word(key, language): count for key, count in counts.items()}
        found.append({word("tier", language): tier, **numbers})
    return found


def loads(case: FacilityCase, state: Flow) -> Rows:
    """Return what every component and every zone carries in a state, in watt and percent; lost ones carry nothing."""
    rows: Rows = [
        {
            "component": name,
            "kind": str(node.kind),
            "load_w": state.load_w.get(name),
            "rating_w": node.rating_w,
            "percent": _percent(state.load_w.get(name), node.rating_w),
            "unknown": sorted(state.unknown.get(name, ())),
        }
        for name, node in case.facility.nodes.items()
    ]
    return rows + [
        {
            "component": name,
            "kind": "zone",
            "load_w": zone.heat_w,
            "rating_w": zone.cold_w + zone.doubtful_w,
            "percent": _percent(zone.heat_w, zone.cold_w + zone.doubtful_w),
            "unknown": sorted(zone.unknown),
        }
        for name, zone in state.zones.items()
    ]


def shown_loads(rows: Rows, language: str) -> Rows:
    """Return ``loads`` with headings; a component that is not fed has no load but a dash."""
    return [
        {
            word("component", language): row["component"],
            word("kind", language): word("zone", language) if row["kind"] == "zone" else row["kind"],
            word("load", language): _show_number(row["load_w"], "g"),
            word("rating", language): str(row["rating_w"]),
            "%": _show_number(row["percent"], ".0f"),
            word("unknown", language): listed(tuple(row["unknown"])),
        }
        for row in rows
    ]


def _show_number(number: float | None, form: str) -> str:
    if number is None:
        return "–"
    return format(number, form)


def said(found: Effect, language: str) -> list[str]:
    """Return what a state does as sentences."""
    told = [sentence(key, facts, language) for key, facts in found.parts()]
    if found.verdict in OPEN or found.for_itself:
        return told
    return [word("nothing", language), *told]


def _title(rule: str, language: str) -> str:
    return table().rules[rule].texts(language)["title"]


def _percent(load: float | None, rating: int) -> float | None:
    if load is None or not rating:
        return None
    return round(100 * load / rating, 1)
