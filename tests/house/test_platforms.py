"""What tests may lean on: programs that a list installs, one stream at a time, and no clock but their own.

Each rule is a walk over the syntax of the tests, and each walk is shown code that it must refuse.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from core.workspace import REPOSITORY
from tests.support import list_programs

TESTS = REPOSITORY / "tests"
#: Where a test may wait, with the reason: it waits for another process or machine, up to a deadline.
WAITS = TESTS / "house" / "waits.yml"
#: In every Debian: packages that are marked essential, and what the README asks a newcomer for.
ESSENTIAL = frozenset(
    {
        "bash",
        "cat",
        "chroot",
        "env",
        "false",
        "flock",
        "git",
        "mktemp",
        "mount",
        "rm",
        "runuser",
        "sh",
        "sleep",
        "stty",
        "tar",
        "true",
    }
)
#: Calls that run a program.
RUNNERS = frozenset({f"subprocess.{name}" for name in ("run", "Popen", "check_output", "check_call", "call")})
#: Calls that say how to run a program inside the lab's network, which has this machine's files: the program is last.
ENTERING = frozenset({"argv_inside"})
#: Programs that come with one that a list names.
COMES_WITH = {"ssh-keygen": "ssh"}
#: The wall clock. A test that compares with it is right at one moment only; one that must follow it is named in WAITS.
WALL_CLOCK = frozenset({"time.time", "time.time_ns", "datetime.now", "datetime.today", "datetime.utcnow", "date.today"})

Rule = Callable[[ast.AST], Iterator[ast.AST]]


def find_glued_streams(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where two streams are taken as one: ``stderr=STDOUT``, their sum compared, searched or returned.

    In the text of a failed assertion, in a pattern that must *not* be found and in a log both may stand together.
    """
    allowed = {id(part) for node in ast.walk(tree) for part in _walk_messages(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "stderr" and _dotted(node.value).endswith("STDOUT"):
            yield node.value
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and id(node) not in allowed:
            parts = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
            if {"stdout", "stderr"} <= parts:
                yield node


def find_sleeps(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where time is waited for: ``time.sleep`` and its like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}:
            yield node


def find_wall_clock(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where the wall clock is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in WALL_CLOCK:
            yield node


def find_durations(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where a test fails because something took long: a difference of two moments that is compared.

    A deadline until which something is asked for again and again is none: it only says when to give up.
    """
    spans = {target.id for node in ast.walk(tree) if isinstance(node, ast.Assign) and _is_span(node.value)
             for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
            continue
        left = node.test.left
        if _is_span(left) or (isinstance(left, ast.Name) and left.id in spans):
            yield node


def find_unlisted_programs(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where a program is run that neither Debian's essential packages nor a list of ours install."""
    listed = set(list_programs())
    known = ESSENTIAL | listed | {program for program, owner in COMES_WITH.items() if owner in listed}
    for first in _find_command_lines(tree):
        if isinstance(first, ast.List) and first.elts and isinstance(first.elts[0], ast.Constant):
            program = first.elts[0].value
            if isinstance(program, str) and Path(program).name not in known:
                yield first


def _find_command_lines(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is run here or inside the lab, and every list that is kept as a command line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in RUNNERS and node.args:
            yield node.args[0]
        if isinstance(node, ast.Call) and _dotted(node.func) in ENTERING and node.args:
            yield node.args[-1]
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "argv" for to in node.targets):
            yield node.value


def find_unnamed_which(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where a test looks for a program by itself: ``needs_program`` says where it comes from."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _dotted(node.func) not in {"shutil.which", "which"}:
            continue
        if node.args and isinstance(node.args[0], ast.Constant):
            yield node


RULES: dict[str, Rule] = {
    "glued streams": find_glued_streams,
    "sleeps": find_sleeps,
    "wall clock": find_wall_clock,
    "durations": find_durations,
    "unlisted programs": find_unlisted_programs,
    "unnamed which": find_unnamed_which,
}
REFUSED = {
    "glued streams": [
        "subprocess.run(x, stdout=PIPE, stderr=subprocess.STDOUT)",
        "def f(done):\n    return (done.stdout + done.stderr).strip()",
        "assert 'EST001' in answer.stderr + answer.stdout",
        "assert done.stdout + done.stderr == ''",
    ],
    "sleeps": ["time.sleep(1)", "async def f():\n    await asyncio.sleep(0.1)", "from time import sleep\nsleep(1)"],
    "wall clock": ["now = datetime.now(UTC)", "assert x < time.time()", "date.today()"],
    "durations": [
        "assert time.monotonic() - began < 2.0",
        "took = time.perf_counter() - began\nassert took < 1",
    ],
    "unlisted programs": [
        "subprocess.run(['nmap', 'x'])",
        "subprocess.Popen(['/usr/bin/nmap'])",
        "argv_inside(lab, 'ctl', ['nmap', 'x'])",
        "argv = ['nmap']",
    ],
    "unnamed which": ["pytest.mark.skipif(shutil.which('nmap') is None)"],
}
ALLOWED = {
    "glued streams": [
        "assert done.returncode == 0, done.stdout + done.stderr",
        "assert token not in done.stdout + done.stderr",
        "subprocess.run(x, stdout=log, stderr=log)",
    ],
    "sleeps": ["clock.sleep(20)", "machine.sleep(1)"],
    "wall clock": ["clock.now()", "time.monotonic()", "datetime(2026, 1, 1, tzinfo=UTC)"],
    "durations": ["while time.monotonic() < deadline:\n    pass", "assert time.monotonic() < deadline, 'why'"],
    "unlisted programs": ["subprocess.run(['sh', '-c', 'x'])", "subprocess.run(['ssh-keygen'])", "run('estate')"],
    "unnamed which": ["shutil.which(name)"],
}


def list_python() -> list[Path]:
    """Return every Python file of the repository."""
    folders = [folder for folder in REPOSITORY.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return [*REPOSITORY.glob("*.py"), *(file for folder in folders for file in sorted(folder.rglob("*.py")))]


def read_waits() -> dict[str, dict[str, str]]:
    """Return the named places: rule → ``file::function`` → reason."""
    waits: dict[str, dict[str, str]] = yaml.safe_load(WAITS.read_text(encoding="utf-8"))
    return waits


@cache
def read_tests() -> dict[Path, ast.Module]:
    """Return the syntax of every test file."""
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(TESTS.rglob("*.py"))}


@cache
def list_places(rule: Rule) -> set[str]:
    """Return where the tests break a rule, as ``tests/x.py::function``."""
    found = set()
    for file, tree in read_tests().items():
        for node in rule(tree):
            found.add(f"{file.relative_to(REPOSITORY)}::{_function_of(tree, node)}")
    return found


@pytest.mark.parametrize("name", RULES)
def test_no_test_breaks_a_rule_without_a_reason(name: str) -> None:
    named = read_waits().get(name, {})
    assert sorted(list_places(RULES[name]) - set(named)) == []


@pytest.mark.parametrize("name", RULES)
def test_no_reason_outlives_its_place(name: str) -> None:
    named = read_waits().get(name, {})
    assert sorted(set(named) - list_places(RULES[name])) == []
    assert all(len(reason.split()) >= 3 for reason in named.values())


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in REFUSED.items() for code in codes])
def test_the_rule_refuses(name: str, code: str) -> None:
    assert list(RULES[name](ast.parse(textwrap.dedent(code))))


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in ALLOWED.items() for code in codes])
def test_the_rule_allows(name: str, code: str) -> None:
    assert not list(RULES[name](ast.parse(textwrap.dedent(code))))


def test_nothing_of_a_newer_python_is_taken_for_granted() -> None:
    """``extractall(filter=)`` came with 3.11.4: on Debian 12's own 3.11.2 it is a TypeError."""
    pattern = re.compile(r"\.extract(all)?\([^)\"]*\bfilter=")
    assert [str(file) for file in list_python() if pattern.search(file.read_text(encoding="utf-8"))] == []
    assert pattern.search("archive.extractall(top, " + "filter=None)")


def _is_span(node: ast.AST) -> bool:
    """Whether an expression is the time that has passed since a moment."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return False
    now = node.left
    return isinstance(now, ast.Call) and _dotted(now.func) in {"time.monotonic", "time.perf_counter", "time.time"}


def _walk_messages(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement in which two streams may stand together."""
    if isinstance(node, ast.Assert) and node.msg is not None:
        yield from ast.walk(node.msg)
    if isinstance(node, ast.Compare) and all(isinstance(operator, ast.NotIn) for operator in node.ops):
        for part in node.comparators:
            yield from ast.walk(part)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    return ""


def _function_of(tree: ast.AST, wanted: ast.AST) -> str:
    """Return the innermost function that holds a node; empty for the module itself."""
    name = ""
    for node in ast.walk(tree):  # breadth first: a later hit is an inner function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(part is wanted for part in ast.walk(node)):
            name = node.name
    return name
