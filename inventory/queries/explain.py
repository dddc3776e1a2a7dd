"""Where a value of a site comes from: every layer that says something about a path, lowest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from core.errors import Place
from core.i18n import _
from inventory.model.diagnostics import mistake
from inventory.model.entities import Site
from inventory.source.layers import IDENTITY, keyed
from inventory.source.positions import Path_
from inventory.source.schema import model_at
from inventory.source.site_files import SiteSource


@dataclass(frozen=True, slots=True)
class Saying:
    """What one layer says about one path; ``wins`` marks the layer whose value holds."""

    path: str
    layer: str
    place: Place
    value: Any
    wins: bool


def explain(source: SiteSource, dotted: str) -> list[Saying]:
    """Return what each layer says at ``dotted`` (``devices.hph-edge1.wave``); below a container, leaf by leaf.

    What no layer says and the model has a value for is of the layer "default". Raises EST051 for anything else.
    """
    *above, last = dotted.split(".") if dotted else [""]
    parent = _resolve(source, ".".join(above))
    if last and _step(_at(source.data, parent), last, _name_holder(parent)) is None:
        default = _default(source, parent, last)
        if default is not None:
            return [default]
    path = _resolve(source, dotted)
    leaves = _leaves(_at(source.data, path), path)
    return list(chain.from_iterable(_sayings(source, leaf) for leaf in leaves))


def _resolve(source: SiteSource, dotted: str) -> Path_:
    path: list[str | int] = []
    here: Any = source.data
    for part in dotted.split(".") if dotted else []:
        holder = _name_holder(path)
        step = _step(here, part, holder)
        if step is None:
            known = _names(here, holder)
            raise mistake("EST051", source.place(*path), actual=part, known=known, path=dotted)
        path.append(step)
        here = here[step]
    return tuple(path)


def _name_holder(path: Sequence[str | int]) -> str:
    """Return the key that holds what stands at a path; empty at the top."""
    return str(path[-1]) if path else ""


def _default(source: SiteSource, parent: Path_, key: str) -> Saying | None:
    """Return the model's own value of a key that may be left out; None for a key that may not, or does not exist."""
    if not isinstance(_at(source.data, parent), dict):
        return None
    field = model_at(Site, parent).model_fields.get(key)
    if field is None or field.is_required():
        return None
    shown = ".".join(str(part) for part in (*keyed(source.data, parent), key))
    return Saying(shown, _("default"), source.place(*parent), field.get_default(call_default_factory=True), True)


def _step(here: Any, part: str, holder: str) -> str | int | None:
    if isinstance(here, dict):
        if part in here:
            return part
        return None
    if isinstance(here, list):
        names = _names(here, holder)
        if part in names:
            return names.index(part)
        if part.isdecimal() and int(part) < len(here):
            return int(part)
        return None
    return None


def _names(here: Any, holder: str) -> list[str]:
    if isinstance(here, dict):
        return [str(key) for key in here]
    if isinstance(here, list) and holder in IDENTITY:
        return [str(item.get(IDENTITY[holder])) if isinstance(item, dict) else "" for item in here]
    return []


def _at(data: Any, path: Path_) -> Any:
    for part in path:
        data = data[part]
    return data


def _leaves(value: Any, path: Path_) -> Iterator[Path_]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path


def _sayings(source: SiteSource, path: Path_) -> Iterator[Saying]:
    keys = keyed(source.data, path)
    said = [(layer, found) for layer in source.layers if (found := layer.locate(keys)) is not None]
    for layer, found in said:
        wins = layer is said[-1][0]
        yield Saying(".".join(str(key) for key in keys), layer.name, layer.place(found), _at(layer.data, found), wins)
