"""Backups without a gap, a standby that follows, a restore that was really done, and room for it all at the DR site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from checks.judging import Case, Found, judge
from checks.model import Limit, Status, Verdict
from inventory.model import Device, Resources, Service

PRIMARY, STANDBY, REPOSITORY = "database-primary", "database-standby", "management"
# What ``pgbackrest verify`` counts; any of them above zero is a damaged repository, whatever its exit code says.
COUNTER = re.compile(r"(missing|checksum invalid|size invalid|other)[: ]+(\d+)")
STATUS = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
# Nothing was looked at, nothing is damaged: both kinds of file must have been there to be read.
LOOKED_AT = (re.compile(r"total WAL checked: (\d+)"), re.compile(r"total files checked: (\d+)"))
WHOLE = re.compile(r"^Returns\s*:\s*0 \(OK\)", re.MULTILINE)
SEGMENTS = re.compile(r"\b(\d+) unique WAL archived")
# What a clock may lag behind another: older than this into the future, and an age says nothing.
SKEW_S = 5.0


def _hosts(case: Case, role: str) -> list[Device]:
    return [device for device in case.devices("host") if device.role == role]


@judge("database_health")
def judge_database(case: Case) -> Iterator[Verdict]:
    """The primary database answers, writes (its canary is young), and keeps checksums of its pages."""
    for device in _hosts(case, PRIMARY):
        found = case.take("database", device.name, "primary")
        if isinstance(found, Verdict):
            yield found
            continue
        data = json.loads(found.text)
        age = _age(data["now"], data["canary"])
        good = not data["in_recovery"] and age <= case.number("canary_age") and data["checksums"] == "on"
        yield case.say(case.met(good), device.name, "database.ok" if good else "database.bad", [found],
                       measured=f"{age:.0f} s", limit=case.limit("canary_age"), device=device.name, age=f"{age:.0f}",
                       recovery=data["in_recovery"], checksums=data["checksums"])


@judge("replication")
def judge_replication(case: Case) -> Iterator[Verdict]:
    """The standby streams now, on the primary's timeline, within the service's allowed loss; 0 asks for synchronous."""
    for service in case.estate.services.values():
        if not service.dr_scope:
            continue
        for device in _hosts(case, PRIMARY):
            yield _seen_by_primary(case, service, device)
        for device in _hosts(case, STANDBY):
            yield _follows(case, service, device) or _seen_by_standby(case, service, device)


def _allowed(case: Case, service: Service) -> tuple[float, Limit]:
    """The service's own allowed loss; the requirement's threshold when the service does not say."""
    fallback = case.limit("loss")
    if service.rpo_s is None:
        return case.number("loss"), fallback
    return float(service.rpo_s), Limit(str(service.rpo_s), "s", "P", f"services.yml: {service.name} rpo_s")


def _seen_by_primary(case: Case, service: Service, device: Device) -> Verdict:
    found = case.take("database", device.name, "primary")
    if isinstance(found, Verdict):
        return found
    allowed, limit = _allowed(case, service)
    data = json.loads(found.text)
    missing = []
    for name in service.dr_hosts:
        standby = next((row for row in data["replication"] if _same(row["application_name"], name)), None)
        if standby is None:
            missing.append(f"{name} (not connected)")
            continue
        lag = float(standby["lag_s"] or 0)
        # A standby that never replied has no time of its last reply: that is silence, not zero seconds of it.
        silent = float("inf") if standby["silent_s"] is None else float(standby["silent_s"])
        if standby["state"] != "streaming" or lag > allowed or silent > case.number("silence"):
            heard = "never replied" if standby["silent_s"] is None else f"silent for {silent:.0f} s"
            missing.append(f"{name} ({standby['state']}, {lag:.1f} s behind, {heard})")
        elif allowed == 0 and standby["sync_state"] not in ("sync", "quorum"):
            missing.append(f"{name} ({standby['sync_state']})")
    good = bool(service.dr_hosts) and not missing
    return case.say(case.met(good), device.name, "replication.ok" if good else "replication.lost", [found],
                    measured=", ".join(f"{row['application_name']} {row['state']} {row['sync_state']} "
                                       f"{float(row['lag_s'] or 0):.1f} s" for row in data["replication"]) or "-",
                    limit=limit, device=device.name, missing=", ".join(missing) or "no standby is planned",
                    standbys=", ".join(service.dr_hosts))


def _follows(case: Case, service: Service, device: Device) -> Verdict | None:
    """Return the verdict that the standby follows something else than the service's primary; None when it does not.

    It must receive from the primary's planned address and, where the primary was asked in this run, be the same
    cluster on the same timeline.
    """
    found = case.take("database", device.name, "standby")
    if isinstance(found, Verdict):
        return None  # said where its evidence is judged
    data = json.loads(found.text)
    receiver = data["receiver"] or {}
    held = [address.ip for name in service.hosts for address in case.estate.address(name).addresses]
    senders = {*service.hosts, *map(str, held)}
    streams = receiver.get("status") == "streaming"  # before that the receiver knows of no sender and no timeline
    strange = [str(receiver.get("sender_host"))] if streams and receiver.get("sender_host") not in senders else []
    used = [found]
    for name in service.hosts:
        source = case.take("database", name, "primary")
        if isinstance(source, Verdict):
            continue
        used.append(source)
        theirs = json.loads(source.text)
        if theirs["system_identifier"] != data["system_identifier"]:
            strange.append(f"cluster {data['system_identifier']}")
        if streams and receiver.get("received_tli") != theirs["timeline"]:
            strange.append(f"timeline {receiver.get('received_tli')}")
    if not strange:
        return None
    return case.say(Status.FAIL, device.name, "standby.foreign", used, measured=", ".join(strange), device=device.name,
                    actual=", ".join(strange), primaries=", ".join(service.hosts) or "-")


def _seen_by_standby(case: Case, service: Service, device: Device) -> Verdict:
    found = case.take("database", device.name, "standby")
    if isinstance(found, Verdict):
        return found
    allowed, limit = _allowed(case, service)
    data = json.loads(found.text)
    receiver = data["receiver"] or {}
    age = _age(data["now"], data["canary"])
    # The canary is written every few seconds: its age on the standby is what would really be lost now.
    good = bool(data["in_recovery"]) and receiver.get("status") == "streaming" and age <= max(
        allowed, case.number("canary_interval"))
    return case.say(case.met(good), device.name, "standby.ok" if good else "standby.lost", [found],
                    measured=f"{receiver.get('status', 'none')}, {age:.0f} s", limit=limit, device=device.name,
                    receiver=receiver.get("status", "none"), age=f"{age:.0f}")


@judge("backups")
def judge_backups(case: Case) -> Iterator[Verdict]:
    """Backups are young and whole, every WAL segment between them is there, and archiving goes on."""
    for role in (REPOSITORY, PRIMARY):
        if not _hosts(case, role):
            yield case.say(Status.FAIL, None, "backup.no_host", case.view.all("estate"), role=role)
    for device in _hosts(case, REPOSITORY):
        yield _backup_age(case, device)
        yield _verified(case, device)
        yield _continuity(case, device)
    for device in _hosts(case, PRIMARY):
        yield _archiver(case, device)


def _backup_age(case: Case, device: Device) -> Verdict:
    found = case.take("backups", device.name, "info")
    if isinstance(found, Verdict):
        return found
    stanzas = json.loads(found.text)
    stanza = stanzas[0] if stanzas else {}
    backups = stanza.get("backup") or []
    code = (stanza.get("status") or {}).get("code")
    if code != 0 or not backups or backups[-1].get("error"):
        return case.say(Status.FAIL, device.name, "backup.none", [found], measured=f"status {code}",
                        limit=case.limit("backup_age"), device=device.name,
                        trouble=(stanza.get("status") or {}).get("message", "no stanza"))
    age_h = (_moment(found.item.ended_at).timestamp() - float(backups[-1]["timestamp"]["stop"])) / 3600
    encrypted = stanza.get("cipher", "none") != "none"
    good = -SKEW_S / 3600 <= age_h <= case.number("backup_age") and encrypted
    return case.say(case.met(good), device.name, "backup.young" if good else "backup.old", [found],
                    measured=f"{age_h:.1f} h, {stanza.get('cipher')}", limit=case.limit("backup_age"),
                    device=device.name, label=backups[-1]["label"], age=f"{age_h:.1f}", cipher=stanza.get("cipher"))


def _verified(case: Case, device: Device) -> Verdict:
    found = case.take("backups", device.name, "verify", codes=tuple(range(256)))
    if isinstance(found, Verdict):
        return found
    told = sorted(set(STATUS.findall(found.text)))
    bad = sum(int(number) for _name, number in COUNTER.findall(found.text))
    looked = [sum(map(int, pattern.findall(found.text))) for pattern in LOOKED_AT]
    good = told == ["ok"] and bad == 0 and all(looked) and found.item.exit_code == 0
    status = ", ".join(told) or "none"
    if not all(looked):
        status += " (WAL and files looked at: " + " / ".join(map(str, looked)) + ")"
    return case.say(case.met(good), device.name, "verify.ok" if good else "verify.bad", [found],
                    measured=f"{status}, {bad}", limit=case.limit("invalid_files"),
                    device=device.name, bad=bad, status=status)


def _continuity(case: Case, device: Device) -> Verdict:
    found = case.take("backups", device.name, "wal-archives", codes=(0, 1, 2, 3))
    if isinstance(found, Verdict):
        return found
    count = SEGMENTS.search(found.text)
    good = found.item.exit_code == 0 and WHOLE.search(found.text) is not None and bool(count and int(count.group(1)))
    told = re.search(r"Message\s*:\s*(.+)", found.text)
    segments = sorted(set(re.findall(r"\b[0-9A-F]{24}\b", found.text)))
    return case.say(case.met(good), device.name, "wal.whole" if good else "wal.gap", [found],
                    measured=f"exit {found.item.exit_code}", limit=case.limit("missing_segments"), device=device.name,
                    trouble=told.group(1).strip() if told else found.text.strip().splitlines()[0][:160],
                    segments=", ".join(segments[:3]) or "-")


def _archiver(case: Case, device: Device) -> Verdict:
    found = case.take("database", device.name, "primary")
    if isinstance(found, Verdict):
        return found
    data = json.loads(found.text)
    archiver: dict[str, Any] = data["archiver"]
    last, failed = archiver["last_archived_time"], archiver["last_failed_time"]
    age = _age(data["now"], last) if last else float("inf")
    broken = bool(failed and (not last or datetime.fromisoformat(failed) > datetime.fromisoformat(last)))
    good = age <= case.number("archive_age") and not broken
    return case.say(case.met(good), device.name, "archiver.ok" if good else "archiver.bad", [found],
                    measured=f"{age:.0f} s", limit=case.limit("archive_age"), device=device.name, age=f"{age:.0f}",
                    last=archiver["last_archived_wal"] or "-", failed=archiver["last_failed_wal"] or "-")


@judge("restore_drill")
def judge_drill(case: Case) -> Iterator[Verdict]:
    """A copy restored to a pinned moment holds exactly what the source held; loss and time are within the targets."""
    for device in _hosts(case, REPOSITORY):
        restored = case.take("drill", device.name, "restore", codes=tuple(range(256)))
        sources = [case.take("drill", item.asset, item.key) for item in case.view.all("drill")
                   if item.key == "expectation"]
        expected = sources[0] if sources else None
        if isinstance(restored, Verdict) or isinstance(expected, Verdict):
            yield restored if isinstance(restored, Verdict) else expected  # type: ignore[misc]
        else:
            yield _drill(case, device, expected, restored)


def _drill(case: Case, device: Device, expected: Found | None, restored: Found) -> Verdict:
    wanted = json.loads(expected.text) if expected else {"expected": {}}
    lines = [line.partition(" ")[::2] for line in restored.text.splitlines()]
    marks = {word: value for word, value in lines if word in ("started", "ready", "cleaned", "checksums", "dump")}
    rows = dict(value.split(" ", 1) for word, value in lines if word == "rows" and " " in value)
    troubles = [value for word, value in lines if word == "trouble"]
    troubles += _of_another_database(case, device, wanted)
    troubles += [f"{table}: the source held no row" for table, want in wanted["expected"].items()
                 if want.split(" ")[0] in ("", "0")]
    troubles += [f"{table}: {rows.get(table, 'nothing')} instead of {want}"
                 for table, want in wanted["expected"].items() if rows.get(table) != want]
    rpo = (_moment(wanted["started"]) - _moment(wanted["at"])).total_seconds() if wanted.get("at") else float("inf")
    rto = float(marks["ready"]) - float(marks["started"]) if {"ready", "started"} <= set(marks) else float("inf")
    # A negative time is a clock that was set in between: it measured nothing.
    troubles += [f"{name.upper()} {value:.1f} s, not 0 to {case.number(name):g} s"
                 for name, value in (("rpo", rpo), ("rto", rto)) if not 0 <= value <= case.number(name)]
    if marks.get("checksums") != "0" or marks.get("dump") != "ok":
        troubles.append("the copy could not be read to its end")
    if marks.get("cleaned") != "yes":
        troubles.append("the scratch copy was not removed")
    good = not troubles and bool(wanted["expected"])
    return case.say(
        case.met(good), device.name, "drill.ok" if good else "drill.bad",
        [restored, *([expected] if expected else [])], measured=f"RPO {rpo:.1f} s, RTO {rto:.1f} s",
        limit=case.limit("rto"), device=device.name, trouble="; ".join(troubles) or "nothing was expected",
        rpo=f"{rpo:.1f}", rto=f"{rto:.1f}", tables=", ".join(wanted["expected"]),
    )


def _of_another_database(case: Case, device: Device, wanted: dict[str, Any]) -> list[str]:
    """Say that a drill kept from earlier restored a database that is not the one whose backups are here now."""
    info, drilled = case.take("backups", device.name, "info"), wanted.get("system_identifier")
    if isinstance(info, Verdict) or drilled is None:
        return []
    known = {str(entry.get("system-id")) for stanza in json.loads(info.text) for entry in stanza.get("db", [])}
    return [] if str(drilled) in known else [f"database {drilled} was restored, the repository holds another one"]


@judge("dr_capacity")
def judge_dr_capacity(case: Case) -> Iterator[Verdict]:
    """The hosts of the DR site have at least what all services in the DR scope need together."""
    items = case.view.all("estate")
    have = [device.resources for device in case.devices("host") if device.resources]
    need = [service.needs for service in case.estate.services.values() if service.dr_scope and service.needs]
    short = [f"{service.name}: needs are not written down" for service in case.estate.services.values()
             if service.dr_scope and service.needs is None]
    for field in ("vcpu", "ram_gb", "storage_gb"):
        total, wanted = _sum(have, field), _sum(need, field)
        if total < wanted * case.number("share") / 100:
            short.append(f"{field} {total:g} < {wanted:g}")
    good = not short and bool(need)
    yield case.say(case.met(good), None, "dr.enough" if good else "dr.short", items,
                   measured=" / ".join(f"{_sum(have, field):g}" for field in ("vcpu", "ram_gb", "storage_gb")),
                   limit=case.limit("share"), short=", ".join(short) or "no service is in the DR scope")


def _sum(resources: list[Resources], field: str) -> float:
    return sum(float(getattr(entry, field)) for entry in resources)


def _same(application: str, host: str) -> bool:
    return application.replace("_", "-") == host.replace("_", "-")


def _age(now: str, then: str | None) -> float:
    """Seconds from then to now; endless when there is no then, or one that has not been yet."""
    age = (_moment(now) - _moment(then)).total_seconds() if then else float("inf")
    return max(0.0, age) if age >= -SKEW_S else float("inf")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
