"""Making very many objects at once, without Python looking for garbage among them again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection(*, stays: bool = False) -> Iterator[None]:
    """Collect no garbage inside the block: there is none among new objects, and looking for it doubles the time.

    ``stays``: what is there at the end of the block, an estate, is needed as long as the process, so it is never looked
    through at all. Only the first time: a process that loads again and again also has something to throw away.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if stays and not gc.get_freeze_count():
            gc.freeze()
        if was:
            gc.enable()
