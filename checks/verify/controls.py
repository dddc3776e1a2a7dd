"""Which requirements depend on a file of a bundle: what an altered byte calls into question."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from checks.bundle import manifest as names
from checks.verify.findings import FileFault, FileFinding

_REQUIREMENT = re.compile(rb'"requirement":"([A-Za-z0-9.-]+)"')
_EVIDENCE_ID = re.compile(rb'"id":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Dependence:
    """Requirements by raw digest, by evidence item and by judge, and all of them."""

    by_raw: Mapping[str, frozenset[str]]
    by_item: Mapping[str, frozenset[str]]
    everything: tuple[str, ...]


def read_dependence(bundle: Path, findings: Iterable[FileFinding]) -> Dependence:
    """Work out what depends on what, from the original of ``verdicts.json`` and ``evidence.json`` where it is known."""
    restored = {finding.file: finding.restored for finding in findings if finding.restored is not None}
    verdicts = read_records(bundle, names.VERDICTS, restored)
    items = read_records(bundle, names.EVIDENCE, restored)
    by_item: dict[str, set[str]] = {}
    for verdict in verdicts:
        for item in verdict.get("evidence", ()):
            by_item.setdefault(str(item), set()).add(str(verdict.get("requirement")))
    by_raw: dict[str, set[str]] = {}
    for entry in items:
        by_raw.setdefault(str(entry.get("sha256")), set()).update(by_item.get(str(entry.get("id")), ()))
    everything = sorted({str(verdict.get("requirement")) for verdict in verdicts})
    return Dependence(freeze_sets(by_raw), freeze_sets(by_item), tuple(everything))


def name_controls(bundle: Path, findings: tuple[FileFinding, ...]) -> tuple[FileFinding, ...]:
    """Return the findings, each with the requirements that depend on its file."""
    if not findings:
        return ()
    dependence = read_dependence(bundle, findings)
    return tuple(replace(finding, controls=list_controls(finding, bundle, dependence)) for finding in findings)


def list_controls(finding: FileFinding, bundle: Path, dependence: Dependence) -> tuple[str, ...]:
    """Return the requirements that depend on the file of a finding."""
    path = PurePosixPath(finding.file)
    if finding.fault is FileFault.UNEXPECTED:
        return ()  # what was never sealed supports nothing
    if path.parts[0] == names.RAW:
        return tuple(sorted(dependence.by_raw.get(path.name, ())))
    if path.parts[0] == names.REQUIREMENTS:
        return (path.stem,)
    if finding.file in {names.VERDICTS, names.EVIDENCE} and finding.start >= 0:
        return list_controls_of_record(finding, bundle, dependence) or dependence.everything
    return dependence.everything


def list_controls_of_record(finding: FileFinding, bundle: Path, dependence: Dependence) -> tuple[str, ...]:
    """Return the requirement of the record that an altered byte lies in: a record is a line."""
    data = finding.restored or read_or_nothing(bundle / finding.file)
    first = data.rfind(b"\n", 0, finding.start) + 1
    last = data.find(b"\n", max(first, finding.end - 1))
    stretch = data[first : last if last >= 0 else len(data)]
    if finding.file == names.VERDICTS:
        return tuple(sorted({match.decode() for match in _REQUIREMENT.findall(stretch)}))
    items = {match.decode() for match in _EVIDENCE_ID.findall(stretch)}
    return tuple(sorted({control for item in items for control in dependence.by_item.get(item, ())}))


def read_records(bundle: Path, name: str, restored: Mapping[str, bytes | None]) -> list[dict[str, Any]]:
    """Read the records of a file line by line, so that one broken record does not hide the others."""
    found = []
    for line in (restored.get(name) or read_or_nothing(bundle / name)).splitlines():
        try:
            record = json.loads(line.rstrip(b","))
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def read_or_nothing(path: Path) -> bytes:
    """Return the bytes of a file; none when it cannot be read, which is a finding of its own."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def freeze_sets(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    """Return the sets as they will stay."""
    return {key: frozenset(values) for key, values in sets.items()}
