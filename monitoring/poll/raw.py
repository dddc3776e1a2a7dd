"""What an agent really answered, kept as evidence: canonical bytes that can be judged again at any time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from core.canonical_json import encode_canonical
from core.errors import RackproofError
from monitoring.snmp.ber import Oid, format_oid, parse_oid
from monitoring.snmp.message import Varbind
from monitoring.snmp.poll import COMPLETE, SILENT, Absence, Part, PollResult

SCHEMA = "rackproof.raw-poll/1"


@dataclass(frozen=True)
class RawPoll:
    """One poll of one device. ``attempts`` are (address, error) of addresses that did not answer before this one.

    ``error`` says in words why there is nothing, ``absence`` as what; both are empty when the device answered.
    """

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
    absence: Absence = Absence.NONE

    @classmethod
    def of(
        cls,
        identity: tuple[str, str, str],
        where: tuple[str, str],
        times: tuple[float, float],
        result: PollResult,
        trouble: tuple[tuple[tuple[str, str], ...], dict[str, int]],
    ) -> RawPoll:
        """Make it from a poll's result: (device, site, profile), (address, version), (t0, t1), (attempts, rejected)."""
        t0, t1 = (datetime.fromtimestamp(moment, UTC) for moment in times)
        varbinds = tuple(result.varbinds[oid] for oid in sorted(result.varbinds))
        attempts, rejected = trouble
        return cls(
            *identity,
            *where,
            t0,
            t1,
            varbinds,
            tuple(result.parts),
            result.error,
            attempts,
            tuple(sorted(rejected.items())),
            result.sent,
            result.received,
            result.absence,
        )

    @classmethod
    def of_fault(cls, identity: tuple[str, str, str], version: str, times: tuple[float, float], error: str) -> RawPoll:
        """Make the poll of a device on which this program failed: no value, and the reason."""
        result = PollResult(error=error, absence=Absence.FAULT)
        return cls.of(identity, ("", version), times, result, ((), {}))

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
            "varbinds": [[format_oid(v.oid), v.tag, v.content.hex()] for v in self.varbinds],
            "parts": [[part.kind, format_oid(part.oid), part.status] for part in self.parts],
            "error": self.error,
            "absence": self.absence.value,
            "attempts": [list(attempt) for attempt in self.attempts],
            "rejected": dict(self.rejected),
            "sent": self.sent,
            "received": self.received,
        }
        return encode_canonical(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> RawPoll:
        """Read the canonical form. Raises RackproofError MON010 when it is not one."""
        try:
            return cls._from_plain(json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RackproofError("MON010", reason=error, schema=SCHEMA) from error

    @classmethod
    def _from_plain(cls, data: dict[str, Any]) -> RawPoll:
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema is {data['schema']!r}")
        varbinds = tuple(
            Varbind(parse_oid(oid), int(tag), bytes.fromhex(content)) for oid, tag, content in data["varbinds"]
        )
        return cls(
            data["device"], data["site"], data["profile"], data["address"], data["version"],
            datetime.fromisoformat(data["t0"]), datetime.fromisoformat(data["t1"]), varbinds,
            tuple(Part(kind, parse_oid(oid), status) for kind, oid, status in data["parts"]), data["error"],
            tuple((str(address), str(error)) for address, error in data["attempts"]),
            tuple(sorted((str(reason), int(count)) for reason, count in data["rejected"].items())),
            int(data["sent"]), int(data["received"]), read_absence(data),
        )  # fmt: skip


def read_absence(data: dict[str, Any]) -> Absence:
    """Return why a recorded poll brought nothing; recordings made before this was kept say it in words only."""
    if "absence" in data:
        return Absence(data["absence"])
    error = str(data["error"])
    if not error:
        return Absence.NONE
    if error.startswith("credentials refused"):
        return Absence.LOGIN_REFUSED
    if error == SILENT:
        return Absence.NO_ANSWER
    if error.startswith(SILENT):
        return Absence.NOT_BELIEVED
    return Absence.FAULT
