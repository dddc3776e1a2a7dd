"""`./rackproof test --coverage`: what is counted of each room, and that it is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.workspace import REPOSITORY
from tests.branch_coverage import format_share, sum_rooms


def summary(statements: int, covered: int, branches: int, taken: int) -> dict[str, dict[str, int]]:
    counts = {
        "num_statements": statements,
        "covered_lines": covered,
        "num_branches": branches,
        "covered_branches": taken,
    }
    return {"summary": counts}


def test_the_files_of_a_room_are_summed_up() -> None:
    rooms = sum_rooms(
        {
            "core/files.py": summary(10, 9, 4, 3),
            str(REPOSITORY / "core" / "errors" / "table.py"): summary(5, 5, 0, 0),
            "lab/up.py": summary(1, 0, 2, 0),
        }
    )
    counts = {
        name: (room.statements, room.run_statements, room.branches, room.run_branches) for name, room in rooms.items()
    }
    assert counts == {"core": (15, 14, 4, 3), "lab": (1, 0, 2, 0), "total": (16, 14, 6, 3)}


def test_a_share_is_rounded_down() -> None:
    assert [format_share(*pair) for pair in ((9999, 10000), (1, 1), (0, 3), (0, 0))] == [
        " 99.9 %",
        "100.0 %",
        "  0.0 %",
        "100.0 %",
    ]


def test_it_is_shown_where_it_was_asked_for_and_only_there(tmp_path: Path) -> None:
    shown = {}
    for options in ((), ("--cov", "--cov-report=")):
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *options]
        done = subprocess.run(
            [*argv, "tests/house/test_order.py"],
            cwd=REPOSITORY,
            env={**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")},
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        shown[options] = done.stdout
    measured, plain = shown["--cov", "--cov-report="], shown[()]
    assert "branch coverage" in measured
    assert any(line.startswith("total ") for line in measured.splitlines())
    assert "branch coverage" not in plain
