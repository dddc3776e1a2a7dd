"""A change file: lines to add to or take from the intended configuration of some routers, on top of the estate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from core.errors import ExitCode, Place, RackproofError
from netconfig.platform import Platform
from netconfig.tree import Node, parse, walk

KEYS = {"title", "devices"}
PARTS = {"add", "remove"}


class Change:
    """Additions and removals per router, as written by a person; nothing is guessed."""

    def __init__(self, file: Path, devices: dict[str, dict[str, str]], title: str = "") -> None:
        self.file, self.devices, self.title = file, devices, title

    def apply(self, device: str, intended: Node, platform: Platform) -> Node:
        """Return ``intended`` with this change in it.

        Raises RackproofError: NET031 a line that no change may type, NET032 a removal of what is not intended anyway.
        """
        parts = self.devices.get(device, {})
        for _, line in walk(parse(parts.get("add", ""), platform)):
            if platform.is_forbidden(line):
                raise forbidden(device, line, Place(self.file, path=f"devices.{device}.add"))
        _remove(intended, parse(parts.get("remove", ""), platform, keep_empty=True), self._not_there(device))
        _merge(intended, parse(parts.get("add", ""), platform))
        return intended

    def _not_there(self, device: str) -> RackproofError:
        return RackproofError(
            "NET032", f"a line to remove is not in the intended configuration of {device}",
            place=Place(self.file, path=f"devices.{device}.remove"),
            remedy=f"compare with `rackproof net render {device}`", exit_code=ExitCode.INVALID,
        )  # fmt: skip


def load(file: Path, known: set[str]) -> Change:
    """Load a change file. Raises RackproofError (NET030) for a file that is not one."""
    try:
        data: Any = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(file, "", str(error).splitlines()[0]) from None
    if not isinstance(data, dict) or not isinstance(data.get("devices"), dict) or set(data) - KEYS:
        raise _wrong(file, "", "keys 'title' and 'devices', nothing else")
    for device, parts in data["devices"].items():
        if device not in known:
            raise _wrong(file, f"devices.{device}", f"a router: {', '.join(sorted(known))}")
        if not isinstance(parts, dict) or set(parts) - PARTS or not all(isinstance(v, str) for v in parts.values()):
            raise _wrong(file, f"devices.{device}", "'add' and 'remove', each a text of configuration lines")
    return Change(file, data["devices"], str(data.get("title", "")))


def forbidden(device: str, line: str, place: Place | None = None) -> RackproofError:
    """Return the refusal of a line that restoring a configuration would not undo, or that touches the safety net."""
    return RackproofError(
        "NET031", f"{device}: '{line}' may not be part of a change", place=place,
        expected="configuration that the device can roll back by itself",
        remedy="do it by hand on the console, if it has to be", exit_code=ExitCode.REFUSED,
    )  # fmt: skip


def _wrong(file: Path, path: str, expected: str) -> RackproofError:
    return RackproofError(
        "NET030", "not a change file", place=Place(file, path=path), expected=expected, exit_code=ExitCode.INVALID
    )


def _merge(into: Node, extra: Node) -> None:
    for line, node in extra.children.items():
        _merge(into.add(line), node)


def _remove(from_: Node, gone: Node, problem: RackproofError) -> None:
    for line, node in gone.children.items():
        if line not in from_.children:
            raise problem
        if node.children:
            _remove(from_.children[line], node, problem)
        else:
            del from_.children[line]
