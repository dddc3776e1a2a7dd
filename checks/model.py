"""The words of this room: status, evidence, message, measurement, verdict, run.

Plain frozen data; every type reads back from JSON.

Only ``pass`` is green. What could not be reached, judged or is too old has a status of its own and never counts as met.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol


class Status(StrEnum):
    """What was found. Only PASS is green; NOT_APPLICABLE is proved out of scope and left out of every score."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    ERROR = "error"
    UNREACHABLE = "unreachable"
    STALE = "stale"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


# Worst first: what a roll-up of several verdicts shows. A proved failure says more than a missing answer.
SEVERITY = (
    Status.FAIL,
    Status.UNREACHABLE,
    Status.ERROR,
    Status.STALE,
    Status.NOT_ASSESSED,
    Status.WAIVED,
    Status.PASS,
    Status.NOT_APPLICABLE,
)
# Statuses that make a run fail. WAIVED is counted apart: not green, but accepted in writing until a date.
NOT_MET = frozenset({Status.FAIL, Status.UNREACHABLE, Status.ERROR, Status.STALE, Status.NOT_ASSESSED})


class CollectOutcome(StrEnum):
    """How collecting one piece of evidence went. Only COLLECTED may ever support a pass."""

    COLLECTED = "collected"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    ERROR = "error"
    LOGIN_REFUSED = "login_refused"
    HOST_KEY_CHANGED = "host_key_changed"


class Unit(StrEnum):
    """What the value of a measurement is in. Numbers have the signs that thresholds have; the last five are no numbers.

    How each is written for people stands in ``register/measured_texts.yml``.
    """

    COUNT = "count"
    PERCENT = "%"
    HUMIDITY = "% RH"
    CELSIUS = "°C"
    SECOND = "s"
    MINUTE = "min"
    HOUR = "h"
    DAY = "d"
    WATT = "W"
    VOLT_AMPERE = "VA"
    AMPERE = "A"
    VOLT = "V"
    HERTZ = "Hz"
    KILOWATT_HOUR = "kWh"
    LITRE_PER_SECOND = "l/s"
    PASCAL = "Pa"
    MEGABIT_PER_SECOND = "Mb/s"
    BYTE = "B"
    GIGABYTE = "GB"
    KILOMETRE = "km"

    STATE = "state"
    DATE = "date"
    ADDRESS = "address"
    NAME = "name"
    TEXT = "text"


def format_utc(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def parse_utc(text: str) -> datetime:
    """Read a moment as ``format_utc`` writes it."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One thing that was collected. The raw bytes live elsewhere, addressed by ``sha256``.

    ``key`` names what it is among the items of a collector and asset, ``source`` is the command, path or objects asked.
    ``outcome`` other than ``collected`` means that the raw bytes describe the trouble, not the asset.
    """

    id: str
    site: str
    asset: str
    collector: str
    key: str
    source: str
    started_at: str
    ended_at: str
    outcome: CollectOutcome
    exit_code: int | None
    tool: str
    tool_version: str
    sha256: str
    size: int

    def as_dict(self) -> dict[str, Any]:
        """Return the item as plain data."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EvidenceItem:
        """Read an item back; KeyError or ValueError when it is not one."""
        return cls(**{**{name: data[name] for name in cls.__slots__}, "outcome": CollectOutcome(data["outcome"])})


@dataclass(frozen=True, slots=True)
class Captured:
    """What a collector hands over: one evidence item with its raw bytes."""

    item: EvidenceItem
    raw: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A translatable sentence: an id of ``checks.messages`` and the values to put in."""

    msgid: str
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, msgid: str, **params: object) -> Message:
        """Make a message; values become text, in the order of their names."""
        return cls(msgid, tuple(sorted((name, str(value)) for name, value in params.items())))

    def text(self, language: str = "en") -> str:
        """Return the sentence in ``en`` or ``vi``."""
        from checks.messages import render

        return render(self.msgid, dict(self.params), language)

    def as_dict(self) -> dict[str, Any]:
        """Return the message as plain data."""
        return {"msgid": self.msgid, "params": dict(self.params)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Message:
        """Read a message back."""
        return cls.of(data["msgid"], **data["params"])


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that was found, as programs read it: a number as precise as it was taken, or the word of a device.

    ``name`` says what it is (``age``, ``cipher``) and does not change; text for people is made of it at the very end
    (``checks.register.measured_texts``). ValueError for what is no number: nothing can be compared with it.
    """

    name: str
    value: float | str
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse what no comparison would find wrong: infinity, and the float that is not a number."""
        refuse_endless(self.name, self.value)

    def __str__(self) -> str:
        """Say it exactly, for who compares two of them."""
        return f"{self.name} {self.value} {self.unit.value}"

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as plain data."""
        return {"name": self.name, "value": self.value, "unit": self.unit.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measurement:
        """Read a measurement back; KeyError, TypeError or ValueError when it is not one."""
        return cls(data["name"], data["value"], Unit(data["unit"]))


def measure_known(name: str, value: float | str | None, unit: Unit) -> tuple[Measurement, ...]:
    """Return the measurement; none of what is not known (None) or has no end (an age without a beginning)."""
    if value is None or (isinstance(value, float) and math.isinf(value)):
        return ()
    return (Measurement(name, value, unit),)


def measure_part(name: str, part: int, total: int) -> tuple[Measurement, ...]:
    """Return how many of all are so: the count under its name, and the ``total``."""
    return (Measurement(name, part, Unit.COUNT), Measurement("total", total, Unit.COUNT))


def refuse_endless(name: str, value: float | str) -> None:
    """Raise ValueError for a number that is none, or has no end."""
    if not isinstance(value, str) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}: no number")


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold a verdict was judged by: S seed document, R law or standard, P policy of the operator.

    ``value`` is a number where the threshold is one. ValueError for infinity and for what is no number.
    """

    value: float | str
    unit: str
    provenance: str
    source: str

    def __post_init__(self) -> None:
        """Refuse what no comparison would find wrong: infinity, and the float that is not a number."""
        refuse_endless(self.source, self.value)

    def as_dict(self) -> dict[str, Any]:
        """Return the limit as plain data."""
        return {"value": self.value, "unit": self.unit, "provenance": self.provenance, "source": self.source}

    def is_reached_by(self, measured: Measurement) -> bool:
        """Tell whether a number is at least this limit. ValueError where they are not numbers of the same unit."""
        ours, theirs = self.value, measured.value
        if isinstance(ours, str) or isinstance(theirs, str) or self.unit != measured.unit.value:
            raise ValueError(f"{measured} cannot be compared with {ours} {self.unit}")
        return theirs >= ours


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one requirement on one thing. ``asset`` is None when the site as a whole was judged.

    ``measured`` is what was found, empty when nothing was.
    """

    requirement: str
    site: str
    asset: str | None
    status: Status
    reason: Message
    measured: tuple[Measurement, ...]
    threshold: Limit | None
    evidence: tuple[str, ...]
    judged_at: str
    valid_until: str
    judge: str
    judge_sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data; equal verdicts give equal data."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Read a verdict back; KeyError, TypeError or ValueError when it is not one."""
        values = {name: data[name] for name in cls.__slots__}
        values["status"] = Status(data["status"])
        values["reason"] = Message.from_dict(data["reason"])
        values["measured"] = tuple(Measurement.from_dict(item) for item in data["measured"])
        values["threshold"] = Limit(**data["threshold"]) if data["threshold"] else None
        values["evidence"] = tuple(data["evidence"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what is in scope was really judged (pass, fail or waived) and how much is green.

    Counts are of (requirement, site) pairs; pairs proved not applicable are left out of ``in_scope``.
    """

    in_scope: int
    assessed: int
    passed: int
    waived: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the checks: verdicts and the index of the evidence they stand on.

    ``judged_at`` is the moment all verdicts were judged for; judging again with it gives the same verdicts.
    """

    id: str
    estate: str
    started_at: str
    ended_at: str
    judged_at: str
    selection: Mapping[str, Any]
    requirements: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    evidence: tuple[EvidenceItem, ...]
    coverage: Coverage = field(default_factory=lambda: Coverage(0, 0, 0, 0))

    def as_dict(self) -> dict[str, Any]:
        """Return the run as plain data, verdicts and evidence included."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        """Read a run back; KeyError or ValueError when it is not one."""
        values = {name: data[name] for name in cls.__slots__}
        values["requirements"] = tuple(data["requirements"])
        values["verdicts"] = tuple(Verdict.from_dict(item) for item in data["verdicts"])
        values["evidence"] = tuple(EvidenceItem.from_dict(item) for item in data["evidence"])
        values["coverage"] = Coverage(**data["coverage"])
        return cls(**values)


class RawStore(Protocol):
    """Where raw bytes live, addressed by their SHA-256."""

    def put(self, raw: bytes) -> str:
        """Keep ``raw`` and return its SHA-256 in hexadecimal."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes; KeyError when they are not there."""


class MemoryRawStore:
    """Raw bytes of one run in memory, each kept once."""

    def __init__(self) -> None:
        self._raw: dict[str, bytes] = {}

    def put(self, raw: bytes) -> str:
        """Keep ``raw`` and return its SHA-256 in hexadecimal."""
        digest = hashlib.sha256(raw).hexdigest()
        self._raw[digest] = raw
        return digest

    def get(self, sha256: str) -> bytes:
        """Return the bytes; KeyError when they are not there."""
        return self._raw[sha256]


def roll_up(statuses: Iterable[Status]) -> Status:
    """Return the worst of several statuses; nothing at all is NOT_ASSESSED, never green."""
    found = set(statuses)
    return next((status for status in SEVERITY if status in found), Status.NOT_ASSESSED)


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
