"""Mistakes an estate can contain: errors and warnings of the table ``core/errors/EST.yml``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.errors import EstateWarning, Place, RackproofError
from core.errors.table import is_warning

_LONGEST_ACTUAL = 160


def mistake(
    code: str, place: Place, *, actual: object = None, known: Iterable[str] = (), **facts: Any
) -> RackproofError:
    """Make the error (or warning) of ``code`` in the language of this process.

    ``known`` are the names that would have been right: they become the expectation, and the closest to ``actual`` the
    remedy. ``facts`` fill the placeholders of the texts.
    """
    made = EstateWarning if is_warning(code) else RackproofError
    # One line: what an estate holds may be of any length and have lines of its own.
    quoted = None if actual is None else str(actual)[:_LONGEST_ACTUAL].replace("\n", "\\n")
    return made(code, place=place, actual=quoted, known=known, **facts)
