"""What a NetBox holds, in the same form as the estate's objects: identities instead of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from inventory.netbox.client import Client
from inventory.netbox.kinds import KINDS, TAG, Field, Form, ObjectKind
from inventory.netbox.mapping import cable_key

Json = dict[str, Any]
#: Identity of a site, as the kind of prefixes and addresses names it.
_SITE_SCOPE = "dcim.site"
_INTERFACE = "dcim.interface"


@dataclass(frozen=True, slots=True)
class Live:
    """One object of a NetBox. ``ours``: it carries our tag. ``holds``: things in it that would go with it."""

    id: int
    key: str
    fields: dict[str, Any]
    ours: bool
    tags: tuple[int, ...] = ()
    holds: int = 0


@dataclass(slots=True)
class Snapshot:
    """Everything of a NetBox that is of a kind we know: kind → identity → object."""

    kinds: dict[str, dict[str, Live]] = field(default_factory=dict)
    keys: dict[str, dict[int, str]] = field(default_factory=dict)

    def add(self, kind: ObjectKind, made: Iterable[Json], homes: dict[str, str]) -> None:
        """Add the objects of a kind, as NetBox writes them. Kinds come in their order: references are resolved here.

        ``homes`` is the site of every device of the estate: one of the same name elsewhere is another device.
        """
        found = self.kinds.setdefault(kind.path, {})
        ids = self.keys.setdefault(kind.path, {})
        read = [self._read(kind, item, homes) for item in made]
        for live in sorted(read, key=lambda item: not item.ours):  # of two with one identity, ours is the one
            key = live.key if live.key not in found else f"{live.key} #{live.id}"
            found[key] = Live(live.id, key, live.fields, live.ours, live.tags, live.holds)
            ids[live.id] = key
        self.kinds[kind.path] = dict(sorted(found.items(), key=lambda pair: pair[1].id))

    def _read(self, kind: ObjectKind, item: Json, homes: dict[str, str]) -> Live:
        fields = {known.name: self._value(known, item) for known in kind.fields}
        tags = item.get("tags") or []
        ours = any(tag["slug"] == TAG for tag in tags)
        key = _IDENTITY[kind.path](fields, item)
        if kind.path == "dcim/devices" and not ours and homes.get(key, fields["site"]) != fields["site"]:
            key = f"{key} @{fields['site']}"
        return Live(
            int(item["id"]),
            key,
            fields,
            ours,
            tuple(tag["id"] for tag in tags),
            sum(item.get(name) or 0 for name in kind.holds),
        )

    def _value(self, known: Field, item: Json) -> Any:  # noqa: PLR0911 - one line a form
        value = item.get(known.name)
        match known.form:
            case Form.CHOICE:
                return value["value"] if isinstance(value, dict) else value
            case Form.NUMBER:
                return value if value is None or isinstance(value, int) else float(value)
            case Form.REF:
                return self._key(known.to, value["id"]) if value else None
            case Form.SCOPE:
                return self._key(known.to, item["scope_id"]) if item.get("scope_type") == _SITE_SCOPE else None
            case Form.ASSIGNED:
                at = item.get("assigned_object_type") == _INTERFACE
                return self._key(known.to, item["assigned_object_id"]) if at else None
            case Form.END:
                ends = value or []
                alone = len(ends) == 1 and ends[0]["object_type"] == _INTERFACE
                return self._key(known.to, ends[0]["object_id"]) if alone else None
            case Form.CUSTOM:
                return (item.get("custom_fields") or {}).get(known.name)
            case _:
                return sorted(value) if isinstance(value, list) else value

    def _key(self, kind: str, number: int) -> str:
        return self.keys[kind].get(number, f"#{number}")


def snapshot(client: Client, homes: dict[str, str], tell: Callable[[str, int, int], None]) -> Snapshot:
    """Return what a NetBox holds; ``tell`` hears which kind is read, how many were, and of how many."""
    found = Snapshot()
    for number, kind in enumerate(KINDS):
        tell(kind.path, number, len(KINDS))
        found.add(kind, client.fetch(kind), homes)
    return found


def _global(name: str) -> Callable[[Json, Json], str]:
    """Return an identity of the global table; what is in a VRF is somebody else's."""

    def identify(fields: Json, item: Json) -> str:
        if item.get("vrf"):
            return f"{fields[name]} in {item['vrf']['name']}"
        return str(fields[name])

    return identify


def _vlan(fields: Json, item: Json) -> str:
    group = item.get("group")
    if group:
        return f"{fields['site']}/{fields['vid']} in {group['name']}"
    return f"{fields['site']}/{fields['vid']}"


def _cable(fields: Json, item: Json) -> str:
    ends = (fields["a_terminations"], fields["b_terminations"])
    if all(ends):
        return cable_key(ends)
    return f"#{item['id']}"


def _slug(fields: Json, _item: Json) -> str:
    return str(fields["slug"])


_IDENTITY: dict[str, Callable[[Json, Json], str]] = {
    "extras/tags": _slug,
    "extras/custom-fields": lambda fields, _: str(fields["name"]),
    "dcim/site-groups": _slug,
    "dcim/sites": _slug,
    "dcim/manufacturers": _slug,
    "dcim/device-types": lambda fields, _: f"{fields['manufacturer']}/{fields['slug']}",
    "dcim/device-roles": _slug,
    "dcim/platforms": _slug,
    "dcim/racks": lambda fields, _: f"{fields['site']}/{fields['name']}",
    "dcim/devices": lambda fields, item: str(fields["name"] or f"#{item['id']}"),
    "dcim/interfaces": lambda fields, _: f"{fields['device']}/{fields['name']}",
    "ipam/vlans": _vlan,
    "ipam/prefixes": _global("prefix"),
    "ipam/ip-addresses": _global("address"),
    "dcim/cables": _cable,
}
