"""Branch coverage of each room, from the data that `./rackproof test --coverage` leaves in the state folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.workspace import REPOSITORY


@dataclass(slots=True)
class RoomCoverage:
    """How many statements and branches of a room there are, and how many were run."""

    statements: int = 0
    run_statements: int = 0
    branches: int = 0
    run_branches: int = 0

    def add(self, summary: Mapping[str, Any]) -> None:
        """Count one file's in, as coverage sums it up."""
        self.statements += summary["num_statements"]
        self.run_statements += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.run_branches += summary["covered_branches"]


def list_rooms_coverage() -> Iterator[str]:
    """Yield a table, a line each: room, statements, branches, and how much of either was run."""
    yield f"{'room':<12} {'statements':>10} {'run':>7} {'branches':>10} {'run':>7}"
    for room, counted in sum_rooms(read_coverage()).items():
        statements = format_share(counted.run_statements, counted.statements)
        branches = format_share(counted.run_branches, counted.branches)
        yield f"{room:<12} {counted.statements:>10} {statements} {counted.branches:>10} {branches}"


def read_coverage() -> dict[str, Any]:
    """Return what coverage measured of each file, as its JSON report has it."""
    import coverage

    measured = coverage.Coverage()
    measured.load()
    with tempfile.TemporaryDirectory(prefix="rackproof-coverage-") as folder:
        file = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(file))
        files: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["files"]
    return files


def sum_rooms(files: Mapping[str, Any]) -> dict[str, RoomCoverage]:
    """Return the rooms by name with their counts, and all of them together as ``total``."""
    rooms: dict[str, RoomCoverage] = {}
    total = RoomCoverage()
    for name in sorted(files):
        path = Path(name)
        relative = path.relative_to(REPOSITORY) if path.is_absolute() else path
        for counted in (rooms.setdefault(relative.parts[0], RoomCoverage()), total):
            counted.add(files[name]["summary"])
    return rooms | {"total": total}


def format_share(part: int, whole: int) -> str:
    """Return a share in per cent, rounded down: 100 only where all was run."""
    tenths = 1000 * part // whole if whole else 1000
    return f"{tenths / 10:>5.1f} %"
