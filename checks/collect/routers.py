"""Collecting from routers: what the command line says, as JSON, over SSH with the pinned keys of the workspace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Sweep
from checks.model import Captured, CollectOutcome
from checks.ssh import explain_failure, name_refusal, run_line
from inventory.model.entities import Device

TIMEOUT_S = 15
UNREACHABLE = 255
NOT_REACHED = frozenset({CollectOutcome.UNREACHABLE, CollectOutcome.LOGIN_REFUSED, CollectOutcome.HOST_KEY_CHANGED})
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
    """Ask one router every command; after the first that does not get in the rest are not tried."""
    found: list[Captured] = []
    version: str = ""
    dead: Captured | None = None
    for key, command in COMMANDS.items():
        item = ask_router(sweep, device, key, command, version, dead)
        found.append(item)
        if item.item.outcome in NOT_REACHED:
            dead = item
        if key == "version" and item.item.outcome is CollectOutcome.COLLECTED:
            version = item.raw.decode(errors="replace").splitlines()[0][:80]
    return found


def ask_router(sweep: Sweep, device: Device, key: str, command: str, version: str, dead: Captured | None) -> Captured:
    """Make the evidence of one command; after ``dead``, a command that did not get in, nothing is asked any more."""
    began = datetime.now(UTC)
    code, output, outcome = (None, dead.raw, dead.item.outcome) if dead else run_router_command(sweep, device, command)
    return capture_evidence(
        (sweep.estate.site_of[device.name], device.name),
        ("routers", key),
        command,
        output,
        (began, datetime.now(UTC)),
        outcome=outcome,
        exit_code=code,
        tool="vtysh",
        tool_version=version,
    )


def run_router_command(sweep: Sweep, device: Device, command: str) -> tuple[int | None, bytes, CollectOutcome]:
    """Run one command of a router over SSH; return its exit code (None: it never ran), its output, the outcome."""
    try:
        done = run_line(sweep.ws.ssh_config, device.name, command, TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {TIMEOUT_S} s".encode(), CollectOutcome.TIMEOUT
    if done.returncode == UNREACHABLE:
        trouble = explain_failure(done.returncode, done.stderr)
        return None, trouble.encode(), name_refusal(trouble) or CollectOutcome.UNREACHABLE
    trailer = b"\n--- stderr ---\n" + done.stderr if done.stderr else b""
    return done.returncode, done.stdout + trailer, CollectOutcome.COLLECTED
