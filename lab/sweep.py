"""Finding and removing everything a lab instance has on this machine, from the kernel's own lists.

Nothing here depends on what `lab up` managed to write down, so it works after a crash at any point.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from core.errors import RackproofError
from lab import cgroup
from lab.command import run
from lab.instance import MARK, NETNS, Instance

#: Where systemd-nspawn keeps a folder per container, which it leaves behind when it is killed.
NSPAWN = Path("/run/systemd/nspawn")
KILL_DEADLINE_S = 15.0


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What of an instance exists on this machine."""

    namespaces: tuple[str, ...]
    mounts: tuple[str, ...]
    processes: tuple[int, ...]
    groups: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.namespaces or self.mounts or self.processes or self.groups)


def leftovers(instance: Instance) -> Leftovers:
    """Return what exists now; empty when the lab is fully down."""
    return Leftovers(
        tuple(namespaces(instance)),
        tuple(mounts(instance)),
        tuple(processes(instance)),
        tuple(str(path) for path in cgroup.left(instance)),
    )


def clean(instance: Instance) -> None:
    """Remove everything of the instance but its workspace.

    Raises RackproofError (LAB030) naming what could not be removed.
    """
    _kill(instance)
    for mount in reversed(mounts(instance)):
        _unmount(mount)
    for name in namespaces(instance):
        run(["ip", "netns", "delete", name])
    cgroup.remove(instance)
    (instance.run_dir / "faults.json").unlink(missing_ok=True)
    faults = instance.run_dir / "faults"
    for folder in (instance.hosts_dir, instance.socket_dir, faults, *NSPAWN.glob(f"*/{instance.prefix}*")):
        if folder.exists():
            shutil.rmtree(folder)
    left = leftovers(instance)
    if left:
        raise RackproofError("LAB030", actual=left, lab=instance.name)


def namespaces(instance: Instance) -> list[str]:
    """Return the names of the instance's network namespaces."""
    if NETNS.is_dir():
        return sorted(p.name for p in NETNS.glob(f"{instance.prefix}*"))
    return []


def mounts(instance: Instance) -> list[str]:
    """Return the mount points inside the instance's folder, in the order they were made."""
    inside = f"{instance.run_dir}/"
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [_unescape(line.split()[4]) for line in lines]
    return [point for point in points if point.startswith(inside)]


def processes(instance: Instance) -> list[int]:
    """Return the processes of the instance: in one of its namespaces, or started by it; never this one's own line."""
    inodes = _namespace_inodes(instance)
    mark = f"{MARK}={instance.run_dir}".encode()
    own = _own_line()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in own and _belongs(entry, inodes, mark):
            found.append(int(entry.name))
    return sorted(found)


def _belongs(entry: Path, inodes: set[int], mark: bytes) -> bool:
    try:
        if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
            return False
        if (entry / "ns" / "net").stat().st_ino in inodes:
            return True
        return mark in (entry / "environ").read_bytes().split(b"\0")
    except (OSError, IndexError):
        return False  # it ended while we looked, or is not ours to look at


def _namespace_inodes(instance: Instance) -> set[int]:
    inodes = set()
    for name in namespaces(instance):
        try:
            inodes.add((NETNS / name).stat().st_ino)
        except OSError:
            continue
    return inodes


def _own_line() -> set[int]:
    """Return this process and its ancestors: a process that entered the lab may take it down without ending itself."""
    line, pid = set(), os.getpid()
    while pid > 0:
        line.add(pid)
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        parent = re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)
        pid = int(parent.group(1)) if parent else 0
    return line


def _kill(instance: Instance) -> None:
    deadline = time.monotonic() + KILL_DEADLINE_S
    while found := processes(instance):
        if time.monotonic() > deadline:
            return  # reported by the caller
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _unmount(mount: str) -> None:
    try:
        run(["umount", mount])
    except RackproofError:
        # Some other mount namespace may hold it for a moment longer; detached, it goes as soon as it is let go.
        run(["umount", "--lazy", mount])


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)
