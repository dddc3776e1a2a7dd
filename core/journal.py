"""The signed journal: append-only lines, each naming the digest of the one before it, each signed (Ed25519).

A line is on disk (fsync) before ``append`` returns, so a step that was journalled before it ran can be found again
after a crash. A torn last line (power cut in mid-write) is reported by ``verify`` and cut off on the next append.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.canonical_json import encode_canonical
from core.errors import Place, RackproofError
from core.files import append_whole, describe_refusal, make_folder
from core.i18n import _
from core.signing import is_authentic, load_or_create_key

GENESIS = "0" * 64


class Journal:
    """One journal file and the key that signs it."""

    def __init__(self, path: Path, key_path: Path) -> None:
        self.path = path
        self._key = load_or_create_key(key_path)

    def append(self, event: str, **fields: Any) -> dict[str, Any]:
        """Write one line and return it once it is on disk. ``fields`` must be JSON-serialisable.

        Raises RackproofError FIL001 when the disk is full: then nothing of the line is in the journal.
        """
        make_folder(self.path.parent)
        with describe_refusal(self.path), self.path.open("a+b", buffering=0) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            previous = _cut_torn_tail(stream)
            record = {"event": event, "at": datetime.now(UTC).isoformat(), "prev": previous, **fields}
            body = encode_canonical(record)
            record["sig"] = self._key.sign(body).hex()
            append_whole(self.path, stream.fileno(), encode_canonical(record) + b"\n")
        return record

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the complete records, oldest first, without checking signatures."""
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    yield json.loads(line)

    def verify(self) -> int:
        """Check the chain and every signature; return the number of records.

        Raises RackproofError (JRN001) naming the first line that was altered, removed or torn.
        """
        previous, count = GENESIS, 0
        if not self.path.exists():
            return 0
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), start=1):
            problem = self._problem(line, previous)
            if problem:
                raise RackproofError("JRN001", place=Place(self.path, number), problem=problem)
            previous, count = hashlib.sha256(line.rstrip(b"\n")).hexdigest(), number
        return count

    def _problem(self, line: bytes, previous: str) -> str:
        if not line.endswith(b"\n"):
            return _("the last line is incomplete")
        try:
            record = json.loads(line)
            signature = bytes.fromhex(record.pop("sig"))
        except (ValueError, KeyError, AttributeError, TypeError):
            return _("the line is not a signed record")
        if record.get("prev") != previous:
            return _("the line before it was changed or removed")
        if not is_authentic(self._key.public_key(), signature, encode_canonical(record)):
            return _("the signature does not fit the line")
        return ""


def _cut_torn_tail(stream: Any) -> str:
    """Remove an incomplete last line and return the digest of the last complete one."""
    stream.seek(0)
    data = stream.read()
    end = data.rfind(b"\n") + 1
    if end != len(data):
        stream.truncate(end)
    lines = data[:end].splitlines()
    if lines:
        return hashlib.sha256(lines[-1]).hexdigest()
    return GENESIS
