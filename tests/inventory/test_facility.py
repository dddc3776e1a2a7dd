"""The static verdict on power and cooling: every rule by cases, and what must hold of any chain at all."""

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.facility.flow import flow
from inventory.facility.graph import SOURCES, Facility, feeds_of
from inventory.facility.rules import RULES, verdict
from inventory.facility.verdict import EVERY, FacilityCase, FacilityOutcome, row_of, table
from inventory.load.loader import load_estate
from inventory.model.entities import Site, Tier
from inventory.model.estate import Estate
from inventory.model.hardware import HardwareFile
from tests.inventory.facility_cases import CASES, HARDWARE, SITE
from tests.support import require

ROOT = Path(__file__).resolve().parents[2]
MODELS = HardwareFile.model_validate({"hardware": yaml.safe_load(HARDWARE)}).hardware
WORST = [FacilityOutcome.NOT_APPLICABLE, FacilityOutcome.PASS, FacilityOutcome.UNKNOWN, FacilityOutcome.FAIL]


@pytest.fixture(scope="module")
def reference() -> Estate:
    return load_estate(ROOT / "inventory" / "estate")


def case_of(changes: list[tuple[str, str]]) -> FacilityCase:
    text = SITE
    for old, new in changes:
        assert old in text, f"the case no longer fits: {old}"
        text = text.replace(old, new, 1)
    return FacilityCase(Facility(Site.model_validate(yaml.safe_load(text)), MODELS))


def name_of(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{case[2]}-{case[3]}-{case[4]}"


@pytest.mark.parametrize(("rule", "changes", "subject", "outcome", "words"), CASES, ids=map(name_of, CASES))
def test_rule(rule: str, changes: list[tuple[str, str]], subject: str, outcome: str, words: str) -> None:
    found = {finding.subject: finding for finding in RULES[rule](case_of(changes))}
    row = row_of("x", "DC", rule, found[subject])
    assert (row.verdict.value, words in row.reason["en"]) == (outcome, True), row.reason
    assert row.reason["vi"] and row.reason["vi"] != row.reason["en"]


def test_nothing_fails_in_the_site_of_the_cases() -> None:
    found = [
        (rule, item) for rule in RULES for item in RULES[rule](case_of([])) if item.verdict is not FacilityOutcome.PASS
    ]
    assert found == []


def test_every_rule_has_a_case_of_every_outcome() -> None:
    asked = {(case[0], case[3]) for case in CASES}
    assert {(rule, outcome) for rule in RULES for outcome in ("pass", "fail", "unknown")} <= asked
    assert set(table().rules) == set(RULES)


def test_every_rule_is_bound_by_a_field_of_the_tiers() -> None:
    fields = {entry.binds for entry in table().rules.values()}
    assert fields - {EVERY} <= set(Tier.model_fields)


def test_the_reference_estate(reference: Estate) -> None:
    """Every rule speaks of every site; what fails are the units that have one inlet, and nothing is unknown."""
    rows = list(verdict(reference))
    assert {(row.site, row.rule) for row in rows} == {(site, rule) for site in reference.sites for rule in RULES}
    found = {
        (row.site, row.rule, row.names)
        for row in rows
        if row.verdict in (FacilityOutcome.FAIL, FacilityOutcome.UNKNOWN)
    }
    assert found == {(s, "single-corded", (f"{s}-env-{n}",)) for s in ("dc", "dr") for n in (1, 2)}
    asked = {row.tier for row in rows if row.rule == "removable" and row.verdict is not FacilityOutcome.NOT_APPLICABLE}
    assert asked == {"DC", "DR"}
    assert {row.provenance for row in rows if row.rule.startswith("n-plus") and row.tier == "DC"} == {"S"}
    assert {row.provenance for row in rows if row.tier != "DC"} == {"P"}


def test_the_lab_is_unknown_where_its_loads_are() -> None:
    rows = list(verdict(load_estate(ROOT / "lab" / "estate"), "dc"))
    weighed = [row for row in rows if row.unit == "W" and row.rule != "generator-start"]
    assert weighed and {row.verdict for row in weighed} == {FacilityOutcome.UNKNOWN}
    assert {row.verdict for row in rows if row.rule == "two-paths"} == {FacilityOutcome.PASS}


RATINGS = st.sampled_from([500, 1000, 2000, 5000])
WATTS = st.sampled_from([50, 100, 300, 1000])


@st.composite
def sites(draw: st.DrawFn, rating: st.SearchStrategy[int | None] = RATINGS) -> dict[str, Any]:
    """Any chain without a circle: sources, transfer switches, UPSs, PDUs, and devices and cooling on them."""

    def some(names: list[str], most: int = 3) -> list[str]:
        return draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True))

    power: list[dict[str, Any]] = [{"name": f"u{n}", "kind": "utility"} for n in range(draw(st.integers(1, 2)))]
    power += [{"name": f"g{n}", "kind": "generator", "group": "g"} for n in range(draw(st.integers(0, 2)))]
    above = [node["name"] for node in power]
    for kind in ("ats", "ups", "pdu"):
        made: list[dict[str, Any]] = [
            {"name": f"{kind}{n}", "kind": kind, "fed_by": some(above)} for n in range(draw(st.integers(1, 3)))
        ]
        for node in made:
            if kind == "ups":
                node |= {"modules": 2, "module_rating_w": 5000}
            if draw(st.booleans()):
                node["group"] = kind
        power += made
        above = [node["name"] for node in (made if draw(st.booleans()) else power) if node["kind"] not in SOURCES]
    for node in power:
        node["rating_w"] = draw(rating)
    outlets = [node["name"] for node in power if node["kind"] not in SOURCES]
    pdus = [node["name"] for node in power if node["kind"] == "pdu"]
    racks = []
    for n in range(draw(st.integers(1, 2))):
        feeds = some(pdus, 2)
        racks.append({"name": f"R{n}", "zone": f"z{n}", "feed_a": feeds[0], "feed_b": feeds[-1]})
    devices = [
        {
            "name": f"d{n}",
            "kind": "host",
            "rack": draw(st.sampled_from(racks))["name"],
            "power_w": draw(WATTS),
            "cords": some(outlets),
        }
        for n in range(draw(st.integers(1, 4)))
    ]
    units = range(draw(st.integers(0, 3)))
    devices += [{"name": f"ac{n}", "kind": "crac", "power_w": draw(WATTS)} for n in units]
    cooling = [
        {
            "name": f"ac{n}",
            "zone": draw(st.sampled_from(racks))["zone"],
            "capacity_w": draw(rating),
            "fed_by": some(outlets),
            "device": f"ac{n}",
        }
        for n in units
    ]
    return {"site": "x", "name": {"en": "X", "vi": "X"}, "tier": "DC", "region": 1, "number": 1, "racks": racks,
            "devices": devices, "power": power, "cooling": cooling}  # fmt: skip


def as_site(data: dict[str, Any]) -> Site:
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Site.model_validate(tuples)


def worst(data: dict[str, Any]) -> dict[str, int]:
    case = FacilityCase(Facility(as_site(data), {}))
    return {
        rule: max((WORST.index(found.verdict) for found in judge(case)), default=0) for rule, judge in RULES.items()
    }


@given(data=sites(), draw=st.data())
@settings(max_examples=60, deadline=None)
def test_no_watt_is_lost(data: dict[str, Any], draw: st.DataObject) -> None:
    facility = Facility(as_site(data), {})
    lost = draw.draw(st.sets(st.sampled_from([*facility.nodes, *facility.cooling]), max_size=3))
    state = flow(facility, lost)
    off = {*state.dropped, *state.stopped}
    living = sum(require(load.watt) for load in facility.loads if load.name not in off)
    drawn = sum(watt for name, watt in state.load_w.items() if facility.nodes[name].kind in SOURCES)
    assert drawn == pytest.approx(living, abs=0.1)
    assert sum(zone.heat_w for zone in state.zones.values()) == sum(
        require(load.watt) for load in facility.loads if load.name not in off and not load.cools
    )


@given(data=sites(rating=st.just(10**12)), draw=st.data())
@settings(max_examples=60, deadline=None)
def test_with_endless_ratings_only_reachability_counts(data: dict[str, Any], draw: st.DataObject) -> None:
    """The same answer from an independent library: who is reached from a source with one component taken out."""
    site = as_site(data)
    graph: nx.DiGraph[Any] = nx.DiGraph([("grid", node.name) for node in site.power if node.kind in SOURCES])
    graph.add_edges_from((feed, node.name) for node in site.power for feed in node.fed_by)
    graph.add_edges_from((feed, ("rack", rack.name)) for rack in site.racks for feed in feeds_of(rack))
    graph.add_edges_from((cord, ("device", device.name)) for device in site.devices for cord in device.cords)
    graph.add_edges_from((feed, ("unit", unit.name)) for unit in site.cooling for feed in unit.fed_by)
    found = {item.subject: item.verdict for item in RULES["removable"](FacilityCase(Facility(site, {})))}
    for name in [node.name for node in site.power] + [unit.name for unit in site.cooling]:
        taken = name if name in graph else ("unit", name)
        on = nx.descendants(graph.subgraph(set(graph) - {taken}), "grid")
        fed = all(("rack", rack.name) in on for rack in site.racks)
        fed = fed and all(("device", device.name) in on for device in site.devices if device.cords)
        cooled = {unit.zone for unit in site.cooling if ("unit", unit.name) in on}
        zones = {rack.name: rack.zone for rack in site.racks}
        warm = {zones[d.rack] for d in site.devices if d.rack and d.power_w and ("device", d.name) in on}
        assert found[name] is (FacilityOutcome.PASS if fed and warm <= cooled else FacilityOutcome.FAIL), name


def passed(data: dict[str, Any]) -> set[tuple[str, str]]:
    case = FacilityCase(Facility(as_site(data), {}))
    return {
        (rule, i.subject) for rule, judge in RULES.items() for i in judge(case) if i.verdict is FacilityOutcome.PASS
    }


@given(data=sites(), draw=st.data())
@settings(max_examples=60, deadline=None)
def test_what_passes_with_something_not_written_passes_whatever_it_is(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    """One device loses its size or its cords: what is still green is green for the smallest and the largest load."""
    hidden = draw.draw(st.sampled_from(["power_w", "cords"]))
    device = draw.draw(st.sampled_from(data["devices"][: len(data["devices"]) - len(data["cooling"])]))
    outlets = [node["name"] for node in data["power"] if node["kind"] not in SOURCES]
    cords = st.lists(st.sampled_from(outlets), min_size=1, max_size=3, unique=True)

    def written(**facts: Any) -> dict[str, Any]:
        changed = {key: value for key, value in {**device, **facts}.items() if value is not None}
        return {**data, "devices": [changed if item is device else item for item in data["devices"]]}

    truths = {
        "power_w": [written(power_w=watt) for watt in (1, 10**9)],
        "cords": [written(cords=draw.draw(cords))],
    }
    green = passed(written(**{hidden: None}))
    for truth in truths[hidden]:
        assert green <= passed(truth)


@given(data=sites(rating=st.just(10**12)), draw=st.data())
@settings(max_examples=40, deadline=None)
def test_losing_more_revives_nothing(data: dict[str, Any], draw: st.DataObject) -> None:
    facility = Facility(as_site(data), {})
    names = st.sets(st.sampled_from([*facility.nodes, *facility.cooling]), max_size=3)
    lost, more = draw.draw(names), draw.draw(names)
    before, after = flow(facility, lost), flow(facility, lost | more)
    for kind in ("dropped", "stopped", "dark"):
        assert set(getattr(before, kind)) <= set(getattr(after, kind))
    assert set(after.load_w) <= set(before.load_w)


def endless(data: dict[str, Any]) -> dict[str, Any]:
    ratings = {"rating_w": 10**12, "module_rating_w": 10**12}
    return {**data, "power": [{key: ratings.get(key, value) for key, value in node.items()} for node in data["power"]]}


@given(data=sites(), draw=st.data())
@settings(max_examples=80, deadline=None)
def test_a_second_one_makes_no_verdict_worse_and_its_removal_none_better(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    """Beside a component stands another like it, behind it in every order: no rule may judge that worse."""
    names = [node["name"] for node in data["power"]] + [unit["name"] for unit in data["cooling"]]
    chosen = draw.draw(st.sampled_from(names))
    if any(unit["name"] == chosen for unit in data["cooling"]):  # another one draws power of its own
        data = endless(data)
    before = worst(data)
    more = {**data, "power": list(data["power"]), "cooling": list(data["cooling"]), "devices": list(data["devices"])}
    for unit in data["cooling"]:
        if unit["name"] == chosen:
            more["cooling"].append(unit | {"name": "spare", "device": "spare"})
            more["devices"].append({"name": "spare", "kind": "crac", "power_w": 50})
    for part in ("power", "cooling"):
        more[part] = [
            item | {"fed_by": [*item["fed_by"], "spare"]} if chosen in item.get("fed_by", ()) else item
            for item in more[part]
        ]
    more["power"] += [node | {"name": "spare"} for node in data["power"] if node["name"] == chosen]
    after = worst(more)
    assert {rule: (before[rule], after[rule]) for rule in RULES if after[rule] > before[rule]} == {}
