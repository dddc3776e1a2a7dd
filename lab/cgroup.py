"""A control group of its own for every booted node: two systemds in one group would kill each other's services."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.command import run
from lab.instance import Instance

#: How long control groups may take to be empty after their processes were killed.
EMPTY_S = 5.0
BOOTED_BY_SYSTEMD = Path("/run/systemd/system")


def managed_by_systemd() -> bool:
    """Tell whether systemd runs this machine; then it owns the control groups and hands out scopes."""
    return BOOTED_BY_SYSTEMD.is_dir()


def make(instance: Instance, node: str) -> list[Path]:
    """Make the node's control groups, one in each hierarchy that systemd uses; none where systemd hands out scopes."""
    if managed_by_systemd():
        return []
    folders = [point / f"rp-{instance.name}" / node for _kind, point in hierarchies()]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def adopt(instance: Instance, pids: Iterable[int]) -> None:
    """Give processes that share our own group a scope of the lab's, where systemd runs this machine.

    Else they would be killed with whatever started the lab: a service, a CI job, a session that ends.
    """
    own = _group_of("self")
    mine = [str(pid) for pid in pids if _group_of(str(pid)) == own]
    if mine and managed_by_systemd():
        run(
            [
                "busctl",
                "--quiet",
                "call",
                "org.freedesktop.systemd1",
                "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager",
                "StartTransientUnit",
                "ssa(sv)a(sa(sv))",
                f"rp-{instance.name}-agents.scope",
                "fail",
                "2",
                "CollectMode",
                "s",
                "inactive-or-failed",
                "PIDs",
                "au",
                str(len(mine)),
                *mine,
                "0",
            ]
        )


def _group_of(process: str) -> str:
    try:
        return Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""  # it ended meanwhile


def remove(instance: Instance) -> None:
    """Remove the instance's control groups; those with a living process stay and are found by ``left``."""
    deadline = time.monotonic() + EMPTY_S
    while (tops := left(instance)) and time.monotonic() < deadline:
        for top in tops:
            for folder in sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)):
                _try_remove(folder)
            _try_remove(top)
        if left(instance):
            time.sleep(0.05)  # the kernel still counts processes that were killed a moment ago


def _try_remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def left(instance: Instance) -> list[Path]:
    """Return the control groups of the instance that exist."""
    tops = [point / f"rp-{instance.name}" for _kind, point in hierarchies()]
    return [top for top in tops if top.is_dir()]


def hierarchies() -> Iterator[tuple[str, Path]]:
    """Yield the hierarchies of control groups that systemd uses: their type (``cgroup2``, ``cgroup``), their mount."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        before, after = line.split(" - ", 1)
        kind, options = after.split()[0], after.split()[-1]
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield kind, Path(before.split()[4])
