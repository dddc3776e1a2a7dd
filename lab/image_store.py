"""Images that were built here, kept outside the clone for the next one: by their recipe's hash, with their own digest.

What is taken from the store is what was put there: its SHA-256 is compared each time, and a folder or file that
somebody else may write is not read, for an image runs as root. The store is a convenience: whatever is wrong with it,
the image is built.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from core.console import ProgressStep
from core.errors import RackproofError
from core.files import make_folder, require_own_folder, write_atomic
from core.i18n import _
from core.refusals import say_refusal
from lab.command import run

#: The folder of the store; set to nothing, no image is kept.
SETTING = "RACKPROOF_IMAGES"
DEFAULT = "/var/cache/rackproof/images"
#: An image holds Debian's packages as they were: after so many days it is built anew.
VALID_DAYS = 30
#: Images of one kind that are kept: clones may stand at two recipes.
KEPT = 2
TIMEOUT_S = 600
ATTRIBUTES = ("--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls")


def folder() -> Path | None:
    """Return the folder of the store, None where no image is to be kept."""
    text = os.environ.get(SETTING, DEFAULT)
    return Path(text) if text else None


def reuse(target: Path, build: Callable[[Path, ProgressStep], None], step: ProgressStep) -> None:
    """Make ``target`` from the store; where it is not there, have it built and keep it."""
    if not take(target, step):
        build(target, step)
        put(target, step)


def take(target: Path, step: ProgressStep) -> bool:
    """Make ``target`` from the store, whole or not at all; return whether it was there and as it was put.

    Raises RackproofError (FIL001) when the disk is full.
    """
    archive = find(target.name)
    if archive is None:
        return False
    step(_("unpacking the image that was kept in {folder}").format(folder=archive.parent))
    new = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        new.mkdir()
        run(["tar", "--extract", *ATTRIBUTES, "--file", str(archive), "--directory", str(new)], timeout=TIMEOUT_S)
        new.rename(target)
    except RackproofError as error:
        if error.kind == "no_space":
            raise
        return False
    finally:
        if new.exists():
            shutil.rmtree(new)
    return True


def find(name: str) -> Path | None:
    """Return the archive of an image, None unless it is ours alone, young enough and exactly what was put there."""
    where = folder()
    if where is None:
        return None
    archive = where / f"{name}.tar"
    try:
        require_own_folder(where)
        for file in (archive, digest_file(archive)):
            about = file.lstat()
            if about.st_uid != os.geteuid() or about.st_mode & 0o022:
                return None
        is_old = archive.stat().st_mtime < time.time() - VALID_DAYS * 86400
        is_same = digest_file(archive).read_text(encoding="ascii").strip() == digest(archive)
    except (OSError, ValueError):
        return None
    return archive if is_same and not is_old else None


def put(image: Path, step: ProgressStep) -> None:
    """Keep an image that was just built; says so and goes on where it cannot be kept."""
    where = folder()
    if where is None:
        return
    step(_("keeping the image in {folder}").format(folder=where))
    archive = where / f"{image.name}.tar"
    new = where / f".{image.name}.{os.getpid()}.new"
    try:
        make_folder(where)
        require_own_folder(where)
        digest_file(archive).unlink(missing_ok=True)  # without it, nothing half-written is taken for an image
        run(["tar", "--create", *ATTRIBUTES, "--file", str(new), "--directory", str(image), "."], timeout=TIMEOUT_S)
        new.chmod(0o600)
        new.replace(archive)
        write_atomic(digest_file(archive), f"{digest(archive)}\n")
        for old in list_surplus(archive):
            digest_file(old).unlink(missing_ok=True)
            old.unlink(missing_ok=True)
    except (OSError, RackproofError) as error:
        reason = error.message if isinstance(error, RackproofError) else say_refusal(error)
        step(_("the image is not kept for other clones: {reason}").format(reason=reason))
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def list_surplus(archive: Path) -> Iterator[Path]:
    """Yield the archives of the same kind as ``archive`` that are older than those that are kept."""
    kind = archive.name.partition("-")[0]
    found = sorted(archive.parent.glob(f"{kind}-*.tar"), key=lambda file: file.stat().st_mtime, reverse=True)
    yield from found[KEPT:]


def digest_file(archive: Path) -> Path:
    """Return where the SHA-256 of an archive is written."""
    return archive.with_name(f"{archive.name}.sha256")


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
