"""An estate and its warnings as JSON and back: what is read back is equal to what was written, or is not written."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ExitCode, Place, RackproofError
from inventory.collection import no_collection

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from inventory.alike import Stored
    from inventory.estate import Estate


@cache
def _form() -> TypeAdapter[Stored]:
    from pydantic import TypeAdapter

    from inventory.alike import Stored

    return TypeAdapter(Stored)


def encoded(estate: Estate) -> bytes | None:
    """Return an estate as JSON; None when it would not read back equal, order included."""
    from inventory.alike import LEFT_OUT, apart

    try:
        stored = apart(estate)
        content = _form().dump_json(stored, exclude_unset=True, exclude=LEFT_OUT)
        again = decoded(content)
        same = again == estate and _whole(replace(stored, estate=again)) == _whole(stored)
    except ValueError:
        return None
    return content if same else None


def _whole(stored: Stored) -> bytes:
    return _form().dump_json(stored, exclude_unset=True)


def decoded(content: bytes, *, stays: bool = False) -> Estate:
    """Return the estate of a JSON text, for as long as the process (``stays``) or not. Raises ValueError if none."""
    from inventory.alike import together

    with no_collection(stays=stays):
        return together(_form().validate_json(content))


def plain(doubt: RackproofError) -> dict[str, Any]:
    """Return a warning as plain data."""
    place = doubt.place
    return {
        "code": doubt.code, "message": doubt.message, "expected": doubt.expected, "actual": doubt.actual,
        "remedy": doubt.remedy, "exit_code": int(doubt.exit_code),
        "place": [str(place.file), place.line, place.path] if place else None,
    }  # fmt: skip


def warning(said: dict[str, Any]) -> RackproofError:
    """Return the warning that ``plain`` was made of. Raises KeyError, TypeError or ValueError when there is none."""
    from inventory.mistakes import Warning_

    at = said["place"]
    place = Place(Path(at[0]), at[1], at[2]) if at else None
    return Warning_(**{**said, "exit_code": ExitCode(said["exit_code"]), "place": place})
