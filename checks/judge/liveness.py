"""Judging the product's own services: what runs, what it really is, whether it stays, answers, and has fresh data.

A word of systemd alone is not believed: ``sleep infinity`` is active, too. The program of the main process, the owner
of the socket and the age of what a service answers must fit as well. All of it must; the first look and the second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.judge.case import Case
from checks.judge.evidence import SKEW_S, FitEvidence
from checks.model import Limit, Measurement, Message, Status, Unit, Verdict
from checks.register.services import (
    COLLECTOR,
    FILE,
    STATE,
    Page,
    Timer,
    WatchedService,
    Whose,
    expect_samples,
    find_hosts,
    name_page,
    read_services,
)
from core.errors import list_names
from inventory.model.entities import Device

LOADED, ACTIVE, RUNNING, WAITING = "loaded", "active", "running", "waiting"
AT_BOOT = frozenset({"enabled", "enabled-runtime", "alias"})
ELAPSING = frozenset({"waiting", "running", "elapsed"})
NEVER = frozenset({"", "0", "infinity", "n/a"})
OK = 200
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Answer = Mapping[str, Any]
Look = Mapping[str, str]
Troubles = Iterator[Message]


@dataclass(frozen=True, slots=True)
class ServiceOnHost:
    """A service that a requirement names, on a host that must have it; ``witness`` is the host that was asked."""

    name: str
    service: WatchedService
    host: Device
    witness: Device

    def say(self, msgid: str, **more: object) -> Message:
        """Make a message about this service on this host."""
        return Message.of(msgid, service=make_title(self.service), host=self.host.name, **more)


def judge_services(case: Case) -> Iterator[Verdict]:
    """Yield what the services that the requirement names are like on every host of the site that must have them."""
    known = read_services().services
    for name in case.requirement.check.services:
        service = known[name]
        hosts = find_hosts(case.estate, service, case.site.site)
        if len(hosts) < service.least:
            roles = ", ".join(service.roles)
            nowhere = Message.of("alive.nowhere", service=make_title(service), least=service.least, roles=roles)
            yield make_verdict(case, service, "", nowhere)

        for host in hosts:
            witnesses = find_witnesses(case, service, host)
            if not witnesses:
                role = service.seen_from
                unseen = Message.of("alive.unseen", service=make_title(service), host=host.name, role=role)
                yield make_verdict(case, service, host.name, unseen)
            seen = [ServiceOnHost(name, service, host, witness) for witness in witnesses]
            yield from case.judge_each(seen, judge_service)


def find_witnesses(case: Case, service: WatchedService, host: Device) -> list[Device]:
    """Return the hosts that are asked about a service: the one that it runs on, or those of the role that sees it."""
    if service.seen_from is None:
        return [host]
    return [other for other in case.estate.devices.values() if other.role == service.seen_from]


def judge_service(case: Case, seen: ServiceOnHost) -> Iterator[Verdict]:
    """Yield one verdict per trouble of a service on a host, or the one that says that it is well."""
    service, host = seen.service, seen.host
    found = case.require(COLLECTOR, seen.witness.name, STATE)
    troubles = list(find_troubles(case, seen, json.loads(found.text)))
    for trouble in troubles:
        yield make_verdict(case, service, host.name, trouble, found)
    if not troubles:
        well = seen.say("alive.well", seen=seen.witness.name)
        yield make_verdict(case, service, host.name, well, found, Status.PASS)


def make_verdict(
    case: Case,
    service: WatchedService,
    host: str,
    message: Message,
    found: FitEvidence | None = None,
    status: Status = Status.FAIL,
) -> Verdict:
    """Make the verdict on a service; without an answer of a host it stands on the estate, which says where it runs."""
    items = [found] if found else case.site_evidence
    asset = f"{host} {service.unit or service.title.en}".strip()
    return case.verdict(
        status,
        asset,
        message.msgid,
        items,
        measured=(Measurement("service", message.msgid.partition(".")[2], Unit.STATE),),
        limit=Limit(0, "", "P", f"checks/{FILE.name}"),
        **dict(message.params),
    )


def make_title(service: WatchedService) -> str:
    """Return the title of a service as a value of a message, shown in the reader's language."""
    return json.dumps({"msgid": "text", "params": {"en": service.title.en, "vi": service.title.vi}}, sort_keys=True)


def find_troubles(case: Case, seen: ServiceOnHost, answer: Answer) -> Troubles:
    """Yield what is wrong with a service, from what a host answered about it."""
    service = seen.service
    if service.unit is not None:
        troubles = list(find_unit_troubles(seen, service.unit, answer))
        yield from troubles
        if any(trouble.msgid != "alive.disabled" for trouble in troubles):
            return  # that nothing listens or answers then follows from it

    for timer in service.timers:
        yield from find_timer_troubles(seen, timer, answer)
    for socket in service.listens:
        yield from find_socket_troubles(seen, socket, answer)
    for page in service.asks:
        yield from find_page_troubles(seen, page, answer, expect_samples(case.estate, page))


def find_unit_troubles(seen: ServiceOnHost, unit: str, answer: Answer) -> Troubles:
    """Yield what is wrong with a unit of systemd: absent, stopped, another program, not set to start, restarting."""
    first, second = read_looks(answer, unit)
    for look in (first, second):
        if look["LoadState"] != LOADED:
            yield seen.say("alive.absent", unit=unit, state=look["LoadState"])
            return
        if look["ActiveState"] != ACTIVE or look["SubState"] != RUNNING:
            state = f"{look['ActiveState']} ({look['SubState']}, {look['Result']})"
            yield seen.say("alive.stopped", unit=unit, state=state)
            break
        if look["program"] != seen.service.program:
            program, expected = look["program"] or "-", seen.service.program
            yield seen.say("alive.replaced", unit=unit, program=program, expected=expected)
            break

    if second["UnitFileState"] not in AT_BOOT:
        yield seen.say("alive.disabled", unit=unit, state=second["UnitFileState"] or "-")
    count = int(second["NRestarts"] or 0)
    up_s = float(answer["ended"]) - read_moment(second["ActiveEnterTimestamp"])
    has_moved = first["MainPID"] != second["MainPID"] or first["NRestarts"] != second["NRestarts"]
    if has_moved or (count > 0 and up_s < read_services().steady_s):
        yield seen.say("alive.restarts", unit=unit, count=count, up=f"{max(0.0, up_s):.0f}")


def find_timer_troubles(seen: ServiceOnHost, timer: Timer, answer: Answer) -> Troubles:
    """Yield what is wrong with a timer of systemd and its job: absent, stopped, no next time, failed, too old."""
    look, job = read_looks(answer, timer.unit)[1], read_looks(answer, timer.job)[1]
    for unit, state in ((timer.unit, look["LoadState"]), (timer.job, job["LoadState"])):
        if state != LOADED:
            yield seen.say("alive.absent", unit=unit, state=state)
            return
    if look["ActiveState"] != ACTIVE or look["SubState"] not in ELAPSING:
        yield seen.say("alive.stopped", unit=timer.unit, state=f"{look['ActiveState']} ({look['SubState']})")
        return

    if look["UnitFileState"] not in AT_BOOT:
        yield seen.say("alive.disabled", unit=timer.unit, state=look["UnitFileState"] or "-")
    has_next = is_set(look["NextElapseUSecRealtime"]) or is_set(look["NextElapseUSecMonotonic"])
    is_running = job["ActiveState"] in ("activating", ACTIVE)
    if not is_running and not has_next:
        yield seen.say("timer.no_next", unit=timer.unit)
    if job["ActiveState"] == "failed" or job["Result"] != "success":
        yield seen.say("timer.failed", unit=timer.job, result=job["Result"], code=job["ExecMainStatus"] or "-")

    # One that never ran yet counts from when it was set: a timer that is set again and again stays seen as such.
    last = max(read_moment(look["LastTriggerUSec"]), read_moment(look["ActiveEnterTimestamp"]))
    age_s = float(answer["ended"]) - last
    if not -SKEW_S <= age_s <= timer.max_age_s:
        yield seen.say("timer.old", unit=timer.unit, age=f"{age_s:.0f}", allowed=f"{timer.max_age_s:.0f}")


def find_socket_troubles(seen: ServiceOnHost, socket: str, answer: Answer) -> Troubles:
    """Yield what is wrong with a socket: nobody listens, or somebody else does."""
    program = seen.service.program
    holders = {entry["program"] or "?" for entry in answer["sockets"] if entry["socket"] == socket}
    if not holders:
        yield seen.say("alive.deaf", socket=socket)
    strangers = sorted(holders - {program})
    if strangers:
        yield seen.say("alive.stranger", socket=socket, program=", ".join(strangers), expected=program)


def find_page_troubles(seen: ServiceOnHost, page: Page, answer: Answer, wanted: frozenset[str]) -> Troubles:
    """Yield what is wrong with a page: not asked, no answer, not what such a page says, moments missing or too old."""
    told = answer["pages"].get(name_page(seen.name, seen.host.name, page))
    if told is None:
        yield seen.say("alive.silent", url=page.path, trouble="not asked")
        return
    if told["trouble"] or told["status"] != OK:
        yield seen.say("alive.silent", url=told["url"], trouble=told["trouble"] or f"HTTP {told['status']}")
        return
    if page.says and page.says not in told["body"]:
        yield seen.say("alive.nonsense", url=told["url"], expected=page.says)
    if page.samples and page.max_age_s is not None:
        samples = read_samples(page, told["body"], seen.host.name)
        ages = {whose: float(answer["ended"]) - moment for whose, moment in samples.items()}
        expected = {seen.host.name} if page.of is Whose.SELF else wanted
        for message, more in judge_ages(ages, expected, page.max_age_s):
            yield seen.say(message, url=told["url"], **more)


def judge_ages(
    ages: Mapping[str, float], expected: Iterable[str], max_age_s: float
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield which moments of a page are missing and which are too old: the message, and what it says, by whose."""
    missing = sorted(set(expected) - ages.keys())
    if missing:
        yield "alive.incomplete", {"missing": list_names(missing)}
    # Not a number, or from the future, is no age either: only what lies within the limit is fresh.
    old = {whose: age_s for whose, age_s in ages.items() if not -SKEW_S <= age_s <= max_age_s}
    if old:
        worst = max(old, key=lambda whose: abs(old[whose]))
        yield (
            "alive.stale",
            {"whose": list_names(sorted(old)), "age": f"{old[worst]:.0f}", "allowed": f"{max_age_s:.0f}"},
        )


def read_samples(page: Page, body: str, device: str) -> dict[str, float]:
    """Return the moments on a page (Unix time) by whose they are; of several of one, the oldest counts."""
    is_query = page.of is Whose.TARGETS
    pairs = read_query(body) if is_query else read_metric(page.samples, body)
    found: dict[str, float] = {}
    for labels, moment in pairs:
        if is_query:
            whose = f"{labels.get('job', '')} {labels.get('device', '')}"
        elif page.of is Whose.DEVICES:
            whose = labels.get("device", "")
        else:
            whose = device
        found[whose] = min(moment, found.get(whose, moment))
    return found


def read_metric(metric: str, body: str) -> Iterator[tuple[dict[str, str], float]]:
    """Yield the samples of a metric with their labels, from a page in Prometheus' text format."""
    for line in body.splitlines():
        match = _SAMPLE.match(line)
        if match and match["name"] == metric:
            yield dict(_LABEL.findall(match["labels"] or "")), float(match["value"])


def read_query(body: str) -> Iterator[tuple[dict[str, str], float]]:
    """Yield the samples of an instant query of Prometheus; ValueError or KeyError when it is none."""
    data = json.loads(body)
    if data["status"] != "success":
        raise ValueError(f"the query ended with {data['status']!r}")
    for sample in data["data"]["result"]:
        yield sample["metric"], float(sample["value"][1])


def read_looks(answer: Answer, unit: str) -> tuple[Look, Look]:
    """Return both looks at a unit; KeyError when it was not looked at twice, ValueError when systemd did not answer."""
    first, second = answer["units"][unit]
    for look in (first, second):
        if "trouble" in look:
            raise ValueError(f"{unit}: {look['trouble']}")
    return first, second


def read_moment(text: str) -> float:
    """Return a moment as systemd writes it (``@1764187200`` or ``Thu 2026-11-26 20:48:22 UTC``) as Unix time.

    0 for one that never was; ValueError for what is no moment.
    """
    if text in NEVER:
        return 0.0
    if text.startswith("@"):
        return float(text[1:])
    _weekday, day, clock, zone = text.split()
    if zone != "UTC":
        raise ValueError(f"not in UTC: {text}")
    return datetime.fromisoformat(f"{day}T{clock}+00:00").timestamp()


def is_set(text: str) -> bool:
    """Tell whether systemd names a moment at all."""
    return text not in NEVER
