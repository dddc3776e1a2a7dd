"""Filling a recording: all commands the tests want, in as few round trips as their dependence on each other allows.

The tests are called against the recording; what they could not be answered is asked in one batch; then they are called
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

from checks.model import format_utc
from checks.replay.recording import HostRecording, RecordedResult
from checks.replay.suite import hash_suite, run_suite
from checks.ssh import ShellAnswer, ShellCommand, run_batch

MAX_ROUNDS = 12
COMMAND_S = 10
# A batch is cut so that one slow host cannot hold a round longer than this many commands.
BATCH = 200
TAPES = "RACKPROOF_TAPES"
SSH_CONFIG = "RACKPROOF_SSH_CONFIG"


def record_host(ssh_config: Path, alias: str, role: str, hints: Path | None = None) -> HostRecording:
    """Return the recording of a host; what could not be asked stands in it as trouble, under its command."""
    recording = start_recording(alias)
    ask = read_hints(hints, role)
    for _round in range(MAX_ROUNDS):
        if ask and not ask_batch(ssh_config, alias, recording, ask):
            return recording
        _results, used, ask = run_suite(recording, role)
        if not ask:
            keep_hints(hints, role, used)
            break
    return recording


def start_recording(host: str) -> HostRecording:
    """Return an empty recording for a host, stamped with the suite and the testinfra that will read it."""
    return HostRecording(host, hash_suite(), version("pytest-testinfra"))


def open_named(name: str) -> tuple[HostRecording, Callable[[str], RecordedResult] | None]:
    """Return the recording for ``rec://NAME`` and, when an SSH configuration is given, the function that asks live."""
    file = Path(os.environ.get(TAPES, ".")) / f"{name}.tape.json"
    recording = HostRecording.from_bytes(file.read_bytes()) if file.exists() else start_recording(name)
    config = os.environ.get(SSH_CONFIG)
    if not config:
        return recording, None
    return recording, lambda command: make_result(
        command, run_batch(Path(config), name, [ShellCommand(command, COMMAND_S)])[0]
    )


def ask_batch(ssh_config: Path, alias: str, recording: HostRecording, commands: list[str]) -> bool:
    """Ask commands and keep the answers; False when the host was lost, so that no further round is tried."""
    for start in range(0, len(commands), BATCH):
        part = commands[start : start + BATCH]
        answers = run_batch(ssh_config, alias, [ShellCommand(command, COMMAND_S) for command in part])
        for command, answer in zip(part, answers, strict=True):
            recording.add(command.encode(), make_result(command, answer))
        if any(answer.unreachable for answer in answers):
            return False
    return True


def make_result(command: str, answer: ShellAnswer) -> RecordedResult:
    """Turn the answer to a command into its record."""
    return RecordedResult(
        command,
        answer.exit_code,
        answer.stdout,
        answer.stderr,
        format_utc(answer.started),
        format_utc(answer.ended),
        answer.trouble,
    )


def name_hints_file(folder: Path, role: str) -> Path:
    """Return the file of what the last good run of a role used; another suite has another file."""
    return folder / f"{hash_suite()[:16]}-{role}.json"


def read_hints(folder: Path | None, role: str) -> list[str]:
    """Return the commands to ask up front: those that the last good run used, else those that the tests ask first."""
    if folder is None:
        return run_suite(start_recording("nobody"), role)[2]
    try:
        return [str(command) for command in json.loads(name_hints_file(folder, role).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return run_suite(start_recording("nobody"), role)[2]


def keep_hints(folder: Path | None, role: str, used: set[str]) -> None:
    """Remember the commands that a good run used."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Several hosts of one role are recorded side by side: each writes a file of its own, the last one stays.
    new = folder / f"{role}.{os.getpid()}.{threading.get_ident()}.new"
    new.write_text(json.dumps(sorted(used)), encoding="utf-8")
    new.replace(name_hints_file(folder, role))
