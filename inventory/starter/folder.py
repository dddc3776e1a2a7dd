"""The folder that ``rackproof init`` makes: estate, workspace and settings, whole or not at all.

All of it is made in a hidden folder beside the place, checked there as any estate is, and moved in one step. Whoever is
killed half-way leaves that hidden folder alone; the next call for the same place removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.account_keys import make_account_keys
from core.errors import ErrorGroup, Place, RackproofError
from core.files import describe_refusal, make_folder, sync_folder, write_atomic
from core.secrets import make_secrets
from core.settings import FILE_NAME
from core.signing import load_or_create_key
from core.workspace import REPOSITORY, Workspace, is_clone
from inventory.load.loader import check_estate
from inventory.starter.answers import IPV4_PREFIX, IPV6_PREFIX, Answers, quote, refuse_answer, write_code

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE / "examples"
TEMPLATES = HERE / "templates"
#: Stands in the name of a template for the code of the site.
SITE_STEM = "SITE"
#: What the system says when the place was taken while the folder was made.
TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR)
#: An error names so many of the things that are there already.
LISTED = 3


def list_examples() -> list[str]:
    """Return the names of the examples."""
    return sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


def name_program() -> str:
    """Return what a person types, from any folder: a clone has a launcher that is not on the path."""
    if is_clone():
        return str(REPOSITORY / "rackproof")
    return "rackproof"


def require_free(target: Path) -> None:
    """Raise RackproofError unless a folder can be made here: INI001 something is there, FIL003 no folder above."""
    with describe_refusal(target):
        if target.is_dir():
            present = sorted(entry.name for entry in target.iterdir())
            if present:
                more = ", …" if len(present) > LISTED else ""
                raise RackproofError("INI001", place=Place(target), actual=", ".join(present[:LISTED]) + more)
        elif os.path.lexists(target):
            raise RackproofError("INI001", place=Place(target))
    with describe_refusal(target.parent):
        target.parent.stat()


def make_home(target: Path, chosen: Answers | str) -> list[Path]:
    """Make the folder of an operator: ``chosen`` are the answers for a first estate, or the name of an example.

    Returns its files, relative to it. Raises RackproofError: INI001 something is there already, USE005 an answer with
    which the estate is not valid, FIL001 to FIL003 as for writing files; whatever is raised, nothing was made.
    """
    require_free(target)
    with _stage(target) as staged:
        _write_texts(staged, chosen)
        _make_workspace(staged)
        _require_valid(staged / "estate", chosen)
        files = sorted(path.relative_to(staged) for path in staged.rglob("*") if path.is_file())
        _move(staged, target)
    return files


@contextmanager
def _stage(target: Path) -> Iterator[Path]:
    """Yield a hidden folder beside the target; it is gone after the block unless it was moved."""
    parent, prefix = target.parent, f".{target.name}.rackproof-"
    # What is made is for its owner to write: a settings file that others may write is refused when it is read.
    mask = os.umask(0)
    os.umask((mask | 0o022) & 0o077)
    try:
        with _take_turn(parent):
            _remove_left_over(parent, prefix)
            with describe_refusal(parent):
                staged = Path(mkdtemp(prefix=prefix, dir=parent))
            try:
                _leave_to_owner(staged)
                yield staged
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    finally:
        os.umask(mask)


@contextmanager
def _take_turn(parent: Path) -> Iterator[None]:
    """Let one call at a time work beside each other: so whatever is found half-made there was left by a dead one."""
    with describe_refusal(parent):
        descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_left_over(parent: Path, prefix: str) -> None:
    with describe_refusal(parent):
        found = [path for path in parent.iterdir() if path.name.startswith(prefix)]
    for path in found:
        is_ours = path.lstat().st_uid == os.geteuid() or os.geteuid() == 0
        if is_ours and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _leave_to_owner(staged: Path) -> None:
    """Give the folder to the owner of the one above: root that makes it for somebody keeps nothing of it."""
    above = staged.parent.stat()
    if os.geteuid() == 0 and above.st_uid != 0:
        os.chown(staged, above.st_uid, above.st_gid)


def _write_texts(staged: Path, chosen: Answers | str) -> None:
    with describe_refusal(staged):
        settings = (TEMPLATES / FILE_NAME).read_bytes()
        ignored = (TEMPLATES / "gitignore").read_bytes()
    write_atomic(staged / FILE_NAME, settings)
    write_atomic(staged / ".gitignore", ignored)
    templates = _open_templates()
    entry = f"{shlex.quote(name_program())} estate validate --no-cache"  # pre-commit takes it apart as a shell would
    hook = templates.get_template("pre-commit-config.yaml.j2").render(entry=entry)
    write_atomic(staged / ".pre-commit-config.yaml", hook)
    if isinstance(chosen, str):
        _copy_example(EXAMPLES / chosen, staged)
    else:
        _render_first(templates, staged, chosen)


def _open_templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, not HTML: each value is quoted where it stands
    )
    environment.filters["quote"] = quote
    environment.filters["code"] = write_code
    return environment


def _copy_example(example: Path, staged: Path) -> None:
    for source in sorted(path for path in example.rglob("*") if path.is_file()):
        target = staged / source.relative_to(example)
        make_folder(target.parent)
        with describe_refusal(source):
            content = source.read_bytes()
        write_atomic(target, content)


def _render_first(templates: Environment, staged: Path, answers: Answers) -> None:
    first = TEMPLATES / "first"
    for source in sorted(first.rglob("*.j2")):
        name = source.relative_to(first).as_posix()
        text = templates.get_template(f"first/{name}").render(asdict(answers))
        target = staged / name.removesuffix(".j2").replace(SITE_STEM, answers.site)
        make_folder(target.parent)
        write_atomic(target, text)


def _make_workspace(staged: Path) -> None:
    ws = Workspace(staged / "workspace", staged / "estate")
    make_folder(ws.root, 0o700)
    make_account_keys(ws)
    load_or_create_key(ws.signing_key)
    make_secrets(ws)
    with describe_refusal(ws.root):
        for folder, _folders, names in os.walk(ws.root):
            Path(folder).chmod(0o700)
            for name in names:
                (Path(folder) / name).chmod(0o600)


def _require_valid(estate: Path, chosen: Answers | str) -> None:
    """Raise what is wrong with the estate; an answer that made it so is named by its option."""
    errors: Sequence[RackproofError] = check_estate(estate, cached=False).errors
    if not errors:
        return
    if isinstance(chosen, Answers):
        path = errors[0].place.path if errors[0].place else ""
        reason = errors[0].expected or errors[0].message
        if "ipv6" in path:
            raise refuse_answer(IPV6_PREFIX, chosen.ipv6_prefix, reason)
        if "ipv4" in path:
            raise refuse_answer(IPV4_PREFIX, chosen.ipv4_prefix, reason)
    raise ErrorGroup(list(errors))


def _read_mask() -> int:
    mask = os.umask(0o077)  # there is no way to read it that does not set it
    os.umask(mask)
    return mask


def _move(staged: Path, target: Path) -> None:
    """Put the finished folder where it belongs, in one step; it takes the mode of an empty folder that was there."""
    mode = _read_mask() ^ 0o777
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(target.stat().st_mode)
    with describe_refusal(target):
        staged.chmod(mode)
        for folder, _folders, _names in os.walk(staged):
            sync_folder(Path(folder))
        try:
            staged.rename(target)
        except OSError as error:
            if error.errno in TAKEN:
                raise RackproofError("INI001", place=Place(target)) from None
            raise
    sync_folder(target.parent)
