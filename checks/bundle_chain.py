"""The chain of bundles: each names the manifest digest of the one sealed before it in the same workspace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.bundle_manifest import MANIFEST

# The manifest is canonical JSON (keys sorted), and no key of it sorts before "chain": its head is enough to read.
_HEAD = '{"chain":'
_HEAD_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Link:
    """A bundle's place in the chain. ``previous_run`` and ``previous_sha256`` are empty for the first."""

    sequence: int
    previous_run: str = ""
    previous_sha256: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the link as plain data."""
        return {"sequence": self.sequence, "previous_run": self.previous_run, "previous_sha256": self.previous_sha256}

    @classmethod
    def from_dict(cls, data: Any) -> Link:
        """Read a link back; KeyError, TypeError or ValueError when it is not one."""
        return cls(int(data["sequence"]), str(data["previous_run"]), str(data["previous_sha256"]))


def bundles(evidence_dir: Path) -> Iterator[Path]:
    """Yield every sealed bundle of a workspace; half-written ones have a name that starts with a dot."""
    if not evidence_dir.is_dir():
        return
    for folder in sorted(evidence_dir.iterdir()):
        if not folder.name.startswith(".") and (folder / MANIFEST).is_file():
            yield folder


def link_of(bundle: Path) -> Link | None:
    """Read a bundle's place in the chain without reading its whole manifest; None when it has none."""
    with (bundle / MANIFEST).open("rb") as stream:
        head = stream.read(_HEAD_BYTES).decode("utf-8", "replace")
    try:
        if head.startswith(_HEAD):
            return Link.from_dict(json.JSONDecoder().raw_decode(head, len(_HEAD))[0])
    except (ValueError, KeyError, TypeError):
        pass
    return None


def last_bundle(evidence_dir: Path) -> Path | None:
    """Return the bundle that was sealed last, None when there is none."""
    placed = [(link.sequence, folder) for folder in bundles(evidence_dir) if (link := link_of(folder))]
    return max(placed)[1] if placed else None


def next_link(evidence_dir: Path) -> Link:
    """Return the place of the bundle that is sealed next. The caller holds the lock of the folder."""
    last = last_bundle(evidence_dir)
    if last is None:
        return Link(1)
    before = link_of(last)
    return Link((before.sequence if before else 0) + 1, last.name, manifest_sha256(last))


def manifest_sha256(bundle: Path) -> str:
    """Return the digest by which the next bundle names this one."""
    return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()
