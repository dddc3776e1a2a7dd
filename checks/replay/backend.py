"""A testinfra backend that answers every command from a recording; where it may ask, it fills the recording first.

Whatever cannot be answered is written into ``taint`` before it is raised, so that a test that swallows exceptions,
skips on them or expects a failure still cannot turn an unreachable host into a pass or a skip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult

from checks.replay.recording import HostRecording, RecordedResult


class NoAnswer(BaseException):
    """The recording has no answer. Not an Exception, so that ``except Exception`` in a test cannot hide it."""


class RecordingBackend(BaseBackend):  # type: ignore[misc]  # testinfra brings no types
    """Answers from a recording; with ``ask`` it first asks the host for what the recording does not have."""

    NAME = "rec"

    def __init__(
        self,
        recording: HostRecording,
        *args: Any,
        ask: Callable[[str], RecordedResult] | None = None,
        heard: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(recording.host, *args, **kwargs)
        self.recording, self._ask = recording, ask
        self.taint: list[str] = []
        self._heard = [] if heard is None else heard
        self.missing: list[str] = []
        self.used: set[str] = set()
        self._encoding = "UTF-8"  # pinned: the probe for it would run under whatever sudo is active just then

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Answer a command, after quoting and sudo; raises NoAnswer (and taints) when that cannot be done."""
        text = self.get_command(command, *args)
        encoded = text.encode()
        answer = self.recording.find(encoded)
        if answer is None and self._ask is not None:
            answer = self._ask(text)
            self.recording.add(encoded, answer)
        if answer is None:
            self.missing.append(text)
            raise self.note_no_answer(f"no recorded answer to: {text}")
        if answer.trouble:
            raise self.note_no_answer(answer.trouble)
        self.used.add(text)
        return self.result(answer.exit_code, encoded, answer.stdout, answer.stderr)

    def note_no_answer(self, trouble: str) -> NoAnswer:
        """Write down that a command has no answer, whatever the test then makes of it; return what is to be raised."""
        self.taint.append(trouble)
        self._heard.append(trouble)
        return NoAnswer(trouble)
