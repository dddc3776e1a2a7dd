"""The tape: what one host answered to the commands of the host tests, each under a key bound to that host.

A tape of another host, a changed command or a cut output gives no answer at all, and no answer is never a pass.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.model import canonical_json

SCHEMA = "rackproof-tape-1"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded answer; ``trouble`` is set when the command could not be run to its end."""

    command: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    started: str
    ended: str
    trouble: str = ""


@dataclass(slots=True)
class Tape:
    """The answers of one host, by key."""

    host: str
    suite_sha256: str
    testinfra: str
    answers: dict[str, Recorded] = field(default_factory=dict)

    def key(self, command: bytes) -> str:
        """Return the key of a command on this host: bound to the host, the schema and the final bytes."""
        return hashlib.sha256(canonical_json([SCHEMA, self.host, b64encode(command).decode()])).hexdigest()

    def find(self, command: bytes) -> Recorded | None:
        """Return what the host answered to a command, or None when it was not asked."""
        return self.answers.get(self.key(command))

    def add(self, command: bytes, answer: Recorded) -> None:
        """Keep an answer."""
        self.answers[self.key(command)] = answer

    def to_bytes(self) -> bytes:
        """Return the tape as canonical JSON: the same answers give the same bytes."""
        answers = {key: _answer_to_dict(answer) for key, answer in self.answers.items()}
        return canonical_json({"schema": SCHEMA, "host": self.host, "suite_sha256": self.suite_sha256,
                               "testinfra": self.testinfra, "answers": answers})

    @classmethod
    def from_bytes(cls, raw: bytes) -> Tape:
        """Read a tape back. Raises ValueError for anything but a whole tape of this schema."""
        data = json.loads(raw)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError("this is not a tape")
        answers = {key: _answer_from_dict(entry) for key, entry in data["answers"].items()}
        tape = cls(data["host"], data["suite_sha256"], data["testinfra"], answers)
        for key, answer in answers.items():
            if tape.key(answer.command.encode()) != key:
                raise ValueError("an answer stands under the key of another command or host")
        return tape


def _answer_to_dict(answer: Recorded) -> dict[str, Any]:
    return {"command": answer.command, "exit_code": answer.exit_code, "stdout": _pack(answer.stdout),
            "stderr": _pack(answer.stderr), "started": answer.started, "ended": answer.ended, "trouble": answer.trouble}


def _answer_from_dict(data: Mapping[str, Any]) -> Recorded:
    return Recorded(data["command"], data["exit_code"], _unpack(data["stdout"]), _unpack(data["stderr"]),
                    data["started"], data["ended"], data["trouble"])


def _pack(raw: bytes) -> Any:
    """Text stays readable in the evidence; only what is not UTF-8 is written in base64."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(raw).decode()}


def _unpack(data: Any) -> bytes:
    return b64decode(data["base64"]) if isinstance(data, dict) else str(data).encode()
