"""Where an installed command starts: in its own tree, with its own state, and its children with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace import REPOSITORY

Start = Callable[..., dict[str, str]]

FRONT_DOOR = """
import json, os, subprocess, sys

def main():
    child = [sys.executable, "-m", "core.child"]
    said = subprocess.run(child, capture_output=True, text=True).stdout.strip()
    print(json.dumps({"child": said, "state": os.environ["RACKPROOF_STATE"], "path": os.environ["PYTHONPATH"]}))
    return 3
"""


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a wheel's entry over a tree of a few files, from a folder in which strangers of the same names lie."""
    tree, folder = tmp_path / "site" / "rackproof_tree", tmp_path / "folder"
    for place, word in ((tree, "ours"), (folder, "a stranger")):
        (place / "core").mkdir(parents=True)
        (place / "core" / "__init__.py").touch()
        (place / "core" / "child.py").write_text(f"print('{word}')\n", encoding="utf-8")
    shutil.copy(REPOSITORY / "install" / "entry.py", tree / "__init__.py")
    shutil.copy(REPOSITORY / "core" / "workspace.py", tree / "core" / "workspace.py")
    (tree / "rackproof.py").write_text(FRONT_DOOR, encoding="utf-8")

    def run(**environment: str) -> dict[str, str]:
        program = (
            f"import sys; sys.path.append({str(tree.parent)!r}); import rackproof_tree; sys.exit(rackproof_tree.main())"
        )
        environment = {"PATH": os.environ["PATH"], "HOME": "/home/u"} | environment
        argv = [sys.executable, "-P", "-c", program]
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 3, done.stderr
        said: dict[str, str] = json.loads(done.stdout)
        return said | {"tree": str(tree), "folder": str(folder)}

    return run


def test_children_find_the_same_modules_whatever_lies_in_the_folder(start: Start) -> None:
    assert start()["child"] == "ours"


def test_what_was_on_the_path_stays_behind_the_tree(start: Start) -> None:
    said = start(PYTHONPATH="/elsewhere")
    assert said["path"] == f"{said['tree']}:/elsewhere"


@pytest.mark.parametrize(("given", "expected"), [("", "/home/u/.local/state/rackproof"), ("/x/y", "/x/y")])
def test_the_state_is_the_accounts_own_or_the_one_that_is_given(given: str, expected: str, start: Start) -> None:
    assert start(RACKPROOF_STATE=given)["state"] == expected


def test_a_relative_state_folder_is_one_place_for_all_children(start: Start) -> None:
    said = start(RACKPROOF_STATE="mine")
    assert said["state"] == str(Path(said["folder"]) / "mine")
