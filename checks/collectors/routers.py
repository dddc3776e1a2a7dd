"""Collecting from routers: what the command line says, as JSON, over SSH with the pinned keys of the workspace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from checks.capture import captured
from checks.collectors.sweep import Job, Sweep
from checks.model import Captured, Outcome
from inventory.model import Device

TIMEOUT_S = 15
UNREACHABLE = 255
# The account's shell is the router's command line, so one remote command is one command of the router.
COMMANDS = {
    "version": "show version",
    "interfaces": "show interface json",
    "ospf6-neighbors": "show ipv6 ospf6 neighbor json",
    "bgp6-summary": "show bgp ipv6 unicast summary json",
}


def plan_routers(sweep: Sweep) -> Iterable[Job]:
    """Return one job per router of the selected sites."""
    if "routers" in sweep.collectors:
        for device in sweep.devices("router"):
            yield partial(collect_router, sweep, device)


def collect_router(sweep: Sweep, device: Device) -> list[Captured]:
    """Ask one router every command; after the first that cannot be reached the rest are not tried."""
    found: list[Captured] = []
    version, dead = "", b""
    for key, command in COMMANDS.items():
        item = _ask(sweep, device, key, command, version, dead)
        found.append(item)
        if item.item.outcome is Outcome.UNREACHABLE:
            dead = item.raw
        if key == "version" and item.item.outcome is Outcome.COLLECTED:
            version = item.raw.decode(errors="replace").splitlines()[0][:80]
    return found


def _ask(sweep: Sweep, device: Device, key: str, command: str, version: str, dead: bytes) -> Captured:
    began = datetime.now(UTC)
    code, output, outcome = (None, dead, Outcome.UNREACHABLE) if dead else _run(sweep, device, command)
    return captured(
        (sweep.estate.site_of[device.name], device.name), ("routers", key), command, output,
        (began, datetime.now(UTC)), outcome=outcome, exit_code=code, tool="vtysh", tool_version=version,
    )


def _run(sweep: Sweep, device: Device, command: str) -> tuple[int | None, bytes, Outcome]:
    argv = ["ssh", "-F", str(sweep.ws.ssh_config), "-T", "-o", "BatchMode=yes", device.name, command]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {TIMEOUT_S} s".encode(), Outcome.TIMEOUT
    if done.returncode == UNREACHABLE:
        return None, done.stderr or b"the connection failed", Outcome.UNREACHABLE
    trailer = b"\n--- stderr ---\n" + done.stderr if done.stderr else b""
    return done.returncode, done.stdout + trailer, Outcome.COLLECTED
