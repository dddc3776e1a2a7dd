"""A rollout: the approved plan, wave after wave, the canary first; one failure and no later wave starts."""

from __future__ import annotations

import getpass
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ExitCode, RackproofError
from core.i18n import _
from core.locks import hold
from core.workspace import Workspace
from inventory.model.estate import Estate
from netconfig.change.change import ChangeContext, ChangeOutcome, DeviceChange, save_snapshot
from netconfig.change.expect import make_pinger
from netconfig.change.guard import SshGuard
from netconfig.change.plan import RolloutPlan
from netconfig.change.session import make_opener
from netconfig.diff.tree import ConfigNode
from netconfig.journal.record import FINAL, ChangeJournal, ChangeState, find_unfinished, open_journal
from netconfig.platforms.platform import find_platform_file, load

Say = Callable[[str, str], None]


@dataclass(slots=True)
class RolloutResult:
    """How a rollout ended.

    ``result`` is one of the keys of ``EXIT``; ``incomplete`` means that what was done is good and something was not.
    """

    run: str
    plan: str
    result: str = "nothing_to_do"
    outcomes: list[ChangeOutcome] = field(default_factory=list)
    not_started: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that says the same."""
        return EXIT[self.result]

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "run": self.run,
            "plan_id": self.plan,
            "result": self.result,
            "exit_code": int(self.exit_code),
            "devices": [outcome.as_dict() for outcome in self.outcomes],
            "not_started": self.not_started,
        }


EXIT = {
    "nothing_to_do": ExitCode.OK,
    "verified": ExitCode.OK,
    "incomplete": ExitCode.NOT_GREEN,
    "rolled_back": ExitCode.ROLLED_BACK,
    "unchanged": ExitCode.REFUSED,
    "unproven": ExitCode.UNREACHABLE,
}


def judge_run(ended: Mapping[str, ChangeState], planned: Sequence[str]) -> str:
    """Return the result of a run from the states in which its routers ended; a router without one was not started.

    ``verified`` means that every planned router is verified, and there was one; else the worst end names the result.
    """
    states = set(ended.values())
    if states - FINAL:
        return "unproven"
    if ChangeState.ROLLED_BACK in states:
        return "rolled_back"
    if planned and all(ended.get(device) == ChangeState.VERIFIED for device in planned):
        return "verified"
    if ChangeState.VERIFIED in states:
        return "incomplete"
    return "unchanged"


def make_context(estate: Estate, ws: Workspace, run: str, say: Say, timer_s: int | None = None) -> ChangeContext:
    """Return what changes need, for real routers."""
    platforms = {
        name: load(device.platform) for name, device in estate.devices.items() if is_known_platform(device.platform)
    }
    return ChangeContext(
        estate=estate,
        trail=ChangeJournal(open_journal(ws), run),
        open_session=make_opener(estate, ws, platforms),
        guard=lambda device: SshGuard(estate, ws, device),
        ping=make_pinger(ws),
        folder=run_folder(ws, run),
        say=say,
        timer_s=timer_s,
    )


def is_known_platform(platform: str | None) -> bool:
    """Tell whether there are data for a platform."""
    return bool(platform) and find_platform_file(str(platform)).is_file()


def run_folder(ws: Workspace, run: str) -> Path:
    """Return where a run keeps its snapshots and what was intended."""
    return ws.root / "netconfig" / "runs" / run


def make_run_name() -> str:
    """Return a new run's name: eight hexadecimal digits, also the beginning of its change ids on the devices."""
    return secrets.token_hex(4)


def roll_out(plan: RolloutPlan, tools: ChangeContext) -> RolloutResult:
    """Carry out a plan that was approved. Every end is in the journal; never raises for what devices do."""
    result = RolloutResult(tools.trail.run, plan.id)
    if not plan.todo:
        return result
    for item in plan.todo:
        save_snapshot(tools.folder / f"{item.device}.intended.json", json.dumps(encode_tree(item.intended)))
    tools.trail.start(plan.as_dict(), getpass.getuser())
    done = plan.done
    for item in plan.todo:
        if result.outcomes and result.outcomes[-1].state != ChangeState.VERIFIED:
            result.not_started.append(item.device)
            continue
        tools.trail.reached(item.device, ChangeState.LOCKED, wave=item.wave)
        outcome = DeviceChange(tools, item, done).run()
        result.outcomes.append(outcome)
        done.add(item.device)
    ended = {outcome.device: outcome.state for outcome in result.outcomes}
    result.result = judge_run(ended, [item.device for item in plan.todo])
    if result.result == "unproven":
        # Left open on purpose: `resume` has to look at the device before anything else may change.
        tools.trail.append("net.unproven", not_started=result.not_started)
    else:
        tools.trail.end(result.result, not_started=result.not_started)
    return result


def hold_lock(ws: Workspace) -> AbstractContextManager[None]:
    """Let one rollout at a time run from this workspace; the lock goes with the process, however it dies.

    Raises RackproofError (LCK001) while another one runs, with who holds it.
    """
    return hold(ws.root / "netconfig.lock", _("changing routers"))


def refuse_unfinished(ws: Workspace) -> None:
    """Refuse to start while an earlier run has no end. Raises RackproofError (NET041)."""
    left = find_unfinished(open_journal(ws).read())
    if left is not None:
        raise RackproofError("NET041", run=left.run, at=left.at[:19])


def encode_tree(node: ConfigNode) -> dict[str, object]:
    """Return a tree as plain data."""
    return {line: encode_tree(child) for line, child in node.children.items()}


def decode_tree(data: dict[str, object], line: str = "") -> ConfigNode:
    """Return the tree that ``encode_tree`` wrote."""
    return ConfigNode(line, {key: decode_tree(value, key) for key, value in data.items() if isinstance(value, dict)})
