"""The testinfra backend ``rec://NAME``: every command is answered from a tape; live mode fills the tape first.

Whatever cannot be answered is written into ``taint`` before it is raised, so that a test that swallows exceptions,
skips on them or expects a failure still cannot turn an unreachable host into a pass or a skip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import testinfra.backend
from testinfra.backend.base import BaseBackend, CommandResult

from checks.recording.tape import Recorded, Tape


class NoAnswer(BaseException):
    """The tape has no answer. Not an Exception, so that ``except Exception`` in a test cannot hide it."""


class TapeBackend(BaseBackend):  # type: ignore[misc]  # testinfra brings no types
    """Answers from a tape; with ``ask`` it first asks the host for what the tape does not have."""

    NAME = "rec"

    def __init__(
        self, tape: Tape, *args: Any, ask: Callable[[str], Recorded] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(tape.host, *args, **kwargs)
        self.tape, self._ask = tape, ask
        self.taint: list[str] = []
        self.missing: list[str] = []
        self.used: set[str] = set()
        self._encoding = "UTF-8"  # pinned: the probe for it would run under whatever sudo is active just then

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Answer a command, after quoting and sudo; raises NoAnswer (and taints) when that cannot be done."""
        text = self.get_command(command, *args)
        encoded = text.encode()
        answer = self.tape.find(encoded)
        if answer is None and self._ask is not None:
            answer = self._ask(text)
            self.tape.add(encoded, answer)
        if answer is None:
            self.missing.append(text)
            raise self._tainted(f"no recorded answer to: {text}")
        if answer.trouble:
            raise self._tainted(answer.trouble)
        self.used.add(text)
        return self.result(answer.exit_code, encoded, answer.stdout, answer.stderr)

    def _tainted(self, trouble: str) -> NoAnswer:
        self.taint.append(trouble)
        return NoAnswer(trouble)


class NamedTapeBackend(TapeBackend):
    """What pytest makes of ``--hosts=rec://NAME``: the tape comes from the folder in ``RACKPROOF_TAPES``."""

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:
        from checks.recording.live import open_named

        tape, ask = open_named(hostname)
        kwargs.pop("connection", None)
        super().__init__(tape, *args, ask=ask, **{k: v for k, v in kwargs.items() if k in ("sudo", "sudo_user")})


def register() -> None:
    """Make ``rec://`` known to testinfra."""
    testinfra.backend.BACKENDS["rec"] = "checks.recording.backend.NamedTapeBackend"
