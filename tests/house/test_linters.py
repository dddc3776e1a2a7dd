"""The linters over the whole tree, as the hooks run them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

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
    "roles",
    "install",
    "docs",
    "tests",
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
def test_linter_finds_nothing(linter: str) -> None:
    program, *arguments = LINTERS[linter]
    result = subprocess.run(
        [str(BIN / program), *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]


def test_the_hook_checks_the_types_of_the_same_files() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    (entry,) = [hook["entry"] for hook in hooks if hook["id"] == "mypy"]
    assert entry.split() == [".rackproof/venv/bin/mypy", *ROOMS]


def test_types_are_checked_in_every_file_but_those_of_another_machine() -> None:
    """Tests and roles were left out by the settings of mypy, and the linter was green."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    left_out = re.compile("|".join(settings["exclude"]))
    listing = subprocess.run(["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = listing.stdout.split()
    unchecked = [file for file in files if not file.startswith(tuple(ROOMS)) or left_out.search(file)]
    assert files
    assert [file for file in unchecked if not file.startswith("lab/netbox/recipe/")] == []


def test_nothing_is_ignored_by_ansible_lint() -> None:
    ignore = REPOSITORY / ".ansible-lint-ignore"
    assert not ignore.exists() or not ignore.read_text().strip()
