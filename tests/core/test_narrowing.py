"""A call builds the one verb it names; what a person reads is what the whole command line would have said."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

import rackproof
from core.narrowing import _only_explains, narrowed

ROOT = Path(__file__).resolve().parents[2]


def verbs(command, words=()):
    yield words
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from verbs(inner, (*words, name))


def app_of(room):
    return importlib.import_module(rackproof.ROOMS[room][0]).app


CASES = [(room, words) for room in rackproof.ROOMS for words in verbs(get_command(app_of(room)))]


@pytest.mark.parametrize(("room", "words"), CASES, ids=[" ".join((room, *words)) for room, words in CASES])
@pytest.mark.parametrize("more", [["--help"], ["--no-such-option"], ["no-such-word", "--no-such-option"]], ids=str)
def test_it_says_what_the_whole_says(room, words, more):
    app, line = app_of(room), [*words, *more]
    whole = CliRunner().invoke(app, line)
    part = CliRunner().invoke(narrowed(app, line), line)
    assert (part.exit_code, part.output) == (whole.exit_code, whole.output)


def test_only_the_verb_that_is_called_is_built():
    app = typer.Typer()

    @app.command()
    def one(number: int = 1) -> None:
        print("one", number)

    @app.command()
    def other(number: int = 1) -> None:
        print("other", number)

    part = narrowed(app, ["one", "--number", "3"])
    assert list(get_command(part).commands) == ["one"]
    assert CliRunner().invoke(part, ["one", "--number", "3"]).output == "one 3\n"
    assert narrowed(app, ["three"]) is narrowed(app, []) is narrowed(app, ["--help"]) is app
    assert len(app.registered_commands) == 2 and app.registered_callback is None


EXPLAINS = [
    (["estate", "diff", "--help"], True), (["estate", "--help"], True), (["estate", "export", "hosts", "--help"], True),
    (["estate", "export", "--help"], True), (["report", "--help"], True), (["estate", "diff", "HEAD"], False),
    (["estate", "diff", "HEAD", "--help"], False), (["lab", "exec", "dc-db1", "--help"], False),
    (["lab", "exec", "dc-db1", "--", "ls", "--help"], False), (["estate", "dif", "--help"], False), (["estate"], False),
    (["estate", "ledger", "free", "--region", "--help"], False),
]  # fmt: skip
LOOK = """
import sys, rackproof
code = rackproof.run(sys.argv[1:])
print("checker" if "pydantic" in sys.modules else "no checker", "typer._adapters" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(("words", "expected"), EXPLAINS, ids=[" ".join(case[0]) for case in EXPLAINS])
def test_only_an_explanation_goes_without_the_checker(words, expected):
    """In a process of its own: with the checker left out the text is the same, and afterwards it is as it was."""
    assert _only_explains(app_of(words[0]), words[1:]) is expected
    command = [sys.executable, "-P", "-c", LOOK, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if expected:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        last = done.stderr.splitlines()[-1]
        assert (done.returncode, last) == (0, "no checker False")
        plain = subprocess.run(
            [sys.executable, "-P", "-c", "import typer._adapters\n" + LOOK, *words], cwd=ROOT, env=environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (plain.returncode, plain.stdout) == (0, done.stdout)
