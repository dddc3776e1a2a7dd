"""Hosts: hardening judged by replaying the recording, clocks in step, logs that arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from checks.judge.case import Case
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_part
from checks.replay.recording import HostRecording
from checks.replay.suite import HostTestResult, hash_suite, judge_recording
from inventory.model.entities import Device

COLLECTOR_ROLE = "management"
ROTATE = re.compile(r"^\s*rotate\s+(\d+)", re.MULTILINE)
MAX_AGE = re.compile(r"^\s*maxage\s+(\d+)", re.MULTILINE)
BY_SIZE = re.compile(r"^\s*(size|maxsize)\b", re.MULTILINE)
LOCAL_CLOCK = "7F7F0101"  # chrony's reference id of a clock that follows nobody but itself
PERIOD_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}
#: The worst of what tests of a host come to, the worst first, and what the host then is.
WORST_FIRST = (("fail", Status.FAIL), ("no-answer", Status.UNREACHABLE))


@judge("level_hosts")
def judge_level(case: Case) -> Iterator[Verdict]:
    """The measurable part of the protection plan on every host: hardened, and its clock in step."""
    hosts = case.devices("host")
    yield from case.judge_each(hosts, judge_host_tests)
    yield from case.judge_each(hosts, judge_clock)


@judge("hardening")
def judge_hardening(case: Case) -> Iterator[Verdict]:
    """Every host of the site passes the host tests."""
    yield from case.judge_each(case.devices("host"), judge_host_tests)


def judge_host_tests(case: Case, device: Device) -> Iterator[Verdict]:
    """One host passes every host test of its role, judged from its recording alone."""
    found = case.require("hosts", device.name, "tape")
    recording = HostRecording.from_bytes(found.raw)
    if recording.host != device.name:
        yield case.verdict(
            Status.ERROR, device.name, "evidence.foreign", [found], asset=device.name, actual=recording.host
        )
        return

    results = judge_recording(found.raw, device.role)
    bad = [result for result in results if result.verdict != "pass"]
    unanswered = [result for result in bad if result.verdict == "no-answer"]
    if unanswered and recording.suite_sha256 != hash_suite():
        # What the tests of today ask was not asked then: that says nothing of the host.
        yield case.verdict(Status.NOT_ASSESSED, device.name, "tape.other_suite", [found], device=device.name)
        return

    status, msgid = Status.PASS, "hardened.ok"
    if bad or not results:
        status, msgid = choose_status(bad), "hardened.bad"
    names = [result.id for result in bad] or ["-"]
    yield case.verdict(
        status,
        device.name,
        msgid,
        [found],
        measured=measure_part("passed", len(results) - len(bad), len(results)),
        limit=case.limit("host_tests"),
        device=device.name,
        count=len(results),
        failed=len(bad),
        first=names[0],
        names=", ".join(names[:5]),
    )


def choose_status(bad: list[HostTestResult]) -> Status:
    """Return what a host is whose tests did not all pass; where nothing failed or went unanswered it is an error."""
    kinds = {result.verdict for result in bad}
    for kind, status in WORST_FIRST:
        if kind in kinds:
            return status
    return Status.ERROR


def judge_clock(case: Case, device: Device) -> Iterator[Verdict]:
    """One host's clock follows a source that it heard a moment ago, and differs from it by little."""
    found = case.require("time", device.name, "tracking")
    fields = found.text.strip().splitlines()[0].split(",")
    # chronyc -c tracking: reference id, name, stratum, reference time, system offset, last offset, RMS offset, …, leap
    stratum, offset_s, leap = int(fields[2]), abs(float(fields[4])), fields[-1].strip()
    asset = f"{device.name} clock"
    measured = (Measurement("offset", offset_s, Unit.SECOND), Measurement("stratum", stratum, Unit.COUNT))

    # The time server is there; others follow it. Stratum 16 is "not synchronised" (RFC 5905, figure 11).
    is_alone = fields[0] == LOCAL_CLOCK and device.role != COLLECTOR_ROLE
    is_following = 0 < stratum < 16 and leap != "Not synchronised" and not is_alone
    is_good = is_following and offset_s <= case.number("clock_offset")

    # chrony goes on saying "Normal" for ever when its sources are gone: how long ago did it last hear one?
    heard_s = datetime.fromisoformat(found.item.ended_at).timestamp() - float(fields[3])
    if is_good and not -1 <= heard_s <= case.number("clock_age"):
        yield case.verdict(
            Status.FAIL,
            asset,
            "clock.unheard",
            [found],
            measured=(Measurement("heard_ago", heard_s, Unit.SECOND),),
            limit=case.limit("clock_age"),
            device=device.name,
            heard=f"{heard_s:.0f}",
            source=fields[1],
        )
        return
    yield case.pass_or_fail(
        is_good,
        asset,
        ("clock.ok", "clock.bad"),
        [found],
        measured=measured,
        limit=case.limit("clock_offset"),
        device=device.name,
        source=fields[1] or "itself",
        offset=f"{offset_s:.6f}",
        stratum=stratum,
        leap=leap,
    )


@judge("log_arrival")
def judge_logs(case: Case) -> Iterator[Verdict]:
    """A line written on each host a moment ago has arrived at the collector, which keeps logs long enough."""
    hosts = [device for device in case.estate.devices.values() if device.kind.value == "host"]
    collectors = [device for device in hosts if device.role == COLLECTOR_ROLE]
    if not collectors:
        yield case.verdict(Status.FAIL, None, "logs.no_collector", case.view.all("estate"))

    pairs = [(device, collector) for collector in collectors for device in case.devices("host")]
    yield from case.judge_each(pairs, judge_arrival)
    here = [device for device in collectors if case.estate.site_of[device.name] == case.site.site]
    yield from case.judge_each(here, judge_retention)


def judge_arrival(case: Case, pair: tuple[Device, Device]) -> Iterator[Verdict]:
    """The line that was written on one host is in the log of one collector, under the name of that host."""
    device, collector = pair
    sent, received = case.require("logs", device.name, "marker"), case.require("logs", collector.name, "arrival")
    marker = sent.text.strip()
    lines = []
    if marker:
        by_host = re.compile(rf"(^|\s){re.escape(device.name)}(\s|$)")
        lines = [line for line in received.text.splitlines() if marker in line and by_host.search(line)]
    yield case.pass_or_fail(
        bool(lines),
        device.name,
        ("logs.arrived", "logs.lost"),
        [sent, received],
        measured=(Measurement("lines", len(lines), Unit.COUNT),),
        limit=case.limit("hosts_sending"),
        device=device.name,
        collector=collector.name,
        marker=marker,
    )


def judge_retention(case: Case, collector: Device) -> Iterator[Verdict]:
    """One collector keeps logs for as many days as the requirement asks."""
    found = case.require("logs", collector.name, "retention")
    days = count_days_kept(found.text)
    retention, limit = Measurement("retention", days, Unit.DAY), case.limit("retention")
    yield case.pass_or_fail(
        limit.is_reached_by(retention),
        collector.name,
        ("logs.kept", "logs.short"),
        [found],
        measured=(retention,),
        limit=limit,
        collector=collector.name,
        days=days,
    )


def count_days_kept(settings: str) -> int:
    """Return the days for which logrotate keeps logs by its settings; whatever stands there, the shortest counts.

    0 where logs are rotated by size: one is then as old as it is quiet.
    """
    if BY_SIZE.search(settings):
        return 0
    periods = [days for word, days in PERIOD_DAYS.items() if re.search(rf"^\s*{word}\b", settings, re.MULTILINE)]
    rotations = [int(number) for number in ROTATE.findall(settings)]
    days = min(rotations, default=0) * next(iter(periods), 0)
    return min([days, *(int(number) for number in MAX_AGE.findall(settings))])
