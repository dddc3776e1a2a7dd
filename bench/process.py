"""Running what is measured: a process of its own, from the repository, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from core.errors import Place, RackproofError
from core.workspace import REPOSITORY

FRONT_DOOR = [sys.executable, "-P", "-m", "rackproof"]
_TIMEOUT_S = 120


def time_command(command: list[str], state: Path | None = None) -> float:
    """Return the seconds a command takes, start and end of its process included; as ``run`` otherwise."""
    return time_answer(command, state)[0]


def time_answer(command: list[str], state: Path | None = None) -> tuple[float, str]:
    """Return the seconds a command takes and what it prints."""
    started = time.perf_counter()
    said = run_command(command, state)
    return time.perf_counter() - started, said


def run_command(command: list[str], state: Path | None = None) -> str:
    """Run a command without what this process was told, and return what it prints.

    ``state``: with estates remembered in this folder; without it none is remembered. Raises RackproofError BEN001 when
    the command fails.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RACKPROOF_", "ANSIBLE_"))}
    environment["PYTHONPATH"] = str(REPOSITORY)
    environment |= {"RACKPROOF_STATE": str(state)} if state else {"RACKPROOF_NO_CACHE": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise RackproofError("BEN001", place=Place(Path(command[0])), actual=done.stderr.strip()[-500:])
    return done.stdout
