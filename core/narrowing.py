"""A command line with many verbs, made only as far as one call needs: a form is built for one verb and not for all."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import typer


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
