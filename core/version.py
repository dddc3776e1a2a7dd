"""Which Rackproof this is, as PEP 440 has it: by the git tag in a clone, by the stamp of the build in an installed one.

The build asks the same function (``pyproject.toml``), so a wheel says the version of the clone that it was built from.
Releases are tagged ``v1.2.3``. Nothing is imported here but the standard library: the build has nothing else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache

from core.workspace import REPOSITORY

GIT_TIMEOUT_S = 10
#: Written into a wheel by its build (``install/build.py``): version, and commit that it was built from.
STAMP = REPOSITORY / "build.json"
CHANGELOG = REPOSITORY / "CHANGELOG.md"
_HEADING = re.compile(r"^## (?P<version>\d+\.\d+\.\d+)(?P<rest>.*)$", re.MULTILINE)
#: What git describes: ``v1.2.3-4-g06f141a1b2c3.dirty``, or the commit alone where no release is before it.
_DESCRIBED = re.compile(
    r"(?:v(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)-(?P<distance>\d+)-g)?(?P<commit>[0-9a-f]+)(?P<dirty>\.dirty)?"
)


@cache
def read_version() -> str:
    """Return the version of this Rackproof.

    ``1.2.3`` at the release's tag; after it ``1.2.4.dev5+g06f141a1b2c3``, five commits on, with ``.dirty`` when files
    differ from the commit. Where no tag is known, the version that the changelog is about,
    ``1.2.3.dev0+g06f141a1b2c3``, and without the commit where there is no git.
    """
    stamp = _read_stamp()
    if stamp:
        return stamp["version"]
    described = _DESCRIBED.fullmatch(_describe_checkout())
    if described is None:
        return read_changelog_version(CHANGELOG.read_text(encoding="utf-8"))
    local = f"+g{described['commit']}{described['dirty'] or ''}"
    if described["patch"] is None:
        version = read_changelog_version(CHANGELOG.read_text(encoding="utf-8"))
        return f"{version.removesuffix('.dev0')}.dev0{local}"
    major, minor, patch, distance = (int(described[name]) for name in ("major", "minor", "patch", "distance"))
    if distance == 0 and not described["dirty"]:
        return f"{major}.{minor}.{patch}"
    return f"{major}.{minor}.{patch + 1}.dev{distance}{local}"


def read_revision() -> str:
    """Return the commit of these sources, with ``+changes`` when files differ from it; empty when not known."""
    stamp = _read_stamp()
    if stamp:
        return stamp["revision"]
    head = _ask_git("rev-parse", "HEAD")
    if not head:
        return ""
    try:
        changes = _run_git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    if changes:
        return f"{head}+changes"
    return head


def read_changelog_version(text: str) -> str:
    """Return the version of the newest heading of a changelog; ``.dev0`` is added while it says "unreleased"."""
    heading = _HEADING.search(text)
    if heading is None:
        return "0.dev0"
    if "unreleased" in heading["rest"]:
        return heading["version"] + ".dev0"
    return heading["version"]


def _read_stamp() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return stamp


def _describe_checkout() -> str:
    """Return how git describes this clone; empty where there is no git, or no repository that is ours."""
    return _ask_git(
        "describe", "--tags", "--long", "--always", "--dirty=.dirty", "--abbrev=12",
        "--match=v[0-9]*.[0-9]*.[0-9]*", "--exclude=v*[!0-9.]*",
    )  # fmt: skip


def _ask_git(*arguments: str) -> str:
    # A tree without .git may lie in somebody's repository, as an environment in a project does: that one is not asked.
    if not (REPOSITORY / ".git").exists():
        return ""
    try:
        return _run_git(*arguments)
    except (OSError, subprocess.SubprocessError):
        return ""


def _run_git(*arguments: str) -> str:
    # In a hook of another repository git is told by variables which one is meant, whatever the folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    argv = ["git", "-c", f"safe.directory={REPOSITORY}", "-C", str(REPOSITORY), *arguments]
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True,
        timeout=GIT_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.strip()
