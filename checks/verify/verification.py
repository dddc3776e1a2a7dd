"""Verifying an evidence bundle: offline, as any user, on any machine that has these sources.

First every byte (signature, digests, set of files), then every verdict, judged again from the raw evidence. A bundle
whose bytes are broken is not judged again: verdicts over altered evidence would say nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from checks.bundle.reader import BundleReader
from checks.bundle.writer import name_raw
from checks.verify.controls import name_controls
from checks.verify.files import check_files
from checks.verify.findings import FileFault, FileFinding
from checks.verify.signature import digest_key
from checks.verify.verdicts import Rejudged, judge_again
from core.errors import ExitCode, Place, RackproofError
from core.refusals import say_refusal


class VerificationState(StrEnum):
    """What verifying came to. Only the first two mean that every verdict was found again."""

    VERIFIED = "verified"
    OTHER_JUDGES = "verified_with_other_judges"
    DIFFERENT = "verdicts_differ"
    NOT_JUDGED = "not_judged_again"
    UNTRUSTED = "untrusted_key"
    BROKEN = "broken"


EXIT_CODES = {
    VerificationState.VERIFIED: ExitCode.OK,
    VerificationState.OTHER_JUDGES: ExitCode.OK,
    VerificationState.DIFFERENT: ExitCode.NOT_GREEN,
    VerificationState.NOT_JUDGED: ExitCode.NOT_GREEN,
    VerificationState.UNTRUSTED: ExitCode.INVALID,
    VerificationState.BROKEN: ExitCode.INVALID,
}


#: What stands for judging again where broken bytes were not judged.
NOT_REJUDGED = Rejudged(0, (), ())


@dataclass(frozen=True, slots=True)
class Verification:
    """The result. ``trusted`` tells whether the key that signed is one that was known before."""

    path: Path
    state: VerificationState
    trusted: bool
    signer: str
    manifest_sha256: str
    files: int
    findings: tuple[FileFinding, ...]
    rejudged: Rejudged | None
    seconds: float

    @property
    def errors(self) -> list[RackproofError]:
        """Why the bundle cannot be relied on, as errors of the table: every finding, or the key that nobody knows."""
        if self.state is VerificationState.UNTRUSTED:
            return [RackproofError("EVD044", place=Place(self.path), actual=self.signer or None)]
        broken = ((finding.file, finding.detail) for finding in self.findings)
        return [RackproofError("EVD043", place=Place(self.path / file), actual=detail) for file, detail in broken]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data for ``--json``; a digest that could not be taken is empty."""
        again = self.rejudged or NOT_REJUDGED
        return {
            "path": str(self.path),
            "state": self.state.value,
            "trusted_key": self.trusted,
            "signer": self.signer,
            "manifest_sha256": self.manifest_sha256,
            "files": self.files,
            "findings": [finding.as_dict() for finding in self.findings],
            "verdicts": None if self.rejudged is None else again.verdicts,
            "differences": [item.as_dict() for item in again.differences],
            "other_judges": list(again.other_judges),
            "not_judged_again": again.impossible,
            "seconds": round(self.seconds, 3),
        }


def verify_bundle(path: Path, trusted: Ed25519PublicKey | None) -> Verification:
    """Verify the bundle in folder ``path``; raises RackproofError (EVD040) when there is none or it cannot be read."""
    started = perf_counter()
    try:
        integrity = check_files(path, trusted)
        findings, again = integrity.findings, None
        if not findings:
            findings, again = check_verdicts(BundleReader(path))
        findings = name_controls(path, findings)
    except OSError as error:
        raise RackproofError("EVD040", place=Place(path), reason=say_refusal(error), actual=error.filename) from error

    seal = integrity.seal
    signer = digest_key(seal.key) if seal.key else ""
    return Verification(
        path=path,
        state=choose_state(bool(findings), again, trusted is not None),
        trusted=trusted is not None and signer == digest_key(trusted),
        signer=signer,
        findings=findings,
        rejudged=again,
        manifest_sha256=hashlib.sha256(seal.manifest_bytes).hexdigest() if seal.manifest_bytes else "",
        files=len(seal.manifest.files) if seal.manifest else 0,
        seconds=perf_counter() - started,
    )


def check_verdicts(bundle: BundleReader) -> tuple[tuple[FileFinding, ...], Rejudged | None]:
    """Return what a whole bundle says wrongly of itself, and what judging again gave where it says nothing wrong.

    The verdicts of a release with another form are not compared: written otherwise, they would all seem to differ.
    """
    try:
        bundle.require_known_schema()
    except RackproofError as error:
        return (), Rejudged(0, (), (), str(error))
    findings = find_contradictions(bundle)
    return findings, None if findings else judge_again(bundle)


def choose_state(broken: bool, again: Rejudged | None, trusted: bool) -> VerificationState:
    """Return what verifying came to: the bytes first, then the verdicts, then whose key it was."""
    if broken or again is None:
        return VerificationState.BROKEN
    if again.differences:
        return VerificationState.DIFFERENT if trusted else VerificationState.UNTRUSTED
    if not trusted:
        return VerificationState.UNTRUSTED
    if again.impossible:
        return VerificationState.NOT_JUDGED
    return VerificationState.OTHER_JUDGES if again.other_judges else VerificationState.VERIFIED


def find_contradictions(bundle: BundleReader) -> tuple[FileFinding, ...]:
    """Return what a whole and signed bundle still says wrongly of itself: it was sealed that way."""
    return tuple(list_contradictions(bundle))


def list_contradictions(bundle: BundleReader) -> Iterator[FileFinding]:
    """Yield where the run, the index of its evidence and its verdicts do not fit each other or the manifest."""
    files, run = bundle.manifest.files, bundle.run
    if bundle.manifest.head.get("run") != run.id:
        yield FileFinding(FileFault.CONTRADICTION, "run.json", "the run is not the one that the manifest names")
    for item in run.evidence:
        name = name_raw(item.sha256)
        entry = files.get(name)
        if entry is None or entry.sha256 != item.sha256 or entry.size != item.size:
            yield FileFinding(FileFault.CONTRADICTION, name, f"evidence {item.id} is not what is kept")

    known = {item.id for item in run.evidence}
    for verdict in run.verdicts:
        for item_id in sorted(set(verdict.evidence) - known):
            detail = f"{verdict.requirement} at {verdict.site} names evidence {item_id} that is not there"
            yield FileFinding(FileFault.CONTRADICTION, "verdicts.json", detail)
