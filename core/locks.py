"""One thing at a time: a lock on a file, which says who holds it.

The kernel decides (``flock``): it forgets the lock of a process that ended, however it ended, so what a dead holder
left in the file never blocks anybody. The text in the file is only for people who meet a lock that is held.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.errors import Place, RackproofError
from core.files import READABLE, describe_refusal, make_folder
from core.i18n import N_, _

#: A new holder writes its name right after it got the lock; whoever comes in between looks again for so long.
NAMED_WITHIN_S = 0.5
PAUSE_S = 0.02
UNKNOWN = N_("not known")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: account, process, machine, since when (local time, ISO 8601), and what it is doing."""

    user: str
    pid: int
    host: str
    since: str
    what: str


@contextmanager
def hold(
    path: Path, what: str, *, wait: bool = False, on_wait: Callable[[Holder | None], None] | None = None
) -> Iterator[None]:
    """Hold the lock on ``path`` during the block; the file is made when it is not there, and stays.

    ``what`` says what the holder is doing, in words that fit after a colon ("raising the lab 'demo'"). With ``wait``
    it waits as long as it takes, and tells ``on_wait`` once for whom (None: not known).
    Raises RackproofError: LCK001 somebody else holds it (without ``wait``), FIL001/FIL002 as for writing a file.
    """
    make_folder(path.parent)
    descriptor = _open(path)
    try:
        if not _take(descriptor):
            holder = _wait_for_name(path)
            if not wait:
                raise _busy(path, holder)
            if on_wait is not None:
                on_wait(holder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _sign(descriptor, what)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def read_holder(path: Path) -> Holder | None:
    """Return who holds the lock on ``path`` now, None when nobody does or it is not known who."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    try:
        data = json.loads(text)
        started = data.pop("started")
        holder = Holder(**data)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    # Left by a process that was killed: its number may be another's by now, its start is not.
    if holder.host == socket.gethostname() and _started(holder.pid) != started:
        return None
    return holder


def _open(path: Path) -> int:
    with describe_refusal(path):
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, READABLE)
        except PermissionError:
            holder = read_holder(path)
            if holder is not None:  # who it is helps more than that we may not write our own name there
                raise _busy(path, holder) from None
            raise


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int, what: str) -> None:
    holder = Holder(_user(), os.getpid(), socket.gethostname(), _now(), what)
    text = json.dumps({**asdict(holder), "started": _started(os.getpid())}, ensure_ascii=False)
    os.ftruncate(descriptor, 0)
    try:
        os.pwrite(descriptor, text.encode() + b"\n", 0)
    except OSError:  # a full disk: the lock holds without a name
        os.ftruncate(descriptor, 0)


def _wait_for_name(path: Path) -> Holder | None:
    deadline = time.monotonic() + NAMED_WITHIN_S
    holder = read_holder(path)
    while holder is None and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
        holder = read_holder(path)
    return holder


def _busy(path: Path, holder: Holder | None) -> RackproofError:
    if holder is None:
        unknown = _(UNKNOWN)
        return RackproofError("LCK001", place=Place(path), actual=unknown, what=unknown, since=unknown)
    who = _("{user}, process {pid} on {host}").format(user=holder.user, pid=holder.pid, host=holder.host)
    return RackproofError("LCK001", place=Place(path), actual=who, what=holder.what, since=holder.since)


def _user() -> str:
    """Return the account; that of the person behind sudo when there is one, since that is whom to ask."""
    name = os.environ.get("SUDO_USER")
    if name and os.geteuid() == 0:
        return f"{name} (root)"
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return str(os.geteuid())


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _started(pid: int) -> int:
    """Return when a process of this machine started, in clock ticks since boot; -1 when it is not there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return -1
    return int(stat.rpartition(")")[2].split()[19])
