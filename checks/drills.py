"""The last drill's evidence, kept while it is valid, so that a run without a drill can stand on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.model import Captured, EvidenceItem
from checks.requirement import Requirement
from core.workspace import Workspace

COLLECTOR = "drill"


def keep_drill(ws: Workspace, found: Sequence[Captured]) -> None:
    """Remember the evidence of a drill."""
    folder = _folder(ws)
    folder.mkdir(parents=True, exist_ok=True)
    data = [{"item": entry.item.as_dict(), "raw": entry.raw.hex()} for entry in found]
    new = folder / ".last.new"
    new.write_text(json.dumps(data), encoding="utf-8")
    new.replace(folder / "last.json")


def forget_drill(ws: Workspace) -> None:
    """Forget the last drill: one that is under way, was killed or failed to begin must not leave an older success."""
    (_folder(ws) / "last.json").unlink(missing_ok=True)


def kept_drill(ws: Workspace, requirements: Mapping[str, Requirement]) -> list[Captured]:
    """Return the last drill's evidence while some requirement still accepts it; else nothing."""
    validity = max((item.validity_s for item in requirements.values() if COLLECTOR in item.check.collectors), default=0)
    try:
        data = json.loads((_folder(ws) / "last.json").read_text(encoding="utf-8"))
        found = [Captured(EvidenceItem.from_dict(entry["item"]), bytes.fromhex(entry["raw"])) for entry in data]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    ended = [datetime.fromisoformat(entry.item.ended_at) for entry in found]
    return found if ended and datetime.now(UTC) <= min(ended) + timedelta(seconds=validity) else []


def _folder(ws: Workspace) -> Path:
    return ws.root / "drill"
