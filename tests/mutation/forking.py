"""Run something in a child process of its own, with a deadline, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: What a child ends with when what it ran raised an exception.
RAISED = 70
LAST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: ``exit_code`` is None past its limits and below zero by a signal; the end of what it wrote."""

    exit_code: int | None
    seconds: float
    output: str


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind, so that it can be found and ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run_forked(action: Callable[[], int], limit_s: float) -> Ending:
    """Run ``action`` in a forked child for at most ``limit_s`` seconds; what it returns is its exit code.

    One that goes past a limit of processor time, which it sets itself (``allow_seconds``), took too long as well.
    """
    began = time.monotonic()
    sys.stdout.flush()
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _run_child(action, output.fileno())
        try:
            code = wait_for(child, limit_s)
        finally:
            end_descendants(child)
        output.seek(0)
        text = output.read().decode(errors="replace").strip()[-LAST_CHARACTERS:]
    return Ending(code, round(time.monotonic() - began, 2), text)


def allow_seconds(seconds: float) -> None:
    """Let this process keep the processor busy for so many seconds from now on, and then be killed (SIGXCPU)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _run_child(action: Callable[[], int], output: int) -> None:
    code = RAISED
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = action()
    except BaseException:  # noqa: BLE001 - a forked child must not go on as if it were its parent
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def wait_for(child: int, limit_s: float) -> int | None:
    """Return the exit code of a child, negative for a signal; None when it took longer than it may."""
    handle = os.pidfd_open(child)
    try:
        ended, _writable, _exceptional = select.select([handle], [], [], limit_s)
    finally:
        os.close(handle)
    if not ended:
        return None
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGXCPU else code


def end_descendants(child: int) -> None:
    """Kill the process group of a child, and every process that it left to this one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    while children := list_children():
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)


def list_children() -> list[int]:
    """Return the children of this process, ended ones that nobody waited for included."""
    found: list[int] = []
    for file in Path("/proc/self/task").glob("*/children"):
        found += [int(word) for word in file.read_text(encoding="ascii").split()]
    return found
