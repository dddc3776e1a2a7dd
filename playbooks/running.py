"""Runs the engines side by side and listens to them; leaves no process behind, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from core.errors import ExitCode, RackproofError
from core.secrets import redact
from core.workspace import REPOSITORY
from playbooks.engines import Command
from playbooks.events import EngineResult, TaskEvent

Told = Callable[[Command, TaskEvent], None]
GRACE_S = 5


def run_all(
    commands: Sequence[Command], secrets: Mapping[str, str], timeout_s: float, told: Told
) -> list[EngineResult]:
    """Run every command at once and return what each reported, in the same order.

    Raises RackproofError (PRV001) when one is still at work after ``timeout_s``; all of them are stopped then.
    """
    started: list[subprocess.Popen[str]] = []
    with ThreadPoolExecutor(max(1, len(commands))) as pool:
        try:
            deadline = time.monotonic() + timeout_s
            for command in commands:
                started.append(_start(command))
            jobs = [
                pool.submit(_listen, command, process, tuple(secrets.values()), told)
                for command, process in zip(commands, started, strict=True)
            ]
            return [job.result(timeout=max(0.0, deadline - time.monotonic())) for job in jobs]
        except TimeoutError:
            raise RackproofError(
                "PRV001", f"provisioning was not done after {timeout_s:.0f} s and was stopped",
                remedy="run it again: every role goes on where it stopped; or raise --timeout",
                exit_code=ExitCode.NOT_GREEN,
            ) from None
        finally:
            _stop(started)


def _start(command: Command) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches us alone, and we stop the whole group in good order. Should this process be
    # killed outright, the kernel tells the engine (setpriv is Debian's util-linux, always there).
    guarded = ("setpriv", "--pdeathsig", "TERM", "--", *command.argv) if shutil.which("setpriv") else command.argv
    return subprocess.Popen(
        guarded, env={**os.environ, **command.environment}, cwd=REPOSITORY, text=True, encoding="utf-8",
        errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _listen(command: Command, process: subprocess.Popen[str], secrets: Iterable[str], told: Told) -> EngineResult:
    began = time.monotonic()
    result = EngineResult(command.engine.value)
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes, see _start
    complaints: list[str] = []
    reader = threading.Thread(target=_drain, args=(process.stderr, complaints), daemon=True)
    reader.start()
    for line in process.stdout:
        event = result.feed(redact(line, secrets))
        if event is not None:
            told(command, event)
    result.exit_code = process.wait()
    reader.join(GRACE_S)
    result.noise += [redact(line, secrets) for line in complaints]
    result.hosts = result.hosts or list(command.hosts)
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _drain(stream: IO[str], into: list[str]) -> None:
    into.extend(line.rstrip() for line in stream if line.strip())


def _stop(processes: Iterable[subprocess.Popen[str]]) -> None:
    left = [process for process in processes if process.poll() is None]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + GRACE_S
        while left and time.monotonic() < deadline:
            left = [process for process in left if process.poll() is None]
            time.sleep(0.05)
