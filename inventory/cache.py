"""The remembered answer about an estate: the loaded estate without loading it, as long as nothing it rests on changed.

Never stale: an answer is found only under the digest of everything it rests on (``cache_key``), taken anew each time,
and it is kept only when nothing of that changed while it was being loaded. Never false: only an estate without errors
is kept, with its warnings, and only when it reads back equal to what was loaded; what is damaged or may have been
written by somebody else is loaded anew (``cache_file`` says what protects the files).

It lies in the state folder, one folder a user, and may be deleted at any time. ``RACKPROOF_NO_CACHE=1`` turns it off.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import ErrorGroup, RackproofError
from core.locale import language
from core.workspace import state_dir
from inventory import cache_file, cache_form, cache_key
from inventory.reads import watched

if TYPE_CHECKING:
    from inventory.estate import Estate


class Found(Protocol):
    """What a look at an estate found. ``estate`` is there only when there is no error."""

    @property
    def estate(self) -> Estate | None:
        """The estate, or None."""

    @property
    def errors(self) -> tuple[RackproofError, ...]:
        """What is wrong."""

    @property
    def warnings(self) -> tuple[RackproofError, ...]:
        """What is doubtful."""


Look = Callable[[Path], Found]
Count = Callable[["Estate"], dict[str, int]]


@dataclass(frozen=True)
class Answer:
    """What a look at an estate found, now or earlier.

    ``counts`` says how many there are of what, when that was asked. ``key`` is the digest of all that the answer rests
    on; None when it has errors or that is not sure.
    """

    errors: tuple[RackproofError, ...]
    warnings: tuple[RackproofError, ...]
    counts: dict[str, int]
    make: Callable[[], Estate | None]
    key: str | None = None

    @cached_property
    def estate(self) -> Estate | None:
        """The estate, made when it is asked for; None when there is an error."""
        return self.make()


def through(folder: Path, look: Look, count: Count | None = None, *, use: bool = True) -> Answer:
    """Return what ``look`` would find in ``folder``: remembered when nothing changed, else by looking.

    ``count`` makes the counts of the answer. ``use=False`` looks in any case, and remembers nothing.
    """
    if not use or os.environ.get("RACKPROOF_NO_CACHE"):
        return _answer(look(folder), count)
    file = _file(folder)
    record = cache_file.read(file)
    before = cache_key.digest(folder, record.outside if record else ())
    known = _remembered(record, folder, look) if record is not None and record.key == before else None
    if known is None:
        return _looked(file, folder, look, count, record.outside if record else [], before)
    if count is not None and not known.counts and known.estate is not None and record is not None:
        known = replace(known, counts=count(known.estate))
        cache_file.write(file, replace(record, counts=known.counts))
    return known


def _answer(found: Found, count: Count | None) -> Answer:
    counts = count(found.estate) if count is not None and found.estate is not None else {}
    return Answer(found.errors, found.warnings, counts, lambda: found.estate)


def _remembered(record: cache_file.Record, folder: Path, look: Look) -> Answer | None:
    def make() -> Estate | None:
        try:
            return cache_form.decoded(record.estate, stays=True)
        except ValueError:
            return look(folder).estate

    try:
        return Answer((), tuple(map(cache_form.warning, record.warnings)), record.counts, make, record.key)
    except (TypeError, KeyError, ValueError):
        return None


def _looked(
    file: Path, folder: Path, look: Look, count: Count | None, outside: list[str], before: str | None
) -> Answer:
    """Look, and keep what was found when it is right and rests on what is there now."""
    began = time.time()
    with watched() as seen:
        found = look(folder)
    answer = _answer(found, count)
    if before is None or found.errors or found.estate is None:
        return answer
    now = cache_key.beyond(folder, seen)
    key = cache_key.digest(folder, now, began)
    same = key == before if now == outside else cache_key.digest(folder, outside) == before
    if key is None or not same:
        return answer
    estate = cache_form.encoded(found.estate)
    if estate is not None:
        warnings = [cache_form.plain(warning) for warning in found.warnings]
        cache_file.write(file, cache_file.Record(key, now, warnings, answer.counts, estate))
    return replace(answer, key=key)


def _file(folder: Path) -> Path:
    asked = "\0".join((str(folder), str(folder.absolute()), language()))  # places are told as the folder was called
    name = hashlib.sha256(os.fsencode(asked)).hexdigest()[:32]
    return state_dir() / f"estates-{os.geteuid()}" / f"{name}.json"


def derived(folder: Path, name: str, look: Look, make: Callable[[Estate], Any]) -> Any:
    """Return what ``make`` makes of the estate in ``folder``, as plain data: remembered when nothing changed.

    ``name`` tells it from what else is made of an estate. Rests on what the estate itself rests on, sources included.
    Raises RackproofError or ErrorGroup when the estate has errors.
    """
    file = _file(folder).with_suffix(f".{name}.json")
    off = bool(os.environ.get("RACKPROOF_NO_CACHE"))
    record = None if off else cache_file.read(file)
    if record is not None and record.key == cache_key.digest(folder, record.outside):
        with suppress(ValueError):
            return json.loads(record.estate)
    answer = through(folder, look)
    if answer.errors or answer.estate is None:
        raise answer.errors[0] if len(answer.errors) == 1 else ErrorGroup(list(answer.errors))
    made = make(answer.estate)
    content = json.dumps(made, ensure_ascii=False)
    kept = None if off or answer.key is None else cache_file.read(_file(folder))
    if kept is not None and kept.key == answer.key and json.loads(content) == made:
        cache_file.write(file, cache_file.Record(kept.key, kept.outside, [], {}, content.encode()))
    return made
