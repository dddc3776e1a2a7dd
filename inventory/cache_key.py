"""What the answer about an estate rests on, as one digest: two equal digests mean the same answer.

In it are, by content and not by time: every name, link and byte below the estate folder (so also a file that is not
there yet), every file outside of it that a reader reported, the sources that judge (``core`` and ``inventory``),
Python, the names of all installed distributions (they hold the versions), the language, and how the folder is called.

What cannot be told for sure has no digest: something that is neither file nor folder, that cannot be read or is too
large, and sources that changed since this process began (memory then holds other code than the disk).
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.locale import language
from core.workspace import REPOSITORY

FORMAT = "1"
SOURCES = (REPOSITORY / "core", REPOSITORY / "inventory")
CLOCK_GRAIN_S = 0.02  # times of files lag behind the clock by a tick of the kernel, 10 ms at most
_SOURCE_SUFFIXES = (".py", ".yml")
_NOT_SOURCES = ("__pycache__", "estate")  # compiled files, and the reference estate, which is data
_HISTORY = ".git"  # of an estate that is a repository of its own
_MOST_BYTES = 64 * 1024 * 1024  # more than any file that a reader accepts
_MOST_ENTRIES = 100_000


class UnsureError(Exception):
    """It cannot be told for sure what an answer rests on."""


def digest(folder: Path, outside: Iterable[str], unchanged_since: float | None = None) -> str | None:
    """Return the digest of all that an answer about ``folder`` rests on, in hexadecimal; None when that is not sure.

    ``outside`` are the paths beyond the folder that the readers reported. ``unchanged_since``, in seconds since 1970:
    it is not sure either when any of it changed after that.
    """
    made = hashlib.sha256()
    reading = _Reading()
    try:
        for part in _parts(reading, folder, outside):
            made.update(f"{len(part)}:".encode())
            made.update(part)
    except (OSError, ValueError, UnsureError):
        return None
    settled = unchanged_since is None or reading.newest < unchanged_since - CLOCK_GRAIN_S
    return made.hexdigest() if settled else None


def beyond(folder: Path, seen: Iterable[Path]) -> list[str]:
    """Return those of the reported paths that the walk through ``folder`` does not surely meet, sorted."""
    inside = f"{folder}{os.sep}"
    return sorted(
        text
        for path in seen
        if not (text := str(path)).startswith(inside) or ".." in path.parts or _HISTORY in path.parts
    )


def _parts(reading: _Reading, folder: Path, outside: Iterable[str]) -> Iterator[bytes]:
    yield from (text.encode() for text in (FORMAT, sys.version, sys.prefix, language(), *_distributions()))
    yield from _code()
    yield from (os.fsencode(path) for path in (folder, folder.absolute(), os.path.realpath(folder)))
    yield from reading.tree(os.fspath(folder), frozenset())
    for name in outside:
        yield os.fsencode(name)
        yield os.fsencode(os.path.realpath(name))
        yield reading.content(name) if os.path.lexists(name) else b"missing"


@dataclass(slots=True)
class _Reading:
    """Reads files and folders and keeps the latest time at which any of them changed."""

    newest: float = 0.0
    entries: int = 0

    def tree(self, folder: str, above: frozenset[tuple[int, int]]) -> Iterator[bytes]:
        """Yield name, kind and content of everything below a folder, links followed, in the order of the names."""
        about = self._noted(os.stat(folder))  # noqa: PTH116
        inside = above | {(about.st_dev, about.st_ino)}
        if inside == above:
            raise UnsureError  # a link to a folder that it is in
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - texts are several times faster than Path objects
            if name == _HISTORY:
                continue
            path = f"{folder}{os.sep}{name}"
            yield os.fsencode(name)
            kind = self._noted(os.lstat(path)).st_mode
            if stat.S_ISLNK(kind):
                yield b"link to " + os.fsencode(os.path.realpath(path))
                kind = os.stat(path).st_mode  # noqa: PTH116
            if stat.S_ISDIR(kind):
                yield b"folder"
                yield from self.tree(path, inside)
                yield b"end"
            else:
                yield self.content(path)

    def content(self, path: str) -> bytes:
        """Return kind and digest of a file. Raises UnsureError for what is not a plain file or is too large."""
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0) as stream:  # noqa: PTH123
            about = self._noted(os.fstat(stream.fileno()))
            if not stat.S_ISREG(about.st_mode) or about.st_size > _MOST_BYTES:
                raise UnsureError
            return b"file" + hashlib.sha256(stream.readall()).digest()

    def _noted(self, about: os.stat_result) -> os.stat_result:
        self.newest = max(self.newest, about.st_ctime)
        self.entries += 1
        if self.entries > _MOST_ENTRIES:
            raise UnsureError
        return about


def _code() -> Iterator[bytes]:
    """Yield name and content of every source. Raises UnsureError when one changed since this process began."""
    reading = _Reading()
    for top in SOURCES:
        for folder, below, files in os.walk(top):
            below[:] = sorted(name for name in below if name not in _NOT_SOURCES)
            reading.newest = max(reading.newest, os.stat(folder).st_ctime)  # noqa: PTH116
            for name in sorted(files):
                if name.endswith(_SOURCE_SUFFIXES):
                    path = f"{folder}{os.sep}{name}"
                    yield os.fsencode(path)
                    yield reading.content(path)
    if reading.newest > _began() - CLOCK_GRAIN_S:
        raise UnsureError


@cache
def _began() -> float:
    """Return when this process began, in seconds since 1970, from the kernel's own account."""
    ticks = int(Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text("ascii").split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


@cache
def _distributions() -> tuple[str, ...]:
    """Return the folder names of all installed distributions, such as ``pydantic-2.14.3.dist-info``, sorted."""
    places = [Path(place) for place in sys.path if place.endswith(("site-packages", "dist-packages"))]
    return tuple(sorted(found.name for place in places for found in place.glob("*.dist-info")))
