"""Plans and pulls in words, in the language of this process; the texts are in ``words.yml``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.locale import language
from inventory.netbox.derive import Problem
from inventory.netbox.plan import Left, Plan, Verb
from inventory.netbox.pull import Pull

_SHOWN = 40
_LONG = 60


@cache
def _table() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("words.yml").read_bytes())
    return loaded


def say(key: str, **facts: object) -> str:
    """Return one text."""
    return _table()[key][language()].format(**facts)


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield what a plan does: numbers per kind, then every deletion, adoption and change, and some of the rest."""
    for kind, counts in plan.count().items():
        yield f"  {kind}: " + ", ".join(f"{verb} {count}" for verb, count in counts.items())
    for verb in (Verb.DELETE, Verb.ADOPT, Verb.CHANGE):
        yield from (f"{say(verb)} {a.kind} {a.key}" + "".join(_change(name, *pair) for name, pair in a.changes.items())
                    for a in plan.actions if a.verb is verb)
    yield from _some([f"{say(Verb.CREATE)} {a.kind} {a.key}" for a in plan.actions if a.verb is Verb.CREATE])
    yield from _some([f"{say('left')}: {item.kind} {item.key}: {reason(item)}" for item in plan.left])


def reason(item: Left | Problem) -> str:
    """Return why something is left alone or not taken over."""
    if isinstance(item, Problem):
        return say(item.why, detail=item.detail)
    return say(item.why, field=item.field, estate=_short(item.estate), netbox=_short(item.netbox))


def pull_lines(found: Pull) -> Iterator[str]:
    """Yield what a pull takes, and everything it does not."""
    for edit in found.edits:
        yield f"{say('take')}: {edit.site} {'.'.join(edit.path)}: {_short(edit.estate)} → {_short(edit.netbox)}"
    new = found.derived
    yield from (f"{say('new')}: site {site['site']} ({len(site.get('devices', ()))} devices)" for site in new.sites)
    for name, parts in (("rack", new.racks), ("device", new.devices)):
        yield from (f"{say('new')}: {name} {item['name']} ({code})" for code, items in parts.items() for item in items)
    yield from (f"{say('new')}: link {link['id']} {link['a']['device']} – {link['b']['device']}" for link in new.links)
    yield from (f"{say('not taken')}: {i.kind} {i.key}: {reason(i)}" for i in new.problems)
    yield from (f"{say('not taken')}: {i.kind} {i.key}: {reason(i)}" for i in found.unwritten)


def _change(name: str, before: Any, after: Any) -> str:
    """Return one change on lines of its own; of two JSON objects only what differs, however long they are."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        return "".join(_change(f"{name}.{key}", before.get(key), after.get(key)) for key in keys)
    return f"\n    {name}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = "–" if value in (None, "") else str(value)
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield say("more", count=len(lines) - _SHOWN)
