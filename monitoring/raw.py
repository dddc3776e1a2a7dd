"""What an agent really answered, kept as evidence: canonical bytes that can be judged again at any time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from core.errors import ExitCode, RackproofError
from monitoring.snmp.ber import Oid
from monitoring.snmp.message import Varbind
from monitoring.snmp.poll import COMPLETE, Part, Result

SCHEMA = "rackproof.raw-poll/1"


@dataclass(frozen=True)
class RawPoll:
    """One poll of one device. ``attempts`` are (address, error) of addresses that did not answer before this one."""

    device: str
    site: str
    profile: str
    address: str
    version: str
    t0: datetime
    t1: datetime
    varbinds: tuple[Varbind, ...]
    parts: tuple[Part, ...]
    error: str
    attempts: tuple[tuple[str, str], ...]
    rejected: tuple[tuple[str, int], ...]
    sent: int
    received: int

    @classmethod
    def of(
        cls,
        identity: tuple[str, str, str],
        where: tuple[str, str],
        times: tuple[float, float],
        result: Result,
        trouble: tuple[tuple[tuple[str, str], ...], dict[str, int]],
    ) -> RawPoll:
        """Make it from a poll's result: (device, site, profile), (address, version), (t0, t1), (attempts, rejected)."""
        t0, t1 = (datetime.fromtimestamp(moment, UTC) for moment in times)
        varbinds = tuple(result.varbinds[oid] for oid in sorted(result.varbinds))
        attempts, rejected = trouble
        return cls(
            *identity, *where, t0, t1, varbinds, tuple(result.parts), result.error, attempts,
            tuple(sorted(rejected.items())), result.sent, result.received,
        )

    @cached_property
    def by_oid(self) -> dict[Oid, Varbind]:
        """The variables by identifier."""
        return {varbind.oid: varbind for varbind in self.varbinds}

    def failure(self, oid: Oid) -> str:
        """Return why the part of the plan that covers ``oid`` failed; empty when it did not."""
        for part in self.parts:
            covers = part.oid == oid if part.kind == "get" else oid[: len(part.oid)] == part.oid
            if covers and part.status != COMPLETE:
                return part.status
        return ""

    def to_bytes(self) -> bytes:
        """Return the canonical form: the same poll always gives the same bytes."""
        data = {
            "schema": SCHEMA,
            "device": self.device,
            "site": self.site,
            "profile": self.profile,
            "address": self.address,
            "version": self.version,
            "t0": self.t0.isoformat(),
            "t1": self.t1.isoformat(),
            "varbinds": [[dotted(v.oid), v.tag, v.content.hex()] for v in self.varbinds],
            "parts": [[part.kind, dotted(part.oid), part.status] for part in self.parts],
            "error": self.error,
            "attempts": [list(attempt) for attempt in self.attempts],
            "rejected": dict(self.rejected),
            "sent": self.sent,
            "received": self.received,
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> RawPoll:
        """Read the canonical form. Raises RackproofError MON010 when it is not one."""
        try:
            return cls._from_plain(json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RackproofError(
                "MON010", f"not a recorded poll: {error}", expected=SCHEMA, exit_code=ExitCode.INVALID
            ) from error

    @classmethod
    def _from_plain(cls, data: dict[str, Any]) -> RawPoll:
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema is {data['schema']!r}")
        varbinds = tuple(Varbind(arcs(oid), int(tag), bytes.fromhex(content)) for oid, tag, content in data["varbinds"])
        return cls(
            data["device"], data["site"], data["profile"], data["address"], data["version"],
            datetime.fromisoformat(data["t0"]), datetime.fromisoformat(data["t1"]), varbinds,
            tuple(Part(kind, arcs(oid), status) for kind, oid, status in data["parts"]), data["error"],
            tuple((str(address), str(error)) for address, error in data["attempts"]),
            tuple(sorted((str(reason), int(count)) for reason, count in data["rejected"].items())),
            int(data["sent"]), int(data["received"]),
        )  # fmt: skip


def dotted(oid: Oid) -> str:
    """Write an object identifier with dots."""
    return ".".join(map(str, oid))


def arcs(text: str) -> Oid:
    """Read an object identifier with dots, with or without a leading one. Raises ValueError."""
    return tuple(int(arc) for arc in text.strip(".").split("."))
