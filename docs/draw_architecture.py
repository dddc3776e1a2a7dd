"""Draw docs/architecture.md from the imports as they are: run `python docs/draw_architecture.py` after a change.

The allowed arrows are a table; a test holds both the table and the drawing against the code.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DRAWING = REPOSITORY / "docs" / "architecture.md"

# room → the rooms it may import. Arrows point down only, so there can be no circle.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "inventory": frozenset({"core"}),
    "netconfig": frozenset({"core", "inventory"}),
    "monitoring": frozenset({"core", "inventory"}),
    "playbooks": frozenset({"core", "inventory", "roles"}),
    "roles": frozenset({"core", "inventory"}),
    "checks": frozenset({"core", "inventory", "monitoring"}),
    "lab": frozenset({"core", "inventory"}),
    "rackproof": frozenset({"core", "inventory", "netconfig", "monitoring", "playbooks", "checks", "lab"}),
}
PURPOSE: dict[str, str] = {
    "core": "errors with a place, workspace, signed journal, store, console",
    "inventory": "the estate, its validation and what follows from it",
    "netconfig": "render, diff, plan, change with a device-fired rollback",
    "monitoring": "poll, normalise, expose, alert",
    "playbooks": "runs Ansible and pyinfra",
    "roles": "what a host must look like",
    "checks": "requirements, collectors, judges, evidence, reports",
    "lab": "the estate on one machine, and its faults",
    "rackproof": "the front door",
}


def imports(repository: Path = REPOSITORY) -> Counter[tuple[str, str]]:
    """Count the imports between rooms: (importing room, imported room) → number of modules imported."""
    arrows: Counter[tuple[str, str]] = Counter()
    for room in MAY_IMPORT:
        root = repository / room
        files = sorted(root.rglob("*.py")) if root.is_dir() else [repository / f"{room}.py"]
        for file in files:
            if file.exists():
                arrows.update((room, other) for other in _rooms_imported(file) if other != room)
    return arrows


def _rooms_imported(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        found += [name.split(".")[0] for name in names if name.split(".")[0] in MAY_IMPORT]
    return found


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
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
    sys.stdout.write(f"wrote {DRAWING}\n")
