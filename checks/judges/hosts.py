"""Hosts: hardening judged by replaying the tape, clocks in step, logs that arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from checks.judging import Case, judge
from checks.model import Status, Verdict
from checks.recording.suite import Result, run_suite, suite_sha256
from checks.recording.tape import Tape
from inventory.model import Device

COLLECTOR_ROLE = "management"
ROTATE = re.compile(r"^\s*rotate\s+(\d+)", re.MULTILINE)
MAX_AGE = re.compile(r"^\s*maxage\s+(\d+)", re.MULTILINE)
BY_SIZE = re.compile(r"^\s*(size|maxsize)\b", re.MULTILINE)
LOCAL_CLOCK = "7F7F0101"  # chrony's reference id of a clock that follows nobody but itself
PERIOD_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}


@judge("level_hosts")
def judge_level(case: Case) -> Iterator[Verdict]:
    """The measurable part of the protection plan on every host: hardened, and its clock in step."""
    for device in case.devices("host"):
        yield _hardened(case, device)
        yield _in_step(case, device)


@judge("hardening")
def judge_hardening(case: Case) -> Iterator[Verdict]:
    """Every host of the site passes the host tests."""
    for device in case.devices("host"):
        yield _hardened(case, device)


def _hardened(case: Case, device: Device) -> Verdict:
    found = case.take("hosts", device.name, "tape")
    if isinstance(found, Verdict):
        return found
    tape = Tape.from_bytes(found.raw)
    if tape.host != device.name:
        return case.say(Status.ERROR, device.name, "evidence.foreign", [found], asset=device.name, actual=tape.host)
    results, _used, _missing = run_suite(tape, device.role)
    bad = [result for result in results if result.verdict != "pass"]
    if tape.suite_sha256 != suite_sha256() and any(result.verdict == "no-answer" for result in bad):
        return case.say(Status.NOT_ASSESSED, device.name, "tape.other_suite", [found], device=device.name)
    good = not bad and bool(results)
    return case.say(_status(bad, good), device.name, "hardened.ok" if good else "hardened.bad", [found],
                    measured=f"{len(results) - len(bad)}/{len(results)}", limit=case.limit("host_tests"),
                    device=device.name, count=len(results), failed=len(bad), first=_name(bad[0]) if bad else "-",
                    names=", ".join(_name(result) for result in bad[:5]) or "-")


def _status(bad: list[Result], good: bool) -> Status:
    verdicts = {result.verdict for result in bad}
    if good:
        return Status.PASS
    if "fail" in verdicts:
        return Status.FAIL
    return Status.UNREACHABLE if "no-answer" in verdicts else Status.ERROR


def _name(result: Result) -> str:
    return result.test.id


def _in_step(case: Case, device: Device) -> Verdict:
    found = case.take("time", device.name, "tracking")
    if isinstance(found, Verdict):
        return found
    fields = found.text.strip().splitlines()[0].split(",")
    # chronyc -c tracking: reference id, name, stratum, reference time, system offset, last offset, RMS offset, …, leap
    stratum, offset, leap = int(fields[2]), abs(float(fields[4])), fields[-1].strip()
    # chrony goes on saying "Normal" for ever when its sources are gone: how long ago did it last hear one?
    heard = datetime.fromisoformat(found.item.ended_at).timestamp() - float(fields[3])
    alone = fields[0] == LOCAL_CLOCK and device.role != COLLECTOR_ROLE  # the time server is there; others follow it
    good = 0 < stratum < 16 and leap != "Not synchronised" and offset <= case.number("clock_offset") and not alone
    if good and not -1 <= heard <= case.number("clock_age"):
        return case.say(Status.FAIL, f"{device.name} clock", "clock.unheard", [found], measured=f"{heard:.0f} s",
                        limit=case.limit("clock_age"), device=device.name, heard=f"{heard:.0f}", source=fields[1])
    return case.say(case.met(good), f"{device.name} clock", "clock.ok" if good else "clock.bad", [found],
                    measured=f"{offset:.6f} s, stratum {stratum}", limit=case.limit("clock_offset"), device=device.name,
                    source=fields[1] or "itself", offset=f"{offset:.6f}", stratum=stratum, leap=leap)


@judge("log_arrival")
def judge_logs(case: Case) -> Iterator[Verdict]:
    """A line written on each host a moment ago has arrived at the collector, which keeps logs long enough."""
    collectors = [device for device in case.estate.devices.values()
                  if device.kind.value == "host" and device.role == COLLECTOR_ROLE]
    if not collectors:
        yield case.say(Status.FAIL, None, "logs.no_collector", case.view.all("estate"))
    for collector in collectors:
        for device in case.devices("host"):
            yield _arrived(case, device, collector)
        if case.estate.site_of[collector.name] == case.site.site:
            yield _kept(case, collector)


def _arrived(case: Case, device: Device, collector: Device) -> Verdict:
    sent, seen = case.take("logs", device.name, "marker"), case.take("logs", collector.name, "arrival")
    if isinstance(sent, Verdict) or isinstance(seen, Verdict):
        return sent if isinstance(sent, Verdict) else seen  # type: ignore[return-value]
    marker = sent.text.strip()
    lines = [line for line in seen.text.splitlines()
             if marker and marker in line and re.search(rf"(^|\s){re.escape(device.name)}(\s|$)", line)]
    good = bool(lines)
    return case.say(case.met(good), device.name, "logs.arrived" if good else "logs.lost", [sent, seen],
                    measured=str(len(lines)), limit=case.limit("hosts_sending"), device=device.name,
                    collector=collector.name, marker=marker)


def _kept(case: Case, collector: Device) -> Verdict:
    found = case.take("logs", collector.name, "retention")
    if isinstance(found, Verdict):
        return found
    rotates = [int(number) for number in ROTATE.findall(found.text)]
    period = next((days for word, days in PERIOD_DAYS.items() if re.search(rf"^\s*{word}\b", found.text, re.M)), 0)
    # Rotated by size, a log is as old as it is quiet; whatever stands in the file, the shortest counts.
    days = 0 if BY_SIZE.search(found.text) else min(rotates, default=0) * period
    days = min([days, *(int(number) for number in MAX_AGE.findall(found.text))])
    good = days >= case.number("retention")
    return case.say(case.met(good), collector.name, "logs.kept" if good else "logs.short", [found],
                    measured=f"{days} d", limit=case.limit("retention"), collector=collector.name, days=days)
