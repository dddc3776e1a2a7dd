"""The journal of rollouts: each step is on disk before it runs, and a run can be found again after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.i18n import N_, _
from core.journal import Journal
from core.workspace import Workspace
from netconfig.platforms.redaction import hide_in


class ChangeState(StrEnum):
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


#: The states as people read them.
STATE_TEXTS = {
    ChangeState.PLANNED: N_("planned"),
    ChangeState.LOCKED: N_("locked"),
    ChangeState.SNAPSHOTTED: N_("snapshotted"),
    ChangeState.PRECHECKED: N_("prechecked"),
    ChangeState.ARMED: N_("ARMED"),
    ChangeState.APPLYING: N_("applying"),
    ChangeState.APPLIED: N_("applied"),
    ChangeState.RECONNECTED: N_("reconnected"),
    ChangeState.POSTCHECKED: N_("postchecked"),
    ChangeState.CONFIRMED: N_("CONFIRMED"),
    ChangeState.SAVED: N_("saved"),
    ChangeState.VERIFIED: N_("verified"),
    ChangeState.UNCHANGED: N_("unchanged"),
    ChangeState.ROLLED_BACK: N_("ROLLED_BACK"),
    ChangeState.UNPROVEN: N_("UNPROVEN"),
}
FINAL = frozenset({ChangeState.VERIFIED, ChangeState.UNCHANGED, ChangeState.ROLLED_BACK})
STEP, REACHED, START, END = "net.step", "net.state", "net.run", "net.end"


def show_state(state: ChangeState) -> str:
    """Return a state in the language of this process."""
    return _(STATE_TEXTS[state])


class ChangeJournal:
    """Writes the steps of one run; secrets are hidden here, whatever a step brings along."""

    def __init__(self, journal: Journal, run: str) -> None:
        self.journal, self.run = journal, run

    def append(self, event: str, **fields: Any) -> None:
        """Write one record of this run."""
        self.journal.append(event, run=self.run, **hide_in(fields))

    def start(self, plan: dict[str, Any], by: str) -> None:
        """Note that an approved plan begins."""
        self.append(START, plan=plan, by=by)

    def step(self, device: str, state: ChangeState, **fields: Any) -> None:
        """Note, before it is done, the step that leads to ``state``."""
        self.append(STEP, device=device, state=str(state), **fields)

    def reached(self, device: str, state: ChangeState, **fields: Any) -> None:
        """Note that ``state`` is reached."""
        self.append(REACHED, device=device, state=str(state), **fields)

    def end(self, result: str, **fields: Any) -> None:
        """Note how the run ended."""
        self.append(END, result=result, **fields)


@dataclass(slots=True)
class DeviceRecord:
    """What the journal says of one router in one run: the last step begun, the last state reached, all fields seen."""

    device: str
    begun: ChangeState | None = None
    reached: ChangeState | None = None
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


def list_runs(records: Iterable[dict[str, Any]]) -> list[RunRecord]:
    """Return the rollouts in a journal, oldest first; records of other rooms are skipped."""
    found: dict[str, RunRecord] = {}
    for record in records:
        event, run = record.get("event"), str(record.get("run", ""))
        if event == START:
            found[run] = RunRecord(run, str(record.get("at", "")), record["plan"])
        elif event == END and run in found:
            found[run].result = str(record["result"])
        elif event in (STEP, REACHED) and run in found:
            note_record(found[run], record)
    return list(found.values())


def find_unfinished(records: Iterable[dict[str, Any]]) -> RunRecord | None:
    """Return the last run that has no end, if there is one."""
    open_runs = [run for run in list_runs(records) if not run.result]
    if open_runs:
        return open_runs[-1]
    return None


def note_record(run: RunRecord, record: dict[str, Any]) -> None:
    """Take one record of the journal into what is known of its run."""
    device = run.devices.setdefault(record["device"], DeviceRecord(record["device"]))
    state = ChangeState(record["state"])
    if record["event"] == STEP:
        device.begun = state
    else:
        device.reached = state
    own = {"event", "at", "prev", "sig", "run", "device", "state"}
    device.fields.update({key: value for key, value in record.items() if key not in own})
