"""What is read of a router's answers, and what must hold after a change: every word that decides, by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import networkx as nx
import pytest

from core.workspace import Workspace
from netconfig.change import expect as expect_module
from netconfig.change.expect import (
    Expected,
    Probe,
    find_crossed,
    find_dropped_adjacencies,
    find_dropped_defaults,
    is_dropped,
    list_hosts,
    list_neighbours,
    list_ospf6_links,
    list_waves,
    make_pinger,
    run_quietly,
)
from netconfig.change.observe import (
    BgpSession,
    Observed,
    count_messages,
    find_number,
    is_installed,
    list_configured,
    list_full_neighbours,
    read_json,
    read_keepalive,
)
from netconfig.change.session import Lost
from netconfig.diff.losses import Drop
from netconfig.diff.tree import parse
from netconfig.platforms.platform import Held, load

FRR = load("frr")
V6 = BgpSession("default", "ipv6Unicast", "2001:db8::2")
V4 = BgpSession("red", "ipv4Unicast", "192.0.2.2")


@dataclass
class Answering:
    """A session that gives one answer, and keeps what was asked."""

    answer: str
    asked: list[str] = field(default_factory=list)

    def run(self, command: str) -> str:
        self.asked.append(command)
        return self.answer


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"a": 1}', {"a": 1}),
        ('% a warning first\n{"a": 1}\n', {"a": 1}),
        ("", {}),
        ("bgpd is not running", {}),
        ('[{"a": 1}]', None),
    ],
)
def test_an_answer_is_a_mapping_or_nothing(text: str, data: dict[str, int] | None) -> None:
    if data is None:
        with pytest.raises(Lost):
            read_json(text)
    else:
        assert read_json(text) == data


def test_half_an_answer_is_lost_and_shown_in_part() -> None:
    with pytest.raises(Lost) as caught:
        read_json("{" + "x" * 200)
    assert str(caught.value) == f"unreadable answer: {'{' + 'x' * 119!r}"


def test_only_full_neighbours_count_in_either_form() -> None:
    by_router = {
        "neighbors": {
            "10.0.0.1": [{"nbrState": "Full/DR", "ifaceName": "e0:192.0.2.1"}],
            "10.0.0.2": [{"nbrState": "2-Way/DROther", "ifaceName": "e1:192.0.2.5"}, {"state": "", "ifaceName": "e2"}],
        }
    }
    as_list = {"neighbors": [{"state": "Full", "interfaceName": "e3"}, {"state": "Init", "interfaceName": "e4"}]}
    assert list(list_full_neighbours(by_router)) == ["e0"]
    assert list(list_full_neighbours(as_list)) == ["e3"]
    assert list(list_full_neighbours({})) == []


def test_only_established_sessions_count_with_what_was_heard() -> None:
    data = {
        "default": {
            "ipv6Unicast": {
                "vrfId": 0,
                "peers": {V6.peer: {"state": "Established", "msgRcvd": 7}, "x": {"state": "Active"}},
            },
            "vrfName": "default",
        },
        "red": {"ipv4Unicast": {"peers": {V4.peer: {"state": "Established"}}}},
        "totals": 3,
    }
    assert count_messages(data) == {V6: 7, V4: 0}


@pytest.mark.parametrize(
    ("routes", "is_used"),
    [
        ([{"selected": True, "installed": True}], True),
        ([{"selected": True}, {"installed": True}], False),
        (["x", {"selected": True, "installed": True}], True),
        ({}, False),
        (None, False),
    ],
)
def test_a_default_route_counts_when_it_is_chosen_and_in_the_kernel(routes: Any, is_used: bool) -> None:
    assert is_installed({"::/0": routes}, "::/0") is is_used
    assert is_installed({"::/0": routes}, "0.0.0.0/0") is False


@pytest.mark.parametrize(
    ("data", "number"),
    [
        ({"n": 3}, 3.0),
        ({"a": {"b": {"n": 1.5}}}, 1.5),
        ({"a": {"x": 1}, "b": {"n": 2}}, 2.0),
        ({"n": "3"}, None),
        ({"n": {"n": 4}}, 4.0),
        ([], None),
    ],
)
def test_a_number_is_found_however_deep(data: Any, number: float | None) -> None:
    assert find_number(data, "n") == number


def test_a_peer_is_heard_as_often_as_both_ends_agreed() -> None:
    session: Any = Answering(json.dumps({V4.peer: {"bgpTimerKeepAliveIntervalMsecs": 2500}}))
    assert read_keepalive(session, FRR, V4) == 2.5
    assert session.asked == [FRR.observe.bgp_neighbor.format(vrf="red", peer="192.0.2.2")]
    deaf: Any = Answering("{}")
    with pytest.raises(Lost, match="does not say how often"):
        read_keepalive(deaf, FRR, V4)


CONFIGURATION = """\
interface e0
 ip address 192.0.2.1/24
 ipv6 address 2001:DB8::1/64
interface e1
 ip address 192.0.2.129/25
 shutdown
router bgp 1
 address-family ipv6 unicast
  network 2001:db8::/32
"""


def test_addresses_are_asked_for_on_interfaces_that_are_up() -> None:
    found = list_configured(parse(CONFIGURATION, FRR))
    assert found == {("e0", "192.0.2.1/24"), ("e0", "2001:db8::1/64")}


def test_a_session_is_named_with_its_vrf_unless_it_is_in_none() -> None:
    assert (str(V6), str(V4)) == ("2001:db8::2 (ipv6Unicast)", "192.0.2.2 (ipv4Unicast, vrf red)")


def see(**changes: Any) -> Observed:
    everything: dict[str, Any] = {
        "addresses": frozenset({("e0", "192.0.2.1/24")}),
        "ospf": frozenset({"e1"}),
        "ospf6": frozenset({"e2"}),
        "bgp": {V6: 5, V4: 5},
        "defaults": frozenset({"::/0"}),
    }
    return Observed(**{**everything, **changes})


WANTED = Expected(
    frozenset({("e0", "192.0.2.1/24")}), frozenset({"e1"}), frozenset({"e2"}), {V6: "core2"}, frozenset({"::/0"})
)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"bgp": {V6: 6}}, []),
        ({}, ["nothing heard from core2 2001:db8::2 (ipv6Unicast) since"]),
        ({"bgp": {V4: 9}}, ["no BGP session with core2 2001:db8::2 (ipv6Unicast)"]),
        ({"bgp": {V6: 6}, "addresses": frozenset()}, ["address 192.0.2.1/24 is not on e0"]),
        ({"bgp": {V6: 6}, "ospf": frozenset({"e2"})}, ["no OSPFv2 neighbour on e1"]),
        ({"bgp": {V6: 6}, "ospf6": frozenset({"e1"})}, ["no OSPFv3 neighbour on e2"]),
        ({"bgp": {V6: 6}, "defaults": frozenset()}, ["no default route ::/0"]),
    ],
)
def test_what_is_missing_is_said_in_words(changes: dict[str, Any], missing: list[str]) -> None:
    assert WANTED.missing(see(**changes), see()) == missing


def test_a_session_that_came_after_the_first_look_has_been_heard() -> None:
    assert WANTED.missing(see(bgp={V6: 1}), see(bgp={})) == []


def drop(what: Held, of: str = "", section: str = "") -> Drop:
    return cast("Drop", SimpleNamespace(what=what, of=of, section=section))


@pytest.mark.parametrize(
    ("dropped", "is_named"),
    [
        ([], False),
        ([drop(Held.BGP_PROCESS)], True),
        ([drop(Held.BGP_SESSION, V6.peer, "router bgp 1")], True),
        ([drop(Held.BGP_SESSION, V6.peer, "ipv6")], True),
        ([drop(Held.BGP_SESSION, V6.peer, "ipv4")], False),
        ([drop(Held.BGP_SESSION, V4.peer, "ipv6")], False),
        ([drop(Held.DEFAULT_ROUTE, V6.peer, "ipv6")], False),
        ([drop(Held.DEFAULT_ROUTE, "x"), drop(Held.BGP_SESSION, V6.peer)], True),
    ],
)
def test_a_session_is_dropped_where_the_change_named_it(dropped: list[Drop], is_named: bool) -> None:
    assert is_dropped(dropped, V6) is is_named


def test_a_named_process_takes_every_adjacency_and_a_named_one_itself() -> None:
    up = frozenset({"e1", "e2"})
    kinds = Held.OSPF_ADJACENCY, Held.OSPF_PROCESS
    assert find_dropped_adjacencies([drop(Held.OSPF_PROCESS)], *kinds, up) == up
    assert find_dropped_adjacencies([drop(Held.OSPF_ADJACENCY, section="e1")], *kinds, up) == {"e1"}
    assert (
        find_dropped_adjacencies([drop(Held.OSPF6_PROCESS), drop(Held.OSPF6_ADJACENCY, section="e1")], *kinds, up)
        == set()
    )


def test_a_named_default_route_is_gone_unless_another_line_gives_it() -> None:
    intended = parse("ipv6 route ::/0 2001:db8::9\n", FRR)
    assert find_dropped_defaults([drop(Held.DEFAULT_ROUTE, "::/0")], intended) == set()
    assert find_dropped_defaults([drop(Held.DEFAULT_ROUTE, "0.0.0.0/0")], intended) == {"0.0.0.0/0"}
    assert find_dropped_defaults([drop(Held.BGP_SESSION, "0.0.0.0/0")], intended) == set()


LINKS = """\
router ospf6
 ospf6 router-id 192.0.2.1
interface e0
 ipv6 ospf6 area 0
 shutdown
interface e1
 ipv6 ospf6 area 0
interface e2
 ipv6 ospf6 area 0
interface e3
 ip ospf area 0
interface e4
 ipv6 ospf6 area 0
interface e5
 ipv6 ospf6 area 0
"""


def test_an_adjacency_is_wanted_on_links_that_are_up_in_ospf6_and_whose_other_end_is_done() -> None:
    ends = {"e0": "a", "e1": "a", "e2": "b", "e3": "a", "e4": None, "e5": "a"}
    links = [SimpleNamespace(name=name, peer=(end, "x") if end else None) for name, end in ends.items()]
    estate: Any = SimpleNamespace(interfaces=lambda _device: links)
    assert list(list_ospf6_links(estate, "core1", parse(LINKS, FRR), {"a"})) == ["e1", "e5"]


def test_the_hosts_of_a_role_are_those_that_are_plugged_in() -> None:
    hosts = [
        SimpleNamespace(name="one", role="db", attach=None),
        SimpleNamespace(name="two", role="web", attach="e0"),
        SimpleNamespace(name="three", role="db", attach="e0"),
    ]
    estate: Any = SimpleNamespace(devices_of=lambda _kind: hosts)
    assert list_hosts(estate, "db") == ["three"]


def test_the_neighbours_of_a_configuration_are_those_of_bgp() -> None:
    lines = ["interface e0", " neighbor x", "router bgp 1", " neighbor 192.0.2.1 remote-as 2", " bgp log"]
    text = "\n".join([*lines, " neighbor 192.0.2.2 remote-as 2", ""])
    assert list(list_neighbours(parse(text, FRR))) == ["192.0.2.1", "192.0.2.2"]


def test_only_routers_on_a_shortest_path_are_crossed() -> None:
    graph: nx.Graph[str] = nx.Graph([("a", "b"), ("b", "c"), ("a", "d"), ("d", "c"), ("c", "e"), ("x", "y")])
    assert find_crossed(graph, "a", "c") == {"a", "b", "c", "d"}
    assert find_crossed(graph, "a", "b") == {"a", "b"}
    assert [find_crossed(graph, *pair) for pair in (("a", "x"), ("a", "gone"), ("gone", "a"))] == [set(), set(), set()]


def test_a_program_ends_well_in_time_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_quietly(["true"])
    assert not run_quietly(["sh", "-c", "exit 1"])
    assert not run_quietly(["sh", "-c", "kill -9 $$"])
    assert run_quietly([sys.executable, "-c", "import sys; sys.exit(len(sys.stdin.read()))"])
    monkeypatch.setattr(expect_module, "PROBE_TIMEOUT_S", 0.1)
    assert not run_quietly(["sleep", "5"])


def test_a_ping_goes_from_the_source_over_ipv4_and_is_given_fifteen_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[Any, Any]] = []

    def run(argv: list[str], **options: Any) -> Any:
        asked.append((argv, options))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    ws = Workspace(tmp_path, tmp_path)
    assert make_pinger(ws)(Probe("node1", "192.0.2.7", "db1", "2001:db8::7"))
    ((argv, options),) = asked
    assert argv[:6] == ["ssh", "-F", str(ws.ssh_config), "-o", "HostName=192.0.2.7", "node1"]
    assert argv[6:] == ["ping", "-6", "-n", "-c", "2", "-i", "0.3", "-W", "2", "2001:db8::7"]
    assert options == {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 15, "check": False}


def test_waves_come_in_their_order_and_their_routers_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        SimpleNamespace(name=name, wave=wave) for name, wave in (("c", 2), ("b", 1), ("a", 2), ("d", None), ("e", 0))
    ]
    monkeypatch.setattr(expect_module, "list_managed", lambda _estate: found)
    estate: Any = None
    assert list_waves(estate) == [["e"], ["b"], ["a", "c"]]
