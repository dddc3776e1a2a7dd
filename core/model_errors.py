"""What pydantic says about a wrong value, in words of this project: code, place, expectation, remedy, did you mean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, is_typeddict

from pydantic import BaseModel, RootModel, ValidationError

from core.errors import Place, RackproofError
from core.i18n import N_, _, ngettext
from core.yaml import PREFIX, DataPath, Document

#: A text without control characters (a terminal obeys them, XML has none) and without what turns the direction of text.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]*$"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_LONGEST_SHOWN = 80

_CODES = {
    "extra_forbidden": "020",
    "missing": "021",
    "string_pattern_mismatch": "024",
    "enum": "025",
    "literal_error": "025",
    "ip_v4_network": "026",
    "ip_v6_network": "026",
    "ip_v4_address": "026",
    "greater_than_equal": "023",
    "less_than_equal": "023",
    "greater_than": "023",
    "less_than": "023",
    "string_too_short": "027",
    "too_short": "027",
}
_TYPES = {
    "string_type": N_("a text"),
    "int_type": N_("a whole number"),
    "int_parsing": N_("a whole number"),
    "bool_type": N_("true or false"),
    "int_from_float": N_("a whole number"),
    "bool_parsing": N_("true or false"),
    "float_type": N_("a number"),
    "float_parsing": N_("a number"),
    "tuple_type": N_("a list"),
    "list_type": N_("a list"),
    "set_type": N_("a list"),
    "frozen_set_type": N_("a list"),
    "model_type": N_("a mapping"),
    "dict_type": N_("a mapping"),
    "model_attributes_type": N_("a mapping"),
    "date_from_datetime_inexact": N_("a date"),
    "date_type": N_("a date, 2029-12-31"),
    "date_parsing": N_("a date, 2029-12-31"),
    "date_from_datetime_parsing": N_("a date, 2029-12-31"),
}
_BOUNDS = {"ge": N_("at least {}"), "gt": N_("more than {}"), "le": N_("at most {}"), "lt": N_("less than {}")}

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a room speaks of its mistakes of form: the prefix of its codes, and its patterns of texts in words.

    ``shapes``: a regular expression of the room's models → what a person reads instead, marked for translation.
    """

    prefix: str = PREFIX
    shapes: Mapping[str, str] = field(default_factory=dict)


def fit_model(document: Document, model: type[Model]) -> tuple[Model | None, list[RackproofError]]:
    """Return a document's data as a model, and every mistake in it; None when there is one.

    Raises TypeError for a model that would take an unknown key.
    """
    require_closed(model)
    errors = list(_find_control_characters(document))
    # As JSON: only there may a text stand for a date or an address while every other conversion is refused.
    content = json.dumps(document.data, default=date.isoformat)
    try:
        made = model.model_validate_json(content, strict=True)
    except ValidationError as error:
        errors.extend(describe_mistakes(error, document.data, model, document.place))
        return None, errors
    return None if errors else made, errors


@cache
def require_closed(model: type[BaseModel]) -> None:
    """Raise TypeError for a model that would take an unknown key somewhere, naming it."""
    for found in _models_in(model, set()):
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            raise TypeError(f"{model.__name__}: {found} cannot refuse unknown keys; make it a pydantic model")
        if not issubclass(found, RootModel) and found.model_config.get("extra") != "forbid":
            raise TypeError(f"{model.__name__}: {found.__name__} takes unknown keys; set extra='forbid'")


def describe_mistakes(
    error: ValidationError,
    data: Any,
    model: type[BaseModel],
    place: Callable[[DataPath], Place],
    dialect: Dialect = Dialect(),
) -> Iterator[RackproofError]:
    """Yield one error per wrong place; what a union says twice about one place is said once."""
    items: dict[DataPath, dict[str, Any]] = {}
    choices: dict[DataPath, list[str]] = {}
    for item in error.errors(include_url=False):
        path = _in_data(tuple(item["loc"]), data, item["type"])
        items.setdefault(path, dict(item))
        choices.setdefault(path, []).extend(_choices(item["type"], item.get("ctx", {})))
    for path, first in items.items():
        yield _Mistake(first, path, place(path), choices[path], dialect).describe(model)


def model_at(model: type[BaseModel], path: DataPath) -> type[BaseModel]:
    """Return the model of what stands at ``path`` of a model; of a plain value that of its nearest parent."""
    here = _unwrap(model)
    for part in path:
        entry = here.model_fields.get(part) if isinstance(part, str) else None
        found = _model_in(entry.annotation) if entry is not None else None
        if found is not None:
            here = _unwrap(found)
    return here


@dataclass(frozen=True, slots=True)
class _Mistake:
    """One mistake as pydantic says it, where it stands, and what might have stood there."""

    item: dict[str, Any]
    path: DataPath
    place: Place
    choices: list[str]
    dialect: Dialect

    def describe(self, model: type[BaseModel]) -> RackproofError:
        kind = self.item["type"]
        otherwise = "022" if kind in _TYPES else "028"
        number = _CODES.get(kind, otherwise)
        key = str(self.path[-1]) if self.path else self.place.file.name  # what is wrong may be the whole of a file
        if number == "027" and self.item.get("ctx", {}).get("min_length", 1) > 1:  # too short, and yet not empty
            number = "023"
        if number == "020":
            return self._error(number, actual=key, known=list(model_at(model, self.path[:-1]).model_fields))
        if self.item["loc"][-1:] == ("[key]",) and number == "025":  # pydantic's word for a key, not its value
            return self._error("020", actual=key, known=self.choices)
        if number == "021":
            return self._error(number, key=key)
        actual = _quote(self.item.get("input"))
        if number == "024" and self.item.get("ctx", {}).get("pattern") == PRINTABLE:
            text = str(self.item.get("input"))
            found = next(c for c in text if not re.fullmatch(PRINTABLE, c) or c == "\n")
            return self._error("044", key=key, actual=actual, found=f"U+{ord(found):04X}")
        if number == "025":
            return self._error(number, key=key, actual=actual, known=self.choices)
        said = self.item["msg"].removeprefix("Value error, ")
        facts: dict[str, Any] = {"expected": self._least_entries()} if kind == "too_short" else {}
        return self._error(number, key=key, actual=actual, wanted=self._wanted(), problem=_(said), **facts)

    def _error(self, number: str, **facts: Any) -> RackproofError:
        return RackproofError(f"{self.dialect.prefix}{number}", place=self.place, **facts)

    def _least_entries(self) -> str:
        least = self.item["ctx"]["min_length"]
        return ngettext("at least {n} entry", "at least {n} entries", least).format(n=least)

    def _wanted(self) -> str:
        kind, context = self.item["type"], self.item.get("ctx", {})
        if kind in _TYPES:
            return _(_TYPES[kind])
        if kind == "string_pattern_mismatch":
            pattern = str(context.get("pattern"))
            return _(self.dialect.shapes.get(pattern, pattern))
        if kind == "string_too_short":
            least = context["min_length"]
            return ngettext("at least {n} character", "at least {n} characters", least).format(n=least)
        return ", ".join(_(text).format(context[bound]) for bound, text in _BOUNDS.items() if bound in context)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int)


def _in_data(loc: DataPath, data: Any, kind: str) -> DataPath:
    """Cut what pydantic adds to a path (names of union members): keep what the data really holds."""
    path: list[str | int] = []
    given = loc[:-1] if kind == "missing" else loc
    for part in given:
        if not _holds(data, part):
            break
        path.append(part)
        data = data[part]
    if kind == "missing":
        return (*path, loc[-1])
    return tuple(path)


def _choices(kind: str, context: Mapping[str, Any]) -> list[str]:
    """Return the values one member of a union would have taken, when they can be listed."""
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern", ""))
        if pattern.strip("^$").isalpha():
            return [pattern.strip("^$")]
        return []
    if kind not in ("enum", "literal_error"):
        return []
    expected = str(context.get("expected", "")).replace(" or ", ",")
    return [part.strip(" '") for part in expected.split(",") if part.strip(" '")]


def _quote(value: Any) -> str:
    if isinstance(value, Mapping):
        return _("a mapping")
    if isinstance(value, list | tuple):
        return _("a list")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:_LONGEST_SHOWN].replace("\n", "\\n")


def _unwrap(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model inside a file that is one mapping or list of models."""
    inner = _model_in(model.model_fields["root"].annotation) if issubclass(model, RootModel) else None
    if inner is None:
        return model
    return _unwrap(inner)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            return annotation
        return None
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)


def _models_in(annotation: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield every class in an annotation that holds named fields, and those inside it."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if annotation in seen:
            return
        seen.add(annotation)
        if is_dataclass(annotation) or is_typeddict(annotation):
            yield annotation
        elif issubclass(annotation, BaseModel):
            yield annotation
            for entry in annotation.model_fields.values():
                yield from _models_in(entry.annotation, seen)
        return
    for inner in get_args(annotation):
        yield from _models_in(inner, seen)


def _find_control_characters(document: Document) -> Iterator[RackproofError]:
    pending: list[tuple[DataPath, Any]] = [((), document.data)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(((*path, key), inner) for key, inner in value.items())
            pending.extend(((*path, key), key) for key in value)
        elif isinstance(value, list):
            pending.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif isinstance(value, str) and (found := _CONTROL.search(value)):
            code = f"U+{ord(found[0]):04X}"
            key = str(path[-1]) if path else ""
            yield RackproofError("YML044", place=document.place(path), key=key, actual=_quote(value), found=code)
