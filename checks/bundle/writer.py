"""Writing an evidence bundle: everything a verdict stands on, under one signed manifest, all or nothing.

The bundle grows in a folder whose name starts with a dot and gets its name by one rename once it is on disk. A crash,
a full disk or a secret in the evidence therefore leaves no bundle, never half of one.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks.bundle import manifest as names
from checks.bundle.chain import SEALED, ChainLink, hash_manifest, make_next_link
from checks.bundle.manifest import FileEntry, Manifest, make_locator
from checks.bundle.secret_scan import SecretGuard
from checks.bundle.sources import REQUIREMENTS_DIR, SourceFile, list_estate_sources, list_requirement_sources
from checks.bundle.tool_versions import read_tools
from checks.model import RawStore, Run
from core import locks, signing
from core.canonical_json import encode_canonical
from core.errors import Place, RackproofError
from core.files import make_folder, write_atomic
from core.journal import Journal
from core.refusals import say_refusal
from core.version import read_revision
from core.workspace import Workspace

PARTIAL = ".partial-"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
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

    def copy(self, prefix: str, sources: Iterable[SourceFile]) -> None:
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
        raise RackproofError("EVD005", actual=run.id)
    target = ws.evidence_dir / run.id
    guard = SecretGuard.of(ws)
    key = signing.load_or_create_key(ws.signing_key)
    with open_staging_folder(ws.evidence_dir, target) as folder:
        bundle = BundleFolder(folder, guard)
        bundle.add(names.PUBLIC_KEY, signing.public_pem(key))
        add_run(bundle, run)
        add_raw(bundle, run, raw_store)
        root, files = list_estate_sources(estate_dir)
        bundle.copy(names.ESTATE, files)
        bundle.copy(names.REQUIREMENTS, list_requirement_sources(requirements_dir))
        bundle.copy(names.JUDGES, list_judge_sources())
        head = make_head(run, root, make_next_link(ws.evidence_dir))
        manifest = Manifest(head, bundle.entries).encode()
        guard.check(names.MANIFEST, manifest)
        signature = key.sign(manifest)
        (folder / names.MANIFEST).write_bytes(manifest)
        (folder / names.SIGNATURE).write_bytes(signature)
        (folder / names.LOCATOR).write_bytes(make_locator(manifest, signature))
    publish_key(ws, signing.public_pem(key))
    # Without this the removal of the newest bundle would go unseen: no later one names it.
    Journal(ws.journal, ws.signing_key).append(SEALED, bundle=run.id, manifest_sha256=hash_manifest(target))
    return target


def encode_records(items: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a JSON array with one canonical record per line, so that a byte's offset leads to its record."""
    lines = b",\n".join(encode_canonical(dict(item)) for item in items)
    return b"[\n" + lines + b"\n]\n" if lines else b"[\n]\n"


def add_run(bundle: BundleFolder, run: Run) -> None:
    """Put the run, its verdicts and the index of its evidence into a bundle."""
    data = run.as_dict()
    bundle.add(names.VERDICTS, encode_records(data.pop("verdicts")))
    bundle.add(names.EVIDENCE, encode_records(data.pop("evidence")))
    bundle.add(names.RUN, encode_canonical(data) + b"\n")


def add_raw(bundle: BundleFolder, run: Run, raw_store: RawStore) -> None:
    """Put the raw bytes of the evidence into a bundle, each once. Raises RackproofError (EVD002)."""
    for digest in sorted({item.sha256 for item in run.evidence}):
        name = name_raw(digest)
        try:
            bundle.add(name, raw_store.get(digest))
        except KeyError:
            raise RackproofError("EVD002", digest=digest) from None
        if bundle.entries[name].sha256 != digest:
            raise RackproofError("EVD002", digest=digest)


def name_raw(sha256: str) -> str:
    """Return the path inside a bundle of the raw bytes with this digest."""
    return f"{names.RAW}/{sha256[:2]}/{sha256}"


def make_head(run: Run, estate_root: str, link: ChainLink) -> dict[str, Any]:
    """Return what the manifest says besides its files: the chain, the run, the judges, the tools and their versions."""
    tools = {tool: {found} for tool, found in read_tools().items()}
    for item in run.evidence:
        tools.setdefault(item.tool or "unnamed", set()).add(item.tool_version)
    return {
        "chain": link.as_dict(),
        "estate": run.estate,
        "estate_root": estate_root,
        "judges": {verdict.judge: verdict.judge_sha256 for verdict in run.verdicts},
        "revision": read_revision(),
        "run": run.id,
        "sealed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "tools": {tool: sorted(versions) for tool, versions in tools.items()},
    }


def list_judge_sources() -> tuple[SourceFile, ...]:
    """Return the sources of the judges, which the bundle keeps so that others can be told apart from them."""
    from checks.judge.registry import judge_sources  # late: the judges load only when a bundle is written

    return tuple(SourceFile(name, path) for name, path in sorted(judge_sources().items()))


@contextmanager
def open_staging_folder(evidence_dir: Path, target: Path) -> Iterator[Path]:
    """Yield a folder to fill; on success it is on disk and named ``target``, else it is gone."""
    make_folder(evidence_dir)
    with locks.hold(evidence_dir / LOCK, "writing an evidence bundle", wait=True):
        for stale in evidence_dir.glob(f"{PARTIAL}*"):  # left by a process that was killed: we hold the lock
            shutil.rmtree(stale, ignore_errors=True)
        if target.exists():
            raise RackproofError("EVD001", place=Place(target), actual=target.name)
        folder = evidence_dir / f"{PARTIAL}{target.name}"
        folder.mkdir()
        try:
            yield folder
            os.sync()  # one flush for thousands of files: the name must not outlive the content in a power cut
            folder.rename(target)
        except OSError as error:
            raise explain_disk_error(error, target) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def explain_disk_error(error: OSError, target: Path) -> RackproofError:
    """Return the error of a disk that did not take a bundle: EVD003 when it is full, else EVD004."""
    code = "EVD003" if error.errno in FULL else "EVD004"
    return RackproofError(code, place=Place(target), reason=say_refusal(error), actual=error.filename)


def publish_key(ws: Workspace, pem: bytes) -> None:
    """Keep the public half where any user may read it, so that verifying needs no private key."""
    target = name_public_key_file(ws)
    if not target.exists() or target.read_bytes() != pem:
        write_atomic(target, pem)


def name_public_key_file(ws: Workspace) -> Path:
    """Return where the workspace's own public key lies."""
    return ws.signing_key.with_suffix(".pub.pem")
