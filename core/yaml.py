"""The one strict YAML reader: plain data plus the line on which every value stands, so that an error names its place.

Refuses what makes YAML surprising in a reviewed file: duplicate keys, anchors and aliases, tags, several documents,
and the readings of YAML 1.1 that nobody expects (``no`` is a text here, ``010`` and ``1:20`` too). Time and memory are
bounded: size, depth and number of values have limits, and parsing stops at the first thing that is refused.

``read_yaml`` gives the data, ``read_model`` checks it against a pydantic model that takes no unknown key. Every data
file of the project is read by one of the two; ``tests/house/test_yaml.py`` holds that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from core.errors import Place, RackproofError, raise_all
from core.files import FileTooLargeError, NotRegularFileError, read_regular_file
from core.i18n import _
from core.refusals import say_refusal

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 24
MAX_VALUES = 200_000
MAX_DIGITS = 18
#: The codes of this reader in the table of errors; a room with codes of its own for the same mistakes names its prefix.
PREFIX = "YML"
#: A path inside a document: keys of mappings and positions (0-based) in lists.
DataPath = tuple[str | int, ...]

# The parser in C is ten times as fast; where it was not built, the other one reads the same.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What a file of YAML may be called, elsewhere than in our own folders of data, which know only the first.
SUFFIXES = (".yml", ".yaml")
_YAML = re.compile(r"\.ya?ml", re.IGNORECASE)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: its data and the line (1-based) of every path inside it."""

    file: Path
    data: Any
    lines: dict[DataPath, int]

    def place(self, path: DataPath) -> Place:
        """Return the place of ``path``, or of its nearest parent that is written in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return Place(self.file, self.lines.get(known, 0), ".".join(str(part) for part in path))


def list_data_files(folder: Path, *, deep: bool = False) -> list[Path]:
    """Return every ``*.yml`` of a folder of data files, with ``deep`` of those below it, in the order of their names.

    What looks like one more is refused, as it would be missed in silence: ``*.yaml``, a backup, a hidden file. What an
    editor keeps while it is open (hidden, with a further suffix) is passed over.
    Raises RackproofError (YML050) or ErrorGroup.
    """
    every = folder.rglob("*") if deep else folder.glob("*")
    present = sorted(path for path in every if _YAML.search(path.name))
    wanted = [path for path in present if path.suffix == ".yml" and not path.name.startswith(".")]
    errors = [RackproofError("YML050", place=Place(path)) for path in present if path not in wanted and _is_meant(path)]
    raise_all(errors)
    return wanted


def _is_meant(path: Path) -> bool:
    return not path.name.startswith(".") or path.suffix.lower() in SUFFIXES


def read_yaml(path: Path, prefix: str = PREFIX) -> Document:
    """Read one YAML file, a mapping at its top.

    ``prefix`` is that of the codes. Raises RackproofError: …001 not there or not a file, …002 not UTF-8, …003 too
    large, …004 not YAML, …005 duplicate key, …006 anchor or alias, …007 not a mapping, …008 empty, …009 too deep or too
    many values, …010 a tag, …011 several documents, …012 a key that is not a text, …013 a value that cannot be read;
    FIL002 when this account may not read it.
    """
    return parse_yaml(read_yaml_bytes(path, prefix), path, prefix)


def parse_yaml(content: bytes, path: Path, prefix: str = PREFIX) -> Document:
    """Parse what a YAML file holds; ``path`` is the place of its errors. Raises as ``read_yaml``."""
    if len(content) > MAX_BYTES:
        raise RackproofError(f"{prefix}003", place=Place(path), limit=MAX_BYTES, size=len(content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RackproofError(f"{prefix}002", place=Place(path), byte=error.start) from error
    builder = _Builder(path, prefix)
    try:
        data = builder.build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        raise RackproofError(f"{prefix}004", place=Place(path, line), problem=error.problem or "") from error
    except yaml.YAMLError as error:
        raise RackproofError(f"{prefix}004", place=Place(path), problem=str(error).splitlines()[0]) from error
    if data is None:
        raise RackproofError(f"{prefix}008", place=Place(path))
    if not isinstance(data, dict):
        raise RackproofError(f"{prefix}007", place=Place(path, 1), found=type(data).__name__)
    return Document(path, data, builder.lines)


def read_yaml_bytes(path: Path, prefix: str = PREFIX) -> bytes:
    """Return what a file of YAML holds. Raises RackproofError as ``read_yaml``: …001, …003, FIL002."""
    try:
        return read_regular_file(path, MAX_BYTES)
    except NotRegularFileError as error:
        raise RackproofError(f"{prefix}001", place=Place(path), reason=_("not a regular file")) from error
    except FileTooLargeError as error:
        raise RackproofError(f"{prefix}003", place=Place(path), limit=MAX_BYTES, size=error.size) from error
    except PermissionError as error:
        raise RackproofError("FIL002", place=Place(path), actual=say_refusal(error)) from error
    except OSError as error:
        raise RackproofError(f"{prefix}001", place=Place(path), reason=say_refusal(error)) from error


@dataclass(slots=True)
class _Builder:
    """Builds data from parser events, so that nothing is expanded or constructed before it was looked at."""

    file: Path
    prefix: str
    lines: dict[DataPath, int] = field(default_factory=dict)

    def build(self, events: Iterator[yaml.Event]) -> Any:
        data, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse("011", event)
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, events, ())
        return data

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], path: DataPath) -> Any:
        self._guard(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        return self._sequence(events, path)

    def _guard(self, event: yaml.Event, path: DataPath) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refuse("006", event)
        tag = getattr(event, "tag", None)
        if tag:
            raise self._refuse("010", event, tag=tag)
        self.lines.setdefault(path, _line(event))
        if len(path) > MAX_DEPTH or len(self.lines) > MAX_VALUES:
            raise self._refuse("009", event, depth=MAX_DEPTH, values=MAX_VALUES)

    def _mapping(self, events: Iterator[yaml.Event], path: DataPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            below = (*path, key)
            if key in result:
                raise self._refuse("005", event, key=key, first=self.lines[below])
            self.lines[below] = _line(event)
            result[key] = self._value(next(events), events, below)
        return result

    def _key(self, event: yaml.Event, path: DataPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse("012", event)
        if event.anchor or event.tag:
            self._guard(event, path)
        if not event.value.strip():
            raise self._refuse("012", event)
        return str(event.value)

    def _sequence(self, events: Iterator[yaml.Event], path: DataPath) -> list[Any]:
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
            raise self._refuse("013", event, text=text[:60], problem=str(error)) from error

    def _refuse(self, number: str, event: yaml.Event, **facts: Any) -> RackproofError:
        return RackproofError(f"{self.prefix}{number}", place=Place(self.file, _line(event)), **facts)


def _line(event: yaml.Event) -> int:
    if event.start_mark:
        return event.start_mark.line + 1
    return 0


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
