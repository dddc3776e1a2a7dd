"""The first half of verifying a bundle: is every byte of it what was signed, and if not, where."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks import bundle_manifest as names
from checks.bundle_damage import find_damage
from checks.bundle_manifest import OUTSIDE, FileEntry
from checks.verify_findings import Fault, Finding, altered
from checks.verify_seal import Seal, open_seal


@dataclass(frozen=True, slots=True)
class Integrity:
    """What the bytes of a bundle say."""

    seal: Seal
    findings: tuple[Finding, ...]


def check_files(bundle: Path, trusted: Ed25519PublicKey | None) -> Integrity:
    """Check signature, digests, sizes and the set of files of ``bundle``; see ``open_seal`` for ``trusted``."""
    present, strange = _walk(bundle)
    sealing = {name: present[name].read_bytes() for name in (*OUTSIDE, names.PUBLIC_KEY) if name in present}
    seal = open_seal(sealing, trusted)
    expected: Mapping[str, FileEntry] = seal.manifest.files if seal.manifest else {}
    if seal.manifest is None:
        return Integrity(seal, (*seal.findings, *strange))
    wrong = [finding for name, entry in sorted(expected.items()) for finding in _check(name, present.get(name), entry)]
    extra = sorted(present.keys() - expected.keys() - OUTSIDE)
    moved = _moved(extra, present, [f for f in wrong if f.fault is Fault.MISSING], expected)
    unexpected = [Finding(Fault.UNEXPECTED, name, moved.get(name, "was not sealed")) for name in extra]
    return Integrity(seal, (*seal.findings, *strange, *wrong, *unexpected))


def _walk(bundle: Path) -> tuple[dict[str, Path], list[Finding]]:
    """Return every regular file by its name in the bundle; links, devices and empty folders are findings."""
    present: dict[str, Path] = {}
    findings = []
    for folder, folders, files in os.walk(bundle):
        for entry in (*folders, *files):
            path = Path(folder) / entry
            name = path.relative_to(bundle).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                present[name] = path
            elif not stat.S_ISDIR(mode):
                findings.append(Finding(Fault.NOT_A_FILE, name, "not a regular file"))
            elif not any(path.iterdir()):
                findings.append(Finding(Fault.UNEXPECTED, f"{name}/", "an empty folder that was not sealed"))
    return present, findings


def _check(name: str, path: Path | None, entry: FileEntry) -> Iterator[Finding]:
    if path is None:
        yield Finding(Fault.MISSING, name, f"missing ({entry.size} bytes were sealed)")
        return
    size = path.stat().st_size
    if size != entry.size:
        data = _head_of(path, entry.size + 1)
        start = find_damage(data, entry)[0].start
        detail = f"{size} bytes, {entry.size} were sealed; differs from byte {start} on at the latest"
        yield Finding(Fault.ALTERED, name, detail, start, max(size, entry.size))
        return
    for damage in find_damage(path.read_bytes(), entry):
        yield altered(name, damage)


def _head_of(path: Path, size: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(size)


def _moved(
    extra: list[str], present: Mapping[str, Path], lost: list[Finding], expected: Mapping[str, FileEntry]
) -> dict[str, str]:
    """Tell for each unexpected file whether it is a missing one under another name."""
    missing = {expected[finding.file].sha256: finding.file for finding in lost}
    found = {}
    for name in extra if missing else ():
        former = missing.get(FileEntry.of(present[name].read_bytes()).sha256)
        if former:
            found[name] = f"was not sealed; it is '{former}' under another name"
    return found
