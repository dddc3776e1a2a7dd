"""Collecting the host tests' evidence: one tape per host."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from checks.capture import captured
from checks.collectors.sweep import Job, Sweep
from checks.model import Captured, Outcome
from checks.recording.live import record
from inventory.model import Device

KEY = "tape"


def plan_tapes(sweep: Sweep) -> Iterable[Job]:
    """Return one job per host of the selected sites."""
    if "hosts" in sweep.collectors:
        for device in sweep.devices("host"):
            yield partial(_one_tape, sweep, device)


def _one_tape(sweep: Sweep, device: Device) -> list[Captured]:
    return [collect_tape(sweep, device)]


def collect_tape(sweep: Sweep, device: Device) -> Captured:
    """Record one host. A tape on which every answer is trouble says that the host was not reached."""
    began = datetime.now(UTC)
    tape = record(sweep.ws.ssh_config, device.name, device.role, sweep.ws.root / "prefetch")
    troubles = [answer.trouble for answer in tape.answers.values() if answer.trouble]
    lost = bool(tape.answers) and len(troubles) == len(tape.answers)
    raw = troubles[0].encode() if lost else tape.to_bytes()
    return captured(
        (sweep.estate.site_of[device.name], device.name), ("hosts", KEY), f"host tests {tape.suite_sha256[:16]}", raw,
        (began, datetime.now(UTC)), outcome=Outcome.UNREACHABLE if lost else Outcome.COLLECTED,
        tool="pytest-testinfra", tool_version=tape.testinfra,
    )
