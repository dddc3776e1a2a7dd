"""Files that are written whole or not at all, and what the system refuses in the words of the table of errors.

A file is never seen half-written: its new content goes to a temporary file beside it, reaches the disk, and takes the
old one's place in one step. On a full disk the old content stays and the temporary file goes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from core.errors import Place, RackproofError
from core.refusals import say_refusal
from core.usage import describe_system_error
from core.workspace import is_clone

#: Modes of new files: for everybody to read, and for their owner alone. The umask may take more away.
READABLE, PRIVATE = 0o644, 0o600
#: Errors that say something of the file; the others are a program's mistake and stay what they are.
_REFUSALS = ("no_space", "no_right", "missing_file")


class NotRegularFileError(OSError):
    """A folder, a pipe, a device or another thing that is read differently or without end."""


class FileTooLargeError(OSError):
    """A file of more bytes than its reader accepts; ``size`` says how many."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


class ForeignFileError(PermissionError):
    """A file that another account may have written, or may read."""


def read_regular_file(path: Path, most_bytes: int) -> bytes:
    """Return what a plain file holds. Never waits, as a pipe would make it, and never reads more than is accepted.

    Raises OSError; NotRegularFileError and FileTooLargeError are two of it.
    """
    with _open_regular_file(path, most_bytes, os.O_NONBLOCK) as stream:
        return stream.readall()


def read_private_file(path: Path, most_bytes: int) -> bytes:
    """Return what a file holds that nobody but this account can have written or read.

    A plain file of this account, not a link and under one name, with no rights for others, in a folder of this account
    that nobody else may write. Raises OSError as ``read_regular_file``, and ForeignFileError.
    """
    require_own_folder(path.parent)
    with _open_regular_file(path, most_bytes, os.O_NONBLOCK | os.O_NOFOLLOW) as stream:
        about = os.fstat(stream.fileno())
        if about.st_uid != os.geteuid() or about.st_mode & 0o077 or about.st_nlink != 1:
            raise ForeignFileError
        return stream.readall()


def require_own_folder(folder: Path) -> None:
    """Raise ForeignFileError (an OSError) unless a folder is this account's, and nobody else may write into it."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o022:
        raise ForeignFileError


def require_workspace(folder: Path) -> None:
    """Raise RackproofError (WSP001) where there is no such folder: a mistyped name would read as "nothing was done"."""
    if not folder.is_dir():
        raise RackproofError("WSP001", place=Place(folder))


def require_clone() -> None:
    """Raise RackproofError (RPK001) where Rackproof is installed: what measures or proves its sources needs them."""
    if not is_clone():
        raise RackproofError("RPK001")


def write_atomic(path: Path, data: bytes | str, mode: int = READABLE) -> None:
    """Write a file whole: whoever reads it meets the old content or the new, also after a crash or a power cut.

    ``mode`` is that of a new file; a file that is replaced keeps its owner, and its mode unless ``mode`` is
    ``PRIVATE``. Root writing into another account's folder leaves the file to that account. A device or a pipe
    (``/dev/stdout``) is written to as it is.
    Raises RackproofError: FIL001 disk full, FIL002 no right, FIL003 the folder is not there.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    with describe_refusal(path):
        target = path.resolve()
        old = _stat(target)
        if old is not None and not stat.S_ISREG(old.st_mode):
            _write_through(target, content)
            return
        _replace(target, content, mode, old)


def write_set(files: Mapping[Path, bytes | str], mode: int = READABLE) -> None:
    """Write files that belong together: all of them reach the disk before the first takes its old one's place.

    So a full disk leaves every old file and no new one. Folders are made; raises as ``write_atomic``.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            make_folder(path.parent)
            new = path.with_name(f".{secrets.token_hex(8)}.new")
            staged[new] = path
            with describe_refusal(path):
                write_atomic(new, data, mode)
        for new, path in staged.items():
            with describe_refusal(path):
                new.replace(path)
    finally:
        for new in staged:
            new.unlink(missing_ok=True)


@contextmanager
def stage_copy(source: Path, target: Path) -> Iterator[Path]:
    """Copy a folder beside ``target`` for the length of the block; then the copy takes the target's place.

    Whatever goes wrong, in copying or in the block, the target stays as it was and the copy is removed. Links in the
    source are followed. Raises as ``write_atomic``.
    """
    staged = target.with_name(f".{secrets.token_hex(8)}.new")
    aside = target.with_name(f".{secrets.token_hex(8)}.old")
    try:
        with describe_refusal(target):
            copy_folder(source, staged)
        yield staged
        with describe_refusal(target):
            if target.exists():
                target.rename(aside)
            try:
                staged.rename(target)
            except BaseException:
                if aside.exists():
                    aside.rename(target)
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def copy_folder(source: Path, target: Path, *, leave_out: frozenset[str] = frozenset()) -> None:
    """Copy all that lies in a folder into another, which may be there; stops at the first file that is refused.

    Modes and times are kept, links are followed; folders named in ``leave_out`` are not gone into.

    Raises OSError, of that file: ``shutil.copytree`` goes on and raises one without a number for them all.
    """
    for folder, folders, files in os.walk(source, onerror=_raise, followlinks=True):
        folders[:] = [name for name in folders if name not in leave_out]
        below = target / Path(folder).relative_to(source)
        below.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy2(Path(folder) / name, below / name)
        shutil.copystat(folder, below)


def _raise(error: OSError) -> None:
    raise error


def append_whole(path: Path, descriptor: int, data: bytes) -> None:
    """Append to an open file so that all of ``data`` is on disk afterwards, or nothing of it.

    The caller holds a lock on the file. ``path`` is for the error's place only. Raises as ``write_atomic``.
    """
    end = os.lseek(descriptor, 0, os.SEEK_END)
    with describe_refusal(path):
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, end)
            raise


def make_folder(path: Path, mode: int = 0o755) -> Path:
    """Make a folder and those above it, and return it; root leaves what it makes to the owner of the folder above.

    ``mode`` is that of the last one, less what the umask takes. Raises as ``write_atomic``.
    """
    with describe_refusal(path):
        if path.is_dir():
            return path
        if path.parent != path:
            make_folder(path.parent)
        with suppress(FileExistsError):
            path.mkdir(mode=mode)
            _leave_to_owner(path, path.parent.stat())
        if not path.is_dir():
            raise NotADirectoryError(20, os.strerror(20), str(path))
    return path


@contextmanager
def describe_refusal(path: Path) -> Iterator[None]:
    """Turn what the system refuses inside the block into an error of the table, with ``path`` as its place."""
    try:
        yield
    except OSError as error:
        described = describe_system_error(error)
        if described.kind not in _REFUSALS:
            raise
        raise RackproofError(described.code, place=Place(path), actual=say_refusal(error)) from error


@contextmanager
def _open_regular_file(path: Path, most_bytes: int, flags: int) -> Iterator[FileIO]:
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags), "rb", 0) as stream:  # noqa: PTH123
        about = os.fstat(stream.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise NotRegularFileError
        if about.st_size > most_bytes:
            raise FileTooLargeError(about.st_size)
        yield stream


def _replace(target: Path, content: bytes, mode: int, old: os.stat_result | None) -> None:
    # A name of its own length: the target's may be as long as the file system takes.
    new = target.with_name(f".{secrets.token_hex(8)}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            _write_all(descriptor, content)
            _keep_owner(descriptor, mode, old, target.parent)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _write_through(target: Path, content: bytes) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _keep_owner(descriptor: int, mode: int, old: os.stat_result | None, folder: Path) -> None:
    model = old or folder.stat()
    if os.geteuid() == 0 and model.st_uid != 0:
        os.fchown(descriptor, model.st_uid, model.st_gid)
    if old is not None and mode != PRIVATE:
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _leave_to_owner(path: Path, above: os.stat_result) -> None:
    if os.geteuid() == 0 and above.st_uid != 0:
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """Bring the folder's own entry to disk: else a power cut may bring the old file back."""
    with suppress(OSError):  # some file systems cannot; the file itself is on disk
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
