"""Draw docs/architecture.md from the imports as they are: run `python docs/draw_architecture.py` after a change.

The allowed arrows are a table; a test holds both the table and the drawing against the code.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
DRAWING = REPOSITORY / "docs" / "architecture.md"
#: Three values and where they pass; and where to look for what.
WALKS: dict[str, list[dict[str, Any]]] = yaml.safe_load((REPOSITORY / "docs" / "walks.yml").read_text(encoding="utf-8"))
#: room → sub-room → its purpose, its door, and the sub-rooms that it may import.
SUB_ROOMS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    (REPOSITORY / "docs" / "house.yml").read_text(encoding="utf-8")
)

# room → the rooms it may import. Arrows point down only, so there can be no circle.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "inventory": frozenset({"core"}),
    "netconfig": frozenset({"core", "inventory"}),
    "monitoring": frozenset({"core", "inventory"}),
    "playbooks": frozenset({"core", "inventory", "roles"}),
    "roles": frozenset({"core", "inventory"}),
    "checks": frozenset({"core", "inventory", "monitoring"}),
    "bench": frozenset({"core", "inventory"}),
    "lab": frozenset({"core", "inventory"}),
    "install": frozenset({"core"}),
    "rackproof": frozenset({"core", "inventory", "netconfig", "monitoring", "playbooks", "checks", "bench", "lab"}),
}
PURPOSE: dict[str, str] = {
    "core": "errors with a place, workspace, signed journal, store, console",
    "inventory": "the estate, its validation and what follows from it",
    "netconfig": "render, diff, plan, change with a device-fired rollback",
    "monitoring": "poll, normalise, expose, alert",
    "playbooks": "runs Ansible and pyinfra",
    "roles": "what a host must look like",
    "checks": "requirements, collectors, judges, evidence, reports",
    "bench": "measures: the speed of the estate, the style of the code",
    "lab": "the estate on one machine, and its faults",
    "install": "how the tree becomes a wheel, and where an installed one starts",
    "rackproof": "the front door",
}


def list_modules(repository: Path = REPOSITORY) -> dict[str, Path]:
    """Return every module of the house by its dotted name; a package stands for its ``__init__``."""
    modules = {}
    for room in MAY_IMPORT:
        root = repository / room
        for file in sorted(root.rglob("*.py")) if root.is_dir() else [repository / f"{room}.py"]:
            if file.exists():
                parts = file.relative_to(repository).with_suffix("").parts
                modules[".".join(parts).removesuffix(".__init__")] = file
    return modules


def find_imports(modules: dict[str, Path]) -> dict[str, set[str]]:
    """Return what every module imports of the house, also inside functions: module → modules."""
    return {name: set(_modules_imported(file, modules)) - {name} for name, file in modules.items()}


@cache
def read_imported_names(file: Path) -> tuple[str, ...]:
    """Return the dotted names that a module imports, also inside functions; each file is read once."""
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(names)


def _modules_imported(file: Path, modules: dict[str, Path]) -> Iterator[str]:
    for name in read_imported_names(file):
        while name and name not in modules:
            name = name.rpartition(".")[0]  # noqa: PLW2901 - the module that has it
        if name:
            yield name


def node_room(module: str) -> str:
    """Return the room of a module."""
    return module.partition(".")[0]


def find_sub_room(module: str) -> str:
    """Return the sub-room of a module as ``room.sub-room``; empty for one that lies in the room itself."""
    room, _dot, rest = module.partition(".")
    name = rest.partition(".")[0]
    return f"{room}.{name}" if name in SUB_ROOMS.get(room, {}) else ""


def find_circle(imports_of: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle; empty when there are none."""
    try:
        TopologicalSorter(imports_of).prepare()
    except CycleError as circle:
        return list(circle.args[1])
    return []


def imports(repository: Path = REPOSITORY) -> Counter[tuple[str, str]]:
    """Count the imports between rooms: (importing room, imported room) → number of modules imported."""
    arrows: Counter[tuple[str, str]] = Counter()
    modules = list_modules(repository)
    known = modules | {room: Path() for room in MAY_IMPORT}
    for name, file in modules.items():
        room = node_room(name)
        arrows.update((room, node_room(other)) for other in _modules_imported(file, known) if node_room(other) != room)
    return arrows


def find_sub_room_arrows(imports_of: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return which sub-rooms each sub-room imports, of its own room: ``room.sub-room`` → the like."""
    arrows: dict[str, set[str]] = {f"{room}.{name}": set() for room, names in SUB_ROOMS.items() for name in names}
    for module, others in imports_of.items():
        here = find_sub_room(module)
        if here:
            there = {find_sub_room(other) for other in others if node_room(other) == node_room(module)}
            arrows[here] |= there - {here, ""}
    return arrows


def drawing(repository: Path = REPOSITORY) -> str:
    """Return the text of docs/architecture.md for the imports as they are."""
    arrows = imports(repository)
    lines = [
        "# Architecture",
        "",
        "Drawn from the real imports by `python docs/draw_architecture.py`; a test fails when it is out of date or",
        "when an arrow is not in the table of allowed ones. The front door imports a room only when its verb is used,",
        "by the table `ROOMS` in `rackproof.py`.",
        "",
        "```mermaid",
        "flowchart TD",
    ]
    lines += [f'  {room}["<b>{room}</b><br/>{PURPOSE[room]}"]' for room in MAY_IMPORT]
    lines += [f"  {a} --> {b}" for a, b in sorted(arrows)]
    lines += ["```", "", "| room | purpose | may import | imports today |", "| --- | --- | --- | --- |"]
    for room, allowed in MAY_IMPORT.items():
        today = ", ".join(sorted(b for a, b in arrows if a == room)) or "–"
        lines.append(f"| `{room}` | {PURPOSE[room]} | {', '.join(sorted(allowed)) or '–'} | {today} |")
    below = find_sub_room_arrows(find_imports(list_modules(repository)))
    for room in MAY_IMPORT:
        if room in SUB_ROOMS:
            lines += ["", *draw_sub_rooms(room, below)]
    lines += ["", *draw_walks()]
    return "\n".join([*lines, ""])


def draw_walks() -> list[str]:
    """Return the part of the page that follows a value through the rooms, and says where to look for what."""
    lines = ["## Walks", "", "The functions that a value passes, in their order, and what each makes of it."]
    for walk in WALKS["walks"]:
        lines += ["", f"### {walk['title']}", "", "| in | by | it becomes | which |", "| --- | --- | --- | --- |"]
        for step in walk["steps"]:
            module, _colon, function = step["at"].partition(":")
            becomes = f"`{step['gives']}`"
            lines.append(f"| [`{module}`]({find_page(module)}) | `{function}` | {becomes} | {step['does']} |")
    lines += ["", "## Where to look", "", "| question | answer |", "| --- | --- |"]
    for question in WALKS["questions"]:
        module, _colon, name = question["at"].partition(":")
        lines.append(f"| {question['asks']} | `{name}` in [`{module}`]({find_page(module)}) |")
    return lines


def find_page(module: str) -> str:
    """Return the link from the page to the source of a module."""
    path = module.replace(".", "/")
    return f"../{path}/__init__.py" if (REPOSITORY / path).is_dir() else f"../{path}.py"


def draw_sub_rooms(room: str, below: dict[str, set[str]]) -> list[str]:
    """Return the part of the page about the sub-rooms of one room."""
    lines = [f"## Inside `{room}`", "", "```mermaid", "flowchart TD"]
    lines += [f"  {name}" for name in SUB_ROOMS[room]]
    for name in SUB_ROOMS[room]:
        lines += [f"  {name} --> {other.partition('.')[2]}" for other in sorted(below[f"{room}.{name}"])]
    lines += ["```", "", "| sub-room | purpose | door |", "| --- | --- | --- |"]
    for name, about in SUB_ROOMS[room].items():
        door = ", ".join(f"`{module}`" for module in about["door"]) or "–"
        lines.append(f"| [`{name}`](../{room}/{name}/README.md) | {about['purpose']} | {door} |")
    return lines


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
    sys.stdout.write(f"wrote {DRAWING}\n")
