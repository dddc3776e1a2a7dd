"""The database: its primary is well, and a standby follows it within the allowed loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from checks.judge.case import Case
from checks.judge.evidence import FitEvidence, measure_age
from checks.judge.registry import judge
from checks.model import Limit, Measurement, Status, Unit, Verdict, measure_known
from inventory.model.entities import Device, Service

PRIMARY, STANDBY = "database-primary", "database-standby"


@judge("database_health")
def judge_database(case: Case) -> Iterator[Verdict]:
    """The primary database answers, writes (its canary is young), and keeps checksums of its pages."""
    yield from case.judge_each(case.hosts(PRIMARY), judge_primary)


def judge_primary(case: Case, device: Device) -> Iterator[Verdict]:
    """One primary database is well."""
    found = case.require("database", device.name, "primary")
    data = json.loads(found.text)
    age_s = measure_age(data["now"], data["canary"])
    is_young = age_s <= case.number("canary_age")
    yield case.pass_or_fail(
        not data["in_recovery"] and is_young and data["checksums"] == "on",
        device.name,
        ("database.ok", "database.bad"),
        [found],
        measured=measure_known("canary_age", age_s, Unit.SECOND),
        limit=case.limit("canary_age"),
        device=device.name,
        age=f"{age_s:.0f}",
        recovery=data["in_recovery"],
        checksums=data["checksums"],
    )


@judge("replication")
def judge_replication(case: Case) -> Iterator[Verdict]:
    """The standby streams now, on the primary's timeline, within the service's allowed loss; 0 asks for synchronous."""
    for service in case.estate.services.values():
        if not service.dr_scope:
            continue
        primaries = [(service, device) for device in case.hosts(PRIMARY)]
        standbys = [(service, device) for device in case.hosts(STANDBY)]
        yield from case.judge_each(primaries, judge_standbys_of_primary)
        yield from case.judge_each(standbys, judge_standby)


def choose_allowed_loss(case: Case, service: Service) -> tuple[float, Limit]:
    """Return the service's own allowed loss in seconds; the requirement's threshold when the service does not say."""
    if service.rpo_s is None:
        return case.number("loss"), case.limit("loss")
    return float(service.rpo_s), Limit(service.rpo_s, "s", "P", f"services.yml: {service.name} rpo_s")


def judge_standbys_of_primary(case: Case, pair: tuple[Service, Device]) -> Iterator[Verdict]:
    """One primary sends to every standby that is planned for a service, and each of them keeps up."""
    service, device = pair
    found = case.require("database", device.name, "primary")
    allowed_s, limit = choose_allowed_loss(case, service)
    rows = json.loads(found.text)["replication"]

    missing = []
    for name in service.dr_hosts:
        matching = [row for row in rows if is_same_name(row["application_name"], name)]
        if not matching:
            missing.append(f"{name} (not connected)")
            continue
        trouble = describe_lag(matching[0], allowed_s, case.number("silence"))
        if trouble:
            missing.append(f"{name} ({trouble})")

    measured: list[Measurement] = []
    for row in rows:
        measured += measure_standby(row)
    yield case.pass_or_fail(
        bool(service.dr_hosts) and not missing,
        device.name,
        ("replication.ok", "replication.lost"),
        [found],
        measured=tuple(measured),
        limit=limit,
        device=device.name,
        missing=", ".join(missing) or "no standby is planned",
        standbys=", ".join(service.dr_hosts),
    )


def measure_standby(row: dict[str, Any]) -> Iterator[Measurement]:
    """Yield what the primary says of one standby (``pg_stat_replication``)."""
    yield from measure_known("standby", row["application_name"], Unit.NAME)
    yield from measure_known("state", row["state"], Unit.STATE)
    yield from measure_known("sync_state", row["sync_state"], Unit.STATE)
    yield Measurement("lag", read_lag(row), Unit.SECOND)


def read_lag(row: dict[str, Any]) -> float:
    """Return the seconds a standby is behind, as its primary says (``pg_stat_replication``)."""
    return float(row["lag_s"] or 0)


def describe_lag(row: dict[str, Any], allowed_s: float, silence_s: float) -> str:
    """Say what is wrong with a standby as its primary sees it (``pg_stat_replication``); empty when nothing is.

    ``allowed_s`` is the loss that is allowed, 0 for none at all; ``silence_s`` how long it may not have replied.
    """
    # A standby that never replied has no time of its last reply: that is silence, not zero seconds of it.
    silent_s, heard = float("inf"), "never replied"
    if row["silent_s"] is not None:
        silent_s = float(row["silent_s"])
        heard = f"silent for {silent_s:.0f} s"

    lag_s = read_lag(row)
    # Asked so that a lag that is not a number is none that is allowed.
    is_close = lag_s <= allowed_s and silent_s <= silence_s
    if row["state"] != "streaming" or not is_close:
        return f"{row['state']}, {lag_s:.1f} s behind, {heard}"
    if allowed_s == 0 and row["sync_state"] not in ("sync", "quorum"):
        return str(row["sync_state"])
    return ""


def judge_standby(case: Case, pair: tuple[Service, Device]) -> Iterator[Verdict]:
    """One standby follows the primary of its service, and what it holds is young enough."""
    service, device = pair
    found = case.require("database", device.name, "standby")
    data = json.loads(found.text)

    strange, used = find_foreign_source(case, service, data)
    if strange:
        actual = ", ".join(map(show_foreign, strange))
        yield case.verdict(
            Status.FAIL,
            device.name,
            "standby.foreign",
            [found, *used],
            measured=tuple(strange),
            device=device.name,
            actual=actual,
            primaries=", ".join(service.hosts) or "-",
        )
        return

    allowed_s, limit = choose_allowed_loss(case, service)
    status = (data["receiver"] or {}).get("status", "none")
    age_s = measure_age(data["now"], data["canary"])
    # The canary is written every few seconds: its age on the standby is what would really be lost now.
    is_young = age_s <= max(allowed_s, case.number("canary_interval"))
    yield case.pass_or_fail(
        bool(data["in_recovery"]) and status == "streaming" and is_young,
        device.name,
        ("standby.ok", "standby.lost"),
        [found],
        measured=(
            Measurement("receiver", status, Unit.STATE),
            *measure_known("canary_age", age_s, Unit.SECOND),
        ),
        limit=limit,
        device=device.name,
        receiver=status,
        age=f"{age_s:.0f}",
    )


def show_foreign(strange: Measurement) -> str:
    """Return what is foreign about a source, for a reason: an address speaks for itself."""
    return str(strange.value) if strange.unit is Unit.ADDRESS else f"{strange.name} {strange.value}"


def find_foreign_source(
    case: Case, service: Service, data: dict[str, Any]
) -> tuple[list[Measurement], list[FitEvidence]]:
    """Return what shows that a standby follows something else than its service's primary, and the evidence used.

    It must receive from the primary's planned address and, where the primary was asked in this run, be the same
    cluster on the same timeline.
    """
    receiver = data["receiver"] or {}
    is_streaming = receiver.get("status") == "streaming"  # before that it knows of no sender and no timeline
    senders = set(service.hosts)
    for name in service.hosts:
        senders |= {str(address.ip) for address in case.estate.address(name).addresses}

    strange, used = [], []
    if is_streaming and receiver.get("sender_host") not in senders:
        strange.append(Measurement("sender", str(receiver.get("sender_host")), Unit.ADDRESS))
    for name in service.hosts:
        source = case.find_fit("database", name, "primary")
        if source is None:
            continue  # said where the primary itself is judged
        used.append(source)
        theirs = json.loads(source.text)
        if theirs["system_identifier"] != data["system_identifier"]:
            strange.append(Measurement("cluster", str(data["system_identifier"]), Unit.NAME))
        if is_streaming and receiver.get("received_tli") != theirs["timeline"]:
            strange.append(Measurement("timeline", str(receiver.get("received_tli")), Unit.NAME))
    return strange, used


def is_same_name(application: str, host: str) -> bool:
    """Tell whether the name under which a standby connects is that of a host: SQL takes a hyphen for a minus."""
    return application.replace("_", "-") == host.replace("_", "-")
