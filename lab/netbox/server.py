"""A running NetBox: it listens on this machine's loopback, keeps nothing, and ends with whoever started it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.console import ProgressStep
from core.errors import RackproofError
from core.i18n import _
from lab.debian import ignore_step
from lab.enter import require_root
from lab.netbox import image

START_S = 90.0
#: Descriptors are handed on through a shell, whose own redirections use the single digits.
_FIRST_DESCRIPTOR = 20


@dataclass(frozen=True, slots=True)
class NetBox:
    """Where a running NetBox answers, and who may change everything in it."""

    url: str
    token: str
    user: str
    password: str
    pid: int


@contextmanager
def running(step: ProgressStep = ignore_step) -> Iterator[NetBox]:
    """Run a NetBox with an empty database while the block lasts; the image must have been built.

    It has a network of its own with no way out; only the listening socket, made here, belongs to this machine. If this
    process is killed, everything of it ends too. Raises RackproofError: LAB012 not root, LAB045 it did not start.
    """
    require_root(_("run a NetBox"))
    built = image.ensure(step)
    step(_("starting"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(image.in_use(built))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        told, tell = os.pipe()
        stack.callback(os.close, told)
        process = _start(built, listener, tell, log)
        stack.callback(_stop, process)
        said = _wait(told, log)
        port = listener.getsockname()[1]
        listener.close()  # the server holds it now: when that is gone, connections are refused instead of waiting
        yield NetBox(f"http://127.0.0.1:{port}", said["token"], said["user"], said["password"], process.pid)


def _start(built: Path, listener: socket.socket, tell: int, log: IO[str]) -> subprocess.Popen[bytes]:
    handed = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR) for fd in (listener.fileno(), tell)]
    os.close(tell)
    names = ("RACKPROOF_LISTENER", "RACKPROOF_READY")
    kept = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.Popen(
            image.argv_in_image(built, "OVERLAY", "/opt/rackproof/run"),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=handed,
            env=kept | {name: str(fd) for name, fd in zip(names, handed, strict=True)},
        )
    finally:
        for fd in handed:
            os.close(fd)


def _wait(told: int, log: IO[str]) -> dict[str, str]:
    """Return what the server tells when it is ready; nothing comes when it ends before or takes too long."""
    ready, _, _ = select.select([told], [], [], START_S)
    text = os.read(told, 4096) if ready else b""
    if not text:
        log.seek(0)
        raise RackproofError("LAB045", actual=log.read().strip()[-600:])
    said: dict[str, str] = json.loads(text)
    return said


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once: it keeps nothing, so there is nothing to finish, and the kernel ends what is inside."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()
