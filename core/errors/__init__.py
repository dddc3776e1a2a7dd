"""Errors meant for people: one table of codes, one exit code per kind.

The hierarchy::

    Exception
    └── RackproofError      one mistake: code, kind, place, expected, actual, remedy
        ├── EstateWarning   a mistake that does not stop the work; it is shown and counted
        └── ErrorGroup      several mistakes found in one run, sorted by place

The texts, the kind and the cause of a code are data (``core/errors/*.yml``); the exit code follows from the kind
(``core/errors/kinds.yml``) and from nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from core.errors.table import ErrorDescription, ExitCode, read_entry
from core.i18n import _

__all__ = ["ErrorGroup", "EstateWarning", "ExitCode", "Place", "RackproofError", "list_names", "make_visible"]

#: An error names at most so many of the names that would have been right.
LISTED_NAMES = 12
#: The longest wrong value that is quoted in full.
LONGEST_ACTUAL = 600
#: What a terminal obeys instead of showing it, but for the end of a line.
_OBEYED = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: a file, a line (1-based, 0 when unknown) and a dotted path inside the file."""

    file: Path
    line: int = 0
    path: str = ""

    def __str__(self) -> str:
        """Render as ``file:line (path)``, leaving out what is not known."""
        text = f"{self.file}:{self.line}" if self.line else str(self.file)
        if self.path:
            return f"{text} ({self.path})"
        return text


class RackproofError(Exception):
    """An error meant for a person: what is wrong, where, what was expected and what to do about it.

    ``code`` names an entry of the table, which gives the texts, the kind and the exit code. ``facts`` fill the
    placeholders of the texts; ``known`` are names that would have been right: they become the expectation, and the
    one closest to ``actual`` the remedy. ``expected`` and ``remedy`` replace the table's text where only the caller
    can know it, as for the expected type of a value.
    """

    def __init__(  # noqa: PLR0913 - the parts of an error, all by name
        self,
        code: str,
        message: str | None = None,
        *,
        place: Place | None = None,
        expected: str | None = None,
        actual: object = None,
        remedy: str | None = None,
        known: Iterable[str] = (),
        exit_code: ExitCode | None = None,
        **facts: object,
    ) -> None:
        entry = read_entry(code)
        if entry is None:  # a code that no table holds: shown with what its caller says of it
            entry = ErrorDescription(code, "unlisted", ExitCode.USAGE, {}, "")
            message = message or code
        facts |= {"actual": actual}
        texts = {part: text.format(**facts) for part, text in entry.texts.items()}
        if message is not None:
            texts["message"] = message
        if expected is not None:
            texts["expected"] = expected
        if remedy is not None:
            texts["remedy"] = remedy
        names = sorted(set(known))
        if names:
            texts.setdefault("expected", _("one of: {names}").format(names=list_names(names)))
        close = get_close_matches(str(actual), names, n=1)
        if close:
            texts["remedy"] = _("did you mean '{close}'?").format(close=close[0])
        self.code = code
        self.facts = facts
        self.kind = entry.kind
        self.exit_code = entry.exit_code if exit_code is None else exit_code
        self.place = place and Place(place.file, place.line, make_visible(place.path))
        self.message = make_visible(texts["message"])
        self.expected = make_visible(texts.get("expected", ""))
        shown = "" if actual is None else str(actual)
        self.actual = make_visible(shown[:LONGEST_ACTUAL])
        self.remedy = make_visible(texts.get("remedy", ""))
        super().__init__(self.message)

    @classmethod
    def restore(cls, parts: Mapping[str, str], place: Place | None) -> Self:
        """Return an error that was made earlier, from what ``get_texts`` said of it; its texts stay as they were.

        Raises KeyError for parts that are missing and for a code that no table holds.
        """
        entry = read_entry(parts["code"])
        if entry is None:
            raise KeyError(parts["code"])
        error = cls.__new__(cls)
        Exception.__init__(error, parts["message"])
        error.code, error.kind, error.exit_code, error.place = entry.code, entry.kind, entry.exit_code, place
        error.message, error.expected = parts["message"], parts["expected"]
        error.actual, error.remedy = parts["actual"], parts["remedy"]
        return error

    def __str__(self) -> str:
        """Render over several lines, the place first, in the order a reader needs the parts."""
        head = f"{self.place}: " if self.place else ""
        lines = [f"{head}[{self.code}] {self.message}"]
        parts = ((_("expected"), self.expected), (_("actual"), self.actual), (_("remedy"), self.remedy))
        lines += [f"  {label}: {text}" for label, text in parts if text]
        return "\n".join(lines)

    def get_texts(self) -> dict[str, str]:
        """Return the code and the texts, from which ``restore`` makes the error again."""
        return {
            "code": self.code,
            "message": self.message,
            "expected": self.expected,
            "actual": self.actual,
            "remedy": self.remedy,
        }

    def as_dict(self) -> dict[str, str | int]:
        """Return the parts as plain data for ``--json``."""
        return {
            "code": self.code,
            "kind": self.kind,
            "message": self.message,
            "place": str(self.place) if self.place else "",
            "expected": self.expected,
            "actual": self.actual,
            "remedy": self.remedy,
            "exit_code": int(self.exit_code),
        }


class EstateWarning(RackproofError):
    """A mistake that does not stop loading: it is shown by ``estate validate`` and counts as a finding."""


class ErrorGroup(RackproofError):
    """Several errors found in one run, shown together and sorted by place.

    The exit code is the highest of theirs, wherever they stand: it must not change when a file gets another name.
    """

    def __init__(self, errors: list[RackproofError]) -> None:
        self.errors = sorted(errors, key=_sort_key)
        worst = max(self.errors, key=lambda error: error.exit_code)
        # Not through the constructor: the texts of the worst one's code would want its facts, which are not known here.
        Exception.__init__(self, _("{n} errors").format(n=len(errors)))
        self.code, self.kind, self.exit_code = worst.code, worst.kind, worst.exit_code
        self.place, self.message = None, str(self.args[0])
        self.expected = self.actual = self.remedy = ""

    def __str__(self) -> str:
        """Render every error, one after the other."""
        return "\n".join(str(error) for error in self.errors)


def raise_all(errors: Sequence[RackproofError]) -> None:
    """Raise what was found, all of it at once; return when nothing was. One error is raised as it is."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ErrorGroup(list(errors))


def list_errors(error: RackproofError) -> list[RackproofError]:
    """Return the errors of a group, or the one error that is no group."""
    if isinstance(error, ErrorGroup):
        return error.errors
    return [error]


def list_names(names: Iterable[str], most: int = LISTED_NAMES) -> str:
    """Return names joined by commas; of a long list the first ``most`` and the number of all."""
    listed = list(names)
    text = ", ".join(listed[:most])
    if len(listed) <= most:
        return text
    return f"{text}, … ({len(listed)})"


def make_visible(text: str) -> str:
    """Return a text that a terminal shows and does not obey: an error may quote what a stranger wrote."""
    if text.isprintable():
        return text
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _sort_key(error: RackproofError) -> tuple[str, int, str, str]:
    place = error.place
    if place:
        return (str(place.file), place.line, place.path, error.code)
    return ("", 0, "", error.code)
