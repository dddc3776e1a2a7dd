"""Writing an evidence bundle: everything a verdict stands on, under one signed manifest, all or nothing.

The bundle grows in a folder whose name starts with a dot and gets its name by one rename once it is on disk. A crash,
a full disk or a secret in the evidence therefore leaves no bundle, never half of one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks import bundle_manifest as names
from checks.bundle_chain import SEALED, Link, manifest_sha256, next_link
from checks.bundle_manifest import FileEntry, Manifest, locator
from checks.bundle_secrets import SecretGuard
from checks.bundle_sources import REQUIREMENTS_DIR, Source, estate_sources, requirement_sources, source_revision
from checks.model import RawStore, Run, canonical_json
from core import signing
from core.errors import ExitCode, Place, RackproofError
from core.journal import Journal
from core.workspace import Workspace

PARTIAL = ".partial-"
LOCK = ".lock"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BundleFolder:
    """A bundle while it grows: each file is looked through for secrets, written and entered in the manifest."""

    def __init__(self, folder: Path, guard: SecretGuard) -> None:
        self.folder = folder
        self.entries: dict[str, FileEntry] = {}
        self._guard = guard

    def add(self, name: str, data: bytes) -> None:
        """Write one file of the bundle; ``name`` is its POSIX path inside."""
        self._guard.check(name, data)
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.entries[name] = FileEntry.of(data)

    def copy(self, prefix: str, sources: Iterable[Source]) -> None:
        """Copy files under ``prefix``."""
        for source in sources:
            self.add(f"{prefix}/{source.name}", source.path.read_bytes())


def write_bundle(
    run: Run, raw_store: RawStore, estate_dir: Path, ws: Workspace, *, requirements_dir: Path = REQUIREMENTS_DIR
) -> Path:
    """Write, sign and return the bundle of a run.

    Raises RackproofError: EVD001 the run has a bundle already, EVD002 raw bytes are missing or not what their address
    says, EVD003 the disk is full, EVD005 a run id that is no file name, EVD010 a secret occurs in it. In every case
    nothing is left behind.
    """
    if not _RUN_ID.fullmatch(run.id):
        raise RackproofError("EVD005", f"'{run.id}' cannot be the name of a bundle", exit_code=ExitCode.INVALID,
                             expected="letters, digits, dot, dash and underscore, a letter or digit first")
    target = ws.evidence_dir / run.id
    guard = SecretGuard.of(ws)
    key = signing.load_or_create_key(ws.signing_key)
    with _growing(ws.evidence_dir, target) as folder:
        bundle = BundleFolder(folder, guard)
        bundle.add(names.PUBLIC_KEY, signing.public_pem(key))
        _add_run(bundle, run)
        _add_raw(bundle, run, raw_store)
        root, files = estate_sources(estate_dir)
        bundle.copy(names.ESTATE, files)
        bundle.copy(names.REQUIREMENTS, requirement_sources(requirements_dir))
        bundle.copy(names.JUDGES, _judge_sources())
        head = _head(run, root, next_link(ws.evidence_dir))
        manifest = Manifest(head, bundle.entries).encode()
        guard.check(names.MANIFEST, manifest)
        signature = key.sign(manifest)
        (folder / names.MANIFEST).write_bytes(manifest)
        (folder / names.SIGNATURE).write_bytes(signature)
        (folder / names.LOCATOR).write_bytes(locator(manifest, signature))
    _publish_key(ws, signing.public_pem(key))
    # Without this the removal of the newest bundle would go unseen: no later one names it.
    Journal(ws.journal, ws.signing_key).append(SEALED, bundle=run.id, manifest_sha256=manifest_sha256(target))
    return target


def records(items: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a JSON array with one canonical record per line, so that a byte's offset leads to its record."""
    lines = b",\n".join(canonical_json(dict(item)) for item in items)
    return b"[\n" + lines + b"\n]\n" if lines else b"[\n]\n"


def _add_run(bundle: BundleFolder, run: Run) -> None:
    data = run.as_dict()
    bundle.add(names.VERDICTS, records(data.pop("verdicts")))
    bundle.add(names.EVIDENCE, records(data.pop("evidence")))
    bundle.add(names.RUN, canonical_json(data) + b"\n")


def _add_raw(bundle: BundleFolder, run: Run, raw_store: RawStore) -> None:
    for digest in sorted({item.sha256 for item in run.evidence}):
        name = raw_name(digest)
        try:
            bundle.add(name, raw_store.get(digest))
        except KeyError:
            raise _raw_error(digest, "is missing from the raw store") from None
        if bundle.entries[name].sha256 != digest:
            raise _raw_error(digest, "is not what its address says")


def raw_name(sha256: str) -> str:
    """Return the path inside a bundle of the raw bytes with this digest."""
    return f"{names.RAW}/{sha256[:2]}/{sha256}"


def _raw_error(digest: str, problem: str) -> RackproofError:
    return RackproofError(
        "EVD002", f"raw evidence {digest} {problem}", remedy="run the checks again; no bundle was written",
        exit_code=ExitCode.INVALID,
    )


def _head(run: Run, estate_root: str, link: Link) -> dict[str, Any]:
    tools: dict[str, set[str]] = {"python": {platform.python_version()}, "rackproof": {"0.1.0"}}
    for item in run.evidence:
        tools.setdefault(item.tool or "unnamed", set()).add(item.tool_version)
    return {
        "chain": link.as_dict(),
        "estate": run.estate,
        "estate_root": estate_root,
        "judges": {verdict.judge: verdict.judge_sha256 for verdict in run.verdicts},
        "revision": source_revision(),
        "run": run.id,
        "sealed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "tools": {tool: sorted(versions) for tool, versions in tools.items()},
    }


def _judge_sources() -> tuple[Source, ...]:
    from checks.judging import judge_sources  # late: the judges load only when a bundle is written

    return tuple(Source(name, path) for name, path in sorted(judge_sources().items()))


@contextmanager
def _growing(evidence_dir: Path, target: Path) -> Iterator[Path]:
    """Yield a folder to fill; on success it is on disk and named ``target``, else it is gone."""
    evidence_dir.mkdir(parents=True, exist_ok=True)
    with (evidence_dir / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in evidence_dir.glob(f"{PARTIAL}*"):  # left by a process that was killed: we hold the lock
            shutil.rmtree(stale, ignore_errors=True)
        if target.exists():
            raise RackproofError("EVD001", f"run '{target.name}' has a bundle already", place=Place(target),
                                 remedy="bundles are never rewritten; start a new run", exit_code=ExitCode.REFUSED)
        folder = evidence_dir / f"{PARTIAL}{target.name}"
        folder.mkdir()
        try:
            yield folder
            os.sync()  # one flush for thousands of files: the name must not outlive the content in a power cut
            folder.rename(target)
        except OSError as error:
            raise _disk_error(error, target) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _disk_error(error: OSError, target: Path) -> RackproofError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    problem = "the disk is full" if full else f"the bundle cannot be written: {error.strerror}"
    return RackproofError(
        "EVD003" if full else "EVD004", problem, place=Place(target), actual=str(error.filename or ""),
        remedy="make room or mend the folder and run again; nothing half-written was left", exit_code=ExitCode.INVALID,
    )


def _publish_key(ws: Workspace, pem: bytes) -> None:
    """Keep the public half where any user may read it, so that verifying needs no private key."""
    target = public_key_file(ws)
    if not target.exists() or target.read_bytes() != pem:
        target.write_bytes(pem)


def public_key_file(ws: Workspace) -> Path:
    """Return where the workspace's own public key lies."""
    return ws.signing_key.with_suffix(".pub.pem")
