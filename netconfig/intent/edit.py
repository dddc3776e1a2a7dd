"""A change file: what to add to and take from the intended configuration of some routers, on top of the estate.

Per router: ``add`` and ``remove``, texts of configuration lines as ``show running-config`` shows them, and ``drops``,
the list of what the change may take away from the network (see ``drops.py``). Nothing is guessed: a line that is not
spelt out, that the command line would act on, or that gives a setting a second value is refused with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Place, RackproofError, raise_all
from inventory.source.positions import Positioned, load_yaml
from netconfig.diff.knowledge import correct_address, find_doubled, show_line
from netconfig.diff.losses import is_a_hold
from netconfig.diff.tree import ConfigNode, parse, read_lines
from netconfig.platforms.platform import Platform, find_platform_file
from netconfig.platforms.redaction import hide

KEYS = ("title", "devices")
PARTS = ("add", "remove", "drops")


@dataclass(frozen=True, slots=True)
class DeviceEdit:
    """What one router is to get, to lose, and what of the network may go with it."""

    add: str = ""
    remove: str = ""
    drops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterChange:
    """A change as a person wrote it; ``lines`` gives the line of each path inside the file."""

    file: Path
    devices: Mapping[str, DeviceEdit]
    title: str = ""
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)
    source: tuple[str, ...] = ()

    def drops(self, device: str) -> tuple[str, ...]:
        """Return what this change may take away from the network at one router."""
        edit = self.devices.get(device)
        if edit is not None:
            return edit.drops
        return ()

    def apply(self, device: str, intended: ConfigNode, platform: Platform) -> ConfigNode:
        """Return ``intended`` with this change in it; every mistake is raised at once, each with its line.

        Raises RackproofError: NET031 a line that no change may type, NET032 a removal of what is not intended anyway,
        NET033 a line that the platform does not know, NET035 a character that the command line acts on, NET036 an
        address that is none, NET037 a second value of a setting, NET038 a word to the session, NET039 a drop of what
        nothing rests on.
        """
        edit = self.devices.get(device)
        if edit is None:
            return intended
        mistakes = [*self._check_text(device, edit, platform), *self._check_drops(device, edit, platform)]
        raise_all(mistakes)
        _remove(intended, parse(edit.remove, platform, keep_empty=True), self._not_there(device))
        _merge(intended, parse(edit.add, platform))
        raise_all(list(self._check_doubled(device, edit, intended, platform)))
        return intended

    def _check_text(self, device: str, edit: DeviceEdit, platform: Platform) -> Iterator[RackproofError]:
        refused: set[tuple[str, int]] = set()
        for part, text in (("add", edit.add), ("remove", edit.remove)):
            for number, raw in enumerate(text.split("\n")):
                code = _refuse_text(raw, platform)
                if code:
                    refused.add((part, number))
                    place = self._place(device, part, number, raw)
                    yield RackproofError(code, place=place, actual=hide(raw.strip()), device=device)
        for written in read_lines(edit.add, platform):
            if ("add", written.number) not in refused:
                place = self._place(device, "add", written.number, written.line)
                yield from _check_line(device, written.path, written.line, platform, place)

    def _check_drops(self, device: str, edit: DeviceEdit, platform: Platform) -> Iterator[RackproofError]:
        for number, name in enumerate(edit.drops):
            if not is_a_hold(name, platform):
                path = ("devices", device, "drops", number)
                place = Place(self.file, self.lines.get(path, 0), f"devices.{device}.drops.{number}")
                yield RackproofError("NET039", place=place, actual=hide(name), device=device)

    def _check_doubled(
        self, device: str, edit: DeviceEdit, intended: ConfigNode, platform: Platform
    ) -> Iterator[RackproofError]:
        doubled = list(find_doubled(intended, platform))
        for written in read_lines(edit.add, platform):
            for path, first, second in doubled:
                if (written.path, written.line) == (path, second):
                    place = self._place(device, "add", written.number, written.line)
                    other, actual = show_line(path, first), show_line(path, second)
                    yield RackproofError("NET037", place=place, actual=actual, other=other, device=device)

    def _place(self, device: str, part: str, number: int, line: str) -> Place:
        """Return where a line of a text stands: its own line in a block, else that of the key."""
        start = self.lines.get(("devices", device, part), 0)
        own = start + 1 + number
        in_block = start and own <= len(self.source) and self.source[own - 1].split() == line.split()
        if in_block:
            return Place(self.file, own, f"devices.{device}.{part}")
        return Place(self.file, start, f"devices.{device}.{part}")

    def _not_there(self, device: str) -> RackproofError:
        place = self._place(device, "remove", -1, "")
        return RackproofError("NET032", place=place, device=device)


def load_change(file: Path, known: set[str]) -> RouterChange:
    """Load a change file for the routers ``known``. Raises RackproofError: NET030 for a file that is not one."""
    document = load_yaml(file)
    data = document.data
    _require_keys(document, (), data, KEYS)
    devices = data.get("devices")
    if not isinstance(devices, dict) or not devices:
        raise _wrong(document, ("devices",), "NET030")
    title = data.get("title", "")
    if not isinstance(title, str) or not title.isprintable():
        raise _wrong(document, ("title",), "NET030")
    edits = {device: _read_edit(document, device, parts, known) for device, parts in devices.items()}
    source = tuple(file.read_text("utf-8").splitlines())
    return RouterChange(file, edits, title, document.lines, source)


def _read_edit(document: Positioned, device: str, parts: Any, known: set[str]) -> DeviceEdit:
    path = ("devices", device)
    if device not in known:
        raise RackproofError("NET010", place=document.place(path), actual=device, known=known)
    if not isinstance(parts, dict) or not parts:
        raise _wrong(document, path, "NET030")
    _require_keys(document, path, parts, PARTS)
    for part in ("add", "remove"):
        if not isinstance(parts.get(part, ""), str):
            raise _wrong(document, (*path, part), "NET030")
    drops = parts.get("drops", [])
    if not isinstance(drops, list) or not all(isinstance(name, str) for name in drops):
        raise _wrong(document, (*path, "drops"), "NET030")
    return DeviceEdit(parts.get("add", ""), parts.get("remove", ""), tuple(drops))


def _require_keys(document: Positioned, path: tuple[str, ...], data: Any, known: tuple[str, ...]) -> None:
    strange = [key for key in data if key not in known]
    if strange:
        place = document.place((*path, strange[0]))
        raise RackproofError("NET030", place=place, actual=strange[0], known=known)


def _wrong(document: Positioned, path: tuple[str, ...], code: str) -> RackproofError:
    return RackproofError(code, place=document.place(path))


def explain_forbidden(device: str, line: str, place: Place | None = None) -> RackproofError:
    """Return the refusal of a line that restoring a configuration would not undo, or that touches the safety net."""
    return RackproofError("NET031", place=place, device=device, actual=hide(line))


def _refuse_text(raw: str, platform: Platform) -> str:
    """Return the code of what is wrong with the characters or the first word of a line, empty for a good one."""
    if not platform.is_typable(raw):
        return "NET035"
    if platform.is_session_word(raw):
        return "NET038"
    return ""


def _check_line(
    device: str, path: tuple[str, ...], line: str, platform: Platform, place: Place
) -> Iterator[RackproofError]:
    """Yield what is wrong with one line to add; what stands inside an unknown line says nothing more."""
    if platform.is_forbidden(line):
        yield explain_forbidden(device, line, place)
    elif not platform.knows(path, line):
        if platform.section_name(path) is not None:
            file = find_platform_file(platform.name)
            actual = show_line(path, line)
            yield RackproofError("NET033", place=place, actual=actual, device=device, platform=platform.name, file=file)
    else:
        better = correct_address(line, platform)
        if better:
            yield RackproofError("NET036", place=place, actual=hide(line), device=device, better=better)


def _merge(into: ConfigNode, extra: ConfigNode) -> None:
    for line, node in extra.children.items():
        _merge(into.add(line), node)


def _remove(from_: ConfigNode, gone: ConfigNode, problem: RackproofError) -> None:
    for line, node in gone.children.items():
        if line not in from_.children:
            raise problem
        if node.children:
            _remove(from_.children[line], node, problem)
        else:
            del from_.children[line]
