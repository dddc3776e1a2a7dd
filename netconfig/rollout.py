"""A rollout: the approved plan, wave after wave, the canary first; one failure and no later wave starts."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ExitCode, RackproofError
from core.workspace import Workspace
from inventory.estate import Estate
from netconfig.change import DeviceChange, Means, Outcome, keep
from netconfig.expect import pinger
from netconfig.guard import SshGuard
from netconfig.plan import Plan
from netconfig.platform import load
from netconfig.record import FINAL, State, Trail, open_journal, unfinished
from netconfig.session import opener
from netconfig.tree import Node

Say = Callable[[str, str], None]


@dataclass(slots=True)
class Result:
    """How a rollout ended. ``result`` is one of the keys of ``EXIT``; ``incomplete`` means that what was done is good
    and something was not done."""

    run: str
    plan: str
    result: str = "nothing_to_do"
    outcomes: list[Outcome] = field(default_factory=list)
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


def verdict(states: Iterable[State], not_started: Sequence[str]) -> str:
    """Return the result of a run from the states its routers ended in; the worst one names it."""
    seen = set(states)
    if seen - FINAL:
        return "unproven"
    if State.ROLLED_BACK in seen:
        return "rolled_back"
    if State.VERIFIED not in seen:
        return "unchanged"
    return "incomplete" if State.UNCHANGED in seen or not_started else "verified"


def means(estate: Estate, ws: Workspace, run: str, say: Say, timer_s: int | None = None) -> Means:
    """Return what changes need, for real routers."""
    platforms = {name: load(device.platform) for name, device in estate.devices.items() if _is_known(device.platform)}
    return Means(
        estate=estate,
        trail=Trail(open_journal(ws), run),
        open_session=opener(estate, ws, platforms),
        guard=lambda device: SshGuard(estate, ws, device),
        ping=pinger(ws),
        folder=run_folder(ws, run),
        say=say,
        timer_s=timer_s,
    )


def _is_known(platform: str | None) -> bool:
    from netconfig.platform import FOLDER

    return bool(platform) and (FOLDER / str(platform) / "platform.yml").is_file()


def run_folder(ws: Workspace, run: str) -> Path:
    """Return where a run keeps its snapshots and what was intended."""
    return ws.root / "netconfig" / "runs" / run


def new_run() -> str:
    """Return a new run's name: eight hexadecimal digits, also the beginning of its change ids on the devices."""
    return secrets.token_hex(4)


def roll_out(plan: Plan, tools: Means) -> Result:
    """Carry out a plan that was approved. Every end is in the journal; never raises for what devices do."""
    result = Result(tools.trail.run, plan.id)
    if not plan.todo:
        return result
    for item in plan.todo:
        keep(tools.folder / f"{item.device}.intended.json", json.dumps(as_data(item.intended)))
    tools.trail.start(plan.as_dict(), getpass.getuser())
    done = plan.done
    for item in plan.todo:
        if result.outcomes and result.outcomes[-1].state != State.VERIFIED:
            result.not_started.append(item.device)
            continue
        tools.trail.reached(item.device, State.LOCKED, wave=item.wave)
        outcome = DeviceChange(tools, item, done).run()
        result.outcomes.append(outcome)
        done.add(item.device)
    result.result = verdict((outcome.state for outcome in result.outcomes), result.not_started)
    if result.result == "unproven":
        # Left open on purpose: `resume` has to look at the device before anything else may change.
        tools.trail.journal.append("net.unproven", run=result.run, not_started=result.not_started)
    else:
        tools.trail.end(result.result, not_started=result.not_started)
    return result


@contextmanager
def only_one(ws: Workspace) -> Iterator[None]:
    """Let one rollout at a time run from this workspace; the lock goes with the process, however it dies.

    Raises RackproofError (NET040) while another one runs.
    """
    ws.root.mkdir(parents=True, exist_ok=True)
    with (ws.root / "netconfig.lock").open("a", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RackproofError(
                "NET040", "another rollout is running from this workspace", remedy="wait for it to end",
                exit_code=ExitCode.REFUSED,
            ) from None  # fmt: skip
        os.set_inheritable(handle.fileno(), False)
        yield


def refuse_unfinished(ws: Workspace) -> None:
    """Refuse to start while an earlier run has no end. Raises RackproofError (NET041)."""
    left = unfinished(open_journal(ws).read())
    if left is not None:
        raise RackproofError(
            "NET041", f"run {left.run} of {left.at[:19]} did not end", remedy="run `rackproof net resume` first",
            exit_code=ExitCode.REFUSED,
        )  # fmt: skip


def as_data(node: Node) -> dict[str, object]:
    """Return a tree as plain data."""
    return {line: as_data(child) for line, child in node.children.items()}


def from_data(data: dict[str, object], line: str = "") -> Node:
    """Return the tree that ``as_data`` wrote."""
    return Node(line, {key: from_data(value, key) for key, value in data.items() if isinstance(value, dict)})
