"""One remembered answer as a file of its own: written whole or not at all, and read only when nobody else wrote it.

A file is trusted when it is a plain file of the user who runs this, that nobody else may read or write, in a folder of
the same user that nobody else may write, and when its digest fits. The digest finds damage, not malice: who can write
as this user could as well change the program. The content is JSON: reading it runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_MAGIC = b"rackproof-estate"
_MOST_BYTES = 512 * 1024 * 1024
_KEPT = 16  # files; the oldest go first


@dataclass(frozen=True, slots=True)
class Record:
    """An answer: the digest it rests on, the paths outside the estate that belong to it, findings, counts, estate."""

    key: str
    outside: list[str]
    warnings: list[dict[str, Any]]
    counts: dict[str, int]
    estate: bytes


def read(file: Path) -> Record | None:
    """Return what a file holds; None when there is none or there is any reason not to trust it."""
    try:
        content = _trusted(file)
    except OSError:
        return None
    start, _, rest = content.partition(b"\n")
    head, _, estate = rest.partition(b"\n")
    if start != _first_line(rest):
        return None
    try:
        return Record(**json.loads(head), estate=estate)
    except (ValueError, TypeError, RecursionError):
        return None


def write(file: Path, record: Record) -> bool:
    """Write a file in one step, and let the oldest of its folder go. False when it could not be written."""
    head = {key: value for key, value in asdict(record).items() if key != "estate"}
    rest = json.dumps(head, ensure_ascii=True).encode() + b"\n" + record.estate
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _ours(file.parent.lstat(), stat.S_ISDIR, 0o022):
            return False
        _replace(file, _first_line(rest) + b"\n" + rest)
        _forget_oldest(file.parent)
    except OSError:
        return False
    return True


def _first_line(rest: bytes) -> bytes:
    return _MAGIC + b" " + hashlib.sha256(rest).hexdigest().encode()


def _trusted(file: Path) -> bytes:
    """Return the bytes of a file that only this user can have written. Raises OSError."""
    if not _ours(file.parent.lstat(), stat.S_ISDIR, 0o022):
        raise PermissionError
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        about = os.fstat(stream.fileno())
        if not _ours(about, stat.S_ISREG, 0o077) or about.st_nlink != 1 or about.st_size > _MOST_BYTES:
            raise PermissionError
        return stream.read()


def _ours(about: os.stat_result, is_kind: Any, forbidden: int) -> bool:
    return bool(is_kind(about.st_mode)) and about.st_uid == os.geteuid() and not about.st_mode & forbidden


def _replace(file: Path, content: bytes) -> None:
    from tempfile import mkstemp  # takes as long to import as a small estate to read

    handle, name = mkstemp(dir=file.parent, prefix=".new-")  # mode 0600
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123
            stream.write(content)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _forget_oldest(folder: Path) -> None:
    """Keep the newest files, those that a killed process left half-written included."""
    by_age = sorted((entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in os.scandir(folder))
    for _age, path in by_age[:-_KEPT]:
        with suppress(OSError):
            Path(path).unlink()
