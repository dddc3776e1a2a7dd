"""Root file systems from Debian's packages: built once from a recipe, kept under a name that is the recipe's hash."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.command import run


def digest(builder: str, top: Path, files: Iterable[Path]) -> str:
    """Return the hash of a recipe: of its files below ``top``, names included, and of who builds it."""
    hashed = hashlib.sha256(builder.encode())
    for file in files:
        hashed.update(f"{file.relative_to(top)}\0".encode() + file.read_bytes() + b"\0")
    return hashed.hexdigest()[:12]


def read_recipe(file: Path) -> dict[str, Any]:
    """Return a recipe: ``suite``, files to be there ``before`` the packages, paths to ``exclude``, and more."""
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return data


def once(target: Path, lock: str, build: Callable[[Path], None]) -> Path:
    """Return ``target``, having it built when it is not there; of several at once one builds and the others wait.

    ``build`` must make it in one step, so that it is there whole or not at all. ``lock``: file name beside the target.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / lock).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not target.is_dir():
            build(target)
    return target


def install(new: Path, recipe: dict[str, Any], packages: Iterable[str], timeout: float) -> None:
    """Make a root file system of packages in ``new`` (``timeout`` in seconds). Raises RackproofError when it fails."""
    before = new.with_name(new.name + ".before")
    for item in recipe["before"]:
        file = before / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(item["text"], encoding="utf-8")
    try:
        # In a mount namespace of its own: if it is killed, its mounts go with it, and clearing up touches none.
        run([
            "unshare", "--mount", "--propagation", "private", "--",
            "mmdebstrap", "--quiet", "--variant=minbase", "--format=directory", f"--include={','.join(packages)}",
            '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe["exclude"]),
            '--essential-hook=cp -a "$RACKPROOF_BEFORE/." "$1/"', recipe["suite"], str(new),
        ], timeout=timeout, extra_environment={"RACKPROOF_BEFORE": str(before)})
    finally:
        shutil.rmtree(before)
