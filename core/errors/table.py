"""The table of errors: ``<PREFIX>.yml`` beside this module says of each code its kind, its texts and its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from core.i18n import language
from core.workspace import name_command

FOLDER = Path(__file__).resolve().parent
KINDS_FILE = FOLDER / "kinds.yml"
#: The parts of an error that are text for people.
PARTS = ("message", "expected", "remedy")


class ExitCode(IntEnum):
    """Exit codes of the command line; stable, so that scripts and schedulers can rely on them."""

    OK = 0
    NOT_GREEN = 1
    USAGE = 2
    INVALID = 3
    UNREACHABLE = 4
    ROLLED_BACK = 5
    REFUSED = 6
    NOT_LET_IN = 7
    NO_SPACE = 8
    INTERNAL = 70
    INTERRUPTED = 130
    CUT_OFF = 141  # who read the output went away before the end: neither green nor not; what a shell says of SIGPIPE


@dataclass(frozen=True, slots=True)
class ErrorDescription:
    """One code as its table says it, in the language of this process; ``texts`` holds placeholders in braces."""

    code: str
    kind: str
    exit_code: ExitCode
    texts: Mapping[str, str]
    cause: str


def read_entry(code: str) -> ErrorDescription | None:
    """Return what the table says of a code, None when no table holds it."""
    return _entry(code, language())


def prefixes() -> list[str]:
    """Return the prefixes that have a table, such as ``EST``."""
    return sorted(file.stem for file in FOLDER.glob("*.yml") if file.stem.isupper())


def codes() -> list[str]:
    """Return every code of every table, sorted."""
    return sorted(chain.from_iterable(map(read_table, prefixes())))


@cache
def read_kinds() -> Mapping[str, Mapping[str, Any]]:
    """Return every kind of mistake: name → exit code (its name) and what it follows from, per language."""
    return _read(KINDS_FILE)


@cache
def read_table(prefix: str) -> Mapping[str, Mapping[str, Any]]:
    """Return one table as written: code → kind, texts per language, cause; empty for an unknown prefix."""
    file = FOLDER / f"{prefix}.yml"
    if file.is_file():
        return _read(file)
    return {}


def is_warning(code: str) -> bool:
    """Tell whether the code does not stop the work."""
    return bool(read_table(code[:3]).get(code, {}).get("warning", False))


@cache
def _entry(code: str, lang: str) -> ErrorDescription | None:
    raw = read_table(code[:3]).get(code)
    if raw is None:
        return None
    kind = read_kinds()[raw["kind"]]
    causes = raw.get("cause", kind["cause"])
    texts = {part: name_command(text) for part, text in raw[lang].items()}
    return ErrorDescription(code, raw["kind"], ExitCode[kind["exit"].upper()], texts, causes[lang])


def _read(file: Path) -> Mapping[str, Mapping[str, Any]]:
    import yaml  # not at the top: most calls make no error, and the reader costs them milliseconds

    # The strict reader reports its mistakes through this table, so it cannot read it; a test holds the two together.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: Mapping[str, Mapping[str, Any]] = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506 - both are safe
    return data
