"""The seal of a bundle: manifest, signature and key, and which of them was touched when they do not fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle import manifest as names
from checks.bundle.corruption import Damage, find_damage, find_difference
from checks.bundle.manifest import OUTSIDE, FileEntry, Manifest, make_locator
from checks.verify.findings import FileFault, FileFinding, report_damage
from core.errors import RackproofError
from core.signing import is_authentic, load_public_pem, public_pem

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class BundleSignature:
    """What the seal says. ``manifest`` is as it was signed, or as it stands (with a finding) when nothing fits it."""

    manifest: Manifest | None
    manifest_bytes: bytes
    key: Ed25519PublicKey | None
    findings: tuple[FileFinding, ...]


def digest_key(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in PEM, the short name of a signer."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def check_signature(files: Files, trusted: Ed25519PublicKey | None) -> BundleSignature:
    """Read the seal. ``files`` holds the seal's files and the public key, as far as they are there.

    With ``trusted`` only that key counts; without it the bundle's own key is used: that proves wholeness, not origin.
    """
    lost = tuple(FileFinding(FileFault.MISSING, name, "missing") for name in sorted(OUTSIDE) if name not in files)
    own = tuple(list_own_keys(files))
    for keys, foreign in (((trusted,), False) if trusted else (own, False), (own if trusted else (), True)):
        for attempt in list_attempts(files):
            for key in keys:
                if is_authentic(key, attempt.signature, attempt.manifest):
                    strange = (report_foreign_key(key, trusted),) if foreign and trusted else ()
                    return _seal(attempt, key, (*lost, *attempt.findings, *check_locator(attempt, files), *strange))
    return report_unsigned(files, lost)


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """A manifest and a signature that may fit each other; ``findings`` say how they differ from what lies there."""

    manifest: bytes
    signature: bytes
    findings: tuple[FileFinding, ...] = ()


def list_attempts(files: Files) -> Iterator[SignedBytes]:
    """Yield the seal as it is, then as it was before a byte of it changed, as far as the locator knows."""
    manifest, signature = files.get(names.MANIFEST, b""), files.get(names.SIGNATURE, b"")
    yield SignedBytes(manifest, signature)
    in_manifest, in_signature = find_hinted_damage(files, names.MANIFEST), find_hinted_damage(files, names.SIGNATURE)
    if in_manifest or in_signature:
        findings = (
            *(report_damage(names.MANIFEST, damage) for damage in in_manifest),
            *(report_damage(names.SIGNATURE, damage) for damage in in_signature),
        )
        yield SignedBytes(restore_bytes(in_manifest, manifest), restore_bytes(in_signature, signature), findings)


def find_hinted_damage(files: Files, name: str) -> tuple[Damage, ...]:
    """Return where the locator says that a file of the seal was altered; nothing when it cannot be read."""
    try:
        entry = FileEntry.from_dict(json.loads(files[names.LOCATOR])[name])
        return find_damage(files[name], entry)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def restore_bytes(damages: tuple[Damage, ...], data: bytes) -> bytes:
    """Return the original of altered bytes where it could be worked out, else the bytes as they are."""
    return next((damage.restored for damage in damages if damage.restored is not None), data)


def list_own_keys(files: Files) -> Iterator[Ed25519PublicKey]:
    """Yield the bundle's own key as it is and, when a byte of it changed, as the manifest says that it was."""
    pem = files.get(names.PUBLIC_KEY, b"")
    candidates = [pem]
    try:
        entry = FileEntry.from_dict(json.loads(files[names.MANIFEST])["files"][names.PUBLIC_KEY])
        candidates.append(restore_bytes(find_damage(pem, entry), pem))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    for candidate in dict.fromkeys(candidates):
        try:
            yield load_public_pem(candidate)
        except (RackproofError, UnsupportedAlgorithm):
            continue


def _seal(attempt: SignedBytes, key: Ed25519PublicKey, findings: tuple[FileFinding, ...]) -> BundleSignature:
    return BundleSignature(parse_manifest(attempt.manifest), attempt.manifest, key, findings)


def parse_manifest(data: bytes) -> Manifest | None:
    """Return the manifest that bytes hold; None when they hold none."""
    try:
        return Manifest.decode(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def check_locator(attempt: SignedBytes, files: Files) -> tuple[FileFinding, ...]:
    """Return what differs in the locator from what the signed bytes give; nothing when there is none."""
    if names.LOCATOR not in files:
        return ()
    damage = find_difference(files[names.LOCATOR], make_locator(attempt.manifest, attempt.signature))
    return (report_damage(names.LOCATOR, damage),) if damage else ()


def report_foreign_key(key: Ed25519PublicKey, trusted: Ed25519PublicKey) -> FileFinding:
    """Return the finding that another key than the trusted one signed."""
    detail = f"signed by key {digest_key(key)[:16]}, not by the trusted key {digest_key(trusted)[:16]}"
    return FileFinding(FileFault.FOREIGN_KEY, names.SIGNATURE, detail)


def report_unsigned(files: Files, lost: tuple[FileFinding, ...]) -> BundleSignature:
    """Return the seal that nothing fits: what the locator hints at, and that no content can be believed."""
    hints = tuple(
        report_damage(name, damage)
        for name in (names.MANIFEST, names.SIGNATURE)
        for damage in find_hinted_damage(files, name)
    )
    detail = "the signature does not fit the manifest: one of them was altered, or another key signed it"
    broken = FileFinding(FileFault.SIGNATURE, names.SIGNATURE, detail)
    manifest = files.get(names.MANIFEST, b"")
    return BundleSignature(parse_manifest(manifest), manifest, None, (*lost, *hints, broken))
