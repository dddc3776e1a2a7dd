"""The controller's own services in the lab: the exporter of readings and the watch of the requirements.

On a controller they are units of systemd; here they are processes in the controller's network, marked as part of the
lab, so that ``lab down`` ends them whatever happened before.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.console import ProgressStep
from core.errors import RackproofError
from core.i18n import _
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.enums import DeviceKind
from lab.enter import CONTROLLER, inside, require_root
from lab.instance import ESTATE, MARK, Instance

READY_TIMEOUT_S = 240.0
GRACE_S = 20.0
PAUSE_S = 0.5
#: The watch is well when its first sweep is done; before that it serves metrics and has judged nothing.
SWEPT = "rackproof_watch_sweep_timestamp_seconds "


@dataclass(frozen=True, slots=True)
class Program:
    """One service: its command line, the page that says that it is ready, and how the page is read."""

    name: str
    arguments: tuple[str, ...]
    page: str
    is_ready: Callable[[str], bool]


def list_programs() -> tuple[Program, ...]:
    """Return the services, at the address that the lab's estate gives its controller."""
    estate = load_estate(ESTATE)
    controller = estate.devices_of(DeviceKind.CONTROLLER)[0].name
    host = f"[{estate.ipv6(controller)}]"
    return (
        Program(
            "exporter",
            ("monitor", "serve", "--interval", "10"),
            f"http://{host}:9780/healthz",
            lambda text: text == "ok\n",
        ),
        Program(
            "watch",
            ("checks", "watch", "--listen", f"{host}:9781"),
            f"http://{host}:9781/metrics",
            lambda text: any(line.startswith(SWEPT) and float(line.split()[1]) > 0 for line in text.splitlines()),
        ),
    )


def start_services(instance: Instance, step: ProgressStep, only: str = "") -> list[str]:
    """Start what does not run and wait until it answers; return the names of what was started.

    Raises RackproofError: LAB012 not root, LAB063 one of them ended or did not answer in time.
    """
    require_root(_("start the controller's services"))
    started = []
    for program in list_programs():
        if only not in ("", program.name) or find_pid(instance, program.name):
            continue
        step(_("starting {program}").format(program=program.name))
        process = _launch(instance, program)
        _write(instance, program.name, process.pid)
        _wait_ready(instance, program, process)
        started.append(program.name)
    return started


def stop_services(instance: Instance, only: str = "") -> list[str]:
    """Stop what runs and return its names; raises RackproofError (LAB012) for anybody but root."""
    require_root(_("stop the controller's services"))
    stopped = []
    for program in list_programs():
        pid = find_pid(instance, program.name)
        if only not in ("", program.name) or not pid:
            continue
        _end(instance, program.name, pid)
        stopped.append(program.name)
    return stopped


def find_pid(instance: Instance, name: str) -> int:
    """Return the process of a service, 0 when it does not run: a number that went to another process is not it."""
    try:
        data = json.loads(_file(instance, name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    pid = int(data["pid"])
    if _started(pid) == data["started"]:
        return pid
    return 0


def _launch(instance: Instance, program: Program) -> subprocess.Popen[bytes]:
    # The lab's own workspace, whatever the caller chose for itself; but the same state folder.
    environment = {**os.environ, "RACKPROOF_LAB": instance.name, MARK: str(instance.run_dir)}
    for name in ("RACKPROOF_WORKSPACE", "RACKPROOF_ESTATE"):
        environment.pop(name, None)
    with (instance.run_dir / f"{program.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rackproof", *program.arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _wait_ready(instance: Instance, program: Program, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if _is_ready(instance, program):
            return
        time.sleep(PAUSE_S)
    log = instance.run_dir / f"{program.name}.log"
    why = f"it ended with {process.returncode}" if process.poll() is not None else "no answer"
    seconds = f"{READY_TIMEOUT_S:.0f}"
    raise RackproofError("LAB063", actual=why, program=program.name, page=program.page, seconds=seconds, log=log)


def _is_ready(instance: Instance, program: Program) -> bool:
    try:
        with inside(instance, CONTROLLER), urllib.request.urlopen(program.page, timeout=5) as page:  # noqa: S310
            return program.is_ready(page.read().decode("utf-8", errors="replace"))
    except (OSError, ValueError, IndexError):
        return False


def _end(instance: Instance, name: str, pid: int) -> None:
    """Ask a service to end and make sure of it; its own process group goes with it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and find_pid(instance, name):
            time.sleep(PAUSE_S / 5)
        if not find_pid(instance, name):
            break
    _file(instance, name).unlink(missing_ok=True)


def _write(instance: Instance, name: str, pid: int) -> None:
    _file(instance, name).write_text(json.dumps({"pid": pid, "started": _started(pid)}), encoding="utf-8")


def _file(instance: Instance, name: str) -> Path:
    return instance.run_dir / f"{name}.pid.json"


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks: with its number that names one process for ever (proc(5))."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "gone"
    if words[0] == "Z":
        return "gone"
    return words[19]
