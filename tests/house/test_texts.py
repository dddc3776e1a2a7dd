"""What is printed for people goes through gettext: an English sentence in a call that prints is red."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import REPOSITORY

ROOMS = ("core", "inventory", "netconfig", "monitoring", "checks", "bench", "lab", "playbooks")
#: Methods and functions whose arguments people read.
PRINTERS = frozenset({"print", "progress", "print_table", "Column", "end_step"})
TRANSLATORS = frozenset({"_", "N_", "ngettext"})
#: Two words of English beside each other, or one that says of something what it is.
SENTENCE = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]{2,}|\b(lines|appended|sites|valid|changed|written|differences)\b")
#: Marks of the console, and the places of values.
MARKS = re.compile(r"\[/?[a-z ]*\]|\{[^}]*\}")
#: Printed by a program for programs, or for developers.
OTHERS = frozenset({"core/catalogue.py", "core/error_pages.py", "core/json_page.py"})


def list_sources() -> list[Path]:
    """Return the sources that print for people."""
    found = [file for room in ROOMS for file in sorted((REPOSITORY / room).rglob("*.py")) if "recipe" not in file.parts]
    return [file for file in found if str(file.relative_to(REPOSITORY)) not in OTHERS]


def find_untranslated(source: str) -> list[tuple[int, str]]:
    """Return the English texts that calls of a source print as they are, with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name_of(node.func) in PRINTERS:
            texts = [text for argument in node.args for text in _list_texts(argument)]
            found += [(line, text) for line, text in texts if SENTENCE.search(MARKS.sub("", text))]
    return found


def _name_of(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _list_texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Call) and _name_of(node.func) in TRANSLATORS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    if isinstance(node, ast.Subscript):  # the key of a value is no text
        node = node.value
    for below in ast.iter_child_nodes(node):
        yield from _list_texts(below)


@pytest.mark.parametrize("file", list_sources(), ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_what_is_printed_is_translated(file: Path) -> None:
    assert find_untranslated(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'out.print("the estate is right again")',
        'out.print(f"{file}: {n} lines")',
        'out.print("{a} of {b} routers".format(a=1, b=2))',
        'with progress("Measuring the code"): pass',
        'out.print("[bold]two words[/bold]")',
    ],
)
def test_an_english_sentence_is_seen(source: str) -> None:
    assert find_untranslated(source) != []


@pytest.mark.parametrize(
    "source", ['out.print(_("two words"))', 'out.print(f"{file}: {n}")', 'out.print("[bold red]! ")']
)
def test_what_is_no_sentence_or_is_translated_is_left_alone(source: str) -> None:
    assert find_untranslated(source) == []
