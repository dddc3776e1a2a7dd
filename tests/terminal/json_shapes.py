"""Holds data against a shape of ``docs/json.yml``; the notation stands at the top of that file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.console import ERROR_SCHEMA, JSON_VERSION
from core.json_page import ONE_OF, Contract

SCALARS: dict[str, tuple[type, ...]] = {
    "text": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "any": (object,),
}  # fmt: skip


def check_envelope(envelope: Any, contract: Contract, schema: str) -> list[str]:
    """Return what is wrong with an envelope that a verb printed, whose result is of ``schema``; [] when nothing is."""
    if not isinstance(envelope, dict) or list(envelope) != ["schema", "version", "data", "errors"]:
        return [f"no envelope: {str(envelope)[:200]}"]
    found = [] if envelope["version"] == JSON_VERSION else [f"version {envelope['version']}"]
    found += find_mismatches(envelope["errors"], ["Error"], contract.types, "errors")
    if envelope["schema"] == ERROR_SCHEMA:
        if envelope["data"] is not None:
            found.append("an error with data")
        if not envelope["errors"]:
            found.append("an error that says nothing")
        return found
    if envelope["schema"] != schema:
        return [*found, f"schema {envelope['schema']}, not {schema}"]
    return found + find_mismatches(envelope["data"], shape_of(envelope["data"], contract, schema), contract.types)


def shape_of(data: Any, contract: Contract, schema: str) -> Any:
    """Return the shape of a schema's data; of a stream that of the event in ``data``."""
    entry = contract.schemas[schema]
    if not entry.stream:
        return entry.data
    event = data.get("event") if isinstance(data, dict) else None
    if event not in entry.stream:
        return {"event": f"one of the events {', '.join(entry.stream)}"}
    return {"event": "text", **entry.stream[event]}


def find_mismatches(value: Any, shape: Any, types: Mapping[str, Any], where: str = "data") -> list[str]:
    """Return every place where a value is not of a shape: unknown, missing, or of another type."""
    if isinstance(shape, str):
        return _check_words(value, shape, types, where)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: {type(value).__name__}, not a list"]
        return [text for item in value for text in find_mismatches(item, shape[0], types, f"{where}[]")]
    if ONE_OF in shape:
        answers = [find_mismatches(value, option, types, where) for option in shape[ONE_OF]]
        return min(answers, key=len)
    if not isinstance(value, dict):
        return [f"{where}: {type(value).__name__}, not an object"]
    return list(_check_fields(value, shape, types, where))


def name_scalars(shape: Any) -> Iterator[str]:
    """Yield every word that stands for a value in a shape."""
    if isinstance(shape, str):
        yield from (word.strip() for word in shape.split("|"))
    elif isinstance(shape, list):
        for part in shape:
            yield from name_scalars(part)
    elif isinstance(shape, dict):
        for part in shape.values():
            yield from name_scalars(part)


def _check_words(value: Any, words: str, types: Mapping[str, Any], where: str) -> list[str]:
    answers = [_check_word(value, word.strip(), types, where) for word in words.split("|")]
    if len(answers) == 1 or [] in answers:
        return min(answers, key=len)
    return [f"{where}: {type(value).__name__}, not {words}"]


def _check_word(value: Any, word: str, types: Mapping[str, Any], where: str) -> list[str]:
    if word in types:
        return find_mismatches(value, types[word], types, where)
    is_number_by_accident = isinstance(value, bool) and word in ("integer", "number")
    if isinstance(value, SCALARS.get(word, ())) and not is_number_by_accident:
        return []
    return [f"{where}: {type(value).__name__}, not {word}"]


def _check_fields(
    value: Mapping[str, Any], shape: Mapping[str, Any], types: Mapping[str, Any], where: str
) -> Iterator[str]:
    named = {name.removesuffix("?"): part for name, part in shape.items() if not name.startswith("<")}
    others = [part for name, part in shape.items() if name.startswith("<")]
    for name in named:
        if name not in value and f"{name}?" not in shape:
            yield f"{where}.{name}: missing"
    for name, item in value.items():
        if name in named:
            yield from find_mismatches(item, named[name], types, f"{where}.{name}")
        elif others:
            yield from find_mismatches(item, others[0], types, f"{where}.{name}")
        else:
            yield f"{where}.{name}: unknown"
