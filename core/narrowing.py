"""A command line with many verbs, made only as far as one call needs: a form is built for one verb and not for all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from types import ModuleType
from typing import Any

import typer

_CHECKER = "typer._adapters"  # where typer keeps what checks values; another name in a later version: nothing is saved


def narrowed(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """Return ``app`` with nothing but the verb that ``words`` begin with; ``app`` itself when they begin with none.

    Building the options of a verb costs milliseconds, and typer builds those of all verbs whichever is called. Without
    a verb of that name (``--help``, a slip of the finger) everything is kept, because all verbs are then listed.
    """
    word = words[0] if words else ""
    commands = [item for item in app.registered_commands if _name(item.name, item.callback) == word]
    groups = [item for item in app.registered_groups if item.name == word]
    if len(commands) + len(groups) != 1:
        return app
    made = copy(app)
    made.registered_commands = commands
    made.registered_groups = [_group(item, words[1:]) for item in groups]
    if made.registered_callback is None:
        made.callback()(_nothing)  # an app of one verb and no callback would take that verb's name for an argument
    return made


def _group(item: Any, words: Sequence[str]) -> Any:
    made = copy(item)
    if made.typer_instance is not None:
        made.typer_instance = narrowed(made.typer_instance, words)
    return made


def _name(name: str | None, callback: Any) -> str:
    return name or str(getattr(callback, "__name__", "")).replace("_", "-")


def _nothing() -> None:
    pass


@contextmanager
def explained(app: typer.Typer, words: Sequence[str]) -> Iterator[None]:
    """Leave out what checks the values of options, while a call only explains a verb (``estate diff --help``).

    typer builds a checker for every option of a verb and imports pydantic for it, a tenth of a second that an
    explanation does not use. In any other call, and where the checker is there already, nothing is left out.
    """
    if _CHECKER in sys.modules or not _only_explains(app, words):
        yield
        return
    stand_in = ModuleType(_CHECKER)
    stand_in.__dict__["try_build_adapter"] = lambda *_, **__: None  # as for a type that typer cannot check
    sys.modules[_CHECKER] = stand_in
    try:
        yield
    finally:
        del sys.modules[_CHECKER]
        vars(typer).pop(_CHECKER.rpartition(".")[2], None)


def _only_explains(app: typer.Typer, words: Sequence[str]) -> bool:
    """Tell whether the words are the names of verbs and a final ``--help``, and nothing that could be a value."""
    *names, last = words or [""]
    for position, name in enumerate(names):
        groups = [item.typer_instance for item in app.registered_groups if item.name == name]
        if len(groups) == 1 and groups[0] is not None:
            app = groups[0]
            continue
        commands = [item for item in app.registered_commands if _name(item.name, item.callback) == name]
        return len(commands) == 1 and position == len(names) - 1 and last == "--help"
    return last == "--help"
