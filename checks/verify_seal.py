"""The seal of a bundle: manifest, signature and key, and which of them was touched when they do not fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks import bundle_manifest as names
from checks.bundle_damage import Damage, difference, find_damage
from checks.bundle_manifest import OUTSIDE, FileEntry, Manifest, locator
from checks.verify_findings import Fault, Finding, altered
from core.errors import RackproofError
from core.signing import is_authentic, load_public_pem, public_pem

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Seal:
    """What the seal says. ``manifest`` is as it was signed, or as it stands (with a finding) when nothing fits it."""

    manifest: Manifest | None
    manifest_bytes: bytes
    key: Ed25519PublicKey | None
    findings: tuple[Finding, ...]


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in PEM, the short name of a signer."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def open_seal(files: Files, trusted: Ed25519PublicKey | None) -> Seal:
    """Read the seal. ``files`` holds the seal's files and the public key, as far as they are there.

    With ``trusted`` only that key counts; without it the bundle's own key is used: that proves wholeness, not origin.
    """
    lost = tuple(Finding(Fault.MISSING, name, "missing") for name in sorted(OUTSIDE) if name not in files)
    own = tuple(_own_keys(files))
    for keys, foreign in (((trusted,), False) if trusted else (own, False), (own if trusted else (), True)):
        for attempt in _attempts(files):
            for key in keys:
                if is_authentic(key, attempt.signature, attempt.manifest):
                    strange = (_foreign(key, trusted),) if foreign and trusted else ()
                    return _seal(attempt, key, (*lost, *attempt.findings, *_locator_fault(attempt, files), *strange))
    return _unsigned(files, lost)


@dataclass(frozen=True, slots=True)
class _Attempt:
    manifest: bytes
    signature: bytes
    findings: tuple[Finding, ...] = ()


def _attempts(files: Files) -> Iterator[_Attempt]:
    """Yield the seal as it is, then as it was before a byte of it changed, as far as the locator knows."""
    manifest, signature = files.get(names.MANIFEST, b""), files.get(names.SIGNATURE, b"")
    yield _Attempt(manifest, signature)
    in_manifest, in_signature = _hinted(files, names.MANIFEST), _hinted(files, names.SIGNATURE)
    if in_manifest or in_signature:
        findings = (*(altered(names.MANIFEST, damage) for damage in in_manifest),
                    *(altered(names.SIGNATURE, damage) for damage in in_signature))
        yield _Attempt(_restored(in_manifest, manifest), _restored(in_signature, signature), findings)


def _hinted(files: Files, name: str) -> tuple[Damage, ...]:
    """Return where the locator says that a file of the seal was altered; nothing when it cannot be read."""
    try:
        entry = FileEntry.from_dict(json.loads(files[names.LOCATOR])[name])
        return find_damage(files[name], entry)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _restored(damages: tuple[Damage, ...], data: bytes) -> bytes:
    return next((damage.restored for damage in damages if damage.restored is not None), data)


def _own_keys(files: Files) -> Iterator[Ed25519PublicKey]:
    """Yield the bundle's own key as it is and, when a byte of it changed, as the manifest says that it was."""
    pem = files.get(names.PUBLIC_KEY, b"")
    candidates = [pem]
    try:
        entry = FileEntry.from_dict(json.loads(files[names.MANIFEST])["files"][names.PUBLIC_KEY])
        candidates.append(_restored(find_damage(pem, entry), pem))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    for candidate in dict.fromkeys(candidates):
        try:
            yield load_public_pem(candidate)
        except (RackproofError, UnsupportedAlgorithm):
            continue


def _seal(attempt: _Attempt, key: Ed25519PublicKey, findings: tuple[Finding, ...]) -> Seal:
    return Seal(_parse(attempt.manifest), attempt.manifest, key, findings)


def _parse(data: bytes) -> Manifest | None:
    try:
        return Manifest.decode(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _locator_fault(attempt: _Attempt, files: Files) -> tuple[Finding, ...]:
    if names.LOCATOR not in files:
        return ()
    damage = difference(files[names.LOCATOR], locator(attempt.manifest, attempt.signature))
    return (altered(names.LOCATOR, damage),) if damage else ()


def _foreign(key: Ed25519PublicKey, trusted: Ed25519PublicKey) -> Finding:
    detail = f"signed by key {fingerprint(key)[:16]}, not by the trusted key {fingerprint(trusted)[:16]}"
    return Finding(Fault.FOREIGN_KEY, names.SIGNATURE, detail)


def _unsigned(files: Files, lost: tuple[Finding, ...]) -> Seal:
    """Return the seal that nothing fits: what the locator hints at, and that no content can be believed."""
    hints = tuple(altered(name, damage) for name in (names.MANIFEST, names.SIGNATURE) for damage in
                  _hinted(files, name))
    detail = "the signature does not fit the manifest: one of them was altered, or another key signed it"
    broken = Finding(Fault.SIGNATURE, names.SIGNATURE, detail)
    manifest = files.get(names.MANIFEST, b"")
    return Seal(_parse(manifest), manifest, None, (*lost, *hints, broken))
