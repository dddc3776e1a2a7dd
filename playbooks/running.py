"""Runs the engines side by side and listens to them; leaves no process behind, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import IO

from core.secrets import redact
from core.workspace import REPOSITORY
from playbooks.engines import EngineCommand
from playbooks.events import EngineResult, TaskEvent

OnEvent = Callable[[EngineCommand, TaskEvent], None]
GRACE_S = 5


def start_results(commands: Sequence[EngineCommand]) -> list[EngineResult]:
    """Return an empty result for every command; ``run_all`` fills them while it works."""
    return [EngineResult(command.engine.value, asked=command.hosts) for command in commands]


def run_all(
    commands: Sequence[EngineCommand],
    results: Sequence[EngineResult],
    secrets: Mapping[str, str],
    timeout_s: float,
    on_event: OnEvent,
) -> None:
    """Run every command at once and fill the result of each, in the same order.

    What is still at work after ``timeout_s`` is stopped; its result says so and keeps what it reported until then.
    However this ends, by Ctrl-C too, no process is left behind, and the results hold what is known.
    """
    processes: list[subprocess.Popen[str]] = []
    deadline = time.monotonic() + timeout_s
    with ThreadPoolExecutor(max(1, len(commands))) as pool:
        try:
            for command in commands:
                processes.append(_start(command))
            jobs = [
                pool.submit(_listen, command, process, result, tuple(secrets.values()), on_event)
                for command, process, result in zip(commands, processes, results, strict=True)
            ]
            _done, late = wait(jobs, timeout=max(0.0, deadline - time.monotonic()))
            for job, result in zip(jobs, results, strict=True):
                if job in late:
                    result.timed_out_after = timeout_s
            _stop(processes)
            for job in jobs:
                job.result()
        finally:
            _stop(processes)


def _start(command: EngineCommand) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches us alone, and we stop the whole group in good order. Should this process be
    # killed outright, the kernel tells the engine (setpriv is Debian's util-linux, always there).
    guarded = ("setpriv", "--pdeathsig", "TERM", "--", *command.argv) if shutil.which("setpriv") else command.argv
    return subprocess.Popen(
        guarded,
        env={**os.environ, **command.environment},
        cwd=REPOSITORY,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _listen(
    command: EngineCommand,
    process: subprocess.Popen[str],
    result: EngineResult,
    secrets: Iterable[str],
    on_event: OnEvent,
) -> None:
    began = time.monotonic()
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - both are pipes, see _start
    complaints: list[str] = []
    reader = threading.Thread(target=_drain, args=(process.stderr, complaints), daemon=True)
    reader.start()
    for line in process.stdout:
        event = result.feed(redact(line, secrets))
        if event is not None:
            on_event(command, event)
    result.exit_code = process.wait()
    reader.join(GRACE_S)
    result.noise += [redact(line, secrets) for line in complaints]
    result.seconds = round(time.monotonic() - began, 1)


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
