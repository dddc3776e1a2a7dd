"""Making evidence: raw bytes, where they come from, and the identity that follows from both."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from checks.model import Captured, CollectOutcome, EvidenceItem, format_utc
from core.canonical_json import encode_canonical


def capture_evidence(  # noqa: PLR0913 - evidence has that many facts
    place: tuple[str, str],
    what: tuple[str, str],
    source: str,
    raw: bytes,
    times: tuple[datetime, datetime],
    *,
    outcome: CollectOutcome = CollectOutcome.COLLECTED,
    exit_code: int | None = None,
    tool: str = "",
    tool_version: str = "",
) -> Captured:
    """Make one piece of evidence.

    ``place`` is (site, asset), ``what`` is (collector, key), ``times`` are the moments asking began and ended.
    """
    digest = hashlib.sha256(raw).hexdigest()
    started, ended = (format_utc(moment) for moment in times)
    identity = encode_canonical([*place, *what, source, started, ended, outcome.value, exit_code, digest])
    return Captured(
        EvidenceItem(
            id=hashlib.sha256(identity).hexdigest()[:20],
            site=place[0],
            asset=place[1],
            collector=what[0],
            key=what[1],
            source=source,
            started_at=started,
            ended_at=ended,
            outcome=outcome,
            exit_code=exit_code,
            tool=tool,
            tool_version=tool_version,
            sha256=digest,
            size=len(raw),
        ),
        raw,
    )


def utc_now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)
