"""What a bundle keeps besides the evidence so that it can be judged again: estate, requirements and judges."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from core.errors import ExitCode, Place, RackproofError
from core.workspace import REPOSITORY
from inventory.ledger import FILE

REQUIREMENTS_DIR = REPOSITORY / "checks" / "requirements"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to copy into a bundle: its name there (POSIX, relative) and where it is now."""

    name: str
    path: Path


def estate_sources(folder: Path) -> tuple[str, tuple[Source, ...]]:
    """Return where the estate's root lies among its copied files, and the files.

    The table of tiers may lie outside the folder; the copies keep their places relative to each other. The ledger that
    the head names is copied too: without it the estate would not be whole.
    Raises RackproofError (EVD020) when the folder holds no estate.
    """
    head = folder / "estate.yml"
    if not head.is_file():
        raise RackproofError("EVD020", "no estate to put into the bundle", place=Place(head),
                             exit_code=ExitCode.INVALID)
    said = yaml.safe_load(head.read_text("utf-8"))
    tiers = (folder / str(said.get("tiers", "tiers.yml"))).resolve()
    root = folder.resolve()
    beside = [root / FILE] if said.get("ledger") == FILE else []
    files = sorted({*_yaml_files(root), *(file for file in (tiers, *beside) if file.is_file())})
    base = Path(os.path.commonpath([root, tiers.parent]))
    return root.relative_to(base).as_posix(), tuple(Source(file.relative_to(base).as_posix(), file) for file in files)


def requirement_sources(folder: Path = REQUIREMENTS_DIR) -> tuple[Source, ...]:
    """Return every file of the register of requirements."""
    return tuple(Source(file.relative_to(folder).as_posix(), file) for file in sorted(_yaml_files(folder)))


def source_revision() -> str:
    """Return the commit these sources are at, with ``+changes`` when files differ from it; empty when not known."""
    try:
        head = _git("rev-parse", "HEAD").strip()
        return f"{head}+changes" if _git("status", "--porcelain", "--untracked-files=no").strip() else head
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    argv = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(argv, capture_output=True, timeout=10, check=True, text=True).stdout


def _yaml_files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*.yml") if file.is_file())
