"""What the tests of this folder share: an estate and a workspace under a path longer than a terminal is wide."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from core.workspace import REPOSITORY

#: What breaks paths shows here.
LONG = "an-estate-in-a-folder-whose-path-is-longer-than-eighty-columns-as-they-are-in-real-life"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace and a committed copy of the small estate, both under a long path."""
    root = tmp_path_factory.mktemp("terminal") / LONG
    for part in ("lab/estate", "inventory/estate"):
        shutil.copytree(REPOSITORY / part, root / part)
    (root / "token").write_text("nonsense\n")
    (root / "token").chmod(0o600)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    return root
