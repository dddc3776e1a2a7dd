"""The last drill's evidence, kept while it is valid, so that a run without a drill can stand on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.model import Captured, EvidenceItem
from checks.register.requirement import Requirement
from core.files import make_folder, write_atomic
from core.workspace import Workspace

COLLECTOR = "drill"


def keep_drill(ws: Workspace, found: Sequence[Captured]) -> None:
    """Remember the evidence of a drill."""
    folder = make_folder(name_folder(ws))
    data = [{"item": entry.item.as_dict(), "raw": entry.raw.hex()} for entry in found]
    write_atomic(folder / "last.json", json.dumps(data))


def forget_drill(ws: Workspace) -> None:
    """Forget the last drill: one that is under way, was killed or failed to begin must not leave an older success."""
    (name_folder(ws) / "last.json").unlink(missing_ok=True)


def read_kept_drill(ws: Workspace, requirements: Mapping[str, Requirement]) -> list[Captured]:
    """Return the last drill's evidence while some requirement still accepts it; else nothing."""
    validity = max((item.validity_s for item in requirements.values() if COLLECTOR in item.check.collectors), default=0)
    try:
        data = json.loads((name_folder(ws) / "last.json").read_text(encoding="utf-8"))
        found = [Captured(EvidenceItem.from_dict(entry["item"]), bytes.fromhex(entry["raw"])) for entry in data]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    ended = [datetime.fromisoformat(entry.item.ended_at) for entry in found]
    return found if ended and datetime.now(UTC) <= min(ended) + timedelta(seconds=validity) else []


def name_lock_file(ws: Workspace) -> Path:
    """Return what is held while a drill is under way."""
    return name_folder(ws) / "lock"


def name_folder(ws: Workspace) -> Path:
    """Return the folder in which the last drill is kept."""
    return ws.root / "drill"
