"""YAML with positions: plain data plus the line on which every value stands, so that each error can name its place.

Refuses what makes YAML surprising in a reviewed file: duplicate keys, anchors and aliases, tags, several documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExitCode, Place, RackproofError

MAX_BYTES = 4 * 1024 * 1024
Path_ = tuple[str | int, ...]


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

    Raises RackproofError: EST001 unreadable, EST002 not UTF-8, EST003 too large, EST004 not YAML,
    EST005 duplicate key, EST006 anchor or alias, EST007 not a mapping.
    """
    text = _read(file)
    try:
        node = yaml.compose(text, Loader=_NoAliasLoader)
    except _AliasError as error:
        raise _invalid("EST006", "anchors and aliases are not allowed", file, error.line,
                       remedy="write the value out, or put it into an archetype") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _invalid("EST004", f"not valid YAML: {error.problem}", file, line) from error
    except yaml.YAMLError as error:
        raise _invalid("EST004", f"not valid YAML: {error}", file, 0) from error
    lines: dict[Path_, int] = {}
    data = _construct(node, (), file, lines) if node else None
    if not isinstance(data, dict):
        raise _invalid("EST007", "the file is not a mapping", file, 1, expected="key: value lines at the top level")
    return Positioned(file, data, lines)


class _AliasError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _NoAliasLoader(yaml.SafeLoader):
    """Safe loader that stops at the first anchor or alias, before anything is expanded."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "anchor", None):
            raise _AliasError(event.start_mark.line + 1)
        return super().compose_node(parent, index)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise _invalid("EST003", "the file is too large", file, 0, expected=f"at most {MAX_BYTES} bytes")
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise _invalid("EST001", f"the file cannot be read: {error.strerror}", file, 0) from error
    except UnicodeDecodeError as error:
        raise _invalid("EST002", "the file is not UTF-8", file, 0, actual=f"byte {error.start}") from error


def _construct(node: yaml.Node, path: Path_, file: Path, lines: dict[Path_, int]) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(node, path, file, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(child, (*path, index), file, lines) for index, child in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node)  # type: ignore[no-untyped-call]


def _construct_mapping(node: yaml.MappingNode, path: Path_, file: Path, lines: dict[Path_, int]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _invalid("EST004", "a key must be a plain text", file, key_node.start_mark.line + 1)
        key = yaml.SafeLoader("").construct_object(key_node)  # type: ignore[no-untyped-call]
        line = key_node.start_mark.line + 1
        if key in result:
            raise _invalid("EST005", f"the key '{key}' stands twice", file, line,
                           expected=f"once; first on line {lines[(*path, key)]}", remedy="remove one of the two")
        result[key] = _construct(value_node, (*path, key), file, lines)
        lines[(*path, key)] = line
    return result


def _invalid(code: str, message: str, file: Path, line: int, **parts: str) -> RackproofError:
    return RackproofError(code, message, place=Place(file, line), exit_code=ExitCode.INVALID, **parts)
