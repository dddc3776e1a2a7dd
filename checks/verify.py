"""Verifying an evidence bundle: offline, as any user, on any machine that has these sources.

First every byte (signature, digests, set of files), then every verdict, judged again from the raw evidence. A bundle
whose bytes are broken is not judged again: verdicts over altered evidence would say nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle import raw_name
from checks.bundle_read import BundleReader
from checks.verify_controls import name_controls
from checks.verify_files import check_files
from checks.verify_findings import Fault, Finding
from checks.verify_seal import fingerprint
from checks.verify_verdicts import Rejudged, rejudge
from core.errors import ExitCode, Place, RackproofError


class State(StrEnum):
    """What verifying came to. Only the first two mean that every verdict was found again."""

    VERIFIED = "verified"
    OTHER_JUDGES = "verified_with_other_judges"
    DIFFERENT = "verdicts_differ"
    NOT_JUDGED = "not_judged_again"
    UNTRUSTED = "untrusted_key"
    BROKEN = "broken"


EXIT_CODES = {
    State.VERIFIED: ExitCode.OK, State.OTHER_JUDGES: ExitCode.OK, State.DIFFERENT: ExitCode.NOT_GREEN,
    State.NOT_JUDGED: ExitCode.NOT_GREEN, State.UNTRUSTED: ExitCode.INVALID, State.BROKEN: ExitCode.INVALID,
}


@dataclass(frozen=True, slots=True)
class Verification:
    """The result. ``trusted`` tells whether the key that signed is one that was known before."""

    path: Path
    state: State
    trusted: bool
    signer: str
    manifest_sha256: str
    files: int
    findings: tuple[Finding, ...]
    rejudged: Rejudged | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data for ``--json``."""
        again = self.rejudged
        return {
            "path": str(self.path), "state": self.state.value, "trusted_key": self.trusted, "signer": self.signer,
            "manifest_sha256": self.manifest_sha256, "files": self.files,
            "findings": [finding.as_dict() for finding in self.findings],
            "verdicts": again.verdicts if again else None,
            "differences": [item.as_dict() for item in again.differences] if again else [],
            "other_judges": list(again.other_judges) if again else [],
            "not_judged_again": again.impossible if again else "", "seconds": round(self.seconds, 3),
        }


def verify_bundle(path: Path, trusted: Ed25519PublicKey | None) -> Verification:
    """Verify the bundle in folder ``path``; raises RackproofError (EVD040) when there is none or it cannot be read."""
    started = perf_counter()
    try:
        integrity = check_files(path, trusted)
        seal, findings = integrity.seal, integrity.findings
        reader = BundleReader(path)
        again = None
        if not findings:
            findings = _contradictions(reader)
            again = rejudge(reader) if not findings else None
        findings = name_controls(path, findings)
    except OSError as error:
        raise RackproofError("EVD040", f"the bundle cannot be read: {error.strerror}", place=Place(path),
                             actual=str(error.filename or ""), remedy="give the folder of a bundle that you may read",
                             exit_code=ExitCode.INVALID) from error
    return Verification(
        path=path, state=_state(bool(findings), again, trusted is not None), trusted=trusted is not None and
        seal.key is not None and fingerprint(seal.key) == fingerprint(trusted),
        signer=fingerprint(seal.key) if seal.key else "", findings=findings, rejudged=again,
        manifest_sha256=hashlib.sha256(seal.manifest_bytes).hexdigest(),
        files=len(seal.manifest.files) if seal.manifest else 0, seconds=perf_counter() - started,
    )


def _state(broken: bool, again: Rejudged | None, trusted: bool) -> State:
    if broken or again is None:
        return State.BROKEN
    if again.differences:
        return State.DIFFERENT if trusted else State.UNTRUSTED
    if not trusted:
        return State.UNTRUSTED
    if again.impossible:
        return State.NOT_JUDGED
    return State.OTHER_JUDGES if again.other_judges else State.VERIFIED


def _contradictions(bundle: BundleReader) -> tuple[Finding, ...]:
    """Return what a whole and signed bundle still says wrongly of itself: it was sealed that way."""
    files = bundle.manifest.files
    run = bundle.run
    found = []
    if bundle.manifest.head.get("run") != run.id:
        found.append(Finding(Fault.CONTRADICTION, "run.json", "the run is not the one that the manifest names"))
    for item in run.evidence:
        entry = files.get(raw_name(item.sha256))
        if entry is None or entry.sha256 != item.sha256 or entry.size != item.size:
            found.append(Finding(Fault.CONTRADICTION, raw_name(item.sha256), f"evidence {item.id} is not what is kept"))
    known = {item.id for item in run.evidence}
    for verdict in run.verdicts:
        for item_id in sorted(set(verdict.evidence) - known):
            found.append(Finding(Fault.CONTRADICTION, "verdicts.json",
                                 f"{verdict.requirement} at {verdict.site} names evidence {item_id} that is not there"))
    return tuple(found)
