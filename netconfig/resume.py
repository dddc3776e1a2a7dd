"""After a crash: what the journal says was begun, what the device says became of it, and the one safe way on.

Armed and unconfirmed: touch nothing, wait until the device has put itself back, prove it. Confirmed and unsaved: save.
"""

from __future__ import annotations

import json

from core.errors import ExitCode, RackproofError
from netconfig.change import (
    RESTORE_S,
    Failed,
    Means,
    Outcome,
    prove_old,
    save_and_verify,
)
from netconfig.guard import GuardRefused, normal, wait_until_clear
from netconfig.platform import load
from netconfig.record import FINAL, DeviceRecord, RunRecord, State
from netconfig.rollout import Result, from_data, verdict
from netconfig.session import Lost, Rejected


def resume(run: RunRecord, tools: Means) -> Result:
    """Bring every router of an unfinished run to a proved end; later waves stay where they are."""
    result = Result(run.run, str(run.plan.get("plan_id", "")))
    for record in run.devices.values():
        if record.reached not in FINAL:
            result.outcomes.append(_settle(record, run, tools))
    planned = [item["device"] for item in run.plan.get("devices", []) if item["commands"]]
    result.not_started = [device for device in planned if device not in run.devices]
    settled = [outcome.state for outcome in result.outcomes]
    before = [record.reached for record in run.devices.values() if record.reached in FINAL]
    result.result = verdict([*settled, *(state for state in before if state)], result.not_started)
    if result.result != "unproven":
        tools.trail.end(result.result, not_started=result.not_started, resumed=True)
    return result


def _settle(record: DeviceRecord, run: RunRecord, tools: Means) -> Outcome:
    device, change = record.device, f"{run.run}-{record.device}"
    if State.ARMED not in (record.begun, record.reached) and "change" not in record.fields:
        return _end(tools, device, State.UNCHANGED, "stopped before anything was armed or typed")
    try:
        running = (tools.folder / f"{device}.before").read_text("utf-8")
    except OSError as error:
        return _end(tools, device, State.UNPROVEN, f"the snapshot is missing: {error.strerror}")
    guard = tools.guard(device)
    timer = int(record.fields.get("timer", 0))
    tools.say(device, "asking the router's guard what became of the change")
    status = wait_until_clear(guard, 0, tools.clock.now, tools.clock.sleep)
    if status is None:
        tools.say(device, f"armed or out of reach: waiting for the router to put itself back (at most {timer} s)")
        _start_dead_timer(tools, device, change)
        status = wait_until_clear(guard, timer + RESTORE_S, tools.clock.now, tools.clock.sleep)
    if status is not None and status.ended(change) == "disarmed":
        return _save(record, tools)
    if status is not None and not status.ended(change):
        return _never_armed(tools, device, running)
    problem = prove_old(tools, device, change, status, running, None)
    if problem:
        return _end(tools, device, State.UNPROVEN, f"the old configuration is NOT proved to be back: {problem}")
    return _end(tools, device, State.ROLLED_BACK, "the router put its old configuration back by itself")


def _start_dead_timer(tools: Means, device: str, change: str) -> None:
    """Roll back at once where the record is armed but no timer runs: nothing else would ever end it."""
    guard = tools.guard(device)
    try:
        status = guard.status()
        if status.state == "armed" and status.change == change and not status.timer:
            guard.rollback(change)
    except (Lost, GuardRefused):
        pass


def _save(record: DeviceRecord, tools: Means) -> Outcome:
    device = record.device
    platform = load(tools.estate.devices[device].platform or "")

    def step(state: State) -> None:
        tools.trail.step(device, state)

    def reached(state: State) -> None:
        tools.trail.reached(device, state)

    try:
        intended = from_data(json.loads((tools.folder / f"{device}.intended.json").read_text("utf-8")))
        if record.reached != State.CONFIRMED:
            reached(State.CONFIRMED)
        save_and_verify(tools, device, platform, intended, step, reached)
    except (Lost, Rejected, Failed, OSError, ValueError) as problem:
        return _end(tools, device, State.UNPROVEN, f"confirmed, but not saved and verified: {problem}")
    return Outcome(device, State.VERIFIED, "confirmed before the interruption; saved and verified now")


def _never_armed(tools: Means, device: str, running: str) -> Outcome:
    """The guard knows nothing of the change: it was never armed, so nothing may have been typed. Prove that."""
    platform = load(tools.estate.devices[device].platform or "")
    try:
        session = tools.open_session(device)
        try:
            now = normal(session.run(platform.show_running))
        finally:
            session.close()
    except Lost as problem:
        return _end(tools, device, State.UNPROVEN, f"no connection ({problem})")
    if now != running:
        return _end(tools, device, State.UNPROVEN, "the guard knows nothing of the change, yet running differs")
    return _end(tools, device, State.UNCHANGED, "stopped before the rollback was armed; nothing was typed")


def _end(tools: Means, device: str, state: State, reason: str) -> Outcome:
    tools.trail.reached(device, state, reason=reason)
    tools.say(device, f"{state}: {reason}")
    return Outcome(device, state, reason)


def nothing_to_resume() -> RackproofError:
    """Return the notice that every run has ended."""
    return RackproofError("NET042", "every run in the journal has ended", exit_code=ExitCode.OK)
