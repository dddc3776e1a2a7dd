"""How faults reach into the lab: as root on a host over SSH, and a wait for a thing to become true."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

from core.errors import RackproofError
from core.files import write_atomic
from core.i18n import _
from lab.command import run
from lab.enter import CONTROLLER, argv_inside
from lab.instance import Instance

STATE_DIR = "/var/lib/lab-fault"
PAUSE_S = 0.2
#: What makes the things that most faults break.
PROVISION = "./rackproof provision apply"


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
            raise RackproofError("LAB051", what=what, seconds=f"{timeout:.0f}")
        time.sleep(PAUSE_S)


def nothing_to_break(what: str, command: str) -> RackproofError:
    """Return the error (LAB053) of a fault that finds nothing to break; ``command`` is what would make it."""
    return RackproofError("LAB053", what=what, command=command)


def remember(instance: Instance, fault: str, data: dict[str, Any]) -> None:
    """Keep what mending a fault will need; written before anything is changed."""
    folder = instance.run_dir / "faults"
    folder.mkdir(exist_ok=True)
    write_atomic(folder / f"{fault}.json", json.dumps(data))


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
    if f"Host {node}-ops\n" in config:
        return f"{node}-ops"
    return f"{node}-v4"


def is_active(instance: Instance, host: str, unit: str) -> bool:
    """Tell whether a unit is active on a host; raises RackproofError when the host cannot be asked."""
    return as_root(instance, host, ["sh", "-c", f"systemctl is-active {shlex.quote(unit)} || true"]).strip() == "active"


def require_active(instance: Instance, host: str, unit: str) -> None:
    """Raise RackproofError (LAB053) when a unit is not active: what does not run cannot be broken."""
    if not is_active(instance, host, unit):
        raise nothing_to_break(_("{service} does not run on {host}").format(service=unit, host=host), PROVISION)


def override_unit(instance: Instance, host: str, unit: str, lines: Sequence[str]) -> None:
    """Let a unit run something else: a drop-in that a mended host no longer has, then a restart."""
    folder = f"/etc/systemd/system/{unit}.d"
    text = "\n".join(["[Service]", *lines, ""])
    script = f"mkdir -p {folder} && printf %s {shlex.quote(text)} > {folder}/lab-fault.conf"
    as_root(instance, host, ["sh", "-c", f"{script} && systemctl daemon-reload && systemctl restart --no-block {unit}"])


def restore_unit(instance: Instance, host: str, unit: str) -> None:
    """Take the drop-in of a fault away, start and enable the unit as it was, and wait until it is active."""
    folder = f"/etc/systemd/system/{unit}.d"
    script = (
        f"rm -f {folder}/lab-fault.conf; rmdir {folder} 2>/dev/null; systemctl daemon-reload && "
        f"systemctl reset-failed {unit} 2>/dev/null; systemctl enable --quiet {unit} && systemctl restart {unit}"
    )
    as_root(instance, host, ["sh", "-c", script])
    wait_until(lambda: is_active(instance, host, unit), f"{unit} on {host} active", 30)
