"""What the estate and the register themselves must say: owners, dates, tags, assets, progress."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from math import asin, cos, radians, sin, sqrt

import yaml

from checks.attestation import LOADER, VIETNAM
from checks.judging import Case, binds, judge
from checks.model import EvidenceItem, Status, Verdict, roll_up
from checks.requirement import Requirement
from inventory.model import Site

EARTH_KM = 6371.0
COMPARES = re.compile(r"(?<![=!<>])(==|!=|>=|<=|>|<)(?![=~])\s*-?[0-9.]")  # not the =~ and != of a label matcher
MODES = frozenset({"central", "distributed"})


def _site(case: Case) -> list[EvidenceItem]:
    return case.view.all("estate", case.site.site)


def _estate(case: Case) -> list[EvidenceItem]:
    return case.view.all("estate", "estate")


@judge("services_tagged")
def judge_tagged(case: Case) -> Iterator[Verdict]:
    """Every service says whether it is central or distributed."""
    bad = sorted(name for name, service in case.estate.services.items() if service.mode not in MODES)
    count = len(case.estate.services)
    good = not bad and count > 0
    yield case.say(case.met(good), None, "services.tagged" if good else "services.untagged", _estate(case),
                   measured=f"{count - len(bad)}/{count}", limit=case.limit("share"),
                   bad=", ".join(bad) or "no service")


@judge("services_placed")
def judge_placed(case: Case) -> Iterator[Verdict]:
    """Every service with hosts here has a platform under it and a site with an owner around it."""
    here = {device.name: device for device in case.devices("host")}
    placed = [(service.name, name) for service in case.estate.services.values()
              for name in (*service.hosts, *service.dr_hosts) if name in here]
    bad = [f"{service}: {name}" for service, name in placed
           if here[name].platform is None or case.site.owner is None]
    if not placed:
        yield case.say(Status.NOT_APPLICABLE, None, "service.none", [*_estate(case), *_site(case)])
        return
    good = not bad
    yield case.say(case.met(good), None, "services.placed" if good else "services.unplaced",
                   [*_estate(case), *_site(case)], measured=str(len(bad)), limit=case.limit("share"),
                   bad=", ".join(bad) or "-")


@judge("site_owner")
def judge_owner(case: Case) -> Iterator[Verdict]:
    """The site names the unit that acts and the head who answers for it."""
    owner = case.site.owner
    good = owner is not None
    yield case.say(case.met(good), None, "owner.named" if good else "owner.missing", _site(case),
                   measured=f"{owner.unit.vi}; {owner.accountable.vi}" if owner else "-", limit=case.limit("share"),
                   site=case.site.name.vi, who=owner.accountable.vi if owner else "-")


@judge("dr_site")
def judge_dr_site(case: Case) -> Iterator[Verdict]:
    """The DR site exists, is somewhere else than the data centre, and its hosts answer."""
    centres = [site for site in case.estate.sites.values() if site.tier == "DC"]
    distance = min((_distance_km(case.site, centre) for centre in centres), default=0.0)
    hosts = case.devices("host")
    answers = [case.take("addresses", device.name, "addresses") for device in hosts]
    silent = [entry for entry in answers if isinstance(entry, Verdict)]
    if silent:
        yield silent[0]
        return
    good = bool(hosts) and distance >= case.number("distance")
    used = [entry for entry in answers if not isinstance(entry, Verdict)]
    yield case.say(case.met(good), None, "dr.exists" if good else "dr.absent", [*_site(case), *used],
                   measured=f"{distance:.0f} km", limit=case.limit("distance"), hosts=len(hosts),
                   distance=f"{distance:.0f}")


def _distance_km(one: Site, other: Site) -> float:
    """Great-circle distance; 0 when either place is not written down, so that it never counts as far enough."""
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return 0.0
    assert one.latitude is not None and other.latitude is not None  # noqa: S101 - narrowed above
    assert one.longitude is not None and other.longitude is not None  # noqa: S101 - narrowed above
    a, b = radians(one.latitude), radians(other.latitude)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


@judge("assets_in_life")
def judge_assets(case: Case) -> Iterator[Verdict]:
    """No device is past its useful life or its support. What the register does not say counts as not met."""
    today = case.now.astimezone(VIETNAM).date()
    kinds = str(case.requirement.threshold("kinds").value).split()
    devices = case.devices(*kinds)
    if not devices:
        yield case.say(Status.NOT_ASSESSED, None, "coverage.none", _site(case))
    for device in devices:
        asset = device.asset
        if asset is None or asset.in_service is None or asset.life_years is None:
            yield case.say(Status.FAIL, device.name, "asset.unknown", _site(case), device=device.name)
            continue
        end = _years_later(asset.in_service, asset.life_years)
        support = asset.support_until
        good = today <= end and (support is None or today <= support)
        yield case.say(case.met(good), device.name, "asset.in_life" if good else "asset.old", _site(case),
                       measured=f"{end}", limit=case.limit("kinds"), device=device.name, end=end,
                       support=support or "-")


def _years_later(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return start.replace(year=start.year + years, day=28) + timedelta(days=1)


@judge("register_complete")
def judge_register(case: Case) -> Iterator[Verdict]:
    """Every requirement that binds this site has a measure, a target, a date or a reason for none, and a cadence."""
    yield from _each(case, _unquantified, "register.complete", "register.incomplete")


@judge("five_clear")
def judge_five_clear(case: Case) -> Iterator[Verdict]:
    """Clear person, task, time, result and responsibility for every requirement that binds this site."""
    yield from _each(case, _unclear, "clear.all", "clear.missing")


def _unquantified(requirement: Requirement) -> bool:
    return not requirement.thresholds or not (requirement.due.date or requirement.due.note)


def _unclear(requirement: Requirement) -> bool:
    owner = requirement.owner
    texts = (owner.unit.vi, owner.accountable.vi, requirement.meaning.vi, requirement.check.judge)
    return not all(text.strip() for text in texts) or not (requirement.due.date or requirement.due.note)


def _each(case: Case, bad_if: object, good_id: str, bad_id: str) -> Iterator[Verdict]:
    bound = [item for item in case.context.requirements.values() if binds(item, case.site)]
    files = case.view.all("register")
    known = {item.asset for item in files}
    bad = sorted(item.id for item in bound if item.id not in known or bad_if(item))  # type: ignore[operator]
    good = not bad and bool(bound)
    share = 100 * (len(bound) - len(bad)) / len(bound) if bound else 0
    yield case.say(case.met(good), None, good_id if good else bad_id,
                   [item for item in files if item.asset in {entry.id for entry in bound}],
                   measured=f"{share:.0f} %", limit=case.limit("share"), count=len(bound),
                   bad=", ".join(bad[:5]) or "-")


@judge("targets_met", derived=True)
def judge_targets(case: Case) -> Iterator[Verdict]:
    """The share of this site's other requirements that are met: 60 % by 2025, all by 2030 (of the targets)."""
    verdicts = [verdict for verdict in case.context.verdicts if verdict.site == case.site.site]
    by_id: dict[str, list[Status]] = {}
    for verdict in verdicts:
        by_id.setdefault(verdict.requirement, []).append(verdict.status)
    bound = {name for name, item in case.context.requirements.items()
             if binds(item, case.site) and item.check.judge != case.requirement.check.judge}
    left_out = sorted(bound - by_id.keys())
    states = [state for state in map(roll_up, by_id.values()) if state is not Status.NOT_APPLICABLE]
    if left_out or not states:
        yield case.say(Status.NOT_ASSESSED, None, "targets.partial", count=len(left_out), total=len(bound),
                       first=", ".join(left_out[:3]) or "-")
        return
    met = sum(state is Status.PASS for state in states)
    share = 100 * met / len(states)
    name = "share_2030" if case.now.year >= 2030 else "share_2025"
    good = share >= case.number(name)
    yield case.say(case.met(good), None, "targets.met" if good else "targets.short", _site(case),
                   measured=f"{share:.0f} %", limit=case.limit(name), met=met, total=len(states), share=f"{share:.0f}")


@judge("units_visible")
def judge_units_visible(case: Case) -> Iterator[Verdict]:
    """Every site of the estate has given fresh data in this run: what the operations centre can see."""
    asked = [item for name in ("snmp", "addresses") for item in case.view.all(name)]
    fresh = [found for item in asked
             if not isinstance(found := case.take(item.collector, item.asset, item.key), Verdict)]
    seen = {found.item.site for found in fresh}
    sites = list(case.estate.sites)  # one without any device is dark, not out of scope
    left_out = sorted({code for code in sites if case.estate.sites[code].devices} - {item.site for item in asked})
    if left_out:
        yield case.say(Status.NOT_ASSESSED, None, "evidence.missing", what="snmp", asset=", ".join(left_out))
        return
    dark = [code for code in sites if code not in seen]
    share = 100 * (len(sites) - len(dark)) / len(sites) if sites else 0.0
    good = bool(sites) and share >= case.number("share")
    yield case.say(case.met(good), None, "units.visible" if good else "units.dark", fresh, measured=f"{share:.0f} %",
                   limit=case.limit("share"), seen=len(sites) - len(dark), total=len(sites),
                   dark=", ".join(dark) or "-")


def _thresholds(raw: bytes) -> list[str]:
    """Return the expressions of a file's alerts that compare with something; comments and annotations do not count."""
    data = yaml.load(raw, Loader=LOADER)  # noqa: S506 - both are safe loaders
    rules = [rule for group in data["groups"] for rule in group["rules"] if rule.get("alert")]
    return [str(rule["expr"]) for rule in rules if COMPARES.search(str(rule["expr"]))]


@judge("alert_rules")
def judge_alert_rules(case: Case) -> Iterator[Verdict]:
    """Every subject named by threshold ``subjects`` has an alert rule with a threshold stored beside it."""
    files = case.view.all("rules")
    if not files:
        yield case.say(Status.NOT_ASSESSED, None, "evidence.missing", what="rules", asset="monitoring")
        return
    asks = [expression for item in files for expression in _thresholds(case.view.raw(item))]
    rules = len(asks)
    missing = [word for word in str(case.requirement.threshold("subjects").value).split()
               if not any(re.search(rf"\brackproof_{word}_", expression) for expression in asks)]
    good = rules > 0 and not missing
    yield case.say(case.met(good), None, "alerts.all" if good else "alerts.missing", files, measured=str(rules),
                   limit=case.limit("subjects"), rules=rules, missing=", ".join(missing) or "-")
