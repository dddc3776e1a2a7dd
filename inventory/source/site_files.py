"""Reading ``sites/*.yml`` and ``archetypes/*.yml`` into layered, merged sites; the model is checked after that.

A site file holds one site, or ``defaults:`` and a list ``sites:`` (a province and its regional rooms).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from core.errors import EstateWarning, Place, RackproofError
from core.i18n import _
from inventory.model.diagnostics import mistake
from inventory.model.entities import Site
from inventory.source.estate_files import check_unchanged, list_files
from inventory.source.layers import IDENTITY, Layer, Removal, Removals, fill, keyed, merge
from inventory.source.positions import Path_, Positioned, load_yaml
from inventory.source.schema import find_wrong_parts

_LIST_KEYS = ("defaults", "sites")


@dataclass(frozen=True, slots=True)
class SiteSource:
    """One site as written: its layers, lowest first, and what they merge to."""

    layers: tuple[Layer, ...]
    data: dict[str, Any]

    @property
    def code(self) -> str:
        """The site's code as written (it may still be wrong)."""
        return str(self.data.get("site", ""))

    def origin(self, path: Path_) -> tuple[Layer, Path_] | None:
        """Return the uppermost layer that says a path of the merged data, and the path inside that layer."""
        keys = keyed(self.data, path)
        for layer in reversed(self.layers):
            found = layer.locate(keys)
            if found is not None:
                return layer, found
        return None

    def place(self, *path: str | int) -> Place:
        """Return where a path of the merged data is written, or its nearest parent."""
        shown = ".".join(str(part) for part in keyed(self.data, path))
        for length in range(len(path), 0, -1):
            found = self.origin(path[:length])
            if found is not None:
                place = found[0].place(found[1])
                # an archetype stands for many sites: say which one the mistake was seen at
                owner = "" if found[0].source is self.layers[-1].source else f"{self.code}: "
                return Place(place.file, place.line, f"{owner}{shown}")
        top = self.layers[-1].place(())
        return Place(top.file, top.line, shown)


def read_sites(folder: Path, errors: list[RackproofError]) -> list[SiteSource]:
    """Read every site of an estate folder; what cannot be read goes into ``errors`` and is left out."""
    archetypes = _read_all(folder / "archetypes", errors)
    named = {positioned.file.stem: positioned for positioned in archetypes}
    for positioned in archetypes:
        errors.extend(_item_errors(positioned.data, positioned, ()))
    found: list[SiteSource] = []
    removals = Removals()
    for positioned in _read_all(folder / "sites", errors):
        for base, entry, lower in _entries(positioned, errors):
            try:
                found.append(_site(base, entry, lower, positioned, named, errors, removals))
            except RackproofError as error:
                errors.append(error)
    errors.extend(removals.find_vain())
    errors.extend(_check_unused(archetypes, found))
    if not found and all(isinstance(error, EstateWarning) for error in errors):
        errors.append(mistake("EST031", Place(folder / "sites")))
    return found


def _read_all(folder: Path, errors: list[RackproofError]) -> list[Positioned]:
    read: list[Positioned] = []
    files = list_files(folder, errors)
    for file in files:
        try:
            read.append(load_yaml(file))
        except RackproofError as error:
            errors.append(error)
    check_unchanged(folder, files, errors)
    return read


def _check_unused(archetypes: list[Positioned], sites: list[SiteSource]) -> Iterator[RackproofError]:
    """Yield what cannot be right in an archetype that no site uses: no merged site would show it."""
    layers = chain.from_iterable(site.layers for site in sites)
    used = {layer.source.file for layer in layers}
    for archetype in archetypes:
        if archetype.file not in used:
            said = {key: value for key, value in archetype.data.items() if key != "extends"}
            yield from find_wrong_parts(said, Site, archetype.place)


def _entries(
    positioned: Positioned, errors: list[RackproofError]
) -> Iterator[tuple[Path_, dict[str, Any], dict[str, Any]]]:
    """Yield (path in the file, what a site says, defaults of its file) for every site of one file."""
    data = positioned.data
    if "sites" not in data:
        if "defaults" in data:
            errors.append(mistake("EST038", positioned.place(("defaults",))))
        else:
            yield (), data, {}
        return
    for key in data.keys() - set(_LIST_KEYS):
        errors.append(mistake("EST020", positioned.place((key,)), actual=key, known=_LIST_KEYS))
    entries, defaults = data["sites"], data.get("defaults", {})
    if not isinstance(entries, list) or not isinstance(defaults, dict):
        key = "sites" if not isinstance(entries, list) else "defaults"
        errors.append(mistake("EST039", positioned.place((key,)), key=key))
        return
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield ("sites", index), entry, defaults
        else:
            errors.append(mistake("EST040", positioned.place(("sites", index)), actual=entry))


def _site(
    base: Path_,
    entry: dict[str, Any],
    defaults: dict[str, Any],
    source: Positioned,
    archetypes: dict[str, Positioned],
    errors: list[RackproofError],
    removals: Removals,
) -> SiteSource:
    own = [("site", source, base, entry)]
    if defaults:
        own.insert(0, ("defaults", source, ("defaults",), defaults))
    facts = {**defaults, **entry}
    wrong: list[RackproofError] = []
    for key in ("region", "number"):
        if isinstance(facts.get(key), str | float | bool):
            holder = base if key in entry else ("defaults",)
            wrong.append(_no_number(key, source, (*holder, key), facts[key]))
    if wrong:  # whatever the archetype computes from it would be wrong too
        errors.extend(wrong[1:])
        raise wrong[0]
    parts = [*_archetypes(facts.get("archetype"), source, base, archetypes), *own]
    errors.extend(_item_errors(entry, source, base))
    layers = tuple(Layer(name, file, at, fill(data, facts, file, at)) for name, file, at, data in parts)
    merged: dict[str, Any] = {}
    for index, layer in enumerate(layers):
        taken: list[Removal] = []
        merged = merge(merged, layer.data, taken)
        removals.add(layer, layers[:index], taken)
    return SiteSource(layers, merged)


def _no_number(key: str, source: Positioned, path: Path_, value: object) -> RackproofError:
    at = source.place(path)
    expected = _("a whole number, without quotes and leading zeros")
    actual = str(value).lower() if isinstance(value, bool) else value
    return mistake("EST022", Place(at.file, at.line, key), key=key, actual=actual, wanted=expected)


def _archetypes(
    name: object, source: Positioned, base: Path_, archetypes: dict[str, Positioned]
) -> list[tuple[str, Positioned, Path_, dict[str, Any]]]:
    """Return an archetype and all it extends, lowest first."""
    chain: list[tuple[str, Positioned, Path_, dict[str, Any]]] = []
    seen: list[str] = []
    at = source.place((*base, "archetype"))
    while name is not None:
        if name not in archetypes:
            raise mistake("EST032", at, actual=name, known=archetypes)
        if name in seen:
            raise mistake("EST033", at, actual=" -> ".join([*seen, str(name)]))
        seen.append(str(name))
        positioned = archetypes[str(name)]
        said = {key: value for key, value in positioned.data.items() if key != "extends"}
        chain.insert(0, (f"archetype {name}", positioned, (), said))
        at, name = positioned.place(("extends",)), positioned.data.get("extends")
    return chain


def _item_errors(data: dict[str, Any], source: Positioned, base: Path_) -> Iterator[RackproofError]:
    """Find items that stand twice in one list: merging by identity would hide one of them."""
    for key, value in data.items():
        if key not in IDENTITY or not isinstance(value, list):
            continue
        seen: dict[str, int] = {}
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                continue
            name, path = str(item.get(IDENTITY[key])), (*base, key, index)
            if name in seen and IDENTITY[key] in item:
                first = source.place((*base, key, seen[name]))
                yield mistake("EST036", source.place((*path, IDENTITY[key])), actual=name, list=key, first=first.line)
            seen.setdefault(name, index)
            yield from _item_errors(item, source, path)
