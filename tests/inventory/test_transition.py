"""The way to IPv6 alone: what a site says is held against what its plan shows, and silence is never progress."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inventory.load.loader import load_estate
from inventory.model.enums import Family, Stage
from inventory.model.estate import Estate
from inventory.network.transition import Progress, progress

HERE = Path(__file__).parent
CAMPUS = load_estate(HERE / "campus")
V4, V6, BOTH = (Family.IPV4,), (Family.IPV6,), (Family.IPV4, Family.IPV6)


def changed(
    stage: Stage = Stage.DUAL_STACK,
    families: tuple[Family, ...] = BOTH,
    links: tuple[Family, ...] | None = None,
    hardware: dict[str, dict[str, Any]] | None = None,
    services: dict[str, dict[str, Any]] | None = None,
) -> Estate:
    """The campus with its data centre at another stage or with other families."""
    dc = CAMPUS.sites["dc"]
    vlans = tuple(
        vlan.model_copy(update={"families": families, "ipv4": vlan.ipv4 if Family.IPV4 in families else None})
        for vlan in dc.vlans
    )
    sites = {**CAMPUS.sites, "dc": dc.model_copy(update={"vlans": vlans, "stage": stage})}
    made = {name: model.model_copy(update=(hardware or {}).get(name, {})) for name, model in CAMPUS.hardware.items()}
    part = {name: item.model_copy(update=(services or {}).get(name, {})) for name, item in CAMPUS.services.items()}
    del part["old"]  # a service of IPv4 alone, for the mistakes
    every = tuple(link.model_copy(update={"families": links or link.families}) for link in CAMPUS.links)
    return replace(CAMPUS, sites=sites, hardware=made, services=part, links=every)


def of(estate: Estate, code: str, day: str = "2026-11-25") -> Progress:
    return next(item for item in progress(estate, date.fromisoformat(day)) if item.site == code)


ALONE = {"families": V6, "stage": Stage.IPV6_ONLY}
CAN = {name: {"features": ("ipv6-management",)} for name in ("router", "switch", "server")}
CASES = [
    ("both", {}, "2026-11-25", Stage.DUAL_STACK, False),
    ("both, on the last day", {}, "2030-12-31", Stage.DUAL_STACK, False),
    ("both, a day too late", {}, "2031-01-01", Stage.DUAL_STACK, True),
    ("a VLAN without IPv6", {"families": V4}, "2026-11-25", Stage.IPV4_ONLY, False),
    ("a VLAN without IPv6 after its day", {"families": V4}, "2028-01-01", Stage.IPV4_ONLY, True),
    ("links without IPv6", {"links": V4}, "2026-11-25", Stage.IPV4_ONLY, False),
    ("IPv6 alone, and said so", {**ALONE, "hardware": CAN}, "2031-01-01", Stage.IPV6_ONLY, False),
    ("IPv6 alone, but not to be managed so", ALONE, "2031-01-01", Stage.IPV6_ONLY, True),
    (
        "IPv6 alone, but a service",
        {**ALONE, "hardware": CAN, "services": {"time": {"families": V4}}},
        "2031-01-01",
        Stage.IPV6_ONLY,
        True,
    ),
    ("IPv6 alone, said to be both", {"families": V6}, "2031-01-01", Stage.IPV6_ONLY, True),
    ("said to be IPv6 alone, still both", {"stage": Stage.IPV6_ONLY}, "2031-01-01", Stage.DUAL_STACK, True),
]


@pytest.mark.parametrize(("fields", "day", "counted", "overdue"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_stage_of(fields: dict[str, Any], day: str, counted: Stage, overdue: bool) -> None:
    found = of(changed(**fields), "dc", day)
    assert (found.counted, found.overdue) == (counted, overdue)


def test_a_site_that_shows_nothing_has_reached_nothing() -> None:
    empty = CAMPUS.sites["dc"].model_copy(update={"devices": (), "vlans": (), "circuits": ()})
    found = of(replace(CAMPUS, sites={"dc": empty}, links=(), services={}), "dc", "2028-01-01")
    assert (found.counted, found.overdue, found.shares) == (None, True, (0.0, 0.0))


WAYS = [
    ("what nobody has looked at", {}, {"sw1": "cannot be managed", "dns1": "not known whether"}),
    ("a model that can", {"hardware": {"switch": {"features": ("ipv6-management",)}}}, {"sw1": ""}),
    ("a service without IPv6", {"services": {"time": {"families": V4}}}, {"service time": "without IPv6"}),
    ("said to be there, not looked at", ALONE, {"sw1": "cannot be managed", "dns1": "not known whether"}),
    ("said to be there, with a service", {**ALONE, "services": {"time": {"families": V4}}}, {"service time": "IPv6"}),
    ("said to be there, and is", {**ALONE, "hardware": CAN}, {"sw1": "", "dns1": "", "core1": "", "VLAN": ""}),
    ("the step before", {"stage": Stage.IPV4_ONLY, "families": V4}, {"VLAN srv": "without IPv6", "dns1": ""}),
]


@pytest.mark.parametrize(("fields", "expected"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
def test_in_the_way(fields: dict[str, Any], expected: dict[str, str]) -> None:
    reasons = of(changed(**fields), "dc").in_the_way
    for name, text in expected.items():
        about = [reason for reason in reasons if reason.startswith(name)]
        assert (len(about) == 1 and text in about[0]) if text else about == []


def test_every_site_of_the_reference_estate_is_counted() -> None:
    reference = load_estate(HERE.parents[1] / "inventory" / "estate")
    found = list(progress(reference, date(2026, 11, 25)))
    assert len(found) == len(reference.sites)
    assert sum(item.interfaces for item in found) == sum(len(reference.interfaces(name)) for name in reference.devices)
    assert {item.counted for item in found} == {Stage.DUAL_STACK}
