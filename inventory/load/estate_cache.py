"""A loaded estate, remembered: read back without loading it, for as long as nothing it rests on has changed.

Never stale: the file holds a fingerprint of every file and folder as it was when it was read, of bytes and names and
not of times, and all of them are taken anew before the estate is believed. Its name is a digest of everything else
that the answer rests on: sources and translations, Python, the installed packages, the language, the folder's name.

Never false: only an estate without errors is remembered, with its warnings, and only when it reads back equal. A file
that is damaged or that somebody else may have written is not read. The digest in its first line finds damage, not
malice: who can write as this user could as well change the program. The content is JSON: reading it runs nothing.

The files lie in the state folder, one folder a user, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from core.errors import EstateWarning, Place, RackproofError
from core.files import PRIVATE, make_folder, read_private_file, require_own_folder, write_atomic
from core.gc_pause import no_collection
from core.i18n import LOCALE, language
from core.workspace import REPOSITORY, state_dir
from inventory.model.estate import Estate
from inventory.source.file_tracking import read_fingerprint

if TYPE_CHECKING:
    from inventory.source.parsed_estate import Draft

SOURCES = (REPOSITORY / "core", REPOSITORY / "inventory", LOCALE)
CLOCK_GRAIN_S = 0.02  # times of files lag behind the clock by a tick of the kernel, 10 ms at most
MOST_FILES = 16  # the oldest go first
_NOT_SOURCES = ("__pycache__", "estate")  # compiled files, and the reference estate, which is data
_MOST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class StoredEstate:
    """An estate and the parts of every warning, the place apart, in the language they were made in."""

    estate: Estate
    warnings: tuple[tuple[dict[str, str], Place | None], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at an estate folder found. ``estate`` is there only when there is no error."""

    draft: Draft | None
    estate: Estate | None
    errors: tuple[RackproofError, ...]
    warnings: tuple[RackproofError, ...]


def recall_estate(folder: Path) -> tuple[Estate, tuple[RackproofError, ...]] | None:
    """Return the estate in ``folder`` and its warnings as they were loaded before; None when they must be anew."""
    file = locate_file(folder)
    if file is None:
        return None
    try:
        signature, _, signed = read_private_file(file, _MOST_BYTES).partition(b"\n")
        reads, _, content = signed.partition(b"\n")
        if signature != sign(signed) or not are_unchanged(reads):
            return None
        with no_collection(stays=True):
            stored = _get_form().validate_json(content)
        return stored.estate, tuple(EstateWarning.restore(parts, place) for parts, place in stored.warnings)
    except (OSError, ValueError, KeyError):
        return None


def remember_estate(folder: Path, reads: dict[str, str], estate: Estate, warnings: tuple[RackproofError, ...]) -> None:
    """Remember an estate without errors and the fingerprints of what was read for it; do nothing where that fails."""
    file = locate_file(folder)
    if file is None:
        return
    stored = StoredEstate(estate, tuple((warning.get_texts(), warning.place) for warning in warnings))
    with suppress(OSError, ValueError, RackproofError):
        content = _get_form().dump_json(stored, exclude_unset=True, warnings="error")
        if _get_form().validate_json(content).estate != estate:
            return
        signed = TypeAdapter(dict[str, str]).dump_json(reads) + b"\n" + content
        make_folder(file.parent.parent)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        require_own_folder(file.parent)
        if file.is_symlink() or not file.is_file():
            file.unlink(missing_ok=True)
        write_atomic(file, sign(signed) + b"\n" + signed, PRIVATE)
        for old in sorted(file.parent.iterdir(), key=lambda path: path.lstat().st_mtime)[:-MOST_FILES]:
            old.unlink(missing_ok=True)


def sign(content: bytes) -> bytes:
    """Return the first line over what follows it."""
    return b"rackproof-estate " + hashlib.sha256(content).hexdigest().encode()


def are_unchanged(reads: bytes) -> bool:
    """Tell whether every path of a JSON object still has its fingerprint. Raises ValueError or OSError when unsure."""
    fingerprints = TypeAdapter(dict[str, str]).validate_json(reads)
    return all(read_fingerprint(Path(path)) == fingerprint for path, fingerprint in fingerprints.items())


def locate_file(folder: Path) -> Path | None:
    """Return the file in which an estate is remembered by this code; None where that cannot be told for sure."""
    code = identify_code()
    if code is None:
        return None
    asked = "\0".join((code, language(), str(folder), str(folder.absolute())))  # errors name a folder as it was called
    return state_dir() / f"estates-{os.geteuid()}" / f"{hashlib.sha256(os.fsencode(asked)).hexdigest()}.json"


@cache
def identify_code() -> str | None:
    """Return the digest of Python, packages and sources; None when a source changed since this process began.

    Memory then holds other code than the disk. Taken once: a process that outlives an upgrade goes on under the name of
    the code that it began with.
    """
    packages: list[str] = []
    for place in sys.path:
        if place.endswith(("site-packages", "dist-packages")):
            packages.extend(found.name for found in Path(place).glob("*.dist-info"))
    total = hashlib.sha256("\0".join((sys.version, sys.prefix, *sorted(packages))).encode())
    latest = read_process_start() - CLOCK_GRAIN_S
    for file in list_sources():
        if file.stat().st_ctime > latest:
            return None
        content = file.read_bytes()
        total.update(os.fsencode(f"\0{file}\0{len(content)}\0") + content)
    return total.hexdigest()


def list_sources() -> Iterator[Path]:
    """Yield the files whose code, tables and translations decide about an estate."""
    for top in SOURCES:
        for folder, below, names in os.walk(top):
            below[:] = sorted(name for name in below if name not in _NOT_SOURCES)
            yield from (Path(folder, name) for name in sorted(names) if name.endswith((".py", ".yml", ".po")))


def read_process_start() -> float:
    """Return when this process began, in seconds since 1970, from the kernel's own account."""
    ticks = int(Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text("ascii").split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


@cache
def _get_form() -> TypeAdapter[StoredEstate]:
    return TypeAdapter(StoredEstate)
