"""The linters over the whole tree, as the hooks run them."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ROOMS = [
    "core",
    "inventory",
    "netconfig",
    "monitoring",
    "checks",
    "bench",
    "lab",
    "playbooks",
    "install",
    "rackproof.py",
]

LINTERS = {
    "ruff": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy", *ROOMS],
    "yamllint": ["yamllint", "--strict", "."],
    "ansible-lint": ["ansible-lint", "--offline", "--profile", "production", "--strict", "roles", "playbooks"],
}


@pytest.mark.slow
@pytest.mark.parametrize("linter", LINTERS)
def test_linter_finds_nothing(linter):
    program, *arguments = LINTERS[linter]
    result = subprocess.run(
        [str(BIN / program), *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]


def test_nothing_is_ignored_by_ansible_lint():
    ignore = REPOSITORY / ".ansible-lint-ignore"
    assert not ignore.exists() or not ignore.read_text().strip()
