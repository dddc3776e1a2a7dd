"""Running the programs the lab is built with: argument lists, a deadline each, and an error that names the program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.errors import RackproofError

DEFAULT_TIMEOUT_S = 30.0
#: So many lines of what a program said are kept for its error.
LAST_LINES = 40
#: What programs say when the disk is full.
NO_SPACE = ("No space left on device", "Disk quota exceeded", "Read-only file system")


def run(
    argv: Sequence[str],
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    stdin: str | None = None,
    extra_environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    Whatever interrupts the wait also ends the program and its children: nothing half-made goes on in the background.
    Raises RackproofError: LAB001 it failed (FIL001 for want of space), LAB002 it is not installed, LAB003 it
    took longer than ``timeout`` seconds.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            env={**os.environ, **(extra_environment or {})},
        )
    except FileNotFoundError:
        raise missing_program(argv[0]) from None
    try:
        output, errors = process.communicate(stdin, timeout=timeout)
    except BaseException as error:
        _kill_group(process)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise RackproofError(
                "LAB003", actual=" ".join(argv)[:300], program=argv[0], seconds=f"{timeout:.0f}"
            ) from None
        raise
    if process.returncode != 0:
        raise _failed(argv, process.returncode, (errors or output).strip())
    return output


def run_watched(
    argv: Sequence[str], on_line: Callable[[str], None], *, timeout: float, extra_environment: Mapping[str, str]
) -> None:
    """Run a program that takes minutes, handing each line of its standard error to ``on_line`` as it comes.

    Raises as ``run``.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            text=True,
            errors="replace",
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **extra_environment},
        )
    except FileNotFoundError:
        raise missing_program(argv[0]) from None
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(timeout, end)
    timer.start()
    said: deque[str] = deque(maxlen=LAST_LINES)
    try:
        for line in process.stderr or ():
            said.append(line.rstrip())
            on_line(said[-1])
        process.wait()
    except BaseException:
        _kill_group(process)
        process.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise RackproofError("LAB003", actual=" ".join(argv)[:300], program=argv[0], seconds=f"{timeout:.0f}")
    if process.returncode != 0:
        raise _failed(argv, process.returncode, "\n".join(said))


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended in this very moment
        os.killpg(process.pid, signal.SIGKILL)


def missing_program(program: str) -> RackproofError:
    """Return the error for a program that is not installed."""
    return RackproofError("LAB002", program=program)


def _failed(argv: Sequence[str], status: int, said: str) -> RackproofError:
    """Return the error of a program that failed: a full disk is one whichever program meets it."""
    code = "LAB001"
    if any(words in said for words in NO_SPACE):
        code = "FIL001"
    command = " ".join(argv)[:300]
    return RackproofError(code, actual=said[-600:], program=argv[0], status=status, command=command)


def ip_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Hand several commands to one `ip` process, optionally inside a namespace; the first error ends it."""
    text = "\n".join(lines)
    if text:
        where = ["-n", namespace] if namespace else []
        run(["ip", *where, "-batch", "-"], stdin=text + "\n")
