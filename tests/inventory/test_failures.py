"""What one loss cuts: the lab's answers by hand, the reference estate's against an independent graph library."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.facility import power_losses, powered, redundancy, single_corded
from inventory.load.loader import load_estate
from inventory.model.entities import Link, Site
from inventory.model.enums import Family
from inventory.model.estate import Estate
from inventory.network.failures import Network, single_points
from inventory.network.graph import Graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lab() -> Estate:
    return load_estate(ROOT / "lab" / "estate")


@pytest.fixture(scope="module")
def reference() -> Estate:
    return load_estate(ROOT / "inventory" / "estate")


@pytest.mark.parametrize(
    ("kind", "name", "cut", "without_gateway"),
    [
        ("device", "core1", (), ("dc",)),
        ("device", "core2", (), ()),
        ("device", "dr-edge1", ("dr",), ()),
        ("device", "hph-edge1", ("hph-kv01", "hph"), ()),
        ("device", "hph-kv01-edge1", ("hph-kv01",), ()),
        ("link", "1", (), ()),
        ("link", "4", (), ()),
        ("link", "6", ("hph-kv01",), ()),
    ],
)
def test_one_loss_in_the_lab(
    lab: Estate, kind: str, name: str, cut: tuple[str, ...], without_gateway: tuple[str, ...]
) -> None:
    failure = next(f for f in Network(lab).failures() if (f.kind, f.name) == (kind, name))
    assert (failure.cut, failure.without_gateway) == (cut, without_gateway)


def test_everything_is_reached_when_nothing_is_lost(lab: Estate, reference: Estate) -> None:
    assert Network(lab).unreached() == Network(reference).unreached() == ()


def test_single_points_of_a_room(lab: Estate) -> None:
    assert set(single_points(lab)["hph-kv01"]) == {"device hph-edge1", "device hph-kv01-edge1", "link 6"}
    assert "dc" not in single_points(lab)


def test_reference_agrees_with_networkx(reference: Estate) -> None:
    """A directed graph in which a leaf has no way out is the same policy, computed by somebody else's code."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for link in reference.links:
        for a, b in ((link.a.device, link.b.device), (link.b.device, link.a.device)):
            if reference.tier_of(reference.site_of[a]).transit:
                graph.add_edge(a, b, link=link.id)
    hubs = ["dc-core1", "dc-core2"]
    network = Network(reference)
    for lost in ["hph-edge1", "hph-edge2", "dc-core1", "dr-edge1", "hcm-edge1", "hph-kv05-edge1"]:
        rest = graph.copy()
        rest.remove_node(lost)
        expected = set().union(*({hub} | nx.descendants(rest, hub) for hub in hubs if hub in rest))
        assert network.graph.reached(devices=frozenset({lost})) == expected
    for gone in [3111, 3115, 3165, 10101, 10102]:
        edges: Iterable[tuple[str, str, int]] = graph.edges(data="link")
        rest = nx.DiGraph((a, b) for a, b, link in edges if link != gone)
        expected = set().union(*({hub} | nx.descendants(rest, hub) for hub in hubs))
        assert network.graph.reached(links=frozenset({gone})) == expected


def test_no_site_of_a_tier_above_the_rooms_hangs_on_one_link(reference: Estate) -> None:
    for site, causes in single_points(reference).items():
        if reference.sites[site].tier != "HUYEN":
            assert not [cause for cause in causes if cause.startswith("link")], site


def _side(site: str, letter: str) -> set[str]:
    """What the one path of a centre consists of; the units on it have one inlet and go dark with any of it."""
    return {f"{site}-ats-{'ab'.index(letter) + 1}", f"{site}-ups-{letter}", f"{site}-pdu-{letter}"}


def test_no_power_component_of_a_centre_takes_a_rack_down(lab: Estate, reference: Estate) -> None:
    """Nor a device that can have two cords: what goes dark is the one unit with one inlet, on its own side alone."""
    alone = {"dc": {"a": ("dc-env-1",), "b": ("dc-env-2",)}, "dr": {"a": ("dr-env-1",), "b": ("dr-env-2",)}}
    for estate, code, single in ((lab, "dc", {}), (reference, "dc", alone["dc"]), (reference, "dr", alone["dr"])):
        site = estate.sites[code]
        assert powered(site) == {node.name for node in site.power}
        losses = {loss.component: loss for loss in power_losses(site)}
        assert set(losses) == {node.name for node in site.power}
        assert not any(loss.racks for loss in losses.values())
        expected = {name: names for letter, names in single.items() for name in _side(code, letter)}
        assert {name: loss.devices for name, loss in losses.items() if loss.devices} == expected
    assert all(group.without_largest_w > 0 for code in ("dc", "dr") for group in redundancy(reference.sites[code]))


def test_a_regional_room_hangs_on_every_component_of_its_chain(reference: Estate) -> None:
    """On every one but its two sources: either stands in for the other. All of its devices go with its only rack."""
    site = reference.sites["hph-kv01"]
    losses = {loss.component: (loss.racks, loss.devices) for loss in power_losses(site)}
    everything = (("R1",), tuple(device.name for device in site.devices if device.cords))
    chain = {f"hph-kv01-{name}": everything for name in ("ats1", "ups1", "pdu1")}
    assert losses == {"utility": ((), ()), "hph-kv01-gen1": ((), ()), **chain}
    assert {"hph-kv01-edge1", "hph-kv01-node1"} <= set(everything[1])


def test_a_single_cord_is_found(reference: Estate) -> None:
    assert single_corded(reference.sites["hph"]) == ("hph-sw3", "hph-sw4", "hph-env1")
    for code in ("dc", "dr"):  # whatever carries a service there has two cords
        assert single_corded(reference.sites[code]) == (f"{code}-env-1", f"{code}-env-2")
    assert single_corded(reference.sites["hph-kv01"]) == ()  # one feed: nothing to be on one side of


def _one_by_one(network: Network, estate: Estate) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """The slow way: walk the links anew for every loss, and judge every site."""
    graph = network.graph
    losses: list[tuple[str, str, Any]] = [("device", name, {"devices": frozenset({name})}) for name in graph.edges]
    losses += [("link", str(link.id), {"links": frozenset({link.id})}) for link in estate.links]
    for code, site in estate.sites.items():
        ends = {c.name: {link.id for link in estate.links if leaves(estate, link, c.router)} for c in site.circuits}
        losses += [("circuit", f"{code} {name}", {"links": frozenset(links)}) for name, links in ends.items()]
        for path in dict.fromkeys(circuit.path for circuit in site.circuits):
            links = set().union(*(ends[c.name] for c in site.circuits if c.path == path))
            losses.append(("path", f"{code} {path}", {"links": frozenset(links)}))
    for code, site in estate.sites.items():
        for loss in power_losses(site):
            losses.append(("power", f"{code} {loss.component}", {"devices": frozenset(loss.devices)}))
    for kind, name, lost in losses:
        reached = graph.reached(**lost)
        cut = tuple(code for code, routers in network.routers.items() if not reached.intersection(routers))
        headless = [
            code
            for code, site in estate.sites.items()
            if code not in cut and any(not reached & {vlan.gateway, *vlan.backups} for vlan in site.vlans)
        ]
        yield kind, name, cut, tuple(headless)


def leaves(estate: Estate, link: Link, router: str | None) -> bool:
    """Whether a link ends at this router and its other end is at another site."""
    ends = {link.a.device, link.b.device}
    return router in ends and len({estate.site_of[end] for end in ends}) == 2


@given(data=st.data())
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("name", ["lab", "reference"])
def test_one_tree_says_what_walking_says(lab: Estate, reference: Estate, name: str, data: st.DataObject) -> None:
    """Whatever links are missing, parallel or in a circle: the dominator tree and the slow way agree."""
    estate = {"lab": lab, "reference": reference}[name]
    codes = data.draw(st.sets(st.sampled_from(sorted(estate.sites)), min_size=1, max_size=12)) | {"dc"}
    near = [link for link in estate.links if codes & {estate.site_of[end.device] for end in (link.a, link.b)}]
    kept = data.draw(st.lists(st.sampled_from(near), max_size=30, unique_by=lambda link: link.id))
    there = codes | {estate.site_of[end.device] for link in kept for end in (link.a, link.b)}
    sites = {code: site for code, site in estate.sites.items() if code in there}
    part = replace(estate, links=tuple(kept), sites=sites)
    network = Network(part)
    assert [(f.kind, f.name, f.cut, f.without_gateway) for f in network.failures()] == list(_one_by_one(network, part))
    assert set(network.unreached()) == {c for c, r in network.routers.items() if not network.graph.reached() & set(r)}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_looking_around_a_loss_says_what_walking_says(data: st.DataObject) -> None:
    """Any set of devices and links lost at once, on any graph: the bounded search and the whole walk agree."""
    names = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=14))
    links = tuple((one, other, number) for number, (one, other) in enumerate(pairs, 1) if one != other)
    transit = frozenset(data.draw(st.sets(st.sampled_from(names))))
    hubs = data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    graph = Graph(links, transit, tuple(hub for hub in hubs if any(hub in link[:2] for link in links)))
    devices = frozenset(data.draw(st.sets(st.sampled_from(names))))
    gone = frozenset(data.draw(st.sets(st.integers(1, 14))))
    never = set(graph.edges) - graph.reached()
    assert graph.lost_by(devices, gone) | never == (set(graph.edges) - graph.reached(devices, gone)) | never


def test_a_backup_takes_the_gateway_over() -> None:
    """Two routers behind one address: the loss of one leaves no VLAN without a gateway, the loss of both does."""
    campus = load_estate(Path(__file__).parent / "campus")
    felt = {f.name: (f.cut, f.without_gateway) for f in Network(campus).failures() if f.kind == "device"}
    assert felt["core1"] == felt["core2"] == ((), ())
    alone = replace(campus, sites={c: _without_backups(site) for c, site in campus.sites.items()})
    headless = {f.name: f.without_gateway for f in Network(alone).failures() if f.kind == "device"}
    assert (headless["core1"], headless["core2"]) == (("dc",), ())


def _without_backups(site: Site) -> Site:
    return site.model_copy(update={"vlans": tuple(vlan.model_copy(update={"backups": ()}) for vlan in site.vlans)})


def test_each_family_has_ways_of_its_own() -> None:
    campus = load_estate(Path(__file__).parent / "campus")
    links = tuple(
        link.model_copy(update={"families": (Family.IPV4,), "id": link.id}) if link.id in (11, 12) else link
        for link in campus.links
    )
    part = replace(campus, links=links)
    assert Network(part, Family.IPV6).unreached() == ("kv01",)
    assert Network(part, Family.IPV4).unreached() == Network(part).unreached() == ()
