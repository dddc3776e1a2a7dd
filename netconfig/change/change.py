"""The change of one router, behind a rollback that the router fires itself.

planned → locked → snapshotted → prechecked → ARMED → applying → applied → reconnected → postchecked → CONFIRMED →
saved → verified. Each step is in the journal, on disk, before it runs. Nothing is typed before the device says that
its timer runs; a change is confirmed only over a new connection; whatever goes wrong after ARMED ends in the old
configuration, put back by the device and then proved to be back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import RackproofError
from core.files import PRIVATE, make_folder, write_atomic
from core.i18n import _
from inventory.model.estate import Estate
from netconfig.change.expect import Expected, Pinger, Probe, expect_state, is_dropped, list_probes
from netconfig.change.guard import Guard, GuardRefused, GuardStatus, hash_config, normalise_config, wait_until_clear
from netconfig.change.observe import Observed, list_configured, observe, read_keepalive
from netconfig.change.plan import DevicePlan
from netconfig.change.session import Lost, Opener, Rejected, RouterSession
from netconfig.diff.diff import diff
from netconfig.diff.knowledge import list_lines, show_line
from netconfig.diff.tree import ConfigNode, parse
from netconfig.intent.design import design_router
from netconfig.journal.record import ChangeJournal, ChangeState, show_state
from netconfig.platforms.platform import Platform, load
from netconfig.platforms.redaction import hide

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
class ChangeContext:
    """Everything a change needs from outside. ``timer_s`` replaces the computed rollback timer when set."""

    estate: Estate
    trail: ChangeJournal
    open_session: Opener
    guard: Callable[[str], Guard]
    ping: Pinger
    folder: Path
    say: Callable[[str, str], None]
    clock: Clock = Clock()
    timer_s: int | None = None


@dataclass(slots=True)
class ChangeOutcome:
    """How the change of one router ended. ``seconds`` holds the time at which each state was reached."""

    device: str
    state: ChangeState
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return {"device": self.device, "state": str(self.state), "reason": self.reason, "seconds": self.seconds}


def compute_timer(commands: int, platform: Platform, converge_s: float = CONVERGE_S) -> int:
    """Return how long the rollback timer must run: twice what the work takes, and a minute."""
    needed = 2 * (commands * LINE_S + converge_s + CHECKS_S) + RESERVE_S
    return int(min(max(platform.guard.minimum_seconds, needed), platform.guard.maximum_seconds))


class DeviceChange:
    """Runs the change of one router to an end."""

    def __init__(self, means: ChangeContext, plan: DevicePlan, done: set[str]) -> None:
        self.means, self.plan, self.done = means, plan, done
        self.device = plan.device
        self.platform = load(means.estate.devices[plan.device].platform or "")
        self.guard = means.guard(plan.device)
        self.change = f"{means.trail.run}-{plan.device}"
        self.converge = CONVERGE_S
        self.timer = means.timer_s or compute_timer(len(plan.typed), self.platform)
        self.started = means.clock.now()
        self.outcome = ChangeOutcome(plan.device, ChangeState.PLANNED)
        self.typed = False
        self.applied_at = self.started

    def run(self) -> ChangeOutcome:
        """Run every step; never raises for what the device does or does not do."""
        try:
            before = self.prepare()
        except (Lost, Rejected, GuardRefused, Failed, KeyboardInterrupt) as problem:
            return self._end(ChangeState.UNCHANGED, describe_problem(problem))
        try:
            self.arm()
        except GuardRefused as problem:
            return self._end(ChangeState.UNCHANGED, _("the rollback guard refused: {why}").format(why=problem))
        except (Lost, Failed, KeyboardInterrupt) as problem:
            return self.roll_back(before, describe_problem(problem))
        try:
            self.apply()
            self.check(before)
            self.confirm()
        except (Lost, Rejected, GuardRefused, Failed, KeyboardInterrupt) as problem:
            return self.roll_back(before, describe_problem(problem))
        return self.save()

    def prepare(self) -> Observed:
        """Read the router, keep a snapshot, and see that it is what was planned for and that nobody else changes it."""
        self._step(ChangeState.SNAPSHOTTED)
        session = self.means.open_session(self.device)
        try:
            running = normalise_config(session.run(self.platform.show_running))
            if running != self.plan.running:
                raise Failed(_("the router's configuration is not the one that was planned for: plan again"))
            save_snapshot(self.means.folder / f"{self.device}.before", running)
            self._reached(ChangeState.SNAPSHOTTED, sha256=hash_config(running))
            self._step(ChangeState.PRECHECKED)
            before = observe(session, self.platform)
            self.allow_time(self.find_longest_silence(session, before))
        finally:
            session.close()
        status = self.guard.status()
        if status.state != "clear" or status.timer:
            other = status.change or status.state
            raise Failed(_("another change is under way on the router: {other}").format(other=other))
        self._reached(ChangeState.PRECHECKED, up=count_up(before))
        return before

    def find_longest_silence(self, session: RouterSession, before: Observed) -> float:
        """Return how long a session that is not the estate's own may be silent and alive, in seconds."""
        own = {peer.address for peer in design_router(self.means.estate, self.device).peers}
        others = [peer for peer in before.bgp if peer.peer not in own and not is_dropped(self.plan.drops, peer)]
        return max((read_keepalive(session, self.platform, peer) for peer in others), default=0.0)

    def allow_time(self, silence: float) -> None:
        """Let the checks, and with them the timer, last until every session must have been heard once."""
        self.converge = max(CONVERGE_S, silence + SETTLE_S)
        self.timer = self.means.timer_s or compute_timer(len(self.plan.typed), self.platform, self.converge)
        least = int(2 * (silence + SETTLE_S))
        if silence and self.timer < least:
            text = _("a timer of {timer} s is too short to see every BGP session up again: at least {least} s")
            raise Failed(text.format(timer=self.timer, least=least))

    def arm(self) -> None:
        """Start the timer on the device, and believe it only when it reads back."""
        self._step(ChangeState.ARMED, change=self.change, timer=self.timer)
        self.guard.arm(self.change, self.timer)
        status = self.guard.status()
        if not status.is_armed_for(self.change):
            raise Failed(_("the timer does not read back as armed"))
        if status.sha256 != hash_config(self.plan.running):
            raise Failed(_("the router would not roll back to what was planned for"))
        self._reached(ChangeState.ARMED, left=status.left)

    def apply(self) -> None:
        """Type the commands."""
        self._step(ChangeState.APPLYING, commands=list(self.plan.typed))
        self.typed = True
        session = self.means.open_session(self.device)
        try:
            session.push(self.plan.typed)
        except Lost as problem:
            # Losing the connection says nothing about the configuration: only a new connection does.
            self._say(_("connection lost while typing ({why})").format(why=problem))
        finally:
            session.close()
        self.applied_at = self.means.clock.now()
        self._reached(ChangeState.APPLIED)

    def check(self, before: Observed) -> None:
        """See, over a new connection, that the router is what was intended and that everything answers."""
        self._step(ChangeState.RECONNECTED)
        session = self.open_new_session()
        try:
            self._reached(ChangeState.RECONNECTED)
            self._step(ChangeState.POSTCHECKED)
            require_intended(session.run(self.platform.show_running), self.plan.intended, self.platform)
            plan = self.plan
            wanted = expect_state(self.means.estate, self.device, plan.intended, before, self.done, plan.drops)
            self.wait_until_true(session, wanted)
        finally:
            session.close()
        for probe in list_probes(self.means.estate, self.device, self.done):
            self.wait_until_answered(probe)
        self._reached(ChangeState.POSTCHECKED)

    def open_new_session(self) -> RouterSession:
        """Connect anew, trying until a deadline. Raises Failed."""
        deadline = self.means.clock.now() + min(RECONNECT_S, self.timer / 2)
        while True:
            try:
                return self.means.open_session(self.device)
            except Lost as problem:
                if self.means.clock.now() >= deadline:
                    text = _("the router cannot be reached after the change ({why})")
                    raise Failed(text.format(why=problem)) from None
            self.means.clock.sleep(0.5)

    def wait_until_true(self, session: RouterSession, wanted: Expected) -> None:
        """Wait until nothing that must hold is missing, and no longer what was true before. Raises Failed."""
        deadline = self.means.clock.now() + min(self.converge, self.timer / 2)
        first = seen = observe(session, self.platform)
        while True:
            missing = wanted.missing(seen, first)
            if not missing and self.means.clock.now() >= self.applied_at + SETTLE_S:
                return
            if missing and self.means.clock.now() >= deadline:
                raise Failed(list_lines(missing))
            self.means.clock.sleep(0.5)
            seen = observe(session, self.platform)

    def wait_until_answered(self, probe: Probe) -> None:
        """Wait until a ping is answered. Raises Failed."""
        deadline = self.means.clock.now() + min(CONVERGE_S, self.timer / 3)
        while not self.means.ping(probe):
            if self.means.clock.now() >= deadline:
                raise Failed(_("{probe}: no answer").format(probe=probe))
            self.means.clock.sleep(0.5)
        self._say(_("{probe}: answered").format(probe=probe))

    def confirm(self) -> None:
        """Confirm the change: the timer stops. Raises Failed where the guard does not say so."""
        self._step(ChangeState.CONFIRMED)
        # A connection of its own, made after the change: what confirms is also what proves that one can still get in.
        status = self.guard.disarm(self.change)
        if status.ended(self.change) != "disarmed":
            raise Failed(_("the guard does not say that the change is confirmed"))
        self._reached(ChangeState.CONFIRMED)

    def save(self) -> ChangeOutcome:
        """Save and verify a confirmed change; a failure here loses nothing and is mended by resuming."""
        try:
            save_and_verify(self.means, self.device, self.platform, self.plan.intended, self._step, self._reached)
        except (Lost, Rejected, Failed) as problem:
            return self._end(
                ChangeState.UNPROVEN, _("confirmed, but not saved and verified: {why}").format(why=problem)
            )
        return self._end(ChangeState.VERIFIED)

    def roll_back(self, before: Observed, reason: str) -> ChangeOutcome:
        """Let the device put the old configuration back, now or by its timer, and prove that it did."""
        self._say(_("rolling back: {why}").format(why=reason))
        self._step(ChangeState.ROLLED_BACK, reason=reason)
        try:
            self.guard.rollback(self.change)
        except (Lost, GuardRefused):
            self._say(_("not reachable: waiting for its own timer ({timer} s)").format(timer=self.timer))
        status = wait_until_clear(
            self.guard, self.timer + RESTORE_S, self.means.clock.now, self.means.clock.sleep
        )  # fmt: skip
        if status is not None and not self.typed and not status.ended(self.change):
            text = _("{why}; the guard was not armed and nothing was typed")
            return self._end(ChangeState.UNCHANGED, text.format(why=reason))
        problem = prove_old(self.means, self.device, self.change, status, self.plan.running, before)
        if problem:
            text = _("{why}; the old configuration is NOT proved to be back: {problem}")
            return self._end(ChangeState.UNPROVEN, text.format(why=reason, problem=problem))
        how = status.last.rpartition(":")[2] if status else ""
        return self._end(ChangeState.ROLLED_BACK, reason, how=how)

    def _step(self, state: ChangeState, **fields: object) -> None:
        self.means.trail.step(self.device, state, **fields)
        self._say(f"→ {show_state(state)}")

    def _say(self, text: str) -> None:
        self.means.say(self.device, hide(text))

    def _reached(self, state: ChangeState, **fields: object) -> None:
        self.outcome.state = state
        self.outcome.seconds[str(state)] = round(self.means.clock.now() - self.started, 2)
        self.means.trail.reached(self.device, state, **fields)

    def _end(self, state: ChangeState, reason: str = "", **fields: object) -> ChangeOutcome:
        reason = self.outcome.reason = hide(reason)
        if self.outcome.state != state:
            self._reached(state, reason=reason, **fields)
        self._say(": ".join(filter(None, (show_state(state), reason))))
        return self.outcome


def save_and_verify(
    means: ChangeContext,
    device: str,
    platform: Platform,
    intended: ConfigNode,
    step: Callable[[ChangeState], None],
    reached: Callable[[ChangeState], None],
) -> None:
    """Save a confirmed change and prove that running is what was intended. Raises Lost, Rejected, Failed."""
    step(ChangeState.SAVED)
    session = means.open_session(device)
    try:
        session.save()
        reached(ChangeState.SAVED)
        step(ChangeState.VERIFIED)
        running = session.run(platform.show_running)
    finally:
        session.close()
    require_intended(running, intended, platform)
    reached(ChangeState.VERIFIED)


def require_intended(running: str, intended: ConfigNode, platform: Platform) -> None:
    """Require that a router runs what was intended. Raises Failed, also for a line that the platform does not know."""
    try:
        rest = diff(parse(running, platform), intended, platform)
    except RackproofError as error:
        raise Failed(f"{error.message}: {error.actual}") from error
    if rest:
        missing = list_lines([show_line(command.path, command.text) for command in rest])
        raise Failed(_("running is not what was intended: {missing}").format(missing=missing))


def prove_old(
    means: ChangeContext, device: str, change: str, status: GuardStatus | None, running: str, before: Observed | None
) -> str:
    """Prove that a router is back at its old configuration; return what is wrong, or an empty text.

    Three things must hold: the guard says that it restored this change, the running configuration is byte for byte
    the snapshot, and every address of it is in the kernel again.
    """
    if status is None:
        return _("the router does not answer")
    if status.ended(change) not in ("fired", "boot"):
        return _("the guard says '{answer}'").format(answer=status.last)
    platform = load(means.estate.devices[device].platform or "")
    wanted = before.addresses if before else list_configured(parse(running, platform))
    wanted = frozenset(item for item in wanted if not item[1].startswith("fe80:"))
    deadline = means.clock.now() + CONVERGE_S
    while True:
        problem = find_difference(means, device, platform, running, wanted)
        if not problem or means.clock.now() >= deadline:
            return problem
        means.clock.sleep(0.5)


def find_difference(
    means: ChangeContext, device: str, platform: Platform, running: str, wanted: frozenset[tuple[str, str]]
) -> str:
    """Return what of the old configuration is not back; empty when all of it is."""
    try:
        session = means.open_session(device)
    except Lost as problem:
        return _("no new connection ({why})").format(why=problem)
    try:
        if normalise_config(session.run(platform.show_running)) != running:
            return _("running differs from the snapshot")
        gone = wanted - observe(session, platform).addresses
    except Lost as problem:
        return _("connection lost ({why})").format(why=problem)
    finally:
        session.close()
    if not gone:
        return ""
    name, address = min(gone)
    return _("address {address} is missing on {name}").format(address=address, name=name)


def save_snapshot(file: Path, text: str) -> None:
    """Write a snapshot for its owner only, on disk before it is relied on: it may hold keys and passwords."""
    make_folder(file.parent, 0o700)
    write_atomic(file, text, PRIVATE)


def describe_problem(problem: BaseException) -> str:
    """Say what went wrong, for people."""
    if isinstance(problem, KeyboardInterrupt):
        return _("interrupted by the operator")
    return str(problem)


def count_up(before: Observed) -> dict[str, int]:
    """Return how much was up before the change: what must be up again after it."""
    return {
        "bgp": len(before.bgp),
        "ospf": len(before.ospf),
        "ospf6": len(before.ospf6),
        "defaults": len(before.defaults),
    }
