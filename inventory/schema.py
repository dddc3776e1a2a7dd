"""What pydantic says about a wrong value, in words of this project: code, expectation, remedy, did you mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from core.errors import Place, RackproofError
from inventory.fields import PRINTABLE
from inventory.mistakes import mistake, word
from inventory.positions import Path_

_CODES = {
    "extra_forbidden": "EST020",
    "missing": "EST021",
    "string_pattern_mismatch": "EST024",
    "enum": "EST025",
    "literal_error": "EST025",
    "ip_v4_network": "EST026",
    "ip_v6_network": "EST026",
    "ip_v4_address": "EST026",
    "greater_than_equal": "EST023",
    "less_than_equal": "EST023",
    "greater_than": "EST023",
    "string_too_short": "EST027",
    "too_short": "EST027",
}
_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "model_attributes_type": "a mapping",
    "date_from_datetime_inexact": "a date",
    "date_type": "a date, 2029-12-31",
    "date_parsing": "a date, 2029-12-31",
    "date_from_datetime_parsing": "a date, 2029-12-31",
}
_BOUNDS = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}"}
_SHAPES = {
    "^[a-z0-9][a-z0-9-]{0,30}$": "lower-case letters, digits and hyphens, at most 31",
    "^[A-Z0-9][A-Z0-9-]{0,15}$": "upper-case letters, digits and hyphens, at most 16",
    "^[a-z][a-z0-9-]{0,30}$": "a lower-case letter, then letters, digits and hyphens, at most 31",
    "^[a-zA-Z][a-zA-Z0-9./-]{0,30}$": "a letter, then letters, digits, dots, slashes and hyphens, at most 31",
}


def schema_errors(
    error: ValidationError, data: Any, model: type[BaseModel], place: Callable[[Path_], Place]
) -> Iterator[RackproofError]:
    """Yield one error per wrong place; what a union says twice about one place is said once."""
    items: dict[Path_, dict[str, Any]] = {}
    choices: dict[Path_, list[str]] = {}
    for item in error.errors(include_url=False):
        path = _in_data(tuple(item["loc"]), data, item["type"])
        items.setdefault(path, dict(item))
        choices.setdefault(path, []).extend(_choices(item["type"], item.get("ctx", {})))
    for path, first in items.items():
        yield _explain(first, path, choices[path], model, place)


def _in_data(loc: Path_, data: Any, kind: str) -> Path_:
    """Cut what pydantic adds to a path (names of union members): keep what the data really holds."""
    path: list[str | int] = []
    for part in loc[:-1] if kind == "missing" else loc:
        holds = part in data if isinstance(data, Mapping) else isinstance(data, list) and isinstance(part, int)
        if not holds:
            break
        path.append(part)
        data = data[part]
    return (*path, loc[-1]) if kind == "missing" else tuple(path)


def _explain(
    item: dict[str, Any], path: Path_, choices: list[str], model: type[BaseModel], place: Callable[[Path_], Place]
) -> RackproofError:
    kind, context = item["type"], item.get("ctx", {})
    code = _CODES.get(kind, "EST022" if kind in _TYPES else "EST028")
    key = str(path[-1]) if path else ""
    if code == "EST020":
        return mistake(code, place(path), actual=key, known=_fields(model, path[:-1]))
    if item["loc"][-1:] == ("[key]",) and code == "EST025":  # pydantic's word for the key of a mapping, not its value
        return mistake("EST020", place(path), actual=key, known=choices)
    if code == "EST021":
        return mistake(code, place(path), key=key)
    actual = _shown(item.get("input"))
    if code == "EST024" and context.get("pattern") == PRINTABLE:
        found = next(c for c in str(item.get("input")) if not re.fullmatch(PRINTABLE, c) or c == "\n")
        return mistake("EST044", place(path), key=key, actual=actual, found=f"U+{ord(found):04X}")
    if code == "EST025":
        return mistake(code, place(path), key=key, actual=actual, known=choices)
    expected = _expected(kind, context)
    return mistake(code, place(path), key=key, actual=actual, expected=expected, problem=item["msg"])


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind in _TYPES:
        return word(_TYPES[kind])
    if kind == "string_pattern_mismatch":
        return word(_SHAPES.get(str(context.get("pattern")), str(context.get("pattern"))))
    return ", ".join(word(text).format(context[bound]) for bound, text in _BOUNDS.items() if bound in context)


def _choices(kind: str, context: Mapping[str, Any]) -> list[str]:
    """Return the values one member of a union would have taken, when they can be listed."""
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern", ""))
        return [pattern.strip("^$")] if pattern.strip("^$").isalpha() else []
    if kind not in ("enum", "literal_error"):
        return []
    expected = str(context.get("expected", "")).replace(" or ", ",")
    return [part.strip(" '") for part in expected.split(",") if part.strip(" '")]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return word("a mapping" if isinstance(value, Mapping) else "a list")
    return str(value)[:80] if not isinstance(value, bool) else str(value).lower()


def _fields(model: type[BaseModel], path: Path_) -> list[str]:
    """Return the keys that may stand at ``path`` of a model."""
    return list(model_at(model, path).model_fields)


def model_at(model: type[BaseModel], path: Path_) -> type[BaseModel]:
    """Return the model of what stands at ``path`` of a model; of a plain value that of its nearest parent."""
    here = model
    for part in path:
        field = here.model_fields.get(part) if isinstance(part, str) else None
        here = _model_in(field.annotation) or here if field is not None else here
    return here


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)
