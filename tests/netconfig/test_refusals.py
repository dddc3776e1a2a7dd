"""What is refused at plan time, with its place and before any router is touched; and what nobody named stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from core.errors import ErrorGroup, ExitCode, RackproofError
from netconfig.change.plan import make_plan
from netconfig.diff.diff import diff
from netconfig.diff.knowledge import find_unknown
from netconfig.diff.tree import parse
from netconfig.intent.edit import DeviceEdit, RouterChange, load_change
from netconfig.journal.record import ChangeState
from netconfig.platforms.platform import Platform, load
from netconfig.rollout.rollout import roll_out
from tests.netconfig.world import World

FRR = load("frr")
CASES = yaml.safe_load((Path(__file__).parent / "refused_changes.yml").read_text("utf-8"))
ISP = "10.77.0.13"
EDGE = "hph-edge1"
BGP = "router bgp 65000"


def refusal(world: World, change: RouterChange | None = None) -> RackproofError:
    """Return the one error with which the plan is refused."""
    with pytest.raises(RackproofError) as caught:
        make_plan(world.estate, world.open, change)
    error = caught.value
    return error.errors[0] if isinstance(error, ErrorGroup) else error


def written(world: World, text: str) -> RouterChange:
    file = world.folder / "change.yml"
    file.write_text(text, "utf-8")
    return load_change(file, set(world.routers))


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_refused_with_its_line_before_a_router_is_contacted(name: str, world: World) -> None:
    case = CASES[name]
    error = refusal(world, written(world, case["file"]))
    assert (error.code, error.place and error.place.line) == (case["code"], case["line"]), error
    assert world.opened == []
    assert "S3CRET" not in str(error)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("devices:\n  core1: {add: 'hostname a'}\n  core1: {add: 'hostname b'}\n", 3),
        ("devices:\n  core1:\n    add: hostname a\n    add: hostname b\n", 4),
        ("devices:\n  core1: &x {add: hostname a}\n  core2: *x\n", 2),
        ("devices:\n  core1: {add: x}\nextra: 1\n", 3),
        ("devices:\n  core1: {ad: x}\n", 2),
        ("devices:\n  core1: {add: [x]}\n", 2),
        ("devices:\n  core1: {drops: x}\n", 2),
        ("devices:\n  core1:\n", 2),
        ("devices: {}\n", 1),
        ('title: "a\\x1b[2J"\ndevices: {core1: {add: x}}\n', 1),
    ],
)
def test_a_change_file_is_read_strictly(text: str, line: int, world: World) -> None:
    with pytest.raises(RackproofError) as caught:
        written(world, text)
    assert caught.value.exit_code == ExitCode.INVALID
    assert caught.value.place is not None
    assert caught.value.place.line == line, caught.value


def test_a_router_of_another_name_is_an_unknown_name(world: World) -> None:
    with pytest.raises(RackproofError) as caught:
        written(world, "devices:\n  core7: {add: x}\n")
    assert (caught.value.code, caught.value.kind) == ("NET010", "unknown_name")
    assert "core" in caught.value.remedy


UNKNOWN = {
    "bfd": "bfd\n profile fast\n  transmit-interval {n}\n exit\nexit\n",
    "a VRF": "vrf RED\n ip route 10.0.0.0/8 10.{n}.1.1\nexit-vrf\n",
    "BGP of a VRF": "router bgp 65000 vrf RED\n bgp router-id 2.2.2.{n}\nexit\n",
    "OSPF of a VRF": "router ospf vrf RED\n ospf router-id 1.1.1.{n}\nexit\n",
    "IS-IS": "router isis CORE\n net 49.0001.0000.0000.000{n}.00\nexit\n",
    "a key chain": "key chain K\n key 1\n  key-string key{n}\n exit\nexit\n",
    "an interface of a VRF": "interface eth0 vrf RED\n ip address 10.0.0.{n}/24\nexit\n",
    "an access list": "ipv6 access-list F seq 5 permit fd00:{n}::/32\n",
    "a community list": "bgp community-list standard C seq 5 permit {n}:1\n",
    "a line inside a known section": "interface lo\n ip rip something {n}\nexit\n",
    "a family that nobody knows": "router bgp 65000\n address-family l2vpn evpn\n  advertise-all-vni\n",
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_router_that_runs_what_is_not_known_is_refused_and_nothing_is_typed(kind: str, world: World) -> None:
    router = world.routers["core1"]
    router.running += UNKNOWN[kind].format(n=1)
    error = refusal(world)
    assert (error.code, error.exit_code) == ("NET033", ExitCode.REFUSED)
    assert "core1" in error.message
    first = UNKNOWN[kind].format(n=1).splitlines()
    assert any(line.strip() in error.actual for line in first), error
    assert "platform.yml" in error.remedy


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_unknown_line_is_equal_to_nothing_not_even_to_itself(kind: str) -> None:
    for other in (1, 2):
        old, new = UNKNOWN[kind].format(n=1), UNKNOWN[kind].format(n=other)
        with pytest.raises(RackproofError) as caught:
            diff(parse(old, FRR), parse(new, FRR), FRR)
        assert caught.value.code == "NET033"


def test_everything_the_templates_write_is_known(world: World) -> None:
    world.converge()
    for router in world.routers.values():
        assert list(find_unknown(parse(router.running, FRR), FRR)) == []


def test_a_rule_that_names_no_section_is_refused() -> None:
    data = yaml.safe_load((Path(__file__).parents[2] / "netconfig/platforms/frr/platform.yml").read_text("utf-8"))
    data["lines"][0]["within"] = ["interfaces"]
    with pytest.raises(ValueError, match="no such section"):
        Platform.model_validate(data)


def test_a_line_that_somebody_typed_meanwhile_and_nobody_knows_is_rolled_back(world: World) -> None:
    world.converge("hph-kv01-edge1")
    plan = make_plan(world.estate, world.open)
    router = world.routers["hph-kv01-edge1"]
    before, kept = router.running, router.world.open

    def open_later(device: str) -> object:
        session = kept(device)
        if router.armed and router.running != before and "bfd" not in router.running:
            router.running += "bfd\nexit\n"
        return session

    world.open = open_later  # type: ignore[method-assign,assignment]
    result = roll_out(plan, world.means())
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.ROLLED_BACK], world.said
    assert "bfd" in result.outcomes[0].reason
    assert router.running == before


# --- what the network stands on ---


DROPS = {
    "the IPv4 default route": ("ip route 0.0.0.0/0 10.77.0.13\n", ["ip route 0.0.0.0/0 10.77.0.13"]),
    "the IPv6 default route": ("ipv6 route ::/0 fe80::1 up1\n", ["ipv6 route ::/0 fe80::1 up1"]),
    "a BGP session": (
        f"{BGP}\n neighbor {ISP} remote-as 65500\n neighbor {ISP} description ISP\n",
        [f"{BGP} / neighbor {ISP} remote-as 65500"],
    ),
    "an adjacency": ("interface other\n ip ospf area 0\n", ["interface other / ip ospf area 0"]),
    "an OSPFv3 adjacency": ("interface other\n ipv6 ospf6 area 0\n", ["interface other / ipv6 ospf6 area 0"]),
}


def drift(world: World, text: str) -> None:
    """Let the edge run more than the estate wants, saved."""
    world.converge()
    router = world.routers[EDGE]
    if text.startswith(BGP):
        inner = text.split("\n", 1)[1]
        text = ""
        router.running = router.running.replace(f"{BGP}\n", f"{BGP}\n{inner}", 1)
    router.running += text
    router.startup = router.running


@pytest.mark.parametrize("what", DROPS)
def test_what_the_network_stands_on_stays_unless_the_change_names_it(what: str, world: World) -> None:
    text, names = DROPS[what]
    drift(world, text)
    error = refusal(world)
    assert (error.code, error.exit_code) == ("NET034", ExitCode.REFUSED)
    assert EDGE in error.message
    assert all(name in error.actual for name in names), error
    change = RouterChange(world.folder / "c.yml", {EDGE: DeviceEdit(drops=tuple(names))})
    plan = make_plan(world.estate, world.open, change)
    assert plan.as_dict()["devices"][3]["drops"] == names  # type: ignore[index]
    result = roll_out(plan, world.means())
    assert result.result == "verified", world.said
    assert text.splitlines()[-1].strip() not in world.routers[EDGE].running or "interface other" in text
    assert "interface other" not in world.routers[EDGE].running


def test_another_next_hop_of_the_default_route_is_a_drop(world: World) -> None:
    drift(world, f"ip route 0.0.0.0/0 {ISP}\n")
    edit = DeviceEdit(add="ip route 0.0.0.0/0 10.77.0.14\n")
    assert refusal(world, RouterChange(Path("c.yml"), {EDGE: edit})).code == "NET034"


def test_another_as_number_is_a_drop_that_stands_for_every_session(world: World) -> None:
    world.converge()
    router = world.routers[EDGE]
    router.running = router.startup = router.running.replace(BGP, "router bgp 64999")
    error = refusal(world)
    assert (error.code, error.actual) == ("NET034", "router bgp 64999")


def test_removing_the_line_of_an_adjacency_does_not_name_the_drop(world: World) -> None:
    world.converge()
    edits = {EDGE: DeviceEdit(remove="interface to-kv01\n ip ospf area 0\n"),
             "hph-kv01-edge1": DeviceEdit(add="interface lo\n ip ospf cost 7\n")}  # fmt: skip
    error = refusal(world, RouterChange(Path("c.yml"), edits))
    assert (error.code, error.actual) == ("NET034", "interface to-kv01 / ip ospf area 0")


def test_the_id_of_a_plan_covers_what_it_may_drop(world: World) -> None:
    world.converge()
    name = "interface to-kv01 / ip ospf area 0"
    edit = DeviceEdit(add="interface lo\n ip ospf cost 7\n")
    with_drop = DeviceEdit(edit.add, "", (name,))
    one, other = (
        make_plan(world.estate, world.open, RouterChange(Path("c"), {EDGE: each})) for each in (edit, with_drop)
    )
    assert one.id != other.id


BEFORE = {
    "a BGP session of IPv4": (f"{BGP}\n neighbor {ISP} remote-as 65500\n", ISP, "no BGP session"),
    "a default route": (f"ip route 0.0.0.0/0 {ISP}\n", "0.0.0.0/0", "no default route"),
    "an OSPFv3 adjacency": ("", "to-kv01", "no OSPFv"),
    "a session of the estate": ("", "fd52:5052:ff01::1", "no BGP session"),
}


def kept_in_change(text: str) -> DeviceEdit:
    """A harmless change that keeps what the edge runs besides."""
    lines = f"{text}interface lo\n ip ospf cost 7\n"
    return DeviceEdit(add=lines)


@pytest.mark.parametrize("what", BEFORE)
def test_what_was_up_before_must_be_up_again_or_nothing_is_confirmed(what: str, world: World) -> None:
    text, item, said = BEFORE[what]
    drift(world, text)
    router = world.routers[EDGE]
    before = router.running
    if what == "a session of the estate":
        item = next(line.split()[1] for line in before.splitlines() if line.startswith(" neighbor fd"))
    plan = make_plan(world.estate, world.open, RouterChange(Path("c.yml"), {EDGE: kept_in_change(text)}))
    kept = router.world.time
    real = world.open

    def open_and_break(device: str) -> object:
        if device == EDGE and "ip ospf cost 7" in router.running:
            router.down = {item}
        return real(device)

    world.open = open_and_break  # type: ignore[method-assign,assignment]
    result = roll_out(plan, world.means(timer_s=600))
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.ROLLED_BACK], world.said
    assert said in result.outcomes[0].reason
    assert router.running == before
    assert world.time - kept < 300


def test_a_session_that_was_down_before_is_not_asked_for(world: World) -> None:
    text = f"{BGP}\n neighbor {ISP} remote-as 65500\n"
    drift(world, text)
    world.routers[EDGE].down = {ISP}
    plan = make_plan(world.estate, world.open, RouterChange(Path("c.yml"), {EDGE: kept_in_change(text)}))
    assert roll_out(plan, world.means()).result == "verified", world.said


def test_a_change_that_shuts_a_link_names_the_adjacency_or_is_rolled_back(world: World) -> None:
    world.converge()
    world.routers[EDGE].cut_by = "shutdown of the management path"
    link = "interface to-kv01\n shutdown\n"
    names = ("interface to-kv01 / ip ospf area 0", "interface to-kv01 / ipv6 ospf6 area 0")
    for drops, end in (((), ChangeState.ROLLED_BACK), (names, ChangeState.VERIFIED)):
        plan = make_plan(world.estate, world.open, RouterChange(Path("c.yml"), {EDGE: DeviceEdit(link, "", drops)}))
        result = roll_out(plan, world.means(f"run{end}"))
        assert [outcome.state for outcome in result.outcomes] == [end], world.said


def test_a_quiet_peer_of_somebody_else_is_given_its_own_time(world: World) -> None:
    """A keepalive a minute: the check must outlast it, and a timer that cannot is refused before anything is typed."""
    text = f"{BGP}\n neighbor {ISP} remote-as 65500\n"
    drift(world, text)
    router = world.routers[EDGE]
    router.keepalive_ms = 60_000
    change = RouterChange(Path("c.yml"), {EDGE: kept_in_change(text)})
    plan = make_plan(world.estate, world.open, change)
    short = roll_out(plan, world.means("short", timer_s=30))
    assert (short.outcomes[0].state, "at least 128 s" in short.outcomes[0].reason) == (ChangeState.UNCHANGED, True)
    before = world.time
    assert roll_out(plan, world.means("long", timer_s=None)).result == "verified", world.said
    assert world.time - before >= 30
