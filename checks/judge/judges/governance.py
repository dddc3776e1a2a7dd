"""What the estate and the register themselves must say: owners, dates, tags, assets, progress."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

from checks.attest.attestation import VIETNAM
from checks.judge.case import Case
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_part, roll_up
from checks.register.requirement import Requirement, binds
from core.yaml import parse_yaml
from inventory.model.entities import Device, Site

EARTH_KM = 6371.0
COMPARES = re.compile(r"(?<![=!<>])(==|!=|>=|<=|>|<)(?![=~])\s*-?[0-9.]")  # not the =~ and != of a label matcher
MODES = frozenset({"central", "distributed"})
#: The year from which every requirement must be met, not only a share of them (QH, targets to 2030).
LAST_YEAR = 2030


@judge("services_tagged")
def judge_tagged(case: Case) -> Iterator[Verdict]:
    """Every service says whether it is central or distributed."""
    services = case.estate.services
    untagged = sorted(name for name, service in services.items() if service.mode not in MODES)
    yield case.pass_or_fail(
        not untagged and bool(services),
        None,
        ("services.tagged", "services.untagged"),
        case.estate_evidence,
        measured=measure_part("tagged", len(services) - len(untagged), len(services)),
        limit=case.limit("share"),
        bad=", ".join(untagged) or "no service",
    )


@judge("services_placed")
def judge_placed(case: Case) -> Iterator[Verdict]:
    """Every service with hosts here has a platform under it and a site with an owner around it."""
    evidence = [*case.estate_evidence, *case.site_evidence]
    here = {device.name: device for device in case.devices("host")}
    placed = []
    for service in case.estate.services.values():
        placed += [(service.name, here[name]) for name in (*service.hosts, *service.dr_hosts) if name in here]
    if not placed:
        yield case.verdict(Status.NOT_APPLICABLE, None, "service.none", evidence)
        return

    has_owner = case.site.owner is not None
    bad = [f"{name}: {host.name}" for name, host in placed if host.platform is None or not has_owner]
    yield case.pass_or_fail(
        not bad,
        None,
        ("services.placed", "services.unplaced"),
        evidence,
        measured=(Measurement("unplaced", len(bad), Unit.COUNT),),
        limit=case.limit("share"),
        bad=", ".join(bad) or "-",
    )


@judge("site_owner")
def judge_owner(case: Case) -> Iterator[Verdict]:
    """The site names the unit that acts and the head who answers for it."""
    owner = case.site.owner
    measured: tuple[Measurement, ...] = ()
    who = "-"
    if owner is not None:
        who = owner.accountable.vi
        measured = (Measurement("owner", owner.unit.vi, Unit.TEXT), Measurement("accountable", who, Unit.TEXT))
    yield case.pass_or_fail(
        owner is not None,
        None,
        ("owner.named", "owner.missing"),
        case.site_evidence,
        measured=measured,
        limit=case.limit("share"),
        site=case.site.name.vi,
        who=who,
    )


@judge("dr_site")
def judge_dr_site(case: Case) -> Iterator[Verdict]:
    """The DR site exists, is somewhere else than the data centre, and its hosts answer."""
    centres = [site for site in case.estate.sites.values() if site.tier == "DC"]
    distance_km = min((measure_distance(case.site, centre) for centre in centres), default=0.0)
    distance, limit = Measurement("distance", distance_km, Unit.KILOMETRE), case.limit("distance")
    # The first host that does not answer is the verdict: a site that is half there is not there.
    answers = [case.require("addresses", device.name, "addresses") for device in case.devices("host")]
    yield case.pass_or_fail(
        bool(answers) and limit.is_reached_by(distance),
        None,
        ("dr.exists", "dr.absent"),
        [*case.site_evidence, *answers],
        measured=(distance,),
        limit=limit,
        hosts=len(answers),
        distance=f"{distance_km:.0f}",
    )


def measure_distance(one: Site, other: Site) -> float:
    """Return the great-circle distance of two sites in km, to the metre (haversine formula).

    0 when either place is not written down, so that it never counts as far enough. Finer than a metre, the sines of
    one processor differ from those of another, and the distance would not be found again elsewhere.
    """
    places = (one.latitude, one.longitude, other.latitude, other.longitude)
    known = [radians(degrees) for degrees in places if degrees is not None]
    if len(known) < len(places):
        return 0.0
    latitude, longitude, other_latitude, other_longitude = known
    across = cos(latitude) * cos(other_latitude) * sin((other_longitude - longitude) / 2) ** 2
    half = sin((other_latitude - latitude) / 2) ** 2 + across
    return round(2 * EARTH_KM * asin(sqrt(half)), 3)


@judge("assets_in_life")
def judge_assets(case: Case) -> Iterator[Verdict]:
    """No device is past its useful life or its support. What the register does not say counts as not met."""
    devices = case.devices(*case.words("kinds"))
    if not devices:
        yield case.verdict(Status.NOT_ASSESSED, None, "coverage.none", case.site_evidence)
    yield from case.judge_each(devices, judge_life)


def judge_life(case: Case, device: Device) -> Iterator[Verdict]:
    """One device is within its useful life and its support, today in Vietnam."""
    asset = device.asset
    if asset is None or asset.in_service is None or asset.life_years is None:
        yield case.verdict(Status.FAIL, device.name, "asset.unknown", case.site_evidence, device=device.name)
        return
    today = case.now.astimezone(VIETNAM).date()
    end, support = add_years(asset.in_service, asset.life_years), asset.support_until
    is_supported = support is None or today <= support
    yield case.pass_or_fail(
        today <= end and is_supported,
        device.name,
        ("asset.in_life", "asset.old"),
        case.site_evidence,
        measured=(Measurement("useful_until", end.isoformat(), Unit.DATE),),
        limit=case.limit("kinds"),
        device=device.name,
        end=end,
        support=support or "-",
    )


def add_years(start: date, years: int) -> date:
    """Return the same day some years later; 1 March for a 29 February that is not there."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return start.replace(year=start.year + years, day=28) + timedelta(days=1)


@judge("register_complete")
def judge_register(case: Case) -> Iterator[Verdict]:
    """Every requirement that binds this site has a measure, a target, a date or a reason for none, and a cadence."""
    yield judge_requirements(case, lacks_target, ("register.complete", "register.incomplete"))


@judge("five_clear")
def judge_five_clear(case: Case) -> Iterator[Verdict]:
    """Clear person, task, time, result and responsibility for every requirement that binds this site."""
    yield judge_requirements(case, lacks_clarity, ("clear.all", "clear.missing"))


def lacks_target(requirement: Requirement) -> bool:
    """Tell whether a requirement has nothing to be measured by, or no date."""
    return not requirement.thresholds or not has_date(requirement)


def lacks_clarity(requirement: Requirement) -> bool:
    """Tell whether a requirement leaves person, task, time, result or responsibility open."""
    owner = requirement.owner
    texts = (owner.unit.vi, owner.accountable.vi, requirement.meaning.vi, requirement.check.judge)
    return not all(text.strip() for text in texts) or not has_date(requirement)


def has_date(requirement: Requirement) -> bool:
    """Tell whether a requirement is due at some time, or says why it is not."""
    return bool(requirement.due.date or requirement.due.note)


def judge_requirements(case: Case, lacks: Callable[[Requirement], bool], msgids: tuple[str, str]) -> Verdict:
    """Every requirement that binds this site is in the register's files and lacks nothing."""
    bound = {item.id: item for item in case.context.requirements.values() if binds(item, case.site)}
    files = case.view.all("register")
    known = {item.asset for item in files}
    bad = sorted(name for name, item in bound.items() if name not in known or lacks(item))
    share = 100 * (len(bound) - len(bad)) / len(bound) if bound else 0
    return case.pass_or_fail(
        not bad and bool(bound),
        None,
        msgids,
        [item for item in files if item.asset in bound],
        measured=(Measurement("share", share, Unit.PERCENT),),
        limit=case.limit("share"),
        count=len(bound),
        bad=", ".join(bad[:5]) or "-",
    )


@judge("targets_met", derived=True)
def judge_targets(case: Case) -> Iterator[Verdict]:
    """The share of this site's other requirements that are met: 60 % by 2025, all by 2030 (of the targets)."""
    by_requirement: dict[str, list[Status]] = {}
    for verdict in case.context.verdicts:
        if verdict.site == case.site.site:
            by_requirement.setdefault(verdict.requirement, []).append(verdict.status)

    bound = set()
    for name, item in case.context.requirements.items():
        if binds(item, case.site) and item.check.judge != case.requirement.check.judge:
            bound.add(name)
    left_out = sorted(bound - by_requirement.keys())
    states = [roll_up(statuses) for statuses in by_requirement.values()]
    states = [state for state in states if state is not Status.NOT_APPLICABLE]
    if left_out or not states:
        first = ", ".join(left_out[:3]) or "-"
        yield case.verdict(
            Status.NOT_ASSESSED, None, "targets.partial", count=len(left_out), total=len(bound), first=first
        )
        return

    met = states.count(Status.PASS)
    share = 100 * met / len(states)
    limit = case.limit("share_2030" if case.now.year >= LAST_YEAR else "share_2025")
    measured = Measurement("share", share, Unit.PERCENT)
    yield case.pass_or_fail(
        limit.is_reached_by(measured),
        None,
        ("targets.met", "targets.short"),
        case.site_evidence,
        measured=(measured,),
        limit=limit,
        met=met,
        total=len(states),
        share=f"{share:.0f}",
    )


@judge("units_visible")
def judge_units_visible(case: Case) -> Iterator[Verdict]:
    """Every site of the estate has given fresh data in this run: what the operations centre can see."""
    asked = [*case.view.all("snmp"), *case.view.all("addresses")]
    asked_sites = {item.site for item in asked}
    sites = case.estate.sites  # one without any device is dark, not out of scope
    left_out = sorted(code for code, site in sites.items() if site.devices and code not in asked_sites)
    if left_out:
        yield case.verdict(Status.NOT_ASSESSED, None, "evidence.missing", what="snmp", asset=", ".join(left_out))
        return

    found = [case.find_fit(item.collector, item.asset, item.key) for item in asked]
    fresh = [entry for entry in found if entry is not None]
    seen = {entry.item.site for entry in fresh}
    dark = [code for code in sites if code not in seen]
    percent = 100 * (len(sites) - len(dark)) / len(sites) if sites else 0.0
    share, limit = Measurement("share", percent, Unit.PERCENT), case.limit("share")
    yield case.pass_or_fail(
        bool(sites) and limit.is_reached_by(share),
        None,
        ("units.visible", "units.dark"),
        fresh,
        measured=(share,),
        limit=limit,
        seen=len(sites) - len(dark),
        total=len(sites),
        dark=", ".join(dark) or "-",
    )


@judge("alert_rules")
def judge_alert_rules(case: Case) -> Iterator[Verdict]:
    """Every subject named by threshold ``subjects`` has an alert rule with a threshold stored beside it."""
    files = case.view.all("rules")
    if not files:
        yield case.verdict(Status.NOT_ASSESSED, None, "evidence.missing", what="rules", asset="monitoring")
        return
    expressions: list[str] = []
    for item in files:
        expressions += list_thresholds(case.view.raw(item))

    missing = []
    for word in case.words("subjects"):
        metric = re.compile(rf"\brackproof_{word}_")
        if not any(metric.search(expression) for expression in expressions):
            missing.append(word)
    yield case.pass_or_fail(
        bool(expressions) and not missing,
        None,
        ("alerts.all", "alerts.missing"),
        files,
        measured=(Measurement("rules", len(expressions), Unit.COUNT),),
        limit=case.limit("subjects"),
        rules=len(expressions),
        missing=", ".join(missing) or "-",
    )


def list_thresholds(raw: bytes) -> Iterator[str]:
    """Yield the expressions of a file's alerts that compare with something; comments and annotations do not count."""
    for group in parse_yaml(raw, Path("rules.yml")).data["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") and COMPARES.search(str(rule["expr"])):
                yield str(rule["expr"])
