"""Which files a loading looked at: readers report here, so that whoever remembers an answer knows what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_watching: ContextVar[set[Path] | None] = ContextVar("watching", default=None)


@contextmanager
def watched() -> Iterator[set[Path]]:
    """Yield the set that fills with every path reported inside the block, whether or not there was a file."""
    seen: set[Path] = set()
    token = _watching.set(seen)
    try:
        yield seen
    finally:
        _watching.reset(token)


def looked_at(path: Path) -> None:
    """Report a path as written, before it is resolved, read or found missing."""
    seen = _watching.get()
    if seen is not None:
        seen.add(path)
