"""A call builds the one verb it names; what a person reads is what the whole command line would have said."""

import importlib

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

import rackproof
from core.narrowing import narrowed


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
