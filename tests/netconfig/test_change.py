"""The change engine against routers made of nothing: every way a change can go wrong, and what is left afterwards."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from core.errors import ExitCode, RackproofError
from netconfig.change.change import compute_timer, prove_old
from netconfig.change.guard import GuardStatus, normalise_config
from netconfig.change.plan import make_plan
from netconfig.intent.edit import DeviceEdit, RouterChange
from netconfig.intent.render import render
from netconfig.journal.record import ChangeState, find_unfinished, list_runs
from netconfig.platforms.platform import load as load_platform
from netconfig.rollout.resume import resume
from netconfig.rollout.rollout import roll_out
from tests.netconfig.world import DeadlyJournal, Killed, World

KV01 = "hph-kv01-edge1"
CUT = {KV01: {"add": "interface up1\n shutdown\n"}}
ORDER = ["core2", "core1", "dr-edge1", "hph-edge1", KV01]


def change(world: World, devices: dict[str, dict[str, Any]]) -> RouterChange:
    return RouterChange(world.folder / "change.yml", {name: DeviceEdit(**parts) for name, parts in devices.items()})


def test_the_whole_rollout_in_waves_then_nothing_to_do(world: World) -> None:
    plan = make_plan(world.estate, world.open)
    result = roll_out(plan, world.means())
    assert [(o.device, o.state) for o in result.outcomes] == [(name, ChangeState.VERIFIED) for name in ORDER], (
        world.said
    )
    assert result.exit_code == ExitCode.OK
    for name, router in world.routers.items():
        assert router.running == router.startup == normalise_config(render(world.estate, name))
        assert router.armed is None
    assert roll_out(make_plan(world.estate, world.open), world.means("run2")).result == "nothing_to_do"
    assert world.journal().verify() > 0


def test_each_step_is_on_disk_before_it_runs_and_in_order(world: World) -> None:
    world.converge(KV01)
    roll_out(make_plan(world.estate, world.open), world.means())
    seen = [(r["event"], r["state"]) for r in world.journal().read() if r["event"] in ("net.step", "net.state")]
    order = ["snapshotted", "prechecked", "ARMED", "applying", "applied", "reconnected", "postchecked", "CONFIRMED",
             "saved", "verified"]  # fmt: skip
    assert [state for event, state in seen if event == "net.state"] == [
        "locked",
        *[s for s in order if s != "applying"],
    ]
    assert [state for event, state in seen if event == "net.step"] == [s for s in order if s != "applied"]


def test_a_cut_off_change_is_rolled_back_and_proved_and_later_waves_do_not_start(world: World) -> None:
    world.converge()
    before = {name: router.running for name, router in world.routers.items()}
    lines = {"hph-edge1": {"add": "interface up1\n shutdown\n"}, KV01: {"add": "interface srv\n ipv6 ospf6 cost 7\n"}}
    plan = make_plan(world.estate, world.open, change(world, lines))
    result = roll_out(plan, world.means())
    assert result.exit_code == ExitCode.ROLLED_BACK
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.ROLLED_BACK]
    assert result.not_started == [KV01]
    assert {name: router.running for name, router in world.routers.items()} == before
    assert list_runs(world.journal().read())[-1].result == "rolled_back"


def broken(kind: str, world: World) -> None:
    router = world.routers[KV01]
    if kind == "a line is refused":
        router.refuses = "ipv6 ospf6 area 0"
    elif kind == "a line is ignored without a word":
        router.silently_ignores = "ospf6 router-id 10.255.31.2"
    elif kind == "an address does not reach the kernel":
        router.lost = {("srv", "fd52:5052:1f01:106e::1/64")}
    elif kind == "a BGP session is established only by its hold time":
        router.silent_peers = True
    elif kind == "the end-to-end ping is not answered":
        world.pings = lambda probe: probe.source != "hph-kv01-node1"


@pytest.mark.parametrize(
    "kind",
    [
        "a line is refused",
        "a line is ignored without a word",
        "an address does not reach the kernel",
        "a BGP session is established only by its hold time",
        "the end-to-end ping is not answered",
    ],
)
def test_what_fails_after_arming_is_rolled_back_at_once(kind: str, world: World) -> None:
    world.converge(KV01)
    before = world.routers[KV01].running
    plan = make_plan(world.estate, world.open)
    broken(kind, world)
    if kind == "an address does not reach the kernel":
        world.routers[KV01].lost = {("srv", "fd52:5052:1f01:106e::1/64")}
    result = roll_out(plan, world.means(timer_s=600))
    assert result.exit_code == ExitCode.ROLLED_BACK, world.said
    assert world.routers[KV01].running == world.routers[KV01].startup == before
    assert world.time < 300, "it waited for the timer although the router could be reached"


def test_a_change_after_which_nobody_new_gets_in_is_not_confirmed(world: World) -> None:
    """The connection that typed still works; only a new one may confirm, so the router's own timer must trip."""
    world.converge(KV01)
    router = world.routers[KV01]
    before = router.running
    plan = make_plan(world.estate, world.open)
    typed = router.world.open

    def open_until_typed(device: str) -> object:
        session = typed(device)
        router.deaf_to_new = bool(router.armed) and device == KV01
        return session

    def hear_again() -> None:
        kept()
        if router.armed is None:
            router.deaf_to_new = False

    kept, router.tick = router.tick, hear_again  # type: ignore[method-assign]
    world.open = open_until_typed  # type: ignore[method-assign,assignment]
    result = roll_out(plan, world.means(timer_s=30))
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.ROLLED_BACK], world.said
    assert router.running == router.startup == before
    assert "disarmed" not in router.last


def test_what_is_only_still_shown_after_the_change_does_not_confirm_it(world: World) -> None:
    """A neighbour that the change took away stays Full for a dead interval: it must be seen after that, too."""
    world.converge(KV01)
    router = world.routers[KV01]
    before = router.running
    plan = make_plan(world.estate, world.open)
    kept = router.tick
    typed_at: list[float] = []

    def lose_the_neighbour() -> None:
        kept()
        if router.running != before and not typed_at:
            typed_at.append(world.time)
        if typed_at and world.time >= typed_at[0] + 3:
            router.down = {"up1"}

    router.tick = lose_the_neighbour  # type: ignore[method-assign]
    result = roll_out(plan, world.means(timer_s=100))
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.ROLLED_BACK], world.said
    assert "up1" in result.outcomes[0].reason


@pytest.mark.parametrize(
    ("ended", "problem"),
    [("fired:{}:reload", ""), ("boot:{}:reload", ""), ("disarmed:{}", "disarmed"), ("none", "none")],
)
def test_only_a_guard_that_says_it_restored_the_change_proves_it(ended: str, problem: str, world: World) -> None:
    """Also where the router runs the old configuration: somebody who confirmed the change may have put it back."""
    router = world.routers[KV01]
    status = GuardStatus("clear", False, last=ended.format("run1"))
    found = prove_old(world.means(), KV01, "run1", status, router.running, None)
    assert (problem in found) if problem else not found


def test_nothing_is_typed_when_the_timer_does_not_read_back(world: World) -> None:
    world.converge(KV01)
    world.timers = False
    before = world.routers[KV01].running
    result = roll_out(make_plan(world.estate, world.open), world.means())
    assert result.exit_code != ExitCode.OK
    assert world.routers[KV01].running == before
    assert not any("applying" in line for line in world.said)


@pytest.mark.parametrize(
    "why", ["unsaved", "armed by another", "a timer without a record", "changed since the plan", "gone"]
)
def test_nothing_happens_to_a_router_that_is_not_as_it_was_planned_for(why: str, world: World) -> None:
    world.converge(KV01)
    router = world.routers[KV01]
    plan = make_plan(world.estate, world.open)
    if why == "unsaved":
        router.startup = "hostname other\n"
    elif why == "armed by another":
        router.armed = {"id": "other", "deadline": 10_000.0, "running": router.running, "startup": router.startup}
    elif why == "a timer without a record":
        router.stray_timer = True
    elif why == "changed since the plan":
        router.running = router.running.replace("area 0", "area 1")
    else:
        router.dead = True
    before = router.running
    result = roll_out(plan, world.means())
    assert result.exit_code == ExitCode.REFUSED
    assert [outcome.state for outcome in result.outcomes] == [ChangeState.UNCHANGED]
    assert router.running == before


def test_a_rollback_that_is_not_proved_is_never_called_one(world: World) -> None:
    world.converge()
    plan = make_plan(world.estate, world.open, change(world, CUT))
    world.routers[KV01].restores = False
    result = roll_out(plan, world.means())
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "NOT proved" in result.outcomes[-1].reason
    assert find_unfinished(world.journal().read()) is not None, "the run must stay open until somebody has looked"


def test_a_rollback_whose_address_is_missing_is_not_proved(world: World) -> None:
    world.converge(KV01)
    router = world.routers[KV01]
    plan = make_plan(world.estate, world.open)
    router.refuses = "ipv6 ospf6 area 0"
    kept = router.restore

    def restore(how: str) -> None:
        kept(how)
        router.lost = {("srv", "10.131.10.1/24")}

    router.restore = restore  # type: ignore[method-assign]
    result = roll_out(plan, world.means())
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "10.131.10.1/24" in result.outcomes[-1].reason


def test_an_address_lost_from_the_kernel_is_planned_and_brought_back(world: World) -> None:
    world.converge()
    world.routers["hph-edge1"].lost = {("srv", "fd52:5052:1f00:106e::1/64")}
    plan = make_plan(world.estate, world.open)
    assert [item.device for item in plan.todo] == ["hph-edge1"]
    assert plan.todo[0].typed == (
        "interface srv", "no ipv6 address fd52:5052:1f00:106e::1/64", "ipv6 address fd52:5052:1f00:106e::1/64", "exit",
    )  # fmt: skip


def count_records(world: World) -> int:
    world.converge(KV01)
    journal = DeadlyJournal(world, -1, False)
    roll_out(make_plan(world.estate, world.open), world.means("dry", journal))
    return journal.count


@pytest.mark.parametrize("bad", [False, True], ids=["good change", "cut-off change"])
@pytest.mark.parametrize("torn", [False, True], ids=["after the record", "before the record"])
def test_killed_at_any_record_it_resumes_to_the_old_or_the_new_configuration(
    bad: bool, torn: bool, world: World
) -> None:
    records = count_records(world)
    world.converge(*(() if bad else (KV01,)))
    if not bad:
        world.routers[KV01].running = world.routers[KV01].startup = (
            World(world.estate, world.folder).routers[KV01].running
        )
    plan = make_plan(world.estate, world.open, change(world, CUT) if bad else None)
    for at in range(1, records + 1):
        fresh = World(world.estate, world.folder / f"{at}")
        fresh.folder.mkdir()
        fresh.converge(*(() if bad else (KV01,)))
        router = fresh.routers[KV01]
        old = router.running
        with contextlib.suppress(Killed):
            roll_out(plan, fresh.means("run1", DeadlyJournal(fresh, at, torn)))
        fresh.sleep(5)
        left = find_unfinished(fresh.journal().read())
        if left is None:
            assert at == 1 or fresh.journal().verify() > 1
            continue
        result = resume(left, fresh.means("run1"))
        assert find_unfinished(fresh.journal().read()) is None, f"killed at {at}: {result}"
        assert router.armed is None, f"killed at {at}: still armed"
        assert router.running == router.startup, f"killed at {at}"
        if result.result == "verified":
            assert router.running != old
            assert not bad
        else:
            assert router.running == old, f"killed at {at}: {result}"
            assert result.exit_code in (ExitCode.ROLLED_BACK, ExitCode.REFUSED)


def test_resume_rolls_back_a_record_whose_timer_is_dead(world: World) -> None:
    world.converge(KV01)
    router = world.routers[KV01]
    old = router.running
    with pytest.raises(Killed):
        roll_out(make_plan(world.estate, world.open), world.means("run1", DeadlyJournal(world, 10, False)))
    assert router.armed
    router.armed["deadline"], world.timers = 1e12, False
    left = find_unfinished(world.journal().read())
    assert left is not None
    result = resume(left, world.means("run1"))
    assert result.exit_code == ExitCode.ROLLED_BACK
    assert router.running == old


FORBIDDEN = ["write memory", "configure replace x", "no username admin", "erase startup-config", "user netguard x",
             "copy a b", "line vty", "no service integrated-vtysh-config"]  # fmt: skip


@pytest.mark.parametrize("line", FORBIDDEN)
def test_what_cannot_be_undone_is_refused_before_any_router_changes(line: str, world: World) -> None:
    with pytest.raises(RackproofError) as caught:
        make_plan(world.estate, world.open, change(world, {"core2": {"add": f"{line}\n"}}))
    assert (caught.value.code, caught.value.exit_code) == ("NET031", ExitCode.REFUSED)


def test_the_plan_id_covers_commands_waves_and_running(world: World) -> None:
    first = make_plan(world.estate, world.open)
    assert make_plan(world.estate, world.open).id == first.id
    world.routers["core1"].running += "ip route 10.0.0.0/8 blackhole\n"
    assert make_plan(world.estate, world.open).id != first.id


def test_routers_that_do_not_answer_are_named_all_at_once(world: World) -> None:
    world.routers["core1"].dead = world.routers["dr-edge1"].dead = True
    with pytest.raises(RackproofError) as caught:
        make_plan(world.estate, world.open)
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert "core1" in str(caught.value)
    assert "dr-edge1" in str(caught.value)


def test_the_timer_covers_twice_the_work_and_a_minute() -> None:
    assert compute_timer(0, load_platform("frr")) == 130
    assert compute_timer(100, load_platform("frr")) == 150
