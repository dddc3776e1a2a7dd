"""What a bundle keeps besides the evidence so that it can be judged again: estate, requirements and judges."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import Place, RackproofError
from core.workspace import REPOSITORY
from core.yaml import SUFFIXES, list_data_files
from inventory.numbering.ledger import FILE
from inventory.source.positions import load_yaml

REQUIREMENTS_DIR = REPOSITORY / "checks" / "requirements"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to copy into a bundle: its name there (POSIX, relative) and where it is now."""

    name: str
    path: Path


def list_estate_sources(folder: Path) -> tuple[str, tuple[SourceFile, ...]]:
    """Return where the estate's root lies among its copied files, and the files.

    The table of tiers may lie outside the folder; the copies keep their places relative to each other. The ledger that
    the head names is copied too: without it the estate would not be whole.
    Raises RackproofError: EVD020 when the folder holds no estate, EST0xx when its head cannot be read.
    """
    head = folder / "estate.yml"
    if not head.is_file():
        raise RackproofError("EVD020", place=Place(head))
    said = load_yaml(head).data
    tiers = (folder / str(said.get("tiers", "tiers.yml"))).resolve()
    root = folder.resolve()
    beside = [root / FILE] if said.get("ledger") == FILE else []
    files = sorted({*list_yaml_files(root), *(file for file in (tiers, *beside) if file.is_file())})
    base = Path(os.path.commonpath([root, tiers.parent]))
    return root.relative_to(base).as_posix(), tuple(
        SourceFile(file.relative_to(base).as_posix(), file) for file in files
    )


def list_requirement_sources(folder: Path = REQUIREMENTS_DIR) -> tuple[SourceFile, ...]:
    """Return every file of the register of requirements."""
    return tuple(SourceFile(file.relative_to(folder).as_posix(), file) for file in list_data_files(folder, deep=True))


def list_yaml_files(folder: Path) -> Iterator[Path]:
    """Yield every YAML file below a folder."""
    return (file for suffix in SUFFIXES for file in folder.rglob(f"*{suffix}") if file.is_file())
