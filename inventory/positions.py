"""YAML with positions: plain data plus the line on which every value stands, so that each error can name its place.

Refuses what makes YAML surprising in a reviewed file: duplicate keys, anchors and aliases, tags, several documents,
and the readings of YAML 1.1 that nobody expects (``no`` is a text here, ``010`` and ``1:20`` too). Time and memory are
bounded: size, depth and number of values have limits, and parsing stops at the first thing that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from core.errors import Place, RackproofError
from inventory.mistakes import mistake
from inventory.reads import looked_at

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 24
MAX_VALUES = 200_000
MAX_DIGITS = 18
Path_ = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Positioned:
    """One parsed file: its data and the line (1-based) of every path inside it."""

    file: Path
    data: Any
    lines: dict[Path_, int]

    def place(self, path: Path_) -> Place:
        """Return the place of ``path``, or of its nearest parent that is written in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Place(self.file, self.lines.get(known, 0), ".".join(str(part) for part in path))


def load_yaml(file: Path) -> Positioned:
    """Parse one YAML file.

    Raises RackproofError: EST001 unreadable, EST002 not UTF-8, EST003 too large, EST004 not YAML, EST005 duplicate key,
    EST006 anchor or alias, EST007 not a mapping, EST008 empty, EST009 too deep or too many values, EST010 a tag,
    EST011 several documents, EST012 a key that is not a text, EST013 a value that cannot be read.
    """
    text = _read(file)
    reader = _Reader(file)
    try:
        data = reader.document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise mistake("EST004", Place(file, mark.line + 1 if mark else 0), problem=error.problem or "") from error
    except yaml.YAMLError as error:
        raise mistake("EST004", Place(file), problem=str(error).splitlines()[0]) from error
    if data is None:
        raise mistake("EST008", Place(file))
    if not isinstance(data, dict):
        raise mistake("EST007", Place(file, 1), found=type(data).__name__)
    return Positioned(file, data, reader.lines)


def _read(file: Path) -> str:
    looked_at(file)
    try:
        if file.exists() and not file.is_file():  # a pipe would wait for ever, a device never end
            raise mistake("EST001", Place(file), reason="not a regular file")
        if file.exists() and file.stat().st_size > MAX_BYTES:
            raise mistake("EST003", Place(file), limit=MAX_BYTES, size=file.stat().st_size)
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise mistake("EST001", Place(file), reason=error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise mistake("EST002", Place(file), byte=error.start) from error


@dataclass(slots=True)
class _Reader:
    """Builds data from parser events, so that nothing is expanded or constructed before it was looked at."""

    file: Path
    lines: dict[Path_, int] = field(default_factory=dict)

    def document(self, events: Iterator[yaml.Event]) -> Any:
        data, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse("EST011", event)
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, events, ())
        return data

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path_) -> Any:
        self._guard(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        return self._sequence(events, path)

    def _guard(self, event: yaml.Event, path: Path_) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refuse("EST006", event)
        tag = getattr(event, "tag", None)
        if tag:
            raise self._refuse("EST010", event, tag=tag)
        self.lines.setdefault(path, _line(event))
        if len(path) > MAX_DEPTH or len(self.lines) > MAX_VALUES:
            raise self._refuse("EST009", event, depth=MAX_DEPTH, values=MAX_VALUES)

    def _mapping(self, events: Iterator[yaml.Event], path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            below = (*path, key)
            if key in result:
                raise self._refuse("EST005", event, key=key, first=self.lines[below])
            self.lines[below] = _line(event)
            result[key] = self._value(next(events), events, below)
        return result

    def _key(self, event: yaml.Event, path: Path_) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse("EST012", event)
        if event.anchor or event.tag:
            self._guard(event, path)
        if not event.value.strip():
            raise self._refuse("EST012", event)
        return str(event.value)

    def _sequence(self, events: Iterator[yaml.Event], path: Path_) -> list[Any]:
        result: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            result.append(self._value(event, events, (*path, len(result))))
        return result

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        try:
            return _plain(text)
        except ValueError as error:
            raise self._refuse("EST013", event, text=text[:60], problem=str(error)) from error

    def _refuse(self, code: str, event: yaml.Event, **facts: object) -> RackproofError:
        return mistake(code, Place(self.file, _line(event)), known=(), **facts)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _plain(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"a number of {len(text)} digits")
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) < 64:
        return float(text)
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    return text
