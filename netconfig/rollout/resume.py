"""After a crash: what the journal says was begun, what the device says became of it, and the one safe way on.

Armed and unconfirmed: touch nothing, wait until the device has put itself back, prove it. Confirmed and unsaved: save.
"""

from __future__ import annotations

import json

from core.i18n import _
from core.refusals import say_refusal
from netconfig.change.change import (
    RESTORE_S,
    ChangeContext,
    ChangeOutcome,
    Failed,
    prove_old,
    save_and_verify,
)
from netconfig.change.guard import GuardRefused, normalise_config, wait_until_clear
from netconfig.change.session import Lost, Rejected
from netconfig.journal.record import FINAL, ChangeState, DeviceRecord, RunRecord, show_state
from netconfig.platforms.platform import load
from netconfig.platforms.redaction import hide
from netconfig.rollout.rollout import RolloutResult, decode_tree, judge_run


def resume(run: RunRecord, tools: ChangeContext) -> RolloutResult:
    """Bring every router of an unfinished run to a proved end; later waves stay where they are."""
    result = RolloutResult(run.run, str(run.plan.get("plan_id", "")))
    for record in run.devices.values():
        if record.reached not in FINAL:
            result.outcomes.append(settle_router(record, run, tools))
    planned = [item["device"] for item in run.plan.get("devices", []) if item["commands"]]
    result.not_started = [device for device in planned if device not in run.devices]
    ended = {record.device: record.reached for record in run.devices.values() if record.reached in FINAL}
    ended |= {outcome.device: outcome.state for outcome in result.outcomes}
    result.result = judge_run({device: state for device, state in ended.items() if state}, planned)
    if result.result != "unproven":
        tools.trail.end(result.result, not_started=result.not_started, resumed=True)
    return result


def settle_router(record: DeviceRecord, run: RunRecord, tools: ChangeContext) -> ChangeOutcome:
    """Bring one router to a proved end, by what the journal and the device say of its change."""
    device, change = record.device, f"{run.run}-{record.device}"
    if ChangeState.ARMED not in (record.begun, record.reached) and "change" not in record.fields:
        return _end(tools, device, ChangeState.UNCHANGED, _("stopped before anything was armed or typed"))
    try:
        running = (tools.folder / f"{device}.before").read_text("utf-8")
    except OSError as error:
        return _end(
            tools, device, ChangeState.UNPROVEN, _("the snapshot is missing: {why}").format(why=say_refusal(error))
        )
    guard = tools.guard(device)
    timer = int(record.fields.get("timer", 0))
    tools.say(device, _("asking the router's guard what became of the change"))
    status = wait_until_clear(guard, 0, tools.clock.now, tools.clock.sleep)
    if status is None:
        text = _("armed or out of reach: waiting for the router to put itself back (at most {timer} s)")
        tools.say(device, text.format(timer=timer))
        start_dead_timer(tools, device, change)
        status = wait_until_clear(guard, timer + RESTORE_S, tools.clock.now, tools.clock.sleep)
    if status is not None and status.ended(change) == "disarmed":
        return save_confirmed(record, tools)
    if status is not None and not status.ended(change):
        return prove_never_armed(tools, device, running)
    problem = prove_old(tools, device, change, status, running, None)
    if problem:
        text = _("the old configuration is NOT proved to be back: {problem}")
        return _end(tools, device, ChangeState.UNPROVEN, text.format(problem=problem))
    return _end(tools, device, ChangeState.ROLLED_BACK, _("the router put its old configuration back by itself"))


def start_dead_timer(tools: ChangeContext, device: str, change: str) -> None:
    """Roll back at once where the record is armed but no timer runs: nothing else would ever end it."""
    guard = tools.guard(device)
    try:
        status = guard.status()
        if status.state == "armed" and status.change == change and not status.timer:
            guard.rollback(change)
    except (Lost, GuardRefused):
        pass


def save_confirmed(record: DeviceRecord, tools: ChangeContext) -> ChangeOutcome:
    """Save and verify a change that was confirmed and not saved."""
    device = record.device
    platform = load(tools.estate.devices[device].platform or "")

    def step(state: ChangeState) -> None:
        tools.trail.step(device, state)

    def reached(state: ChangeState) -> None:
        tools.trail.reached(device, state)

    try:
        intended = decode_tree(json.loads((tools.folder / f"{device}.intended.json").read_text("utf-8")))
        if record.reached != ChangeState.CONFIRMED:
            reached(ChangeState.CONFIRMED)
        save_and_verify(tools, device, platform, intended, step, reached)
    except (Lost, Rejected, Failed, OSError, ValueError) as problem:
        text = _("confirmed, but not saved and verified: {why}")
        return _end(tools, device, ChangeState.UNPROVEN, text.format(why=problem))
    return ChangeOutcome(device, ChangeState.VERIFIED, _("confirmed before the interruption; saved and verified now"))


def prove_never_armed(tools: ChangeContext, device: str, running: str) -> ChangeOutcome:
    """Prove that nothing was typed: the guard knows nothing of the change, so it was never armed."""
    platform = load(tools.estate.devices[device].platform or "")
    try:
        session = tools.open_session(device)
        try:
            now = normalise_config(session.run(platform.show_running))
        finally:
            session.close()
    except Lost as problem:
        return _end(tools, device, ChangeState.UNPROVEN, _("no connection ({why})").format(why=problem))
    if now != running:
        return _end(
            tools, device, ChangeState.UNPROVEN, _("the guard knows nothing of the change, yet running differs")
        )
    return _end(tools, device, ChangeState.UNCHANGED, _("stopped before the rollback was armed; nothing was typed"))


def _end(tools: ChangeContext, device: str, state: ChangeState, reason: str) -> ChangeOutcome:
    reason = hide(reason)
    tools.trail.reached(device, state, reason=reason)
    tools.say(device, f"{show_state(state)}: {reason}")
    return ChangeOutcome(device, state, reason)
