"""Which command lines explain themselves with ``--help``: found as a user finds them, by reading that help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from core.workspace import REPOSITORY, state_dir
from inventory.bench_process import FRONT_DOOR, run

_HEADING = re.compile(r"^(?:verbs|Commands):$", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z][a-z-]*)(?:  .*)?$")


def helps(say: Callable[[str], None]) -> Iterator[list[str]]:
    """Yield the command lines of the front door, of every room and of every verb, each with ``--help``."""
    say("which verbs there are")
    yield from _below([])


def launcher(say: Callable[[str], None]) -> Iterator[list[str]]:
    """Yield the launcher's own ``--help``, where the launcher is set up: measuring must not install anything."""
    if (state_dir() / "venv" / ".installed-requirements.lock").exists():
        yield [str(REPOSITORY / "rackproof"), "--help"]
    else:
        say("the launcher is not set up here: not measured")


def _below(words: list[str]) -> Iterator[list[str]]:
    command = [*FRONT_DOOR, *words, "--help"]
    yield command
    for name in commands(run(command)):
        yield from _below([*words, name])


def commands(text: str) -> list[str]:
    """Return the commands that a help text lists, in its order; [] when it lists none."""
    heading = _HEADING.search(text)
    if heading is None:
        return []
    lines = text[heading.end() :].strip("\n").split("\n\n", 1)[0].splitlines()
    return [found.group(1) for line in lines if (found := _COMMAND.match(line))]
