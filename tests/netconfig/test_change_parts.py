"""The parts of a change, each by itself: how long it waits for what, what proves it, and what it leaves on the disk."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import RackproofError
from netconfig.change import change as change_module
from netconfig.change.change import (
    ChangeOutcome,
    Clock,
    DeviceChange,
    Failed,
    compute_timer,
    count_up,
    describe_problem,
    prove_old,
    save_snapshot,
)
from netconfig.change.expect import Probe, expect_state, make_graph
from netconfig.change.guard import GuardRefused, GuardStatus
from netconfig.change.observe import BgpSession, Observed
from netconfig.change.plan import DevicePlan, make_plan, refuse_forbidden, repair, set_goals
from netconfig.change.session import Lost
from netconfig.intent.design import design_router
from netconfig.journal.record import ChangeState
from netconfig.platforms.platform import load
from tests.netconfig.world import World

KV01 = "hph-kv01-edge1"
NOTHING = Observed(frozenset(), frozenset(), frozenset(), {})
PROBE = Probe("node1", "192.0.2.7", "db1", "2001:db8::7")


class Ticking:
    """A clock that only goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def plan(world: World) -> DevicePlan:
    world.converge(KV01)
    (found,) = make_plan(world.estate, world.open).todo
    return found


@pytest.fixture
def running(world: World, plan: DevicePlan, ticking: Ticking) -> DeviceChange:
    return DeviceChange(replace(world.means(timer_s=600), clock=ticking.clock), plan, set())


def fail(*_arguments: Any) -> Any:
    raise Lost("gone")


@pytest.mark.parametrize(("timer", "attempts"), [(600, 25), (24, 25), (10, 11)])
def test_a_new_connection_is_tried_for_twelve_seconds_or_half_the_timer(
    running: DeviceChange, ticking: Ticking, timer: int, attempts: int
) -> None:
    tried: list[str] = []

    def open_session(device: str) -> Any:
        tried.append(device)
        raise Lost("gone")

    running.timer = timer
    running.means = replace(running.means, open_session=open_session)
    with pytest.raises(Failed, match=r"cannot be reached after the change \(gone\)"):
        running.open_new_session()
    assert tried == [KV01] * attempts
    assert ticking.slept == [0.5] * (attempts - 1)


class Wanting:
    """Something is missing until a moment, or for ever."""

    def __init__(self, ticking: Ticking, until: float) -> None:
        self.ticking, self.until = ticking, ticking.time + until
        self.seen: list[tuple[Observed, Observed]] = []

    def missing(self, seen: Observed, first: Observed) -> list[str]:
        self.seen.append((seen, first))
        return ["this", "that"] if self.ticking.time < self.until else []


@pytest.mark.parametrize(
    ("until", "applied_s_ago", "looks"),
    [(0.0, 0.0, 9), (0.0, 4.0, 1), (0.0, 3.5, 2), (6.0, 0.0, 13), (20.0, 0.0, 41)],
)
def test_what_must_hold_must_hold_four_seconds_after_typing(
    running: DeviceChange,
    ticking: Ticking,
    monkeypatch: pytest.MonkeyPatch,
    until: float,
    applied_s_ago: float,
    looks: int,
) -> None:
    observed = [replace(NOTHING, ospf=frozenset({str(number)})) for number in range(99)]
    upcoming = iter(observed)
    monkeypatch.setattr(change_module, "observe", lambda _session, _platform: next(upcoming))
    running.applied_at = ticking.time - applied_s_ago
    wanted = Wanting(ticking, until)
    session: Any = None
    running.wait_until_true(session, wanted)  # type: ignore[arg-type]
    assert ticking.slept == [0.5] * (looks - 1)
    assert wanted.seen == [(seen, observed[0]) for seen in observed[:looks]]


@pytest.mark.parametrize(("timer", "converge", "looks"), [(600, 20.0, 41), (600, 30.0, 61), (20, 20.0, 21)])
def test_what_is_missing_is_waited_for_until_its_time_is_up(
    running: DeviceChange,
    ticking: Ticking,
    monkeypatch: pytest.MonkeyPatch,
    timer: int,
    converge: float,
    looks: int,
) -> None:
    monkeypatch.setattr(change_module, "observe", lambda _session, _platform: NOTHING)
    running.timer, running.converge = timer, converge
    session: Any = None
    with pytest.raises(Failed, match="this"):
        running.wait_until_true(session, Wanting(ticking, 1e9))  # type: ignore[arg-type]
    assert ticking.slept == [0.5] * (looks - 1)


@pytest.mark.parametrize(("timer", "pings"), [(600, 41), (60, 41), (30, 21)])
def test_a_ping_is_tried_for_twenty_seconds_or_a_third_of_the_timer(
    running: DeviceChange, ticking: Ticking, timer: int, pings: int
) -> None:
    tried: list[Probe] = []

    def ping(probe: Probe) -> bool:
        tried.append(probe)
        return False

    running.timer = timer
    running.means = replace(running.means, ping=ping)
    with pytest.raises(Failed, match="no answer"):
        running.wait_until_answered(PROBE)
    assert (len(tried), ticking.slept) == (pings, [0.5] * (pings - 1))
    running.means = replace(running.means, ping=lambda _probe: True)
    running.wait_until_answered(PROBE)
    assert len(ticking.slept) == pings - 1


@pytest.mark.parametrize(
    ("silence", "timer_s", "converge", "timer"),
    [(0.0, 30, 20.0, 30), (16.0, 40, 20.0, 40), (20.0, 48, 24.0, 48), (17.0, None, 21.0, None)],
)
def test_the_timer_leaves_time_to_hear_every_session_again(
    running: DeviceChange, silence: float, timer_s: int | None, converge: float, timer: int | None
) -> None:
    running.means = replace(running.means, timer_s=timer_s)
    running.allow_time(silence)
    computed = compute_timer(len(running.plan.typed), running.platform, converge)
    assert (running.converge, running.timer) == (converge, timer or computed)


@pytest.mark.parametrize(("silence", "timer_s", "least"), [(20.0, 47, 48), (0.5, 8, 9)])
def test_a_timer_that_is_too_short_to_hear_every_session_is_refused(
    running: DeviceChange, silence: float, timer_s: int, least: int
) -> None:
    running.means = replace(running.means, timer_s=timer_s)
    with pytest.raises(Failed, match=f"{timer_s} s is too short .* at least {least} s"):
        running.allow_time(silence)


def test_the_longest_silence_is_that_of_a_session_which_is_not_the_estates_own(
    running: DeviceChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = {"192.0.2.1": 3.0, "192.0.2.2": 60.0}
    monkeypatch.setattr(change_module, "read_keepalive", lambda _session, _platform, bgp: heard[bgp.peer])
    session: Any = None
    others = {BgpSession("default", "ipv4Unicast", peer): 1 for peer in heard}
    assert running.find_longest_silence(session, replace(NOTHING, bgp=others)) == 60.0
    assert running.find_longest_silence(session, NOTHING) == 0.0


def test_the_timer_is_never_shorter_or_longer_than_the_device_takes() -> None:
    frr = load("frr")
    lowest, highest = frr.guard.minimum_seconds, frr.guard.maximum_seconds
    assert compute_timer(0, frr, -1000.0) == lowest
    assert compute_timer(10**6, frr) == highest
    assert compute_timer(10, frr, 25.0) == int(2 * (10 * 0.1 + 25 + 15) + 60)


def test_a_rollback_is_waited_for_as_long_as_a_restore_may_take(
    running: DeviceChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait(_guard: Any, seconds: float, _now: Any, _sleep: Any) -> None:
        waited.append(seconds)

    monkeypatch.setattr(change_module, "wait_until_clear", wait)
    outcome = running.roll_back(NOTHING, "why")
    assert waited == [750.0]
    assert (outcome.state, outcome.reason) == (
        ChangeState.UNPROVEN,
        "why; the old configuration is NOT proved to be back: the router does not answer",
    )


@pytest.mark.parametrize("typed", [False, True])
def test_what_was_never_armed_and_never_typed_is_unchanged(
    running: DeviceChange, monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    monkeypatch.setattr(change_module, "wait_until_clear", lambda *_: GuardStatus("clear", False, last="none"))
    running.typed = typed
    outcome = running.roll_back(NOTHING, "why")
    if typed:
        assert outcome.state is ChangeState.UNPROVEN
        assert outcome.reason.endswith("the guard says 'none'")
    else:
        assert outcome.state is ChangeState.UNCHANGED
        assert outcome.reason == "why; the guard was not armed and nothing was typed"


@pytest.mark.parametrize("problem", [Lost("gone"), GuardRefused("no")])
def test_a_device_that_does_not_take_the_word_is_left_to_its_own_timer(
    running: DeviceChange, world: World, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def refuse(_change: str) -> None:
        raise problem

    monkeypatch.setattr(running.guard, "rollback", refuse)
    monkeypatch.setattr(change_module, "wait_until_clear", lambda *_: None)
    running.roll_back(NOTHING, "why")
    assert any("not reachable: waiting for its own timer (600 s)" in line for line in world.said)


OLD = GuardStatus("clear", False, last="fired:c1:reload")


def prove(running: DeviceChange, status: GuardStatus | None = OLD, before: Observed | None = None) -> str:
    return prove_old(running.means, KV01, "c1", status, running.plan.running, before)


def test_the_old_configuration_is_back_when_it_runs_with_its_addresses(running: DeviceChange, world: World) -> None:
    assert prove(running) == ""
    assert prove(running, replace(OLD, last="boot:c1")) == ""
    assert prove(running, replace(OLD, last="disarmed:c1")) == "the guard says 'disarmed:c1'"
    assert prove(running, None) == "the router does not answer"
    link_local = replace(NOTHING, addresses=frozenset({("e9", "fe80::1/64")}))
    assert prove(running, before=link_local) == ""


def test_what_is_not_back_is_waited_for_twenty_seconds(running: DeviceChange, world: World, ticking: Ticking) -> None:
    gone = replace(NOTHING, addresses=frozenset({("e9", "192.0.2.9/24"), ("e8", "192.0.2.8/24")}))
    assert prove(running, before=gone) == "address 192.0.2.8/24 is missing on e8"
    assert ticking.slept == [0.5] * 40
    world.routers[KV01].running += "ip route 10.0.0.0/8 blackhole\n"
    assert prove(running) == "running differs from the snapshot"


def test_a_connection_that_fails_proves_nothing(running: DeviceChange, world: World) -> None:
    router = world.routers[KV01]
    router.deaf_to_new = True
    assert prove(running) == "no new connection (no new connection)"
    router.deaf_to_new = False
    router.reach, kept = fail, router.reach  # type: ignore[method-assign]
    router.connect = lambda: None  # type: ignore[method-assign]
    assert prove(running) == "connection lost (gone)"
    router.reach = kept  # type: ignore[method-assign]


def test_a_snapshot_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "run1" / "core1.before"
    save_snapshot(file, "text\n")
    assert file.read_text() == "text\n"
    assert (file.parent.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_an_outcome_is_plain_data_with_the_seconds_of_each_state(running: DeviceChange, ticking: Ticking) -> None:
    ticking.time += 1.23456
    running._reached(ChangeState.SNAPSHOTTED)
    assert running.outcome == ChangeOutcome(KV01, ChangeState.SNAPSHOTTED, "", {"snapshotted": 1.23})
    assert running.outcome.as_dict() == {
        "device": KV01,
        "state": "snapshotted",
        "reason": "",
        "seconds": {"snapshotted": 1.23},
    }


def test_what_went_wrong_is_said_for_people() -> None:
    assert describe_problem(KeyboardInterrupt()) == "interrupted by the operator"
    assert describe_problem(Failed("why")) == "why"
    up = replace(NOTHING, ospf=frozenset("ab"), ospf6=frozenset("a"), defaults=frozenset("abc"))
    assert count_up(up) == {"bgp": 0, "ospf": 2, "ospf6": 1, "defaults": 3}


def test_a_lost_address_goes_out_of_the_configuration_and_is_typed_anew() -> None:
    lines = [(line.path, line.text) for line in repair((("e0", "2001:db8::1/64"), ("e1", "192.0.2.1/24")))]
    assert lines == [
        (("interface e0",), "no ipv6 address 2001:db8::1/64"),
        (("interface e0",), "ipv6 address 2001:db8::1/64"),
        (("interface e1",), "no ip address 192.0.2.1/24"),
        (("interface e1",), "ip address 192.0.2.1/24"),
    ]


def test_what_was_typed_is_known_even_where_the_connection_went_with_it(running: DeviceChange, world: World) -> None:
    assert not running.typed
    world.routers[KV01].cut_by = "ipv6 ospf6 area 0"
    running.apply()
    assert running.typed
    assert any("connection lost while typing" in line for line in world.said)


@pytest.mark.parametrize(
    ("state", "other"),
    [
        (GuardStatus("armed", True, "c9"), "c9"),
        (GuardStatus("clear", True), "clear"),
        (GuardStatus("busy", False), "busy"),
    ],
)
def test_a_router_that_somebody_else_changes_is_left_alone(
    running: DeviceChange, monkeypatch: pytest.MonkeyPatch, state: GuardStatus, other: str
) -> None:
    monkeypatch.setattr(running.guard, "status", lambda: state)
    with pytest.raises(Failed, match=f"another change is under way on the router: {other}$"):
        running.prepare()


def test_the_estates_own_sessions_are_not_waited_for_so_long(
    running: DeviceChange, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [peer.address for peer in design_router(world.estate, KV01).peers]
    sessions = {BgpSession("default", "ipv6Unicast", peer): 1 for peer in own}
    monkeypatch.setattr(change_module, "read_keepalive", lambda _session, _platform, _bgp: 60.0)
    session: Any = None
    assert own
    assert running.find_longest_silence(session, replace(NOTHING, bgp=sessions)) == 0.0


def test_a_proved_rollback_is_recorded_with_how_it_was_done(
    running: DeviceChange, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = GuardStatus("clear", False, last=f"fired:{running.change}:restart")
    monkeypatch.setattr(change_module, "wait_until_clear", lambda *_: ended)
    assert running.roll_back(NOTHING, "why").state is ChangeState.ROLLED_BACK
    last = [record for record in world.journal().read() if record["event"] == "net.state"][-1]
    assert (last["state"], last["how"]) == (str(ChangeState.ROLLED_BACK), "restart")


def test_sessions_and_adjacencies_are_wanted_when_the_other_end_is_done(world: World, plan: DevicePlan) -> None:
    before = replace(NOTHING, ospf6=frozenset({"was-up"}))
    alone = expect_state(world.estate, KV01, plan.intended, before, set())
    assert not alone.bgp
    assert alone.ospf6 == {"was-up"}
    others = set(world.routers) - {KV01}
    wanted = expect_state(world.estate, KV01, plan.intended, before, others)
    assert {peer.peer for peer in wanted.bgp} == {peer.address for peer in design_router(world.estate, KV01).peers}
    assert wanted.ospf6 > {"was-up"}


def test_the_graph_is_of_the_routers_that_were_asked_for_and_their_links(world: World) -> None:
    assert set(make_graph(world.estate, {KV01})) == {KV01}
    assert not make_graph(world.estate, {KV01}).edges
    assert set(make_graph(world.estate, world.routers)) == set(world.routers)
    assert make_graph(world.estate, world.routers).edges


def test_each_router_is_planned_for_its_own_wave(world: World) -> None:
    waves = {goal.device: goal.wave for goal in set_goals(world.estate)}
    assert waves == {name: world.estate.devices[name].wave for name in world.routers}
    assert min(waves.values()) == 0


def test_a_plan_is_named_by_twelve_digits(world: World) -> None:
    assert re.fullmatch("[0-9a-f]{12}", make_plan(world.estate, world.open).id)


@pytest.mark.parametrize(("line", "code"), [("write memory", "NET031"), ("hostname r?", "NET035")])
def test_what_no_change_may_type_is_refused_wherever_it_comes_from(line: str, code: str) -> None:
    refuse_forbidden("core1", ("hostname r",), load("frr"))
    with pytest.raises(RackproofError) as caught:
        refuse_forbidden("core1", ("hostname r", line), load("frr"))
    assert caught.value.code == code
