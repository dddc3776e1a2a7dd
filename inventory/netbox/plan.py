"""What a push would do to a NetBox: the estate's objects against the NetBox's, decided without contacting anything."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from inventory.netbox.kinds import GENERIC, KINDS, Field, FieldOwner, Form, ObjectKind
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import Fields, Objects

_REFERENCES = (Form.REF, Form.SCOPE, Form.ASSIGNED, Form.END)


class Verb(StrEnum):
    """What is done with one object."""

    CREATE = "create"
    CHANGE = "change"
    ADOPT = "adopt"  # somebody made it without our tag: it gets the tag, and the fields the estate owns
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Action:
    """One change of one object. ``changes``: field → [before, after]; ``id`` is NetBox's, 0 for a new one."""

    verb: Verb
    kind: str
    key: str
    id: int
    changes: dict[str, list[Any]]
    tags: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Something that differs and is deliberately left as it is. ``why`` is a key of ``words.REASONS``."""

    kind: str
    key: str
    why: str
    field: str = ""
    estate: Any = None
    netbox: Any = None


@dataclass(frozen=True, slots=True)
class NetboxPlan:
    """Actions in no particular order of execution, and what is left alone."""

    actions: tuple[Action, ...]
    left: tuple[Left, ...]

    @property
    def plan_id(self) -> str:
        """A hash of all actions: the same NetBox and estate give the same, any difference another."""
        text = json.dumps([asdict(action) for action in self.actions], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def count(self) -> dict[str, dict[str, int]]:
        """Return kind → verb → number."""
        counted = Counter((action.kind, action.verb.value) for action in self.actions)
        found: dict[str, dict[str, int]] = {}
        for kind in KINDS:
            counts = {verb.value: counted[kind.path, verb.value] for verb in Verb if counted[kind.path, verb.value]}
            if counts:
                found[kind.path] = counts
        return found


def make_plan(wanted: Objects, held: Snapshot) -> NetboxPlan:
    """Compare and decide. Objects without our tag are never deleted, and never changed unless they are adopted."""
    actions: list[Action] = []
    left: list[Left] = []
    taken = _taken(held)
    for kind in KINDS:
        there = held.kinds[kind.path]
        for key, fields in wanted[kind.path].items():
            if key not in there:
                in_the_way = _in_the_way(kind, fields, taken, wanted)
                if in_the_way:
                    left.append(Left(kind.path, key, "occupied", netbox=in_the_way))
                else:
                    actions.append(Action(Verb.CREATE, kind.path, key, 0, {n: [None, v] for n, v in fields.items()}))
                continue
            changes, other = _differences(kind, fields, there[key])
            left.extend(other)
            actions.extend(_change(kind, there[key], changes))
    gone, kept = _gone(wanted, held)
    return NetboxPlan((*actions, *gone), (*left, *kept))


def _change(kind: ObjectKind, live: Live, changes: dict[str, list[Any]]) -> Iterator[Action]:
    if kind.tagged and not kind.shared and not live.ours:
        yield Action(Verb.ADOPT, kind.path, live.key, live.id, changes, live.tags)
    elif changes:
        yield Action(Verb.CHANGE, kind.path, live.key, live.id, changes, live.tags)


def _differences(kind: ObjectKind, wanted: Fields, live: Live) -> tuple[dict[str, list[Any]], list[Left]]:
    """Return what to change, and what NetBox owns and says otherwise. Vocabulary somebody else made stays his."""
    changes: dict[str, list[Any]] = {}
    left: list[Left] = []
    if kind.shared and kind.tagged and not live.ours:
        return changes, left
    for field in kind.fields:
        before, after = live.fields[field.name], wanted[field.name]
        if _same(kind, field, before, after):
            continue
        if field.owner is FieldOwner.ESTATE or is_empty(field, before):
            changes[field.name] = [before, after]
        else:
            why = "no place" if field.name == "status" else "owned"  # the estate has no field for a status
            left.append(Left(kind.path, live.key, why, field.name, after, before))
    return changes, left


def _same(kind: ObjectKind, field: Field, before: Any, after: Any) -> bool:
    if field.name == "object_types" and isinstance(before, list):
        return set(after) <= set(before)  # others may use our custom field on more kinds
    if kind.path == "dcim/cables" and field.form is Form.END:
        return True  # which end is A says nothing; the identity holds both
    return bool(before == after) or (before in (None, "", {}) and after in (None, "", {}))


def is_empty(field: Field, value: Any) -> bool:
    """Tell whether a value says nothing: none, an empty text, or the type that stands for "not known"."""
    return value in (None, "", {}) or (field.to == "dcim/device-types" and str(value).startswith(f"{GENERIC}/"))


def _taken(held: Snapshot) -> dict[str, Live]:
    """Return interface → the cable that is plugged into it."""
    found: dict[str, Live] = {}
    for live in held.kinds["dcim/cables"].values():
        ends = (live.fields["a_terminations"], live.fields["b_terminations"])
        found |= {str(end): live for end in ends if end}
    return found


def _in_the_way(kind: ObjectKind, fields: Fields, taken: dict[str, Live], wanted: Objects) -> str:
    """Return a cable that stays and holds an end of a new one: NetBox takes one cable an interface."""
    if kind.path != "dcim/cables":
        return ""
    for end in ("a_terminations", "b_terminations"):
        live = taken.get(fields[end])
        if live and not (live.ours and live.key not in wanted[kind.path]):
            return live.key
    return ""


def _gone(wanted: Objects, held: Snapshot) -> tuple[list[Action], list[Left]]:
    """Return deletions: ours, gone from the estate, and nothing that stays refers to them or sits in them."""
    used: dict[str, dict[str, str]] = {kind.path: {} for kind in KINDS}
    actions: list[Action] = []
    left: list[Left] = []
    for kind in reversed(KINDS):
        for key, live in held.kinds[kind.path].items():
            is_gone = live.ours and key not in wanted[kind.path]
            user = used[kind.path].get(key, "") or str(live.holds or "")
            if is_gone and not user:
                actions.append(Action(Verb.DELETE, kind.path, key, live.id, {}, live.tags))
                continue
            if is_gone:
                left.append(Left(kind.path, key, "in use", netbox=user))
            stays = live.fields
            if not is_gone:
                stays = wanted[kind.path].get(key, live.fields) | _owned(kind, live)
            _mark(kind, key, stays, used)
    return actions, left


def _owned(kind: ObjectKind, live: Live) -> Fields:
    """Return what NetBox owns and will go on saying."""
    return {
        field.name: live.fields[field.name]
        for field in kind.fields
        if field.owner is FieldOwner.NETBOX and not is_empty(field, live.fields[field.name])
    }


def _mark(kind: ObjectKind, key: str, fields: Fields, used: dict[str, dict[str, str]]) -> None:
    for field in kind.fields:
        if field.form in _REFERENCES and fields[field.name]:
            used[field.to].setdefault(fields[field.name], f"{kind.path} {key}")
