"""Going into a network namespace of the lab: the whole process for good, or one thread for a moment."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import RackproofError
from core.i18n import _
from core.refusals import say_refusal
from lab.instance import Instance, require_up

CLONE_NEWNET = 0x40000000
CONTROLLER = "ctl"


def enter_controller(name: str | None = None) -> None:
    """Move this process into the controller's network namespace, so that its connections go through the lab.

    Files, processes and users stay those of this machine. Threads started before keep their old network.
    Raises RackproofError: LAB011 the lab is down, LAB012 not root.
    """
    instance = require_up(name)
    require_root(_("work inside the lab's network"))
    set_netns(instance.netns_file(CONTROLLER))


def set_netns(file: Path) -> None:
    """Move the calling thread into the network namespace bound to ``file``.

    Raises RackproofError (LAB013) when that is no network namespace or may not be entered.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot_enter(file, say_refusal(error)) from None
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise _cannot_enter(file, _(os.strerror(ctypes.get_errno())))
    finally:
        os.close(descriptor)


@contextmanager
def inside(instance: Instance, node: str) -> Iterator[None]:
    """Put the calling thread into a node's network namespace; sockets made there stay there afterwards."""
    home = Path("/proc/thread-self/ns/net")
    back = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_netns(instance.netns_file(node))
        try:
            yield
        finally:
            set_netns(Path(f"/proc/self/fd/{back}"))
    finally:
        os.close(back)


def argv_inside(instance: Instance, node: str, argv: Sequence[str]) -> list[str]:
    """Return the argument list that runs ``argv`` in a node's network namespace (files stay this machine's)."""
    return ["nsenter", f"--net={instance.netns_file(node)}", "--", *argv]


def require_root(purpose: str) -> None:
    """Raise RackproofError (LAB012) unless this process is root; ``purpose``: translated words after "needed to"."""
    if os.geteuid() != 0:
        raise RackproofError("LAB012", purpose=purpose)


def _cannot_enter(file: Path, why: str) -> RackproofError:
    return RackproofError("LAB013", actual=why, file=file)
