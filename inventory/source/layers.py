"""Layers of a site: archetypes below, the defaults of its file above them, what is particular on top.

Mappings merge key by key. Lists whose items have an identity (``name``, for uplinks ``id``, for attachments ``vlan``)
merge item by item; any other list is replaced as a whole. ``{name: x, remove: true}`` takes an inherited item away.
Texts may hold ``{site}``, ``{region}``, ``{number}``, ``{province}``, and whole-number forms such as ``{number*10+1}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.source.positions import Path_, Positioned

Written = tuple[Path, Path_]  # a file and a path in it

IDENTITY = {
    "vlans": "name",
    "racks": "name",
    "devices": "name",
    "power": "name",
    "cooling": "name",
    "circuits": "name",
    "attach": "vlan",
    "ports": "name",
    "uplinks": "id",
}
PLAIN = ("site", "region", "number", "province")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ARITHMETIC = re.compile(r"(region|number)(?:\*([0-9]{1,4}))?(?:\+([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a site: what it is called, where it is written (a file and a path in it) and what it says."""

    name: str
    source: Positioned
    base: Path_
    data: dict[str, Any]

    def place(self, path: Path_) -> Place:
        """Return the place of a path of this layer; the shown path is the site's, not the file's."""
        found = self.source.place((*self.base, *path))
        return Place(found.file, found.line, ".".join(str(part) for part in path))

    def locate(self, keys: Path_) -> Path_ | None:
        """Turn a path by identities into a path of this layer; None when the layer does not say it."""
        here: Any = self.data
        path: list[str | int] = []
        for key in keys:
            holder = str(path[-1]) if path else ""
            step = _step(here, key, holder)
            if step is None:
                return None
            path.append(step)
            here = here[step]
        return tuple(path)


def _step(here: Any, key: str | int, holder: str) -> str | int | None:
    if isinstance(here, Mapping):
        if key in here:
            return key
        return None
    if not isinstance(here, list):
        return None
    if holder in IDENTITY and isinstance(key, str):
        field = IDENTITY[holder]
        return next(
            (i for i, item in enumerate(here) if isinstance(item, Mapping) and str(item.get(field)) == key), None
        )
    if isinstance(key, int) and key < len(here):
        return key
    return None


def keyed(data: Any, path: Path_) -> Path_:
    """Turn a path of merged data (list indexes) into a path by identities, which means the same in every layer."""
    keys: list[str | int] = []
    here: Any = data
    for part in path:
        field = IDENTITY.get(str(keys[-1])) if keys else None
        here = here[part] if _holds(here, part) else None
        if field and isinstance(here, Mapping) and field in here:
            keys.append(str(here[field]))
        else:
            keys.append(part)
    return tuple(keys)


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(here, Mapping):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def fill(data: Any, facts: Mapping[str, Any], source: Positioned, path: Path_) -> Any:
    """Return ``data`` with every placeholder filled; a placeholder that is not known is EST034 at its place."""
    if isinstance(data, str):
        if "{" in data:
            return _fill_text(data, facts, source, path)
        return data
    if isinstance(data, list):
        return [fill(item, facts, source, (*path, index)) for index, item in enumerate(data)]
    if isinstance(data, dict):
        return {key: fill(value, facts, source, (*path, key)) for key, value in data.items()}
    return data


def _fill_text(text: str, facts: Mapping[str, Any], source: Positioned, path: Path_) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in PLAIN:
            return str(facts.get(name, ""))
        sum_ = _ARITHMETIC.fullmatch(name)
        if sum_ is None:
            raise mistake(
                "EST034", source.place(path), actual=match.group(0), known=[f"{{{plain}}}" for plain in PLAIN]
            )
        value = facts.get(sum_.group(1))
        if not isinstance(value, int):
            return match.group(0)
        return str(value * int(sum_.group(2) or 1) + int(sum_.group(3) or 0))

    return _PLACEHOLDER.sub(replace, text)


@dataclass(frozen=True, slots=True)
class Removal:
    """``remove: true`` as a layer says it: where, and the names that stood there. ``found``: there was one to take."""

    path: Path_
    name: object
    known: tuple[str, ...]
    found: bool


def merge(lower: Any, upper: Any, removals: list[Removal], path: Path_ = ()) -> Any:
    """Return ``upper`` laid over ``lower``. What it takes away, or fails to, is added to ``removals``."""
    holder = path[-1] if path else ""
    if isinstance(lower, dict) and isinstance(upper, dict):
        result = dict(lower)
        for key, value in upper.items():
            result[key] = merge(lower.get(key), value, removals, (*path, key))
        return result
    if not isinstance(upper, list) or holder not in IDENTITY:
        return upper
    if isinstance(lower, list):
        return _merge_items(lower, upper, removals, path)
    removals.extend(
        Removal((*path, index), item.get(IDENTITY[str(holder)]), (), False)
        for index, item in enumerate(upper)
        if _takes_away(item)
    )
    return [item for item in upper if not _takes_away(item)]


def _merge_items(lower: list[Any], upper: list[Any], removals: list[Removal], path: Path_) -> list[Any]:
    field = IDENTITY[str(path[-1])]
    result = {_identity(item, field, index): item for index, item in enumerate(lower)}
    for index, item in enumerate(upper):
        name = _identity(item, field, len(lower) + index)
        if _takes_away(item):
            known = () if name in result else tuple(key for key in result if isinstance(key, str))
            removals.append(Removal((*path, index), item.get(field), known, name in result))
            result.pop(name, None)
        else:
            result[name] = merge(result[name], item, removals, (*path, index)) if name in result else item
    return list(result.values())


def _takes_away(item: Any) -> bool:
    return isinstance(item, dict) and item.get("remove") is True


def _identity(item: Any, field: str, index: int) -> object:
    """Return what makes an item the same in two layers; an item without identity is only itself."""
    value = item.get(field) if isinstance(item, dict) else None
    if value is not None:
        return str(value)
    return index


@dataclass(slots=True)
class Removals:
    """The removals of all sites. One in an archetype or in defaults is right when it takes something at any site."""

    useful: set[Written] = field(default_factory=set)
    vain: dict[Written, tuple[Layer, Removal]] = field(default_factory=dict)

    def add(self, layer: Layer, below: Sequence[Layer], removals: Sequence[Removal]) -> None:
        """Keep what one layer of one site takes away from those ``below`` it."""
        for removal in removals:
            written = (layer.source.file, (*layer.base, *removal.path))
            if removal.found or is_named_below(layer, below, removal):
                self.useful.add(written)
            else:
                self.vain.setdefault(written, (layer, removal))

    def find_vain(self) -> Iterator[RackproofError]:
        """Yield EST042 for every removal that took nothing anywhere."""
        for written, (layer, removal) in self.vain.items():
            if written not in self.useful:
                at, keys = layer.place(removal.path), keyed(layer.data, removal.path)
                where = Place(at.file, at.line, ".".join(str(key) for key in keys))
                yield mistake("EST042", where, actual=removal.name, known=removal.known, list=keys[-2])


def is_named_below(layer: Layer, below: Sequence[Layer], removal: Removal) -> bool:
    """Tell whether a layer below names the thing: then another one between the two took it away already."""
    keys = keyed(layer.data, removal.path)
    return any(lower.locate(keys) is not None for lower in below)
