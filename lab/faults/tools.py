"""How faults reach into the lab: as root on a host over SSH, and a wait for a thing to become true."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

from core.errors import ExitCode, RackproofError
from lab.command import run
from lab.enter import CONTROLLER, argv_inside
from lab.instance import Instance

STATE_DIR = "/var/lib/lab-fault"
PAUSE_S = 0.2


def as_root(instance: Instance, node: str, argv: Sequence[str], *, timeout: float = 30.0) -> str:
    """Run a command as root on a host or router and return its output; always over IPv4, which no fault takes away."""
    # Not through a shared connection: what a fault breaks must not linger in one, and what it needs must be new.
    ssh = ["ssh", "-F", str(instance.workspace.ssh_config), "-o", "ControlPath=none", _alias(instance, node), "--"]
    return run(argv_inside(instance, CONTROLLER, [*ssh, shlex.join(["sudo", "-n", *argv])]), timeout=timeout)


def wait_until(is_true: Callable[[], bool], what: str, timeout: float) -> None:
    """Wait until something is so; raises RackproofError (LAB051) when it is not after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not is_true():
        if time.monotonic() > deadline:
            raise RackproofError("LAB051", f"{what}: not so after {timeout:.0f} s", exit_code=ExitCode.UNREACHABLE,
                                 remedy="see `./rackproof lab status`; `lab mend` may be repeated")
        time.sleep(PAUSE_S)


def remember(instance: Instance, fault: str, data: dict[str, Any]) -> None:
    """Keep what mending a fault will need; written before anything is changed."""
    folder = instance.run_dir / "faults"
    folder.mkdir(exist_ok=True)
    new = folder / f"{fault}.new"
    new.write_text(json.dumps(data), encoding="utf-8")
    new.replace(folder / f"{fault}.json")


def recall(instance: Instance, fault: str) -> dict[str, Any] | None:
    """Return what was kept for a fault, or None when there is nothing to mend."""
    try:
        data: dict[str, Any] = json.loads((instance.run_dir / "faults" / f"{fault}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return data


def forget(instance: Instance, fault: str) -> None:
    """Drop what was kept for a fault, once it is mended."""
    (instance.run_dir / "faults" / f"{fault}.json").unlink(missing_ok=True)


def _alias(instance: Instance, node: str) -> str:
    config = instance.workspace.ssh_config.read_text(encoding="utf-8")
    return f"{node}-ops" if f"Host {node}-ops\n" in config else f"{node}-v4"
