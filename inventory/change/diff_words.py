"""Changes of an estate in words, in the language of this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.console import cut_lines
from core.i18n import N_, _
from inventory.change.diff import EstateChange
from inventory.change.impact import Affected, Impact

_NOUNS = {
    "estate": N_("estate"),
    "tier": N_("tier"),
    "hardware": N_("model"),
    "filter": N_("filter"),
    "guard": N_("guard profile"),
    "site": N_("site"),
    "vlan": "VLAN",  # the same in every language
    "rack": N_("rack"),
    "device": N_("device"),
    "address": N_("address"),
    "power": N_("power component"),
    "cooling": N_("cooling unit"),
    "circuit": N_("circuit"),
    "sensor": N_("sensor"),
    "link": N_("link"),
    "service": N_("service"),
}
_ACTIONS = {"added": N_("new"), "removed": N_("removed"), "changed": ""}
_NONE = N_("(none)")
_TEXTS = {
    "nothing": N_("No change."),
    "affected": N_("Who is affected"),
    "services": N_("Services"),
    "worse": N_("Newly cut by one failure"),
    "better": N_("No longer cut by one failure"),
    "total": N_("{added} added, {removed} removed, {changed} changed"),
}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_SHOWN = 200


def describe_change(change: EstateChange) -> str:
    """Return one change as one line."""
    noun, action = _(_NOUNS[change.kind]), _ACTIONS[change.action]
    head = f"{_SIGNS[change.action]} {noun} {change.name}"
    if change.action != "changed":
        facts = change.after or change.before
        if facts:
            return f"{head}: {_(action)} ({facts})"
        return f"{head}: {_(action)}"
    none = _(_NONE)
    field = f" {change.field}" if change.field else ""
    return f"{head}:{field} {change.before or none} → {change.after or none}"


def say(key: str, **facts: int) -> str:
    """Return one text in the language of this process."""
    return _(_TEXTS[key]).format(**facts)


def describe_changes(changes: list[EstateChange], felt: Impact) -> Iterator[str]:
    """Yield the whole answer for a reader: changes, who is affected, which single failures come and go."""
    if not changes:
        yield say("nothing")
        return
    yield from cut_lines([describe_change(change) for change in changes], _SHOWN)
    yield say("total", **count_changes(changes))
    if felt.sites:
        yield "\n" + say("affected") + ":"
        yield from cut_lines([describe_affected(item) for item in felt.sites], _SHOWN)
    if felt.services:
        yield say("services") + ": " + ", ".join(felt.services)
    for key, points in (("worse", felt.new_single_points), ("better", felt.gone_single_points)):
        if points:
            yield "\n" + say(key) + ":"
            yield from cut_lines([f"  {site}: {', '.join(causes)}" for site, causes in points.items()], _SHOWN)


def describe_affected(item: Affected) -> str:
    """Return one line about a site: its name, who owns it, and by what it is affected."""
    owner = f" ({item.owner})" if item.owner else ""
    reasons = ", ".join(_(_NOUNS[kind]) for kind in item.because)
    return f"  {item.site}: {item.name}{owner} – {reasons}"


def count_changes(changes: list[EstateChange]) -> dict[str, int]:
    """Count changes by action."""
    counts = Counter(change.action for change in changes)
    return {action: counts[action] for action in _SIGNS}
