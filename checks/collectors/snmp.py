"""Collecting over SNMP: one poll per device through the monitoring room, its answer kept byte for byte."""

from __future__ import annotations

from collections.abc import Iterable

from checks.capture import captured
from checks.collectors.sweep import Job, Sweep
from checks.model import Captured, Outcome
from monitoring.raw import RawPoll

KINDS = ("router", "switch", "firewall", "host", "ups", "pdu", "ats", "generator", "crac", "environment")
POLL = "poll"
VERSION = "1"


def plan_snmp(sweep: Sweep) -> Iterable[Job]:
    """Return one job that polls every device of the selected sites at once."""
    if "snmp" in sweep.collectors:
        yield lambda: collect_snmp(sweep)


def collect_snmp(sweep: Sweep) -> list[Captured]:
    """Poll the devices; one that did not answer is evidence of that, with the poller's own words."""
    from monitoring.collect import poll_devices

    names = [device.name for device in sweep.devices(*KINDS) if device.snmp is not None]
    return [_evidence(poll) for poll in poll_devices(sweep.estate, sweep.ws, names)] if names else []


def _evidence(poll: RawPoll) -> Captured:
    outcome = Outcome.UNREACHABLE if poll.error else Outcome.COLLECTED
    raw = poll.error.encode() if poll.error else poll.to_bytes()
    return captured(
        (poll.site, poll.device), ("snmp", POLL), f"SNMP {poll.version} {poll.address} profile {poll.profile}", raw,
        (poll.t0, poll.t1), outcome=outcome, tool="rackproof monitoring", tool_version=VERSION,
    )
