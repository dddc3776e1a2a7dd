"""The change of one router, behind a rollback that the router fires itself.

planned → locked → snapshotted → prechecked → ARMED → applying → applied → reconnected → postchecked → CONFIRMED →
saved → verified. Each step is in the journal, on disk, before it runs. Nothing is typed before the device says that
its timer runs; a change is confirmed only over a new connection; whatever goes wrong after ARMED ends in the old
configuration, put back by the device and then proved to be back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from inventory.estate import Estate
from netconfig.diff import diff
from netconfig.expect import Expected, Pinger, Probe, expected, probes
from netconfig.guard import Guard, GuardRefused, Status, normal, sha256, wait_until_clear
from netconfig.observe import Observed, configured, observe
from netconfig.plan import DevicePlan
from netconfig.platform import Platform, load
from netconfig.record import State, Trail
from netconfig.session import Lost, Opener, Rejected, Session
from netconfig.tree import Node, parse

LINE_S = 0.1
CONVERGE_S = 20.0
CHECKS_S = 15.0
RECONNECT_S = 12.0
RESERVE_S = 60.0
#: What held before the change may still be shown for a dead interval after it: only what holds after that counts.
SETTLE_S = 4.0
#: How long past its timer a device may take to restore itself: two reloads and two restarts under their deadlines.
RESTORE_S = 150.0


class Failed(Exception):
    """A step did not give what it must; the text says what."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests need not wait for it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Means:
    """Everything a change needs from outside. ``timer_s`` replaces the computed rollback timer when set."""

    estate: Estate
    trail: Trail
    open_session: Opener
    guard: Callable[[str], Guard]
    ping: Pinger
    folder: Path
    say: Callable[[str, str], None]
    clock: Clock = Clock()
    timer_s: int | None = None


@dataclass(slots=True)
class Outcome:
    """How the change of one router ended. ``seconds`` holds the time at which each state was reached."""

    device: str
    state: State
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return {"device": self.device, "state": str(self.state), "reason": self.reason, "seconds": self.seconds}


def timer_seconds(commands: int, platform: Platform) -> int:
    """Return how long the rollback timer must run: twice what the work takes, and a minute."""
    needed = 2 * (commands * LINE_S + CONVERGE_S + CHECKS_S) + RESERVE_S
    return int(min(max(platform.guard.minimum_seconds, needed), platform.guard.maximum_seconds))


class DeviceChange:
    """Runs the change of one router to an end."""

    def __init__(self, means: Means, plan: DevicePlan, done: set[str]) -> None:
        self.means, self.plan, self.done = means, plan, done
        self.device = plan.device
        self.platform = load(means.estate.devices[plan.device].platform or "")
        self.guard = means.guard(plan.device)
        self.change = f"{means.trail.run}-{plan.device}"
        self.timer = means.timer_s or timer_seconds(len(plan.typed), self.platform)
        self.started = means.clock.now()
        self.outcome = Outcome(plan.device, State.PLANNED)
        self.typed = False
        self.applied_at = self.started

    def run(self) -> Outcome:
        """Run every step; never raises for what the device does or does not do."""
        try:
            before = self._prepare()
        except (Lost, Rejected, GuardRefused, Failed, KeyboardInterrupt) as problem:
            return self._end(State.UNCHANGED, _words(problem))
        try:
            self._arm()
        except GuardRefused as problem:
            return self._end(State.UNCHANGED, f"the rollback guard refused: {problem}")
        except (Lost, Failed, KeyboardInterrupt) as problem:
            return self._roll_back(before, _words(problem))
        try:
            self._apply()
            self._check(before)
            self._confirm()
        except (Lost, Rejected, GuardRefused, Failed, KeyboardInterrupt) as problem:
            return self._roll_back(before, _words(problem))
        return self._keep()

    def _prepare(self) -> Observed:
        self._step(State.SNAPSHOTTED)
        session = self.means.open_session(self.device)
        try:
            running = normal(session.run(self.platform.show_running))
            if running != self.plan.running:
                raise Failed("the router's configuration is not the one that was planned for: plan again")
            keep(self.means.folder / f"{self.device}.before", running)
            self._reached(State.SNAPSHOTTED, sha256=sha256(running))
            self._step(State.PRECHECKED)
            before = observe(session, self.platform)
        finally:
            session.close()
        status = self.guard.status()
        if status.state != "clear" or status.timer:
            raise Failed(f"another change is under way on the router: {status.change or status.state}")
        self._reached(State.PRECHECKED)
        return before

    def _arm(self) -> None:
        self._step(State.ARMED, change=self.change, timer=self.timer)
        self.guard.arm(self.change, self.timer)
        status = self.guard.status()
        if not status.is_armed_for(self.change):
            raise Failed("the timer does not read back as armed")
        if status.sha256 != sha256(self.plan.running):
            raise Failed("the router would not roll back to what was planned for")
        self._reached(State.ARMED, left=status.left)

    def _apply(self) -> None:
        self._step(State.APPLYING, commands=list(self.plan.typed))
        self.typed = True
        session = self.means.open_session(self.device)
        try:
            session.push(self.plan.typed)
        except Lost as problem:
            # Losing the connection says nothing about the configuration: only a new connection does.
            self.means.say(self.device, f"connection lost while typing ({problem})")
        finally:
            session.close()
        self.applied_at = self.means.clock.now()
        self._reached(State.APPLIED)

    def _check(self, before: Observed) -> None:
        self._step(State.RECONNECTED)
        session = self._reconnect()
        try:
            self._reached(State.RECONNECTED)
            self._step(State.POSTCHECKED)
            self._same_as_intended(session)
            wanted = expected(self.means.estate, self.device, self.plan.intended, before, self.done)
            self._until_true(session, wanted)
        finally:
            session.close()
        for probe in probes(self.means.estate, self.device, self.done):
            self._until_answered(probe)
        self._reached(State.POSTCHECKED)

    def _reconnect(self) -> Session:
        deadline = self.means.clock.now() + min(RECONNECT_S, self.timer / 2)
        while True:
            try:
                return self.means.open_session(self.device)
            except Lost as problem:
                if self.means.clock.now() >= deadline:
                    raise Failed(f"the router cannot be reached after the change ({problem})") from None
            self.means.clock.sleep(0.5)

    def _same_as_intended(self, session: Session) -> None:
        running = parse(session.run(self.platform.show_running), self.platform)
        rest = diff(running, self.plan.intended, self.platform)
        if rest:
            raise Failed(f"running is not what was intended: {rest[0].text} ({len(rest)} commands missing)")

    def _until_true(self, session: Session, wanted: Expected) -> None:
        deadline = self.means.clock.now() + min(CONVERGE_S, self.timer / 2)
        first = seen = observe(session, self.platform)
        while True:
            missing = wanted.missing(seen, first)
            if not missing and self.means.clock.now() >= self.applied_at + SETTLE_S:
                return
            if missing and self.means.clock.now() >= deadline:
                raise Failed("; ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else ""))
            self.means.clock.sleep(0.5)
            seen = observe(session, self.platform)

    def _until_answered(self, probe: Probe) -> None:
        deadline = self.means.clock.now() + min(CONVERGE_S, self.timer / 3)
        while not self.means.ping(probe):
            if self.means.clock.now() >= deadline:
                raise Failed(f"{probe}: no answer")
            self.means.clock.sleep(0.5)
        self.means.say(self.device, f"{probe}: answered")

    def _confirm(self) -> None:
        self._step(State.CONFIRMED)
        # A connection of its own, made after the change: what confirms is also what proves that one can still get in.
        status = self.guard.disarm(self.change)
        if status.ended(self.change) != "disarmed":
            raise Failed("the guard does not say that the change is confirmed")
        self._reached(State.CONFIRMED)

    def _keep(self) -> Outcome:
        """Save and verify a confirmed change; a failure here loses nothing and is mended by resuming."""
        try:
            save_and_verify(self.means, self.device, self.platform, self.plan.intended, self._step, self._reached)
        except (Lost, Rejected, Failed) as problem:
            return self._end(State.UNPROVEN, f"confirmed, but not saved and verified: {problem}")
        return self._end(State.VERIFIED)

    def _roll_back(self, before: Observed, reason: str) -> Outcome:
        self.means.say(self.device, f"rolling back: {reason}")
        self._step(State.ROLLED_BACK, reason=reason)
        try:
            self.guard.rollback(self.change)
        except (Lost, GuardRefused):
            self.means.say(self.device, f"not reachable: waiting for its own timer ({self.timer} s)")
        status = wait_until_clear(
            self.guard, self.timer + RESTORE_S, self.means.clock.now, self.means.clock.sleep
        )  # fmt: skip
        if status is not None and not self.typed and not status.ended(self.change):
            return self._end(State.UNCHANGED, f"{reason}; the guard was not armed and nothing was typed")
        problem = prove_old(self.means, self.device, self.change, status, self.plan.running, before)
        if problem:
            return self._end(State.UNPROVEN, f"{reason}; the old configuration is NOT proved to be back: {problem}")
        how = status.last.rpartition(":")[2] if status else ""
        return self._end(State.ROLLED_BACK, reason, how=how)

    def _step(self, state: State, **fields: object) -> None:
        self.means.trail.step(self.device, state, **fields)
        self.means.say(self.device, f"→ {state}")

    def _reached(self, state: State, **fields: object) -> None:
        self.outcome.state = state
        self.outcome.seconds[str(state)] = round(self.means.clock.now() - self.started, 2)
        self.means.trail.reached(self.device, state, **fields)

    def _end(self, state: State, reason: str = "", **fields: object) -> Outcome:
        self.outcome.reason = reason
        if self.outcome.state != state:
            self._reached(state, reason=reason, **fields)
        self.means.say(self.device, f"{state}{': ' + reason if reason else ''}")
        return self.outcome


def save_and_verify(
    means: Means,
    device: str,
    platform: Platform,
    intended: Node,
    step: Callable[[State], None],
    reached: Callable[[State], None],
) -> None:
    """Save a confirmed change and prove that running is what was intended. Raises Lost, Rejected, Failed."""
    step(State.SAVED)
    session = means.open_session(device)
    try:
        session.save()
        reached(State.SAVED)
        step(State.VERIFIED)
        rest = diff(parse(session.run(platform.show_running), platform), intended, platform)
    finally:
        session.close()
    if rest:
        raise Failed(f"running is not what was intended: {rest[0].text}")
    reached(State.VERIFIED)


def prove_old(
    means: Means, device: str, change: str, status: Status | None, running: str, before: Observed | None
) -> str:
    """Prove that a router is back at its old configuration; return what is wrong, or an empty text.

    Three things must hold: the guard says that it restored this change, the running configuration is byte for byte
    the snapshot, and every address of it is in the kernel again.
    """
    if status is None:
        return "the router does not answer"
    if status.ended(change) not in ("fired", "boot"):
        return f"the guard says '{status.last}'"
    platform = load(means.estate.devices[device].platform or "")
    wanted = before.addresses if before else configured(parse(running, platform))
    wanted = frozenset(item for item in wanted if not item[1].startswith("fe80:"))
    deadline = means.clock.now() + CONVERGE_S
    while True:
        problem = _difference(means, device, platform, running, wanted)
        if not problem or means.clock.now() >= deadline:
            return problem
        means.clock.sleep(0.5)


def _difference(means: Means, device: str, platform: Platform, running: str, wanted: frozenset[tuple[str, str]]) -> str:
    try:
        session = means.open_session(device)
    except Lost as problem:
        return f"no new connection ({problem})"
    try:
        if normal(session.run(platform.show_running)) != running:
            return "running differs from the snapshot"
        gone = wanted - observe(session, platform).addresses
    except Lost as problem:
        return f"connection lost ({problem})"
    finally:
        session.close()
    return f"address {min(gone)[1]} is missing on {min(gone)[0]}" if gone else ""


def keep(file: Path, text: str) -> None:
    """Write a snapshot for its owner only, on disk before it is relied on."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _words(problem: BaseException) -> str:
    return "interrupted by the operator" if isinstance(problem, KeyboardInterrupt) else str(problem)
