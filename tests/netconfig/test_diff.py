"""The order-safe difference: typed into a model of the device, it must give the intended configuration."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netconfig.diff.diff import diff, list_typed_lines, show_difference
from netconfig.diff.tree import parse, spell_line
from netconfig.platforms import platform
from tests.netconfig.model import Model
from tests.netconfig.strategies import configurations

FRR = platform.load("frr")


def commands(old: str, new: str) -> list[str]:
    return list_typed_lines(diff(parse(old, FRR), parse(new, FRR), FRR), FRR)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configurations(), configurations())
def test_typed_into_the_model_it_gives_the_intended_configuration(old: str, new: str) -> None:
    device = Model(parse(old, FRR), FRR)
    device.type(commands(old, new))
    assert device.root == parse(new, FRR)


@settings(max_examples=50, deadline=None)
@given(configurations())
def test_nothing_to_do_when_nothing_differs(text: str) -> None:
    assert commands(text, text) == []
    assert show_difference(parse(text, FRR), parse(text, FRR)) == ()


@settings(max_examples=50, deadline=None)
@given(configurations(), st.randoms(use_true_random=False))
def test_the_order_of_independent_lines_is_no_difference(text: str, random: Random) -> None:
    blocks = text.split("\n!\n")
    random.shuffle(blocks)
    assert commands(text, "\n!\n".join(blocks)) == []


CASES = {
    "one value is typed over, not removed": (
        "interface e0\n description a\n ip ospf cost 10\nexit",
        "interface e0\n description b\n ip ospf cost 20\nexit",
        ["interface e0", "description b", "ip ospf cost 20", "exit"],
    ),
    "free text is removed without its text": (
        "interface e0\n description some words\n ip address 192.0.2.1/24\nexit",
        "interface e0\n ip address 192.0.2.1/24\nexit",
        ["interface e0", "no description", "exit"],
    ),
    "an IPv4 address is exchanged: out first, the kernel would drop the new one with it": (
        "interface e0\n ip address 192.0.2.1/24\nexit",
        "interface e0\n ip address 192.0.2.2/24\nexit",
        ["interface e0", "no ip address 192.0.2.1/24", "ip address 192.0.2.2/24", "exit"],
    ),
    "an IPv6 address is exchanged: in first, so that the way in stays open": (
        "interface e0\n ipv6 address 2001:db8::1/64\nexit",
        "interface e0\n ipv6 address 2001:db8::2/64\nexit",
        ["interface e0", "ipv6 address 2001:db8::2/64", "no ipv6 address 2001:db8::1/64", "exit"],
    ),
    "another spelling of an address is no difference": (
        "interface e0\n ipv6 address 2001:DB8:0:0::1/64\nexit",
        "interface e0\n ipv6 address 2001:db8::1/64\nexit",
        [],
    ),
    "an entry of a list is overwritten in place": (
        "ipv6 prefix-list A seq 10 permit 2001:db8::/32\nipv6 prefix-list A seq 20 deny any",
        "ipv6 prefix-list A seq 10 permit 2001:db8::/33\nipv6 prefix-list A seq 20 deny any",
        ["ipv6 prefix-list A seq 10 permit 2001:db8::/33"],
    ),
    "order alone is a difference, and no value stands twice on the way": (
        "ipv6 prefix-list A seq 10 deny any\nipv6 prefix-list A seq 20 permit 2001:db8::/32",
        "ipv6 prefix-list A seq 10 permit 2001:db8::/32\nipv6 prefix-list A seq 20 deny any",
        [
            "no ipv6 prefix-list A seq 20 permit 2001:db8::/32",
            "ipv6 prefix-list A seq 10 permit 2001:db8::/32",
            "ipv6 prefix-list A seq 20 deny any",
        ],
    ),
    "a list exists before it is bound, and is unbound before it goes": (
        (
            "router bgp 65000\n neighbor A remote-as 65000\n !\n address-family ipv6 unicast\n"
            "  neighbor A prefix-list X in\n exit-address-family\nexit\nipv6 prefix-list X seq 10 permit any"
        ),
        (
            "router bgp 65000\n neighbor A remote-as 65000\n !\n address-family ipv6 unicast\n"
            "  neighbor A prefix-list Y in\n exit-address-family\nexit\nipv6 prefix-list Y seq 10 permit any"
        ),
        [
            "ipv6 prefix-list Y seq 10 permit any",
            "router bgp 65000",
            "address-family ipv6 unicast",
            "neighbor A prefix-list Y in",
            "exit-address-family",
            "exit",
            "no ipv6 prefix-list X seq 10 permit any",
        ],
    ),
    "a neighbour goes with everything said about it": (
        (
            "router bgp 65000\n neighbor A remote-as 65000\n neighbor A description x\n !\n"
            " address-family ipv6 unicast\n  neighbor A activate\n  network 2001:db8::/64\n exit-address-family\nexit"
        ),
        "router bgp 65000\n !\n address-family ipv6 unicast\n  network 2001:db8::/64\n exit-address-family\nexit",
        ["router bgp 65000", "no neighbor A remote-as 65000", "exit"],
    ),
    "another AS number needs the old process gone": (
        "router bgp 65000\n neighbor A remote-as 65000\nexit",
        "router bgp 65001\n neighbor A remote-as 65001\nexit",
        ["no router bgp 65000", "router bgp 65001", "neighbor A remote-as 65001", "exit"],
    ),
    "a route-map entry takes the other action in place and keeps what is inside": (
        "route-map M permit 10\n match ipv6 address X\n description a\nexit",
        "route-map M deny 10\n match ipv6 address X\nexit",
        ["route-map M deny 10", "no description", "exit"],
    ),
    "an area is left before another is joined": (
        "interface e0\n ip ospf area 0\nexit",
        "interface e0\n ip ospf area 1\nexit",
        ["interface e0", "no ip ospf area 0", "ip ospf area 1", "exit"],
    ),
    "an interface cannot be removed, only emptied": (
        "interface e0\n description x\n ip address 192.0.2.1/24\nexit",
        "",
        ["interface e0", "no ip address 192.0.2.1/24", "no description", "exit"],
    ),
    "a negated default is undone by the positive form": (
        "router bgp 65000\n no bgp default ipv4-unicast\n bgp router-id 192.0.2.1\nexit",
        "router bgp 65000\n bgp router-id 192.0.2.1\nexit",
        ["router bgp 65000", "bgp default ipv4-unicast", "exit"],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_commands(old: str, new: str, expected: list[str]) -> None:
    assert commands(old, new) == expected


def test_the_readable_difference_shows_sections_only_where_something_changes() -> None:
    old = parse("interface a\n description x\nexit\ninterface b\n description y\nexit", FRR)
    new = parse("interface a\n description z\nexit\ninterface b\n description y\nexit", FRR)
    found = [(line.sign, line.depth, line.text) for line in show_difference(old, new)]
    assert found == [(" ", 0, "interface a"), ("-", 1, "description x"), ("+", 1, "description z")]


@pytest.mark.parametrize(
    ("raw", "one"),
    [
        ("ipv6  address   FD99:0:0::5/64", "ipv6 address fd99::5/64"),
        (" description  Two  blanks FD99::0", "description Two blanks FD99::0"),
        ("neighbor FD99:0::1 description up: FD99::0", "neighbor fd99::1 description up: FD99::0"),
        ("ip address 192.0.2.1/24", "ip address 192.0.2.1/24"),
    ],
)
def test_spelling(raw: str, one: str) -> None:
    assert spell_line(raw) == one
