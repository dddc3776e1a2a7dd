"""What an engine reports while it works, the same for both: one JSON object a line, folded into a result per host.

Lines: ``{"event": "task", "host": …, "task": …, "status": "ok|changed|failed|unreachable|skipped", "detail": …}``,
``{"event": "end", "host": …, "status": "done|failed|unreachable|stopped"}`` for every host at the engine's own end, and
``{"event": "stopped", "detail": …}`` when the brake stopped the wave. Anything else an engine prints is kept as noise.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class TaskStatus(StrEnum):
    """How one task ended on one host."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


class Ending(StrEnum):
    """How the work on one host ended, by the engine's own word; no word at all is ``SILENT``."""

    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One task on one host; ``detail`` is the error or, in a plan, the difference."""

    host: str
    task: str
    status: TaskStatus
    detail: str = ""


@dataclass(slots=True)
class EngineResult:
    """Everything one engine reported; ``exit_code`` is that of its process, ``seconds`` its wall time.

    ``asked`` are the hosts that it was started for: each of them must have an end, whatever the engine says of others.
    ``timed_out_after`` are the seconds after which we stopped it.
    """

    engine: str
    asked: tuple[str, ...] = ()
    hosts: list[str] = field(default_factory=list)
    events: list[TaskEvent] = field(default_factory=list)
    endings: dict[str, Ending] = field(default_factory=dict)
    noise: list[str] = field(default_factory=list)
    stopped: str = ""
    timed_out_after: float | None = None
    exit_code: int | None = None
    seconds: float = 0.0
    _differences: dict[tuple[str, str], str] = field(default_factory=dict)

    def feed(self, line: str) -> TaskEvent | None:
        """Take one line of output; return the task it tells about, if it does."""
        data = _parse(line)
        if data is None:
            if line.strip():
                self.noise.append(line.rstrip())
            return None
        if data["event"] == "hosts":
            self.hosts = [str(name) for name in data["hosts"]]
        if data["event"] == "end":
            self.endings[str(data["host"])] = Ending(data["status"])
        if data["event"] == "diff":
            self._attach(str(data["host"]), str(data["task"]), str(data["detail"]))
        if data["event"] == "stopped":
            self.stopped = str(data.get("detail", ""))
        if data["event"] != "task":
            return None
        event = TaskEvent(str(data["host"]), str(data["task"]), TaskStatus(data["status"]), str(data.get("detail", "")))
        waiting = self._differences.pop((event.host, event.task), "")
        event = replace(event, detail=event.detail or waiting)
        self.events.append(event)
        return event

    def _attach(self, host: str, task: str, difference: str) -> None:
        """Keep a difference for its task: it may be told before or after the task itself."""
        for number, event in enumerate(self.events):
            if (event.host, event.task) == (host, task) and event.status is TaskStatus.CHANGED and not event.detail:
                self.events[number] = replace(event, detail=difference)
                return
        known = self._differences.get((host, task), "")
        self._differences[host, task] = known + difference

    @property
    def all_hosts(self) -> list[str]:
        """The hosts that were asked for, and those that the engine speaks of besides."""
        return list(dict.fromkeys([*self.asked, *self.hosts, *(event.host for event in self.events)]))

    def counts(self, host: str) -> dict[str, int]:
        """Return how many tasks ended each way on a host."""
        counts = Counter(event.status for event in self.events if event.host == host)
        return {status.value: counts[status] for status in TaskStatus}

    def of(self, *wanted: TaskStatus) -> list[TaskEvent]:
        """Return the events with one of these statuses."""
        return [event for event in self.events if event.status in wanted]

    def ending(self, host: str) -> Ending:
        """Return how the work on a host ended. The worst that is known of it counts, and silence is no end."""
        statuses = {event.status for event in self.events if event.host == host}
        if TaskStatus.UNREACHABLE in statuses:
            return Ending.UNREACHABLE
        if TaskStatus.FAILED in statuses:
            return Ending.FAILED
        said = self.endings.get(host, Ending.SILENT)
        worked = bool(statuses & {TaskStatus.OK, TaskStatus.CHANGED})
        if said is Ending.DONE and not worked:
            return Ending.SILENT
        return said

    @property
    def is_good(self) -> bool:
        """Whether the process ended well and every host that was asked for has a good end: silence is not success."""
        hosts = self.all_hosts
        ended_well = all(self.ending(host) is Ending.DONE for host in hosts)
        was_stopped = bool(self.stopped) or self.timed_out_after is not None
        return self.exit_code == 0 and not was_stopped and bool(hosts) and ended_well


def line_of(event: str, **fields: Any) -> str:
    """Return one line of the protocol."""
    return json.dumps({"event": event, **fields}, ensure_ascii=False)


def _parse(line: str) -> dict[str, Any] | None:
    """Return the object of a line of the protocol; None for anything else, broken lines and unknown words too."""
    if not line.startswith('{"event":'):
        return None
    try:
        data: dict[str, Any] = json.loads(line)
        if data["event"] == "task":
            TaskStatus(data["status"])
        if data["event"] == "end":
            Ending(data["status"])
    except (ValueError, KeyError):
        return None
    return data
