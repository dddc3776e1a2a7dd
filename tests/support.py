"""What many tests read: the result inside the envelope that ``--json`` prints."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import pytest

from core.workspace import REPOSITORY
from lab.image import WRAPPED

#: How long a server of the standard library may take to see that it is to end; its own half a second is the test's.
POLL_S = 0.01

T = TypeVar("T")


class Answer(NamedTuple):
    """What a verb that ran in this process answered."""

    returncode: int
    stdout: str
    stderr: str


#: A fixture that runs a verb in this process; which options it has beside the words is said where it stands.
Command = Callable[..., Answer]
#: The same, where the answer is (exit code, standard output, standard error).
Ask = Callable[..., tuple[int, str, str]]

PACKAGE_LISTS = (REPOSITORY / "lab" / "packages.txt", REPOSITORY / "tests" / "packages.txt")


def json_of(text: str) -> Any:
    """Return the result of a verb; fails unless the text is one whole envelope without errors."""
    envelope = json.loads(text)
    assert set(envelope) == {"schema", "version", "data", "errors"}, envelope
    assert envelope["errors"] == [], envelope["errors"]
    return envelope["data"]


def require(value: T | None) -> T:
    """Return a value that must be there; fails the test where it is None."""
    assert value is not None, "what the test looks at is not there"
    return value


def wait_until(condition: Callable[[], object], seconds: float, what: str = "it did not come to that") -> None:
    """Return as soon as ``condition`` holds; fails, saying ``what``, when it does not after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {seconds:g} s"
        time.sleep(0.1)


def leave_long(values: Iterable[Any], held: Iterable[Any]) -> list[Any]:
    """Return the values of a parameter, marked as long but for those that every run holds.

    Raises ValueError when a held value is none of them: nothing would be held.
    """
    every, kept = list(values), list(held)
    for value in kept:
        if value not in every:
            raise ValueError(value)
    return [value if value in kept else pytest.param(value, marks=pytest.mark.long) for value in every]


def list_programs() -> dict[str, str]:
    """Return the programs that the whole suite may call: program → where a machine gets it from."""
    found = dict.fromkeys(WRAPPED, "the golden image")
    for file in PACKAGE_LISTS:
        lines = [line.partition("#")[0].split() for line in file.read_text(encoding="utf-8").splitlines()]
        found |= {words[0]: f"Debian: {words[1]}" for words in lines if words}
    return found


def needs_program(name: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed, as under ``test --fast``; the whole suite installs what is listed.

    Raises KeyError when no list has it: the test would be skipped on every new machine.
    """
    source = list_programs()[name]
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed ({source})")
