"""The journal of rollouts: each step is on disk before it runs, and a run can be found again after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.journal import Journal
from core.workspace import Workspace


class State(StrEnum):
    """The states of one router's change, in order; the last three end it otherwise."""

    PLANNED = "planned"
    LOCKED = "locked"
    SNAPSHOTTED = "snapshotted"
    PRECHECKED = "prechecked"
    ARMED = "ARMED"
    APPLYING = "applying"
    APPLIED = "applied"
    RECONNECTED = "reconnected"
    POSTCHECKED = "postchecked"
    CONFIRMED = "CONFIRMED"
    SAVED = "saved"
    VERIFIED = "verified"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "ROLLED_BACK"
    UNPROVEN = "UNPROVEN"


FINAL = frozenset({State.VERIFIED, State.UNCHANGED, State.ROLLED_BACK})
STEP, REACHED, START, END = "net.step", "net.state", "net.run", "net.end"


class Trail:
    """Writes the steps of one run."""

    def __init__(self, journal: Journal, run: str) -> None:
        self.journal, self.run = journal, run

    def start(self, plan: dict[str, Any], by: str) -> None:
        """Note that an approved plan begins."""
        self.journal.append(START, run=self.run, plan=plan, by=by)

    def step(self, device: str, state: State, **fields: Any) -> None:
        """Note, before it is done, the step that leads to ``state``."""
        self.journal.append(STEP, run=self.run, device=device, state=str(state), **fields)

    def reached(self, device: str, state: State, **fields: Any) -> None:
        """Note that ``state`` is reached."""
        self.journal.append(REACHED, run=self.run, device=device, state=str(state), **fields)

    def end(self, result: str, **fields: Any) -> None:
        """Note how the run ended."""
        self.journal.append(END, run=self.run, result=result, **fields)


@dataclass(slots=True)
class DeviceRecord:
    """What the journal says of one router in one run: the last step begun, the last state reached, all fields seen."""

    device: str
    begun: State | None = None
    reached: State | None = None
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RunRecord:
    """What the journal says of one run; ``result`` is empty while it has not ended."""

    run: str
    at: str
    plan: dict[str, Any]
    devices: dict[str, DeviceRecord] = field(default_factory=dict)
    result: str = ""


def open_journal(ws: Workspace) -> Journal:
    """Return the workspace's signed journal."""
    return Journal(ws.journal, ws.signing_key)


def runs(records: Iterable[dict[str, Any]]) -> list[RunRecord]:
    """Return the rollouts in a journal, oldest first; records of other rooms are skipped."""
    found: dict[str, RunRecord] = {}
    for record in records:
        event, run = record.get("event"), str(record.get("run", ""))
        if event == START:
            found[run] = RunRecord(run, str(record.get("at", "")), record["plan"])
        elif event == END and run in found:
            found[run].result = str(record["result"])
        elif event in (STEP, REACHED) and run in found:
            _note(found[run], record)
    return list(found.values())


def unfinished(records: Iterable[dict[str, Any]]) -> RunRecord | None:
    """Return the last run that has no end, if there is one."""
    open_runs = [run for run in runs(records) if not run.result]
    return open_runs[-1] if open_runs else None


def _note(run: RunRecord, record: dict[str, Any]) -> None:
    device = run.devices.setdefault(record["device"], DeviceRecord(record["device"]))
    state = State(record["state"])
    if record["event"] == STEP:
        device.begun = state
    else:
        device.reached = state
    own = {"event", "at", "prev", "sig", "run", "device", "state"}
    device.fields.update({key: value for key, value in record.items() if key not in own})
