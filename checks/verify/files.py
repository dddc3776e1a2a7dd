"""The first half of verifying a bundle: is every byte of it what was signed, and if not, where."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle import manifest as names
from checks.bundle.corruption import find_damage
from checks.bundle.manifest import OUTSIDE, FileEntry
from checks.verify.findings import FileFault, FileFinding, report_damage
from checks.verify.signature import BundleSignature, check_signature


@dataclass(frozen=True, slots=True)
class Integrity:
    """What the bytes of a bundle say."""

    seal: BundleSignature
    findings: tuple[FileFinding, ...]


def check_files(bundle: Path, trusted: Ed25519PublicKey | None) -> Integrity:
    """Check signature, digests, sizes and the set of files of ``bundle``; see ``check_signature`` for ``trusted``."""
    present, strange = walk_bundle(bundle)
    sealing = {name: present[name].read_bytes() for name in (*OUTSIDE, names.PUBLIC_KEY) if name in present}
    seal = check_signature(sealing, trusted)
    expected: Mapping[str, FileEntry] = seal.manifest.files if seal.manifest else {}
    if seal.manifest is None:
        return Integrity(seal, (*seal.findings, *strange))
    wrong = [
        finding for name, entry in sorted(expected.items()) for finding in check_file(name, present.get(name), entry)
    ]
    extra = sorted(present.keys() - expected.keys() - OUTSIDE)
    moved = find_moved(extra, present, [f for f in wrong if f.fault is FileFault.MISSING], expected)
    unexpected = [FileFinding(FileFault.UNEXPECTED, name, moved.get(name, "was not sealed")) for name in extra]
    return Integrity(seal, (*seal.findings, *strange, *wrong, *unexpected))


def walk_bundle(bundle: Path) -> tuple[dict[str, Path], list[FileFinding]]:
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
                findings.append(FileFinding(FileFault.NOT_A_FILE, name, "not a regular file"))
            elif not any(path.iterdir()):
                findings.append(FileFinding(FileFault.UNEXPECTED, f"{name}/", "an empty folder that was not sealed"))
    return present, findings


def check_file(name: str, path: Path | None, entry: FileEntry) -> Iterator[FileFinding]:
    """Yield what is wrong with one file that was signed: missing, of another size, or altered, and where."""
    if path is None:
        yield FileFinding(FileFault.MISSING, name, f"missing ({entry.size} bytes were sealed)")
        return
    size = path.stat().st_size
    if size != entry.size:
        data = read_head(path, entry.size + 1)
        start = find_damage(data, entry)[0].start
        detail = f"{size} bytes, {entry.size} were sealed; differs from byte {start} on at the latest"
        yield FileFinding(FileFault.ALTERED, name, detail, start, max(size, entry.size))
        return
    for damage in find_damage(path.read_bytes(), entry):
        yield report_damage(name, damage)


def read_head(path: Path, size: int) -> bytes:
    """Return the first bytes of a file: one that grew to any size is not read whole."""
    with path.open("rb") as stream:
        return stream.read(size)


def find_moved(
    extra: list[str], present: Mapping[str, Path], lost: list[FileFinding], expected: Mapping[str, FileEntry]
) -> dict[str, str]:
    """Tell for each unexpected file whether it is a missing one under another name."""
    missing = {expected[finding.file].sha256: finding.file for finding in lost}
    found = {}
    for name in extra if missing else ():
        former = missing.get(FileEntry.of(present[name].read_bytes()).sha256)
        if former:
            found[name] = f"was not sealed; it is '{former}' under another name"
    return found
