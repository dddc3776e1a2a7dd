"""The one root error of the project and the exit codes every verb keeps to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of the command line; stable, so that scripts and schedulers can rely on them."""

    OK = 0
    NOT_GREEN = 1
    USAGE = 2
    INVALID = 3
    UNREACHABLE = 4
    ROLLED_BACK = 5
    REFUSED = 6
    INTERNAL = 70
    INTERRUPTED = 130
    CUT_OFF = 141  # who read the output went away before the end: neither green nor not; what a shell says of SIGPIPE


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: a file, a line (1-based, 0 when unknown) and a dotted path inside the file."""

    file: Path
    line: int = 0
    path: str = ""

    def __str__(self) -> str:
        """Render as ``file:line (path)``, leaving out what is not known."""
        text = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{text} ({self.path})" if self.path else text


class RackproofError(Exception):
    """An error meant for a person: what is wrong, where, what was expected and what to do about it.

    ``code`` is a stable identifier such as ``EST012``; ``exit_code`` is what the command line exits with.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        place: Place | None = None,
        expected: str = "",
        actual: str = "",
        remedy: str = "",
        exit_code: ExitCode = ExitCode.USAGE,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.expected = expected
        self.actual = actual
        self.remedy = remedy
        self.exit_code = exit_code

    def __str__(self) -> str:
        """Render over several lines, the place first, in the order a reader needs the parts."""
        head = f"{self.place}: " if self.place else ""
        lines = [f"{head}[{self.code}] {self.message}"]
        for label, text in (("expected", self.expected), ("actual", self.actual), ("remedy", self.remedy)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | int]:
        """Return the parts as plain data for ``--json``."""
        return {
            "code": self.code,
            "message": self.message,
            "place": str(self.place) if self.place else "",
            "expected": self.expected,
            "actual": self.actual,
            "remedy": self.remedy,
            "exit_code": int(self.exit_code),
        }


class ErrorGroup(RackproofError):
    """Several errors found in one run, shown together and sorted by place."""

    def __init__(self, errors: list[RackproofError]) -> None:
        self.errors = sorted(errors, key=_sort_key)
        first = self.errors[0]
        super().__init__(first.code, f"{len(errors)} errors", exit_code=first.exit_code)

    def __str__(self) -> str:
        """Render every error, one after the other."""
        return "\n".join(str(error) for error in self.errors)


def _sort_key(error: RackproofError) -> tuple[str, int, str, str]:
    place = error.place
    return (str(place.file), place.line, place.path, error.code) if place else ("", 0, "", error.code)
