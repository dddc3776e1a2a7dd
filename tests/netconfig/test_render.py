"""Rendering: the whole configuration, in the device's own form, and no contradiction to what routers run today."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.entities import Routing
from inventory.model.enums import Igp
from inventory.model.estate import Estate
from lab.router.install import day0
from netconfig.change.expect import list_probes, list_waves
from netconfig.diff.tree import parse, walk
from netconfig.intent.coverage import list_left_out
from netconfig.intent.design import design_router, list_managed
from netconfig.intent.render import render, render_intended
from netconfig.platforms import platform

FRR = platform.load("frr")
ROUTERS = ["core1", "core2", "dr-edge1", "hph-edge1", "hph-kv01-edge1"]


@pytest.mark.parametrize("device", ROUTERS)
def test_what_runs_today_is_part_of_what_is_intended(device: str, small_estate: Estate) -> None:
    today = set(walk(parse(day0(device, small_estate), FRR)))
    assert today <= set(walk(render_intended(small_estate, device)))


@pytest.mark.parametrize("device", ROUTERS)
def test_the_text_parses_back_to_the_tree_it_was_written_from(device: str, small_estate: Estate) -> None:
    text = render(small_estate, device)
    assert parse(text, FRR) == render_intended(small_estate, device)
    assert not [line for line in text.splitlines() if line != line.rstrip() or FRR.is_forbidden(line)]


@pytest.mark.parametrize("device", ROUTERS)
def test_every_interface_has_both_protocols(device: str, small_estate: Estate) -> None:
    tree = render_intended(small_estate, device)
    for interface in small_estate.interfaces(device):
        lines = tree.children[f"interface {interface.name}"].children
        assert f"ip address {interface.ipv4}" in lines
        assert f"ipv6 address {interface.ipv6}" in lines


def test_every_bgp_session_is_configured_at_both_ends(small_estate: Estate) -> None:
    ends = {(name, peer.name) for name in ROUTERS for peer in design_router(small_estate, name).peers}
    assert ends == {(b, a) for a, b in ends}
    for name in ("dr-edge1", "hph-edge1", "hph-kv01-edge1"):
        assert {peer.name for peer in design_router(small_estate, name).peers} == {"core1", "core2"}


def test_a_site_may_announce_its_own_prefix_only(small_estate: Estate) -> None:
    text = render(small_estate, "core1")
    assert "ipv6 prefix-list SITE-HPH-KV01 seq 10 permit fd52:5052:1f01::/48 ge 64 le 64" in text
    assert "neighbor fd52:5052:ff1f::2 prefix-list SITE-HPH-KV01 in" in text


def test_features_limit_what_is_rendered(small_estate: Estate) -> None:
    assert "ipv6" not in render(small_estate, "core1", ["system", "interfaces", "ospf"])


def test_the_canary_is_first_and_alone(small_estate: Estate) -> None:
    assert list_waves(small_estate) == [["core2"], ["core1"], ["dr-edge1", "hph-edge1"], ["hph-kv01-edge1"]]


def test_probes_begin_when_the_path_is_whole(small_estate: Estate) -> None:
    assert list_probes(small_estate, "core1", {"core2"}) == []
    first = list_probes(small_estate, "hph-edge1", {"core1", "core2"})
    assert [probe.source for probe in first] == ["hph-node1"]
    last = list_probes(small_estate, "hph-kv01-edge1", {"core1", "core2", "dr-edge1", "hph-edge1"})
    assert [(probe.source, probe.target) for probe in last] == [("hph-kv01-node1", "dc-db1")]


def test_an_unknown_device_is_named(small_estate: Estate) -> None:
    with pytest.raises(RackproofError) as caught:
        render(small_estate, "cor1")
    assert caught.value.code == "NET010"
    assert "core1" in caught.value.expected
    with pytest.raises(RackproofError):
        render(small_estate, "dc-db1")


def test_an_unknown_platform_is_named() -> None:
    for name in ("ios", "../frr", ""):
        with pytest.raises(RackproofError) as caught:
            platform.load(name)
        assert caught.value.code == "NET001"


def test_the_reference_estate_loads_for_this_room_too() -> None:
    estate = load_estate(REPOSITORY / "inventory" / "estate")
    for device in list_managed(estate)[:20]:
        if device.platform == "frr":
            render(estate, device.name)


CAMPUS = load_estate(REPOSITORY / "tests" / "inventory" / "campus")
PLATFORM = {"platform": "frr", "wave": 1}


def campus(**changes: dict[str, object]) -> Estate:
    """The campus with its routers managed, and some of their fields changed."""
    sites = {
        code: site.model_copy(
            update={
                "devices": tuple(
                    device.model_copy(update={**PLATFORM, **changes.get(device.name, {})}) for device in site.devices
                )
            }
        )
        for code, site in CAMPUS.sites.items()
    }
    return replace(CAMPUS, sites=sites)


def test_the_second_prefix_and_the_management_block_are_addressed_announced_and_let_in() -> None:
    text = render(campus(), "core1")
    for line in (
        " ipv6 address fd00:2:fe01:101::1/64", " ipv6 address 2d00:2:fe01:101::1/64",
        "  network fd00:2:fe01:101::/64", "  network 2d00:2:101:106e::/64",
        "ipv6 prefix-list SITE-KV01 seq 20 permit 2d00:2:201::/48 ge 64 le 64",
        "ipv6 prefix-list ESTATE seq 20 permit 2d00:2::/32 ge 64 le 64",
    ):  # fmt: skip
        assert line in text.splitlines(), line
    assert parse(text, FRR) == render_intended(campus(), "core1")


def test_a_site_may_announce_its_part_of_the_management_block() -> None:
    addressing = CAMPUS.head.addressing.model_copy(update={"route_reflectors": ("core1",)})
    estate = replace(campus(), head=CAMPUS.head.model_copy(update={"addressing": addressing}))
    lines = render(estate, "core1").splitlines()
    assert "ipv6 prefix-list SITE-DC seq 20 permit fd00:2:fe01:101::/64" in lines
    assert "ipv6 prefix-list SITE-DC seq 40 permit 2d00:2:fe01:101::/64" in lines


def test_an_area_is_that_of_the_link_or_of_the_router() -> None:
    text = render(campus(core1={"routing": Routing(area=5)}), "core1")
    assert text.count("ipv6 ospf6 area 5") == text.count("ipv6 ospf6 area") > 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"routing": Routing(igp=Igp.ISIS)}, "routing.igp is-is"),
        ({"routing": Routing(igp=Igp.NONE)}, "routing.igp none"),
    ],
)
def test_what_no_template_can_say_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(RackproofError) as caught:
        render(campus(core1=fields), "core1")
    assert (caught.value.code, said in str(caught.value)) == ("NET011", True)


def test_a_vrf_is_refused_and_what_is_left_out_is_named() -> None:
    assert list_left_out(campus(), "core1") == (
        "shared gateway address (VRRPv3) (srv, usr, mgmt)", "router advertisements (usr)", "DHCPv6 relay (usr)",
        "packet filters (usr)",
    )  # fmt: skip
    assert list_left_out(campus(), "kv01-edge1") == ()
    dc = campus().sites["dc"]
    vlans = tuple(vlan.model_copy(update={"vrf": "guests"}) for vlan in dc.vlans)
    moved = replace(campus(), sites={**campus().sites, "dc": dc.model_copy(update={"vlans": vlans})})
    with pytest.raises(RackproofError) as caught:
        render(moved, "core1")
    assert "vrf guests" in str(caught.value)
