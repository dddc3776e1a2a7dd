"""The history of verdicts: one row per requirement and time slot, written whole or not at all, and every gap explained.

A slot is a stretch of time as long as the requirement's cadence. (requirement, slot) is unique, so no restart can write
a slot twice; slots without a row between two that have one are a gap, and a gap has a record that says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, Text, and_, desc, func, insert, select
from sqlalchemy.exc import IntegrityError

from checks.model import Measurement, Message, Status, Unit, Verdict, format_utc, roll_up

META = MetaData()
CLOCKS_APART = timedelta(seconds=60)
RUNS = Table(
    "check_runs",
    META,
    Column("requirement", String(64), primary_key=True),
    Column("slot", Float, primary_key=True),
    Column("cadence_s", Float, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40), nullable=False),
)
VERDICTS = Table(
    "check_verdicts",
    META,
    Column("requirement", String(64), primary_key=True),
    Column("slot", Float, primary_key=True),
    Column("site", String(64), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("judged_at", String(40), nullable=False),
    Column("valid_until", String(40), nullable=False),
    Column("detail", Text, nullable=False),
)
GAPS = Table(
    "check_gaps",
    META,
    Column("requirement", String(64), primary_key=True),
    Column("from_slot", Float, primary_key=True),
    Column("to_slot", Float, nullable=False),
    Column("why", String(40), nullable=False),
    Column("noted_at", String(40), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest verdict of a requirement at a site. ``status`` is what it was; ``at`` says what it is now."""

    requirement: str
    site: str
    status: Status
    reason: str
    judged_at: datetime
    valid_until: datetime

    def at(self, now: datetime) -> Status:
        """Return the status as it stands at ``now``: past its validity it is stale, whatever it was.

        So is one from the future: after a step back of the clock it would stay valid for as long as the step was.
        """
        aged = now > self.valid_until or self.judged_at > now + CLOCKS_APART
        return Status.STALE if aged and self.status is not Status.NOT_APPLICABLE else self.status


class History:
    """The tables of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        META.create_all(engine)

    def record(
        self,
        slots: dict[str, tuple[float, float]],
        run_id: str,
        times: tuple[datetime, datetime],
        verdicts: Iterable[Verdict],
    ) -> list[str]:
        """Write the slots of one sweep (requirement → (slot, cadence)); return the requirements that were written.

        A slot that is there already is left alone: whoever wrote it first was first.
        """
        by_requirement: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            by_requirement.setdefault(verdict.requirement, []).append(verdict)
        written = []
        for requirement, (slot, cadence) in sorted(slots.items()):
            row = {
                "requirement": requirement,
                "slot": slot,
                "cadence_s": cadence,
                "run_id": run_id,
                "started_at": format_utc(times[0]),
                "ended_at": format_utc(times[1]),
            }
            if self._record_one(row, by_requirement.get(requirement, [])):
                written.append(requirement)
        return written

    def _record_one(self, row: dict[str, Any], verdicts: Sequence[Verdict]) -> bool:
        rows = [
            make_verdict_row(row["requirement"], row["slot"], site, group) for site, group in group_by_site(verdicts)
        ]
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(RUNS), row)
                if rows:
                    connection.execute(insert(VERDICTS), rows)
        except IntegrityError:
            return False
        return True

    def last_slot(self, requirement: str) -> float | None:
        """Return the newest slot of a requirement that was judged or explained, or None."""
        with self._engine.connect() as connection:
            judged = connection.scalar(select(func.max(RUNS.c.slot)).where(RUNS.c.requirement == requirement))
            missed = connection.scalar(select(func.max(GAPS.c.to_slot)).where(GAPS.c.requirement == requirement))
        return max((slot for slot in (judged, missed) if slot is not None), default=None)

    def note_gap(self, requirement: str, slots: tuple[float, float], why: str, now: datetime) -> None:
        """Explain the slots from the first to the last, both included; a gap noted already is left alone."""
        row = {
            "requirement": requirement,
            "from_slot": slots[0],
            "to_slot": slots[1],
            "why": why,
            "noted_at": format_utc(now),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(GAPS), row)
        except IntegrityError:
            return

    def latest(self) -> list[Latest]:
        """Return the newest verdict of every requirement at every site."""
        # Per site, too: a site that the newest sweep left out must grow stale here, not vanish.
        newest = (
            select(VERDICTS.c.requirement, VERDICTS.c.site, func.max(VERDICTS.c.slot).label("slot"))
            .group_by(VERDICTS.c.requirement, VERDICTS.c.site)
            .subquery()
        )
        query = select(VERDICTS).join(
            newest,
            and_(
                VERDICTS.c.requirement == newest.c.requirement,
                VERDICTS.c.site == newest.c.site,
                VERDICTS.c.slot == newest.c.slot,
            ),
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(VERDICTS.c.requirement, VERDICTS.c.site)).mappings().all()
        return [
            Latest(
                row["requirement"],
                row["site"],
                Status(row["status"]),
                row["reason"],
                datetime.fromisoformat(row["judged_at"]),
                datetime.fromisoformat(row["valid_until"]),
            )
            for row in rows
        ]

    def gaps(self) -> list[dict[str, Any]]:
        """Return every gap, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(GAPS).order_by(desc(GAPS.c.from_slot))).mappings().all()
        return [dict(row) for row in rows]

    def verdicts(self, requirement: str | None, site: str | None, limit: int) -> list[dict[str, Any]]:
        """Return verdicts, newest first, of one requirement and site when given; ``detail`` is a list."""
        query = select(VERDICTS).order_by(desc(VERDICTS.c.slot), VERDICTS.c.requirement, VERDICTS.c.site).limit(limit)
        if requirement:
            query = query.where(VERDICTS.c.requirement == requirement)
        if site:
            query = query.where(VERDICTS.c.site == site)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [{**row, "detail": read_detail(row["detail"])} for row in rows]

    def slots(self, requirement: str) -> list[float]:
        """Return every judged slot of a requirement, oldest first."""
        with self._engine.connect() as connection:
            return list(
                connection.scalars(select(RUNS.c.slot).where(RUNS.c.requirement == requirement).order_by(RUNS.c.slot))
            )


def find_unexplained(history: History, requirement: str, cadence: float) -> list[float]:
    """Return the slots between the first and the last judged one that have neither a run nor a gap record."""
    judged = history.slots(requirement)
    if not judged:
        return []
    spans = [(gap["from_slot"], gap["to_slot"]) for gap in history.gaps() if gap["requirement"] == requirement]
    known = set(judged)
    count = round((judged[-1] - judged[0]) / cadence)
    every = [judged[0] + step * cadence for step in range(count + 1)]
    return [
        slot
        for slot in every
        if not any(abs(slot - one) < cadence / 2 for one in known)
        and not any(low - cadence / 2 < slot < high + cadence / 2 for low, high in spans)
    ]


def group_by_site(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, list[Verdict]]]:
    """Yield the verdicts of each site, by its name."""
    for site in sorted({verdict.site for verdict in verdicts}):
        yield site, [verdict for verdict in verdicts if verdict.site == site]


def make_verdict_row(requirement: str, slot: float, site: str, group: list[Verdict]) -> dict[str, Any]:
    """Return the row of one requirement at one site: its worst status with the reason, and every asset in detail."""
    status = roll_up(verdict.status for verdict in group)
    reason = next((verdict.reason for verdict in group if verdict.status is status), Message.of("judge.nothing"))
    return {
        "requirement": requirement,
        "slot": slot,
        "site": site,
        "status": status.value,
        "reason": json.dumps(reason.as_dict(), ensure_ascii=False),
        "judged_at": group[0].judged_at,
        "valid_until": min(verdict.valid_until for verdict in group),
        "detail": json.dumps([make_detail(verdict) for verdict in group], ensure_ascii=False),
    }


def make_detail(verdict: Verdict) -> dict[str, Any]:
    """Return what a row keeps of one thing that was judged."""
    measured = [item.as_dict() for item in verdict.measured]
    return {"asset": verdict.asset, "status": verdict.status.value, "measured": measured}


def read_detail(text: str) -> list[dict[str, Any]]:
    """Return what a row keeps of each thing that was judged, as ``make_detail`` makes it.

    Releases before kept a text for people: it is the one measurement then, of the name and the unit ``text``.
    """
    details: list[dict[str, Any]] = json.loads(text)
    for detail in details:
        if isinstance(detail["measured"], str):
            told = (Measurement("text", detail["measured"], Unit.TEXT),) if detail["measured"] else ()
            detail["measured"] = [item.as_dict() for item in told]
    return details


def find_slot(now: datetime, cadence: float) -> float:
    """Return the slot of a moment: the epoch second its stretch of time begins with."""
    return now.astimezone(UTC).timestamp() // cadence * cadence
