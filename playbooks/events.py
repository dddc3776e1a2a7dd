"""What an engine reports while it works, the same for both: one JSON object a line, folded into a result per host.

Lines: ``{"event": "task", "host": …, "task": …, "status": "ok|changed|failed|unreachable|skipped", "detail": …}`` and
``{"event": "stopped", "detail": …}`` when the brake stopped the wave. Anything else an engine prints is kept as noise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How one task ended on one host."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One task on one host; ``detail`` is the error or, in a plan, the difference."""

    host: str
    task: str
    status: Status
    detail: str = ""


@dataclass(slots=True)
class EngineResult:
    """Everything one engine reported; ``exit_code`` is that of its process, ``seconds`` its wall time."""

    engine: str
    hosts: list[str] = field(default_factory=list)
    events: list[TaskEvent] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    stopped: str = ""
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
        if data["event"] == "diff":
            self._attach(str(data["host"]), str(data["task"]), str(data["detail"]))
        if data["event"] == "stopped":
            self.stopped = str(data.get("detail", ""))
        if data["event"] != "task":
            return None
        event = TaskEvent(str(data["host"]), str(data["task"]), Status(data["status"]), str(data.get("detail", "")))
        waiting = self._differences.pop((event.host, event.task), "")
        event = replace(event, detail=event.detail or waiting)
        self.events.append(event)
        return event

    def _attach(self, host: str, task: str, difference: str) -> None:
        """Keep a difference for its task: it may be told before or after the task itself."""
        for number, event in enumerate(self.events):
            if (event.host, event.task) == (host, task) and event.status is Status.CHANGED and not event.detail:
                self.events[number] = replace(event, detail=difference)
                return
        known = self._differences.get((host, task), "")
        self._differences[host, task] = known + difference

    def counts(self, host: str) -> dict[str, int]:
        """Return how many tasks ended each way on a host."""
        return {status.value: sum(e.host == host and e.status is status for e in self.events) for status in Status}

    def of(self, *wanted: Status) -> list[TaskEvent]:
        """Return the events with one of these statuses."""
        return [event for event in self.events if event.status in wanted]

    @property
    def is_good(self) -> bool:
        """Whether the process ended well, worked on a host at all, and no task failed: silence is not success."""
        return self.exit_code == 0 and not self.stopped and bool(self.events) and not self.of(
            Status.FAILED, Status.UNREACHABLE
        )

    @property
    def is_unreachable(self) -> bool:
        """Whether a host did not answer; the brake then stopped the wave before anything was changed."""
        silent = any("brake" in event.task.lower() for event in self.of(Status.FAILED))
        return silent or bool(self.of(Status.UNREACHABLE))


def line_of(event: str, **fields: Any) -> str:
    """Return one line of the protocol."""
    return json.dumps({"event": event, **fields}, ensure_ascii=False)


def _parse(line: str) -> dict[str, Any] | None:
    if not line.startswith('{"event":'):
        return None
    try:
        data: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return data
