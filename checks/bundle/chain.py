"""The chain of bundles: each names the manifest digest of the one sealed before it in the same workspace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.bundle.manifest import MANIFEST

SEALED = "evidence.sealed"  # the journal's event, with the fields bundle and manifest_sha256
# The manifest is canonical JSON (keys sorted), and no key of it sorts before "chain": its head is enough to read.
_HEAD = '{"chain":'
_HEAD_BYTES = 2048


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A bundle's place in the chain. ``previous_run`` and ``previous_sha256`` are empty for the first."""

    sequence: int
    previous_run: str = ""
    previous_sha256: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the link as plain data."""
        return {"sequence": self.sequence, "previous_run": self.previous_run, "previous_sha256": self.previous_sha256}

    @classmethod
    def from_dict(cls, data: Any) -> ChainLink:
        """Read a link back; KeyError, TypeError or ValueError when it is not one."""
        return cls(int(data["sequence"]), str(data["previous_run"]), str(data["previous_sha256"]))


def list_bundles(evidence_dir: Path) -> Iterator[Path]:
    """Yield every sealed bundle of a workspace; half-written ones have a name that starts with a dot."""
    if not evidence_dir.is_dir():
        return
    for folder in sorted(evidence_dir.iterdir()):
        if not folder.name.startswith(".") and (folder / MANIFEST).is_file():
            yield folder


def read_link(bundle: Path) -> ChainLink | None:
    """Read a bundle's place in the chain without reading its whole manifest; None when it has none."""
    with (bundle / MANIFEST).open("rb") as stream:
        head = stream.read(_HEAD_BYTES).decode("utf-8", "replace")
    try:
        if head.startswith(_HEAD):
            return ChainLink.from_dict(json.JSONDecoder().raw_decode(head, len(_HEAD))[0])
    except (ValueError, KeyError, TypeError):
        pass
    return None


def find_last_bundle(evidence_dir: Path, unlike: str = "") -> Path | None:
    """Return the bundle that was sealed last (whose name does not end with ``unlike``), None when there is none."""
    wanted = [folder for folder in list_bundles(evidence_dir) if not unlike or not folder.name.endswith(unlike)]
    placed = [(link.sequence, folder) for folder in wanted if (link := read_link(folder))]
    return max(placed)[1] if placed else None


def make_next_link(evidence_dir: Path) -> ChainLink:
    """Return the place of the bundle that is sealed next. The caller holds the lock of the folder."""
    last = find_last_bundle(evidence_dir)
    if last is None:
        return ChainLink(1)
    before = read_link(last)
    return ChainLink((before.sequence if before else 0) + 1, last.name, hash_manifest(last))


def hash_manifest(bundle: Path) -> str:
    """Return the digest by which the next bundle names this one."""
    return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()


def list_sealed(journal: Path) -> dict[str, str]:
    """Return the manifest digest of every bundle that the journal says was sealed, in order."""
    found: dict[str, str] = {}
    if journal.exists():
        for line in journal.read_bytes().splitlines():
            if SEALED.encode() not in line:
                continue
            try:
                record = json.loads(line)
                found[str(record["bundle"])] = str(record["manifest_sha256"])
            except (ValueError, KeyError, TypeError):
                continue  # `journal verify` is who complains about the journal itself
    return found


def check_chain(evidence_dir: Path, journal: Path) -> list[dict[str, Any]]:
    """Return one row per bundle in the order of the chain; ``chain`` says ``whole`` or what is wrong.

    A bundle that the journal knows and the folder does not hold has a row of its own, with sequence 0.
    """
    known = list_sealed(journal)
    placed = sorted(
        ((link, folder) for folder in list_bundles(evidence_dir) if (link := read_link(folder))),
        key=lambda pair: pair[0].sequence,
    )
    rows: list[dict[str, Any]] = []
    before = ChainLink(0), ""
    for link, folder in placed:
        digest = hash_manifest(folder)
        rows.append(
            {
                "sequence": link.sequence,
                "run": folder.name,
                "manifest_sha256": digest,
                "chain": describe_link(link, before, known.get(folder.name, digest) == digest),
            }
        )
        before = link, digest
    gone = [name for name in known if name not in {folder.name for _link, folder in placed}]
    return rows + [
        {
            "sequence": 0,
            "run": name,
            "manifest_sha256": known[name],
            "chain": "the journal says it was sealed; it is gone",
        }
        for name in gone
    ]


def describe_link(link: ChainLink, before: tuple[ChainLink, str], as_sealed: bool) -> str:
    """Say what is wrong with a bundle's place in the chain after the one ``before`` it, or ``whole``."""
    if not as_sealed:
        return "the manifest is not the one that the journal says was sealed"
    if link.sequence != before[0].sequence + 1:
        return f"bundle {link.sequence - 1} ({link.previous_run}) is missing"
    if link.previous_sha256 != before[1]:
        return f"the bundle before it ({link.previous_run}) was replaced or altered"
    return "whole"
