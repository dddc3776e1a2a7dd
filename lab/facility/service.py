"""Starting, stopping and steering the facility agents of one lab."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import RackproofError
from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from lab import image
from lab.facility import plan, snmpd
from lab.facility.plan import AGENTS_FILE, CONTROL_SOCKET

FOLDER, PID, LOG = "facility", "simulator.pid", "simulator.log"
START_TIMEOUT_S, STOP_TIMEOUT_S, CONTROL_TIMEOUT_S = 20.0, 6.0, 5.0


def start(estate: Estate, instance: str, run_dir: Path, secrets: Mapping[str, str]) -> None:
    """Start every facility agent of ``estate`` and return when all of them answer.

    The namespaces ``rp-<instance>-fac-<site>`` must exist and hold each device's addresses. A simulator that already
    runs in ``run_dir`` is left alone. Raises RackproofError LAB020 (no secret) or LAB025 (not answering in time).
    """
    folder = run_dir / FOLDER
    if _running(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    agents = plan.agents(estate, instance)
    for agent in agents:
        snmpd.write_configuration(agent, folder / agent.name, secrets)
    # The image's own snmpd: this machine needs no SNMP package, whose service would start by itself.
    told = {"program": image.program("snmpd"), "agents": [agent.as_dict() for agent in agents]}
    (folder / AGENTS_FILE).write_text(json.dumps(told, indent=1), encoding="utf-8")
    argv = [sys.executable, "-m", "lab.facility.simulator", str(folder.resolve())]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            argv,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / PID).write_text(f"{process.pid} {_started(process.pid)}\n", encoding="ascii")
    try:
        _wait_ready(folder, process)
    except BaseException:
        stop(run_dir)
        raise


def stop(run_dir: Path) -> None:
    """Stop the agents of this lab, whatever state they are in; safe to call when nothing runs."""
    folder = run_dir / FOLDER
    pid = _running(folder)
    if pid:
        os.kill(pid, signal.SIGTERM)
        if not _gone(pid, folder, STOP_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)  # every snmpd follows: it has the parent-death signal set
            _gone(pid, folder, STOP_TIMEOUT_S)
    for name in (PID, CONTROL_SOCKET):
        (folder / name).unlink(missing_ok=True)


def control(run_dir: Path, device: str, key: str, value: str) -> None:
    """Tell a device to behave: see README.md for the keys. Raises RackproofError when it has no such control."""
    _request(run_dir / FOLDER, {"do": "set", "device": device, "key": key, "value": value})


def status(run_dir: Path) -> dict[str, Any]:
    """Return per device: ready, the pid of its snmpd, and the controls set."""
    devices: dict[str, Any] = _request(run_dir / FOLDER, {"do": "status"})["devices"]
    return devices


def _request(folder: Path, request: dict[str, str]) -> dict[str, Any]:
    try:
        handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        raise _not_running(folder) from None
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(CONTROL_TIMEOUT_S)
            # Through the descriptor, because a Unix socket path may not exceed 107 bytes.
            line.connect(f"/proc/self/fd/{handle}/{CONTROL_SOCKET}")
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as stream:
                reply: dict[str, Any] = json.loads(stream.readline() or b"{}")
    except (OSError, ValueError):
        raise _not_running(folder) from None
    finally:
        os.close(handle)
    if not reply.get("ok"):
        # The texts are made here, in the language of who asked.
        raise RackproofError(reply.get("code", "LAB023"), **reply.get("facts", {"reason": reply}))
    return reply


def _not_running(folder: Path) -> RackproofError:
    return RackproofError("LAB026", folder=folder)


def _wait_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    waiting: list[str] = ["simulator"]
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            devices = _request(folder, {"do": "status"})["devices"]
        except RackproofError:
            time.sleep(0.1)
            continue
        waiting = [name for name, state in devices.items() if not state["ready"]]
        if not waiting:
            return
        time.sleep(0.05)
    raise RackproofError("LAB025", actual=", ".join(waiting), log=folder / LOG)


def _started(pid: int) -> str:
    """Return the process's start time in clock ticks: with the pid it names one process for ever (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _running(folder: Path) -> int:
    try:
        pid, _, started = (folder / PID).read_text(encoding="ascii").strip().partition(" ")
    except OSError:
        return 0
    if pid.isdigit() and started and _started(int(pid)) == started and not _zombie(int(pid)):
        return int(pid)
    return 0


def _zombie(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    return state == "Z"


def _gone(pid: int, folder: Path, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _running(folder):
            return True
        time.sleep(0.05)
    return False
