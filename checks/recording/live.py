"""Filling a tape: all commands the tests want, in as few round trips as their dependence on each other allows.

The tests are called against the tape; what they could not be answered is asked in one batch; then they are called
again. A command that depends on an earlier answer comes up one round later. What the last good run of a host of the
same role used is asked up front, so that the usual number of round trips is one.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from checks.collectors.ssh import Answer, Command, run_batch
from checks.model import utc_text
from checks.recording.suite import run_suite, suite_sha256
from checks.recording.tape import Recorded, Tape

MAX_ROUNDS = 12
COMMAND_S = 10
# A batch is cut so that one slow host cannot hold a round longer than this many commands.
BATCH = 200
TAPES = "RACKPROOF_TAPES"
SSH_CONFIG = "RACKPROOF_SSH_CONFIG"


def record(ssh_config: Path, alias: str, role: str, hints: Path | None = None) -> Tape:
    """Return the tape of a host; what could not be asked stands in it as trouble, under the command that wanted it."""
    tape = new_tape(alias)
    ask = _hinted(hints, role)
    for _round in range(MAX_ROUNDS):
        if ask and not _ask_batch(ssh_config, alias, tape, ask):
            return tape
        _results, used, ask = run_suite(tape, role)
        if not ask:
            _keep_hints(hints, role, used)
            break
    return tape


def new_tape(host: str) -> Tape:
    """Return an empty tape for a host, stamped with the suite and the testinfra that will read it."""
    return Tape(host, suite_sha256(), version("pytest-testinfra"))


def open_named(name: str) -> tuple[Tape, Callable[[str], Recorded] | None]:
    """Return the tape for ``rec://NAME`` and, when an SSH configuration is given, the function that asks live."""
    file = Path(os.environ.get(TAPES, ".")) / f"{name}.tape.json"
    tape = Tape.from_bytes(file.read_bytes()) if file.exists() else new_tape(name)
    config = os.environ.get(SSH_CONFIG)
    if not config:
        return tape, None
    return tape, lambda command: _recorded(command, run_batch(Path(config), name, [Command(command, COMMAND_S)])[0])


def _ask_batch(ssh_config: Path, alias: str, tape: Tape, commands: list[str]) -> bool:
    """Ask commands and keep the answers; False when the host was lost, so that no further round is tried."""
    for start in range(0, len(commands), BATCH):
        part = commands[start : start + BATCH]
        answers = run_batch(ssh_config, alias, [Command(command, COMMAND_S) for command in part])
        for command, answer in zip(part, answers, strict=True):
            tape.add(command.encode(), _recorded(command, answer))
        if any(answer.unreachable for answer in answers):
            return False
    return True


def _recorded(command: str, answer: Answer) -> Recorded:
    return Recorded(command, answer.exit_code, answer.stdout, answer.stderr, utc_text(answer.started),
                    utc_text(answer.ended), answer.trouble)


def _hints_file(folder: Path, role: str) -> Path:
    return folder / f"{suite_sha256()[:16]}-{role}.json"


def _hinted(folder: Path | None, role: str) -> list[str]:
    if folder is None:
        return run_suite(new_tape("nobody"), role)[2]
    try:
        return [str(command) for command in json.loads(_hints_file(folder, role).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return run_suite(new_tape("nobody"), role)[2]


def _keep_hints(folder: Path | None, role: str, used: set[str]) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Several hosts of one role are recorded side by side: each writes a file of its own, the last one stays.
    new = folder / f"{role}.{os.getpid()}.{threading.get_ident()}.new"
    new.write_text(json.dumps(sorted(used)), encoding="utf-8")
    new.replace(_hints_file(folder, role))
