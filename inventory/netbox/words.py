"""Plans and pulls in words, in the language of this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.console import cut_lines
from core.i18n import N_, _
from inventory.netbox.derive import Problem
from inventory.netbox.plan import Left, NetboxPlan, Verb
from inventory.netbox.pull import Pull

_SHOWN = 40
_LONG = 60


_TEXTS = {
    "occupied": N_("a cable of somebody else is plugged in there: {netbox}"),
    "in use": N_("gone from the estate, but kept: {netbox} still uses it or is in it"),
    "owned": N_("{field}: NetBox is right with {netbox}, the estate says {estate} (see `estate netbox pull`)"),
    "no place": N_("{field} is {netbox} in NetBox; the estate has no place for it"),
    "no /48": N_("it has not exactly one /48 of the address plan, so region and number are unknown"),
    "no tier": N_("its site group {detail} is no tier of the estate"),
    "no prefixes": N_("it has not exactly one /64 of the plan and one IPv4 prefix"),
    "other /64": N_("the VLAN id is not that of its prefix {detail}"),
    "no gateway": N_("no device of the site holds host address 1 of {detail}"),
    "no kind": N_("its role {detail} does not say what kind of device it is"),
    "no /127": N_("its ends have not the two addresses of one link /127"),
    "no /31": N_("its ends have not one IPv4 prefix in common"),
    "no speed": N_("its interfaces do not say one speed"),
    "link id": N_("link id {detail} belongs to another link of the estate"),
    "no fit": N_("the estate cannot say this: {detail}"),
    "outside": N_("an address of {detail} outside of the site's plan"),
    "second host": N_("a second address in one VLAN ({detail})"),
    "create": N_("create"),
    "change": N_("change"),
    "adopt": N_("adopt (made by somebody else, gets our tag)"),
    "delete": N_("delete"),
    "left": N_("left alone"),
    "nothing": N_("{netbox}: nothing to do, plan {plan}"),
    "plan": N_("{netbox}: {count} changes, plan {plan}"),
    "approve": N_("to apply exactly this: rackproof estate netbox push --url {url} --approve {plan}"),
    "pushed": N_("{netbox}: {count} changes made"),
    "same": N_("{estate}: nothing to take from {netbox}"),
    "take": N_("take from NetBox"),
    "not taken": N_("not taken"),
    "dry": N_("nothing was written; --write changes the files"),
    "wrote": N_("wrote {file}"),
    "ledger": N_("new numbers are in use: rackproof estate ledger append"),
    "reading": N_("Reading {netbox}"),
    "pushing": N_("Changing {netbox}"),
    "new site": N_("only NetBox has: site {site} ({count} devices)"),
    "new rack": N_("only NetBox has: rack {name} ({site})"),
    "new device": N_("only NetBox has: device {name} ({site})"),
    "new link": N_("only NetBox has: link {name} {a} – {b}"),
}


def say(key: str, **facts: object) -> str:
    """Return one text in the language of this process."""
    return _(_TEXTS[key]).format(**facts)


def plan_lines(plan: NetboxPlan) -> Iterator[str]:
    """Yield what a plan does: numbers per kind, then every deletion, adoption and change, and some of the rest."""
    for kind, counts in plan.count().items():
        yield f"  {kind}: " + ", ".join(f"{say(verb)} {count}" for verb, count in counts.items())
    for verb in (Verb.DELETE, Verb.ADOPT, Verb.CHANGE):
        for action in plan.actions:
            if action.verb is verb:
                changed = "".join(_change(name, *pair) for name, pair in action.changes.items())
                yield f"{say(verb)} {action.kind} {action.key}{changed}"
    yield from cut_lines(
        [f"{say(Verb.CREATE)} {a.kind} {a.key}" for a in plan.actions if a.verb is Verb.CREATE], _SHOWN
    )
    yield from cut_lines([f"{say('left')}: {item.kind} {item.key}: {reason(item)}" for item in plan.left], _SHOWN)


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
    yield from (say("new site", site=site["site"], count=len(site.get("devices", ()))) for site in new.sites)
    for kind, parts in (("new rack", new.racks), ("new device", new.devices)):
        for code, items in parts.items():
            yield from (say(kind, name=item["name"], site=code) for item in items)
    yield from (say("new link", name=link["id"], a=link["a"]["device"], b=link["b"]["device"]) for link in new.links)
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
    if len(text) <= _LONG:
        return text
    return text[:_LONG] + "…"
