"""Collecting the host tests' evidence: one recording per host."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Sweep
from checks.model import Captured, CollectOutcome
from checks.replay.live import record_host
from checks.ssh import name_refusal
from inventory.model.entities import Device

KEY = "tape"


def plan_recordings(sweep: Sweep) -> Iterable[Job]:
    """Return one job per host of the selected sites."""
    if "hosts" in sweep.collectors:
        for device in sweep.devices("host"):
            yield partial(collect_recordings, sweep, device)


def collect_recordings(sweep: Sweep, device: Device) -> list[Captured]:
    """Record one host: the job of ``plan_recordings``."""
    return [collect_recording(sweep, device)]


def collect_recording(sweep: Sweep, device: Device) -> Captured:
    """Record one host. A recording on which every answer is trouble says that the host was not reached."""
    began = datetime.now(UTC)
    recording = record_host(sweep.ws.ssh_config, device.name, device.role, sweep.ws.root / "prefetch")
    troubles = [answer.trouble for answer in recording.answers.values() if answer.trouble]
    lost = bool(recording.answers) and len(troubles) == len(recording.answers)
    raw, outcome = recording.to_bytes(), CollectOutcome.COLLECTED
    if lost:
        raw, outcome = troubles[0].encode(), name_refusal(troubles[0]) or CollectOutcome.UNREACHABLE
    return capture_evidence(
        (sweep.estate.site_of[device.name], device.name),
        ("hosts", KEY),
        f"host tests {recording.suite_sha256[:16]}",
        raw,
        (began, datetime.now(UTC)),
        outcome=outcome,
        tool="pytest-testinfra",
        tool_version=recording.testinfra,
    )
