"""The table of errors: complete in both languages, the same codes as the code raises, one exit code per kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.error_pages import make_page, page_file
from core.errors import RackproofError
from core.errors.table import PARTS, ExitCode, codes, prefixes, read_entry, read_kinds, read_table
from core.help_cli import explain_code
from core.i18n import LANGUAGES
from core.topics import EXIT_CODES
from core.workspace import REPOSITORY
from tests.support import require

ROOMS = [
    "core", "inventory", "netconfig", "monitoring", "playbooks", "roles", "checks", "bench", "lab", "proofs",
    "rackproof.py",
]  # fmt: skip
FIELD = re.compile(r"\{(\w+)")
CODE = re.compile(r"^[A-Z]{3}\d{3}$")
NUMBER = re.compile(r"^\d{3}$")
#: The strict reader and its models say a number: the estate's mistakes have one prefix, those of other files another.
READERS = {"yaml.py", "model_errors.py"}
READ_AS = ("EST", "YML")
KEYS = {"kind", "cause", "warning", *LANGUAGES}


def source_files() -> Iterator[Path]:
    for room in ROOMS:
        path = REPOSITORY / room
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def codes_in_the_source() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in source_files():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            place = f"{file.relative_to(REPOSITORY)}:{node.lineno}"
            if CODE.match(node.value):
                found.setdefault(node.value, place)
            if file.name in READERS and NUMBER.match(node.value):
                found |= {f"{prefix}{node.value}": place for prefix in READ_AS}
    launcher = (REPOSITORY / "rackproof").read_text("utf-8")
    return found | dict.fromkeys(re.findall(r"\bdie ([A-Z]{3}\d{3})\b", launcher), "rackproof")


def test_the_table_holds_exactly_the_codes_that_are_raised() -> None:
    raised, listed = codes_in_the_source(), set(codes())
    assert {code: place for code, place in raised.items() if code not in listed} == {}
    assert listed - set(raised) == set()


@pytest.mark.parametrize("prefix", prefixes())
def test_an_entry_says_its_kind_and_the_same_in_both_languages(prefix: str) -> None:
    for code, entry in read_table(prefix).items():
        assert CODE.match(code), code
        assert set(entry) <= KEYS, code
        assert entry["kind"] in read_kinds(), code
        for language in LANGUAGES:
            assert set(entry[language]) <= set(PARTS), code
            assert "message" in entry[language], code
        english, vietnamese = entry["en"], entry["vi"]
        assert set(english) == set(vietnamese), code
        fields = {part: set(FIELD.findall(str(text))) for part, text in english.items()}
        assert {part: set(FIELD.findall(str(text))) for part, text in vietnamese.items()} == fields, code


def test_a_kind_says_its_exit_code_and_its_cause_in_both_languages() -> None:
    for name, kind in read_kinds().items():
        assert kind["exit"].upper() in ExitCode.__members__, name
        assert set(kind["cause"]) == set(LANGUAGES), name


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_can_be_said_and_explained(code: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", language)
    entry = require(read_entry(code))
    facts: dict[str, Any] = {name: f"<{name}>" for text in entry.texts.values() for name in FIELD.findall(text)}
    actual = facts.pop("actual", None)
    error = RackproofError(code, actual=actual, **facts)
    assert f"[{code}]" in str(error)
    assert error.exit_code == ExitCode[read_kinds()[entry.kind]["exit"].upper()]
    assert error.as_dict()["kind"] == entry.kind
    explained = require(explain_code(code))
    assert code in explained
    assert entry.cause in explained


def calls_of_the_error() -> Iterator[tuple[str, ast.Call]]:
    for file in source_files():
        if file == REPOSITORY / "core" / "errors" / "__init__.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RackproofError":
                yield f"{Path(file).relative_to(REPOSITORY)}:{node.lineno}", node


def test_no_text_and_no_exit_code_stands_where_an_error_is_raised() -> None:
    old = [
        place
        for place, call in calls_of_the_error()
        if len(call.args) != 1 or {"message", "exit_code"} & {keyword.arg for keyword in call.keywords}
    ]
    assert old == []


def test_no_text_is_given_where_the_table_could_hold_it() -> None:
    """``expected=`` and ``remedy=`` are for what only the caller knows, and then it is translated."""
    literal = [
        place
        for place, call in calls_of_the_error()
        for keyword in call.keywords
        if keyword.arg in ("expected", "remedy") and isinstance(keyword.value, ast.Constant | ast.JoinedStr)
    ]
    assert literal == []


def test_every_exit_code_is_explained() -> None:
    assert set(EXIT_CODES) == set(ExitCode)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_all_codes_is_up_to_date(language: str) -> None:
    assert page_file(language).read_text("utf-8") == make_page(language), "run: python -m core.error_pages"
