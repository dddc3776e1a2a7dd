"""Backups without a gap, a restore that was really done, and room for it all at the DR site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from checks.judge.case import Case
from checks.judge.evidence import SKEW_S, FitEvidence, measure_age
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_known, parse_utc
from inventory.model.entities import Device, Resources

EXPECTATION = "expectation"
PRIMARY, REPOSITORY = "database-primary", "management"
# What ``pgbackrest verify`` counts; any of them above zero is a damaged repository, whatever its exit code says.
COUNTER = re.compile(r"(missing|checksum invalid|size invalid|other)[: ]+(\d+)")
STATUS = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
# Nothing was looked at, nothing is damaged: both kinds of file must have been there to be read.
LOOKED_AT = (re.compile(r"total WAL checked: (\d+)"), re.compile(r"total files checked: (\d+)"))
WHOLE = re.compile(r"^Returns\s*:\s*0 \(OK\)", re.MULTILINE)
#: What a host offers and a service needs, as the estate calls it.
CAPACITY = {"vcpu": Unit.COUNT, "ram_gb": Unit.GIGABYTE, "storage_gb": Unit.GIGABYTE}
SEGMENTS = re.compile(r"\b(\d+) unique WAL archived")


@judge("backups")
def judge_backups(case: Case) -> Iterator[Verdict]:
    """Backups are young and whole, every WAL segment between them is there, and archiving goes on."""
    for role in (REPOSITORY, PRIMARY):
        if not case.hosts(role):
            yield case.verdict(Status.FAIL, None, "backup.no_host", case.view.all("estate"), role=role)
    for judge_repository in (judge_stanzas, judge_verification, judge_continuity):
        yield from case.judge_each(case.hosts(REPOSITORY), judge_repository)
    yield from case.judge_each(case.hosts(PRIMARY), judge_archiver)


def judge_stanzas(case: Case, device: Device) -> Iterator[Verdict]:
    """Every stanza of one repository has a young, encrypted backup; a repository without any is red."""
    found = case.require("backups", device.name, "info")
    for stanza in json.loads(found.text) or [{}]:
        yield judge_stanza(case, device, found, stanza)


def judge_stanza(case: Case, device: Device, found: FitEvidence, stanza: dict[str, Any]) -> Verdict:
    """One stanza of a repository (``pgbackrest info``) has a backup that is young, whole and encrypted."""
    status = stanza.get("status") or {}
    backups = stanza.get("backup") or []
    if status.get("code") != 0 or not backups or backups[-1].get("error"):
        return case.verdict(
            Status.FAIL,
            device.name,
            "backup.none",
            [found],
            measured=measure_known("stanza_status", status.get("code"), Unit.COUNT),
            limit=case.limit("backup_age"),
            device=device.name,
            trouble=status.get("message", "no stanza"),
        )
    asked = parse_utc(found.item.ended_at).timestamp()
    age_h = (asked - float(backups[-1]["timestamp"]["stop"])) / 3600
    is_young = -SKEW_S / 3600 <= age_h <= case.number("backup_age")
    cipher = measure_known("cipher", stanza.get("cipher"), Unit.STATE)
    return case.pass_or_fail(
        is_young and stanza.get("cipher", "none") != "none",
        device.name,
        ("backup.young", "backup.old"),
        [found],
        measured=(Measurement("age", age_h, Unit.HOUR), *cipher),
        limit=case.limit("backup_age"),
        device=device.name,
        label=backups[-1]["label"],
        age=f"{age_h:.1f}",
        cipher=stanza.get("cipher"),
    )


def judge_verification(case: Case, device: Device) -> Iterator[Verdict]:
    """One repository was read to its end (``pgbackrest verify``) and nothing in it is damaged or missing."""
    found = case.require("backups", device.name, "verify", codes=tuple(range(256)))
    statuses = sorted(set(STATUS.findall(found.text)))
    bad = sum(int(number) for _name, number in COUNTER.findall(found.text))
    looked_at = [sum(map(int, pattern.findall(found.text))) for pattern in LOOKED_AT]
    status = ", ".join(statuses) or "none"
    measured = [Measurement("status", word, Unit.STATE) for word in statuses or ["none"]]
    if not all(looked_at):
        wal, files = looked_at
        measured += [Measurement("wal_checked", wal, Unit.COUNT), Measurement("files_checked", files, Unit.COUNT)]
        status += " (WAL and files looked at: " + " / ".join(map(str, looked_at)) + ")"
    yield case.pass_or_fail(
        statuses == ["ok"] and bad == 0 and all(looked_at) and found.item.exit_code == 0,
        device.name,
        ("verify.ok", "verify.bad"),
        [found],
        measured=(*measured, Measurement("invalid_files", bad, Unit.COUNT)),
        limit=case.limit("invalid_files"),
        device=device.name,
        bad=bad,
        status=status,
    )


def judge_continuity(case: Case, device: Device) -> Iterator[Verdict]:
    """No WAL segment is missing in one repository, and there is at least one."""
    found = case.require("backups", device.name, "wal-archives", codes=(0, 1, 2, 3))
    counted = SEGMENTS.search(found.text)
    has_segments = counted is not None and int(counted.group(1)) > 0
    is_whole = found.item.exit_code == 0 and WHOLE.search(found.text) is not None

    message = re.search(r"Message\s*:\s*(.+)", found.text)
    trouble = message.group(1).strip() if message else found.text.strip().splitlines()[0][:160]
    segments = sorted(set(re.findall(r"\b[0-9A-F]{24}\b", found.text)))
    yield case.pass_or_fail(
        is_whole and has_segments,
        device.name,
        ("wal.whole", "wal.gap"),
        [found],
        measured=measure_known("exit_code", found.item.exit_code, Unit.COUNT),
        limit=case.limit("missing_segments"),
        device=device.name,
        trouble=trouble,
        segments=", ".join(segments[:3]) or "-",
    )


def judge_archiver(case: Case, device: Device) -> Iterator[Verdict]:
    """One primary archived WAL a moment ago, and the last attempt was a success."""
    found = case.require("database", device.name, "primary")
    data = json.loads(found.text)
    archiver: dict[str, Any] = data["archiver"]
    last, failed = archiver["last_archived_time"], archiver["last_failed_time"]
    age_s = measure_age(data["now"], last)
    is_broken = bool(failed) and (not last or parse_utc(failed) > parse_utc(last))
    yield case.pass_or_fail(
        age_s <= case.number("archive_age") and not is_broken,
        device.name,
        ("archiver.ok", "archiver.bad"),
        [found],
        measured=measure_known("archive_age", age_s, Unit.SECOND),
        limit=case.limit("archive_age"),
        device=device.name,
        age=f"{age_s:.0f}",
        last=archiver["last_archived_wal"] or "-",
        failed=archiver["last_failed_wal"] or "-",
    )


@judge("restore_drill")
def judge_drill(case: Case) -> Iterator[Verdict]:
    """A copy restored to a pinned moment holds exactly what the source held; loss and time are within the targets."""
    drilled = {item.asset for item in case.view.all("drill") if item.key == EXPECTATION}
    primaries = [device.name for device in case.estate.devices.values() if device.role == PRIMARY]
    # Once any drill was done: a primary that was left out of it was never proved to be restorable.
    left_out = [name for name in primaries if name not in drilled]
    if drilled:
        for name in left_out:
            yield case.verdict(Status.NOT_ASSESSED, name, "evidence.missing", what=EXPECTATION, asset=name)
    yield from case.judge_each(case.hosts(REPOSITORY), judge_restore)


def judge_restore(case: Case, device: Device) -> Iterator[Verdict]:
    """What one repository gave back is what the source held, soon enough, and nothing was left behind."""
    restored = case.require("drill", device.name, "restore", codes=tuple(range(256)))
    sources = [item for item in case.view.all("drill") if item.key == EXPECTATION]
    used = [restored]
    wanted: dict[str, Any] = {"expected": {}}
    if sources:
        expectation = case.require("drill", sources[0].asset, EXPECTATION)
        used.append(expectation)
        wanted = json.loads(expectation.text)

    lines = [line.partition(" ")[::2] for line in restored.text.splitlines()]
    marks = {word: value for word, value in lines if word in ("started", "ready", "cleaned", "checksums", "dump")}
    rpo_s, rto_s = measure_drill(wanted, marks)
    troubles = [value for word, value in lines if word == "trouble"]
    troubles += find_other_database(case, device, wanted)
    troubles += compare_tables(wanted["expected"], lines)
    # A negative time is a clock that was set in between: it measured nothing.
    for name, seconds in (("rpo", rpo_s), ("rto", rto_s)):
        if not 0 <= seconds <= case.number(name):
            troubles.append(f"{name.upper()} {seconds:.1f} s, not 0 to {case.number(name):g} s")
    if marks.get("checksums") != "0" or marks.get("dump") != "ok":
        troubles.append("the copy could not be read to its end")
    if marks.get("cleaned") != "yes":
        troubles.append("the scratch copy was not removed")

    yield case.pass_or_fail(
        not troubles and bool(wanted["expected"]),
        device.name,
        ("drill.ok", "drill.bad"),
        used,
        measured=(*measure_known("rpo", rpo_s, Unit.SECOND), *measure_known("rto", rto_s, Unit.SECOND)),
        limit=case.limit("rto"),
        device=device.name,
        trouble="; ".join(troubles) or "nothing was expected",
        rpo=f"{rpo_s:.1f}",
        rto=f"{rto_s:.1f}",
        tables=", ".join(wanted["expected"]),
    )


def measure_drill(wanted: dict[str, Any], marks: dict[str, str]) -> tuple[float, float]:
    """Return the loss (RPO) and the time (RTO) of a drill in seconds; endless where it did not come that far."""
    rpo_s = rto_s = float("inf")
    if wanted.get("at"):
        rpo_s = (parse_utc(wanted["started"]) - parse_utc(wanted["at"])).total_seconds()
    if "ready" in marks and "started" in marks:
        rto_s = float(marks["ready"]) - float(marks["started"])
    return rpo_s, rto_s


def compare_tables(expected: dict[str, str], lines: list[tuple[str, str]]) -> Iterator[str]:
    """Yield which tables hold something else than the source held; a source without a row proves nothing."""
    restored = dict(value.split(" ", 1) for word, value in lines if word == "rows" and " " in value)
    for table, held in expected.items():
        if held.split(" ")[0] in ("", "0"):
            yield f"{table}: the source held no row"
    for table, held in expected.items():
        if restored.get(table) != held:
            yield f"{table}: {restored.get(table, 'nothing')} instead of {held}"


def find_other_database(case: Case, device: Device, wanted: dict[str, Any]) -> Iterator[str]:
    """Say that a drill kept from earlier restored a database that is not the one whose backups are here now."""
    info, drilled = case.find_fit("backups", device.name, "info"), wanted.get("system_identifier")
    if info is None or drilled is None:
        return
    known = set()
    for stanza in json.loads(info.text):
        known |= {str(entry.get("system-id")) for entry in stanza.get("db", [])}
    if str(drilled) not in known:
        yield f"database {drilled} was restored, the repository holds another one"


@judge("dr_capacity")
def judge_dr_capacity(case: Case) -> Iterator[Verdict]:
    """The hosts of the DR site have at least what all services in the DR scope need together."""
    hosts = [device.resources for device in case.devices("host") if device.resources]
    in_scope = [service for service in case.estate.services.values() if service.dr_scope]
    needs = [service.needs for service in in_scope if service.needs]
    short = [f"{service.name}: needs are not written down" for service in in_scope if service.needs is None]

    totals = []
    for field, unit in CAPACITY.items():
        total, wanted = add_up(hosts, field), add_up(needs, field)
        totals.append(Measurement(field.removesuffix("_gb"), total, unit))
        if total < wanted * case.number("share") / 100:
            short.append(f"{field} {total:g} < {wanted:g}")
    yield case.pass_or_fail(
        not short and bool(needs),
        None,
        ("dr.enough", "dr.short"),
        case.view.all("estate"),
        measured=tuple(totals),
        limit=case.limit("share"),
        short=", ".join(short) or "no service is in the DR scope",
    )


def add_up(resources: list[Resources], field: str) -> float:
    """Return the sum of one kind of resource."""
    return sum(float(getattr(entry, field)) for entry in resources)
