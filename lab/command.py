"""Running the programs the lab is built with: argument lists, a deadline each, and an error that names the program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from core.errors import ExitCode, RackproofError

DEFAULT_TIMEOUT_S = 30.0


def run(
    argv: Sequence[str],
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    stdin: str | None = None,
    extra_environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    Whatever interrupts the wait also ends the program and its children: nothing half-made goes on in the background.
    Raises RackproofError: LAB001 it failed, LAB002 it is not installed, LAB003 it took longer than ``timeout`` seconds.
    """
    try:
        process = subprocess.Popen(
            list(argv), text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            env={**os.environ, **(extra_environment or {})},
        )
    except FileNotFoundError:
        raise missing_program(argv[0]) from None
    try:
        output, errors = process.communicate(stdin, timeout=timeout)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):  # it may have ended in this very moment
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise RackproofError(
                "LAB003", f"`{argv[0]}` did not finish in {timeout:.0f} s", actual=" ".join(argv)[:300],
                exit_code=ExitCode.INTERNAL,
            ) from None
        raise
    if process.returncode != 0:
        raise RackproofError(
            "LAB001", f"`{argv[0]}` failed with exit code {process.returncode}",
            actual=(errors or output).strip()[-600:], expected=" ".join(argv)[:300], exit_code=ExitCode.INTERNAL,
        )
    return output


def missing_program(program: str) -> RackproofError:
    """Return the error for a program that is not installed."""
    return RackproofError(
        "LAB002", f"the program `{program}` is not installed",
        remedy="run `./rackproof doctor`: it names the Debian package", exit_code=ExitCode.INTERNAL,
    )


def ip_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Hand several commands to one `ip` process, optionally inside a namespace; the first error ends it."""
    text = "\n".join(lines)
    if text:
        where = ["-n", namespace] if namespace else []
        run(["ip", *where, "-batch", "-"], stdin=text + "\n")
