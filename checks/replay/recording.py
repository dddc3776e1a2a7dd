"""The recording: what one host answered to the commands of the host tests, each under a key bound to that host.

A recording of another host, a changed command or a cut output gives no answer at all, and no answer is never a pass.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.canonical_json import encode_canonical

SCHEMA = "rackproof-tape-1"


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """One recorded answer; ``trouble`` is set when the command could not be run to its end."""

    command: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    started: str
    ended: str
    trouble: str = ""


@dataclass(slots=True)
class HostRecording:
    """The answers of one host, by key."""

    host: str
    suite_sha256: str
    testinfra: str
    answers: dict[str, RecordedResult] = field(default_factory=dict)

    def key(self, command: bytes) -> str:
        """Return the key of a command on this host: bound to the host, the schema and the final bytes."""
        return hashlib.sha256(encode_canonical([SCHEMA, self.host, b64encode(command).decode()])).hexdigest()

    def find(self, command: bytes) -> RecordedResult | None:
        """Return what the host answered to a command, or None when it was not asked."""
        return self.answers.get(self.key(command))

    def add(self, command: bytes, answer: RecordedResult) -> None:
        """Keep an answer."""
        self.answers[self.key(command)] = answer

    def to_bytes(self) -> bytes:
        """Return the recording as canonical JSON: the same answers give the same bytes."""
        answers = {key: encode_result(answer) for key, answer in self.answers.items()}
        return encode_canonical(
            {
                "schema": SCHEMA,
                "host": self.host,
                "suite_sha256": self.suite_sha256,
                "testinfra": self.testinfra,
                "answers": answers,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> HostRecording:
        """Read a recording back. Raises ValueError for anything but a whole recording of this schema."""
        data = json.loads(raw)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError("this is not a tape")
        answers = {key: decode_result(entry) for key, entry in data["answers"].items()}
        recording = cls(data["host"], data["suite_sha256"], data["testinfra"], answers)
        for key, answer in answers.items():
            if recording.key(answer.command.encode()) != key:
                raise ValueError("an answer stands under the key of another command or host")
        return recording


def encode_result(answer: RecordedResult) -> dict[str, Any]:
    """Return a record as plain data."""
    return {
        "command": answer.command,
        "exit_code": answer.exit_code,
        "stdout": pack_bytes(answer.stdout),
        "stderr": pack_bytes(answer.stderr),
        "started": answer.started,
        "ended": answer.ended,
        "trouble": answer.trouble,
    }


def decode_result(data: Mapping[str, Any]) -> RecordedResult:
    """Read a record back; KeyError when something of it is missing."""
    return RecordedResult(
        data["command"],
        data["exit_code"],
        unpack_bytes(data["stdout"]),
        unpack_bytes(data["stderr"]),
        data["started"],
        data["ended"],
        data["trouble"],
    )


def pack_bytes(raw: bytes) -> Any:
    """Text stays readable in the evidence; only what is not UTF-8 is written in base64."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": b64encode(raw).decode()}


def unpack_bytes(data: Any) -> bytes:
    """Return the bytes that ``pack_bytes`` wrote."""
    return b64decode(data["base64"]) if isinstance(data, dict) else str(data).encode()
