"""Applying a plan to a NetBox, in bulk and in the order in which things depend on each other.

Every request is done by NetBox as a whole or not at all, so that whatever ends a push, a new plan holds the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from inventory.netbox.client import BATCH, Client
from inventory.netbox.kinds import KINDS, TAG, Field, Form, ObjectKind
from inventory.netbox.live import Snapshot
from inventory.netbox.plan import Action, NetboxPlan, Verb

Tell = Callable[[str, int, int], None]
_TAGS = "extras/tags"


class Push:
    """One push; ``ids`` learns the id of everything that is made."""

    def __init__(self, client: Client, held: Snapshot, plan: NetboxPlan, tell: Tell) -> None:
        self._client = client
        self._plan = plan
        self._tell = tell
        self._done = 0
        self._ids: dict[str, dict[str, int]] = {}
        for path, keys in held.keys.items():
            self._ids[path] = {key: number for number, key in keys.items()}

    def run(self) -> int:
        """Do everything; return how many objects were touched. Raises RackproofError as ``Client`` does."""
        for kind in KINDS:
            if kind.first:
                self._delete(kind)
        for kind in KINDS:
            self._create(kind)
            self._change(kind)
        for kind in reversed(KINDS):
            if not kind.first:
                self._delete(kind)
        return self._done

    def _of(self, kind: ObjectKind, *verbs: Verb) -> Iterator[Sequence[Action]]:
        found = [action for action in self._plan.actions if action.kind == kind.path and action.verb in verbs]
        for start in range(0, len(found), BATCH):
            self._tell(f"{kind.path}: {verbs[0].value}", self._done, len(self._plan.actions))
            yield found[start : start + BATCH]
            self._done += len(found[start : start + BATCH])

    def _create(self, kind: ObjectKind) -> None:
        for batch in self._of(kind, Verb.CREATE):
            made = self._client.create(kind, [self._payload(kind, action) for action in batch])
            self._ids[kind.path] |= {action.key: number for action, number in zip(batch, made, strict=True)}

    def _change(self, kind: ObjectKind) -> None:
        for batch in self._of(kind, Verb.CHANGE, Verb.ADOPT):
            self._client.change(kind, [{"id": action.id, **self._payload(kind, action)} for action in batch])

    def _delete(self, kind: ObjectKind) -> None:
        for batch in self._of(kind, Verb.DELETE):
            self._client.delete(kind, [action.id for action in batch])

    def _payload(self, kind: ObjectKind, action: Action) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if kind.tagged and action.verb in (Verb.CREATE, Verb.ADOPT):
            made["tags"] = sorted({*action.tags, self._ids[_TAGS][TAG]})
        for name, (_before, after) in action.changes.items():
            written = self._written(kind.field(name), after)
            if "custom_fields" in written:
                made.setdefault("custom_fields", {}).update(written["custom_fields"])
            else:
                made |= written
        return made

    def _written(self, field: Field, value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one line a form
        match field.form:
            case Form.REF:
                number = self._ids[field.to][value] if value else None
                return {field.name: number}
            case Form.SCOPE:
                return {"scope_type": "dcim.site", "scope_id": self._ids[field.to][value]}
            case Form.ASSIGNED:
                return {"assigned_object_type": "dcim.interface", "assigned_object_id": self._ids[field.to][value]}
            case Form.END:
                return {field.name: [{"object_type": "dcim.interface", "object_id": self._ids[field.to][value]}]}
            case Form.CUSTOM:
                return {"custom_fields": {field.name: value}}
            case Form.PLAIN if value is None:
                return {field.name: ""}
            case _:
                return {field.name: value}
