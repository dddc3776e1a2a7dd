"""What a loading read: its readers report here, so that whoever remembers its answer knows what that rests on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from core.files import read_regular_file

#: What was read of a path: the bytes of a file, the names in a folder, None where nothing was.
Found = bytes | list[str] | None
#: Of a path that was read twice and was not the same: no fingerprint equals it.
_UNSURE = "unsure"
_MOST_BYTES = 64 * 1024 * 1024  # more than any file that a reader accepts

_reads: ContextVar[dict[str, str] | None] = ContextVar("reads", default=None)


@contextmanager
def track_reads() -> Iterator[dict[str, str]]:
    """Yield path → fingerprint, filled with all that is read inside the block."""
    reads: dict[str, str] = {}
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)


def report_read(path: Path, found: Found) -> None:
    """Report what was read of a path; the path is as written, before links are resolved."""
    reads = _reads.get()
    if reads is not None:
        now = make_fingerprint(path, found)
        reads[str(path)] = now if reads.get(str(path), now) == now else _UNSURE


def make_fingerprint(path: Path, found: Found) -> str:
    """Return what equals itself only for the same content at the same place: a link on the way may be turned."""
    if found is None:
        return f"missing {os.path.realpath(path)}"
    kind, content = ("file", found) if isinstance(found, bytes) else ("folder", "\0".join(sorted(found)))
    return f"{kind} {hashlib.sha256(os.fsencode(content)).hexdigest()} {os.path.realpath(path)}"


def read_fingerprint(path: Path) -> str:
    """Return the fingerprint of what lies at a path now. Raises OSError for what cannot be read."""
    if path.is_dir():
        return make_fingerprint(path, os.listdir(path))  # noqa: PTH208 - names only
    try:
        return make_fingerprint(path, read_regular_file(path, _MOST_BYTES))
    except FileNotFoundError:
        return make_fingerprint(path, None)
