"""The IPv6 plan: whatever is added, removed or reordered changes no other address, and no two things share one."""

from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import ipv6

ESTATE = IPv6Network("fd52:5052::/32")
regions, numbers = st.integers(1, 253), st.integers(0, 255)
vlans = st.tuples(st.integers(0, 15), st.integers(1, 4094))
sites = st.dictionaries(st.tuples(regions, numbers), st.sets(vlans, max_size=4), max_size=12)
links = st.sets(st.integers(1, 65535), max_size=30)
loopbacks = st.sets(st.tuples(regions, st.integers(1, 65535)), max_size=30)

Sites = dict[tuple[int, int], set[tuple[int, int]]]


def addresses(sites: Sites, links: Iterable[int], loopbacks: Iterable[tuple[int, int]]) -> dict[tuple[Any, ...], Any]:
    """Every address of a plan by what it belongs to, in the order given."""
    found: dict[tuple[Any, ...], Any] = {}
    for (region, number), inside in sites.items():
        found["site", region, number] = ipv6.site_prefix(ESTATE, region, number)
        for zone, vlan in inside:
            prefix = ipv6.vlan_prefix(ESTATE, region, number, zone, vlan)
            found["vlan", region, number, zone, vlan] = prefix
            found["host", region, number, zone, vlan] = ipv6.host_address(prefix, 11)
    for link in links:
        found["link", link] = ipv6.link_addresses(ESTATE, link)
    for region, loopback in loopbacks:
        found["loopback", region, loopback] = ipv6.loopback_address(ESTATE, region, loopback)
        found["anycast", loopback] = ipv6.anycast_address(ESTATE, loopback)
    for region, number in sites:
        found["management", region, number] = ipv6.management_prefix(ESTATE, region, number)
    return found


@given(sites, links, loopbacks, sites, links, loopbacks)
@settings(max_examples=80, deadline=None)
def test_additions_change_nothing(
    sites: Sites,
    links: set[int],
    loopbacks: set[tuple[int, int]],
    more_sites: Sites,
    more_links: set[int],
    more_loopbacks: set[tuple[int, int]],
) -> None:
    before = addresses(sites, links, loopbacks)
    grown = {key: sites.get(key, set()) | more_sites.get(key, set()) for key in [*more_sites, *sites]}
    after = addresses(grown, more_links | links, more_loopbacks | loopbacks)
    assert {key: after[key] for key in before} == before


@given(sites, links, loopbacks, st.randoms())
@settings(max_examples=80, deadline=None)
def test_removal_and_reordering_change_nothing(
    sites: Sites, links: set[int], loopbacks: set[tuple[int, int]], random: Random
) -> None:
    before = addresses(sites, links, loopbacks)
    kept = [key for key in sites if random.random() < 0.5]
    random.shuffle(kept)
    after = addresses({key: sites[key] for key in kept}, sorted(links)[::2], sorted(loopbacks)[1:])
    assert all(before[key] == value for key, value in after.items())


@given(sites, links, loopbacks)
@settings(max_examples=80, deadline=None)
def test_no_two_things_share_an_address(sites: Sites, links: set[int], loopbacks: set[tuple[int, int]]) -> None:
    found = addresses(sites, links, loopbacks)
    narrow = [value.network for key, value in found.items() if key[0] in ("loopback", "anycast")]
    narrow += [value for key, value in found.items() if key[0] == "management"]
    narrow += [end.network for key, value in found.items() if key[0] == "link" for end in value[:1]]
    narrow += [value for key, value in found.items() if key[0] == "vlan"]
    ordered = sorted(narrow)
    assert all(a.broadcast_address < b.network_address for a, b in pairwise(ordered))
    assert all(network.subnet_of(ESTATE) for network in narrow)


@given(regions, numbers, st.integers(0, 15), st.integers(1, 4094), st.integers(1, 254))
def test_the_plan_is_read_back_from_the_address(region: int, number: int, zone: int, vlan: int, host: int) -> None:
    address = ipv6.host_address(ipv6.vlan_prefix(ESTATE, region, number, zone, vlan), host)
    groups = address.ip.exploded.split(":")
    assert (int(groups[2][:2], 16), int(groups[2][2:], 16)) == (region, number)  # noqa: FURB166 - no prefix
    assert (int(groups[3][0], 16), int(groups[3][1:], 16)) == (zone, vlan)
    assert int(groups[7].lstrip("0")) == host
    assert address.network.subnet_of(ipv6.site_prefix(ESTATE, region, number))


@pytest.mark.parametrize("link_id", [1, 3101, 65535])
def test_link_ends_are_a_127(link_id: int) -> None:
    a, b = ipv6.link_addresses(ESTATE, link_id)
    assert a.network == b.network
    assert a.network.prefixlen == 127
    assert a.ip + 1 == b.ip


@given(sites, links, loopbacks)
@settings(max_examples=40, deadline=None)
def test_blocks_hold_what_they_are_for_and_nothing_else(
    sites: Sites, links: set[int], loopbacks: set[tuple[int, int]]
) -> None:
    found = addresses(sites, links, loopbacks)
    blocks = {
        "management": ipv6.management_block(ESTATE),
        "link": ipv6.link_block(ESTATE),
        "anycast": ipv6.loopback_block(ESTATE, 0),
    }
    for key, value in found.items():
        first = value[0] if key[0] == "link" else value
        network = getattr(first, "network", first)
        for kind, block in blocks.items():
            assert network.subnet_of(block) == (key[0] == kind), (key, kind)


@given(st.integers(0, 2**96 - 1), st.integers(1, 128))
def test_the_second_prefix_keeps_every_place_of_the_plan(inside: int, length: int) -> None:
    other = IPv6Network("2d00:2::/32")
    address = IPv6Interface((int(ESTATE.network_address) | inside, length))
    moved = ipv6.moved(address, other)
    assert moved.ip in other
    assert moved.network.prefixlen == length
    assert ipv6.moved(moved, ESTATE) == address


@given(regions, numbers, st.integers(0, 15), st.integers(1, 4094), st.integers(1, 254))
def test_what_the_plan_gives_is_read_back(region: int, number: int, zone: int, vlan: int, host: int) -> None:
    prefix = ipv6.vlan_prefix(ESTATE, region, number, zone, vlan)
    assert ipv6.read_site_numbers(prefix) == ipv6.read_site_numbers(ipv6.site_prefix(ESTATE, region, number))
    assert ipv6.read_site_numbers(prefix) == (region, number)
    assert ipv6.read_vlan_numbers(prefix) == (zone, vlan)
    assert ipv6.read_host_number(ipv6.host_address(prefix, host).ip) == host
    assert prefix.subnet_of(ipv6.region_block(ESTATE, region))


@given(st.integers(1, 65535))
def test_a_link_is_read_back_from_both_its_ends(link_id: int) -> None:
    assert {ipv6.read_link_id(ESTATE, end) for end in ipv6.link_addresses(ESTATE, link_id)} == {link_id}


def test_a_host_number_has_decimal_digits_and_a_subnet_its_name() -> None:
    assert ipv6.read_host_number(IPv6Address("fd00::1a")) is None
    assert ipv6.name_subnet(ipv6.vlan_prefix(ESTATE, 1, 1, 0xA, 100)) == "101:a064"
