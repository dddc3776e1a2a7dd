"""The last drill's evidence, kept while it is valid, so that a run without a drill can stand on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.model import Captured, EvidenceItem
from checks.requirement import Requirement
from core.workspace import Workspace

COLLECTOR = "drill"


def keep_drill(ws: Workspace, entry: Captured) -> None:
    """Remember the evidence of a drill."""
    folder = _folder(ws)
    folder.mkdir(parents=True, exist_ok=True)
    data = {"item": entry.item.as_dict(), "raw": entry.raw.decode("utf-8", errors="surrogateescape")}
    new = folder / ".last.new"
    new.write_text(json.dumps(data), encoding="utf-8")
    new.replace(folder / "last.json")


def kept_drill(ws: Workspace, requirements: Mapping[str, Requirement]) -> list[Captured]:
    """Return the last drill's evidence when it is still valid for some requirement; else nothing."""
    validity = max((item.validity_s for item in requirements.values() if COLLECTOR in item.check.collectors), default=0)
    try:
        data = json.loads((_folder(ws) / "last.json").read_text(encoding="utf-8"))
        item = EvidenceItem.from_dict(data["item"])
    except (OSError, ValueError, KeyError):
        return []
    fresh = datetime.now(UTC) <= datetime.fromisoformat(item.ended_at) + timedelta(seconds=validity)
    return [Captured(item, str(data["raw"]).encode("utf-8", errors="surrogateescape"))] if fresh else []


def _folder(ws: Workspace) -> Path:
    return ws.root / "drill"
