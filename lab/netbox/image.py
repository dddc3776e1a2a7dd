"""The image of a real NetBox with an empty, migrated database: built once, kept under the hash of its recipe."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.console import ProgressStep, progress
from core.errors import RackproofError
from core.files import copy_folder
from core.i18n import _
from core.models import read_model
from core.workspace import state_dir
from lab import debian, image_store
from lab.command import run

HERE = Path(__file__).parent
RECIPE = HERE / "recipe"
ENTER = HERE / "enter.sh"
#: Where the image is mounted, in a mount namespace that ends with its programs: outside, this folder stays empty.
MOUNT_POINT = "netbox-mount"
BUILD_TIMEOUT_S = 1200
#: Raised when this module builds something else from the same recipe.
BUILDER = "1"


class NetboxImage(debian.RootRecipe):
    """``image.yml``: also Debian's packages, and the Python and platforms that NetBox's own packages are for."""

    packages: tuple[str, ...]
    python: str
    platforms: tuple[str, ...]


def path() -> Path:
    """Return where the image of the present recipe is, built or not."""
    return state_dir().absolute() / "cache" / f"netbox-{_digest()}"


def ensure(step: ProgressStep = debian.ignore_step) -> Path:
    """Return the image, building it first when the recipe has changed or it was never built (about three minutes).

    ``step`` is told what is being done.

    A build that is interrupted leaves nothing that a later one would take for an image.
    Raises RackproofError (LAB044) when Debian's or Python's packages cannot be had.
    """
    return debian.once(path(), "netbox.lock", lambda target: image_store.reuse(target, _build, step), step)


def mount_point() -> Path:
    """Return the folder that NetBox's own mount namespaces mount the image on."""
    return state_dir().absolute() / "cache" / MOUNT_POINT


def argv_in_image(image: Path, way: str, program: str) -> list[str]:
    """Return what runs a program in an image, alone: killed, it takes every process and mount along.

    ``way``: ``WRITABLE`` changes the image, ``OVERLAY`` keeps changes in memory and forgets them.
    """
    return [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--net",
        "--ipc",
        "--uts",
        "--",
        str(ENTER),
        str(image),
        str(mount_point()),
        way,
        program,
    ]


def _digest() -> str:
    recipe = sorted(p for p in RECIPE.rglob("*") if p.is_file() and p.suffix != ".pyc")
    return debian.digest(BUILDER, HERE, [ENTER, *recipe])


def _forget(pattern: str, kept: Path | None = None) -> None:
    """Remove unfinished images and those of earlier recipes, unless a NetBox still runs on one."""
    for old in path().parent.glob(pattern):
        if old != kept and old.is_dir():
            with in_use(old, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
                if alone:
                    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def in_use(image: Path, how: int = fcntl.LOCK_SH) -> Iterator[bool]:
    """Hold a lock on an image, that of a user by default; yields whether it was got. It ends with this process."""
    descriptor = os.open(image, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _build(target: Path, step: ProgressStep) -> None:
    recipe = read_model(RECIPE / "image.yml", NetboxImage)
    mount_point().mkdir(parents=True, exist_ok=True)
    _forget("netbox-*.new*")
    new = target.with_name(f"{target.name}.new")
    try:
        debian.install(new, recipe, recipe.packages, BUILD_TIMEOUT_S, step)
        step(_("downloading NetBox"))
        _install_netbox(new, recipe)
        copy_folder(RECIPE / "files", new, leave_out=frozenset({"__pycache__"}))
        step(_("preparing NetBox's database"))
        run(argv_in_image(new, "WRITABLE", "/opt/rackproof/prepare"), timeout=BUILD_TIMEOUT_S)
        new.rename(target)
    except RackproofError as error:
        if error.kind == "no_space":
            raise
        raise RackproofError("LAB044", actual=error.actual or error.message) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    _forget("netbox-[0-9a-f]*[0-9a-f]", kept=target)


def _install_netbox(new: Path, recipe: NetboxImage) -> None:
    """Put the wheels of the lock file into the image; our own pip does it, for the image's Python."""
    machine = run(["uname", "--machine"]).strip()
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--ignore-requires-python",
            "--python-version",
            recipe.python,
            "--implementation",
            "cp",
            *(f"--platform={name}_{machine}" for name in recipe.platforms),
            "--platform=any",
            "--no-compile",
            "--target",
            str(new / "opt/netbox"),
            "--requirement",
            str(RECIPE / "requirements.lock"),
        ],
        timeout=BUILD_TIMEOUT_S,
    )


if __name__ == "__main__":
    with progress(_("the NetBox image")) as show_step:
        ensure(show_step)
