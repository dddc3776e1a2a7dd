"""Collecting over SNMP: one poll per device through the monitoring room, its answer kept byte for byte."""

from __future__ import annotations

from collections.abc import Iterable

from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Sweep
from checks.model import Captured, CollectOutcome
from core import version
from monitoring.poll.raw import RawPoll
from monitoring.snmp.poll import Absence

KINDS = ("router", "switch", "firewall", "host", "ups", "pdu", "ats", "generator", "crac", "environment")
POLL = "poll"
#: Only silence is "unreachable". Who refuses the user, or answers what cannot be believed or read, is there.
OUTCOMES = {
    Absence.NONE: CollectOutcome.COLLECTED,
    Absence.NO_ANSWER: CollectOutcome.UNREACHABLE,
    Absence.NOT_BELIEVED: CollectOutcome.ERROR,
    Absence.LOGIN_REFUSED: CollectOutcome.LOGIN_REFUSED,
    Absence.FAULT: CollectOutcome.ERROR,
}


def plan_snmp(sweep: Sweep) -> Iterable[Job]:
    """Return one job that polls every device of the selected sites at once."""
    if "snmp" in sweep.collectors:
        yield lambda: collect_snmp(sweep)


def collect_snmp(sweep: Sweep) -> list[Captured]:
    """Poll the devices; one that did not answer is evidence of that, with the poller's own words."""
    from monitoring.poll.collect import poll_devices

    names = [device.name for device in sweep.devices(*KINDS) if device.snmp is not None]
    return [capture_poll(poll) for poll in poll_devices(sweep.estate, sweep.ws, names)] if names else []


def capture_poll(poll: RawPoll) -> Captured:
    """Make the evidence of one poll; of one that failed, its error."""
    raw = poll.error.encode() if poll.error else poll.to_bytes()
    return capture_evidence(
        (poll.site, poll.device),
        ("snmp", POLL),
        f"SNMP {poll.version} {poll.address} profile {poll.profile}",
        raw,
        (poll.t0, poll.t1),
        outcome=OUTCOMES[poll.absence],
        tool="rackproof monitoring",
        tool_version=version.read_version(),
    )
