"""The static verdict as tables for people and as plain data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from inventory.facility.flow import Flow
from inventory.facility.removal import Effect
from inventory.facility.verdict import OPEN, Case, Outcome, Row, listed, sentence, table

Rows = list[dict[str, Any]]
_WORST_FIRST = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)
_WORDS = {
    "basis": (
        "By rating: the most that devices draw by data sheet against ratings as written. It is not the live load.",
        "Theo công suất định mức: mức tiêu thụ tối đa theo tài liệu thiết bị so với định mức đã khai báo. "
        "Không phải tải thực tế.",
    ),
    "verdict": ("verdict", "kết luận"),
    "loads": ("loads", "tải"),
    "tiers": ("tiers", "cấp"),
    "open": ("failed or unknown", "không đạt hoặc chưa rõ"),
    "tier": ("tier", "cấp"),
    "site": ("site", "điểm"),
    "sites": ("sites", "số điểm"),
    "rule": ("rule", "quy tắc"),
    "subject": ("subject", "đối tượng"),
    "reason": ("reason", "lý do"),
    "clause": ("clause", "căn cứ"),
    "component": ("component", "thành phần"),
    "kind": ("kind", "loại"),
    "load": ("load W", "tải W"),
    "rating": ("rating W", "định mức W"),
    "unknown": ("not known", "chưa rõ"),
    "pass": ("pass", "đạt"),
    "fail": ("fail", "không đạt"),
    "not_applicable": ("not applicable", "không áp dụng"),
    "zone": ("zone", "khu"),
    "without": ("{site} without {names}", "{site} khi không có {names}"),
    "nothing": ("nothing is dropped, nothing is overloaded", "không mất tải, không quá tải"),
}


def word(key: str, language: str, **facts: object) -> str:
    """Return a heading or a sentence in ``en`` or ``vi``."""
    return _WORDS[key][language == "vi"].format(**facts)


def as_data(row: Row) -> dict[str, Any]:
    """Return a verdict as plain data."""
    return {**asdict(row), "verdict": row.verdict.value, "names": list(row.names)}


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Return verdicts with the failures first, then what is unknown; otherwise in the order of sites and rules."""
    return sorted(rows, key=lambda row: _WORST_FIRST.index(row.verdict))


def verdicts(rows: Iterable[Row], language: str) -> Rows:
    """Return one line per rule, outcome and reason; subjects that it is said of alike stand together."""
    grouped: dict[tuple[Outcome, str, str], list[Row]] = {}
    for row in worst_first(rows):
        grouped.setdefault((row.verdict, row.rule, row.reason[language]), []).append(row)
    return [
        {
            word("verdict", language): word(outcome.value, language),
            word("rule", language): _title(rule, language),
            word("subject", language): listed(tuple(row.subject for row in same)),
            word("reason", language): reason,
            word("clause", language): f"{same[0].clause} ({same[0].provenance})",
        }
        for (outcome, rule, reason), same in grouped.items()
    ]


def open_ones(rows: Iterable[Row], language: str) -> Rows:
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


def per_tier(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Return how many sites each tier has and how many verdicts of each outcome."""
    counted: dict[str, Counter[str]] = {}
    sites: dict[str, set[str]] = {}
    for row in rows:
        counted.setdefault(row.tier, Counter())[row.verdict.value] += 1
        sites.setdefault(row.tier, set()).add(row.site)
    return {
        tier: {"sites": len(sites[tier]), **{outcome.value: found[outcome.value] for outcome in _WORST_FIRST}}
        for tier, found in counted.items()
    }


def tiers(rows: Iterable[Row], language: str) -> Rows:
    """Return ``per_tier`` with headings."""
    return [
        {word("tier", language): tier, **{word(key, language): count for key, count in counts.items()}}
        for tier, counts in per_tier(rows).items()
    ]


def loads(case: Case, state: Flow) -> Rows:
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
            word("load", language): "–" if row["load_w"] is None else f"{row['load_w']:g}",
            word("rating", language): str(row["rating_w"]),
            "%": "–" if row["percent"] is None else f"{row['percent']:.0f}",
            word("unknown", language): listed(tuple(row["unknown"])),
        }
        for row in rows
    ]


def said(found: Effect, language: str) -> list[str]:
    """Return what a state does as sentences."""
    told = [sentence(key, facts, language) for key, facts in found.parts()]
    return told if found.verdict in OPEN or found.for_itself else [word("nothing", language), *told]


def _title(rule: str, language: str) -> str:
    return str(table()["rules"][rule][language]["title"])


def _percent(load: float | None, rating: int) -> float | None:
    return None if load is None or not rating else round(100 * load / rating, 1)
