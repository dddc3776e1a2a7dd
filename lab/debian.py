"""Root file systems from Debian's packages: built once from a recipe, kept under a name that is the recipe's hash."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from core.console import ProgressStep
from core.files import make_folder, write_atomic
from core.i18n import N_, _
from core.locks import Holder, hold
from lab.command import run_watched

#: What mmdebstrap says when it begins a stage, and how we say it.
STAGES = {
    "running apt-get update": N_("reading Debian's package lists"),
    "downloading packages": N_("downloading Debian packages"),
    "extracting archives": N_("unpacking the base system"),
    "installing essential packages": N_("installing the base system"),
    "installing remaining packages": N_("installing the packages"),
    "cleaning package lists": N_("clearing up"),
}


class Closed(BaseModel):
    """What stands in a recipe; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Before(Closed):
    """A file that is written before the packages are configured."""

    path: str
    text: str


class RootRecipe(Closed):
    """A recipe, ``image.yml``: Debian's ``suite``, files to be there ``before`` the packages, paths to ``exclude``."""

    suite: str
    exclude: tuple[str, ...]
    before: tuple[Before, ...]


def digest(builder: str, top: Path, files: Iterable[Path]) -> str:
    """Return the hash of a recipe: of its files below ``top``, names included, and of who builds it."""
    hashed = hashlib.sha256(builder.encode())
    for file in files:
        hashed.update(f"{file.relative_to(top)}\0".encode() + file.read_bytes() + b"\0")
    return hashed.hexdigest()[:12]


def ignore_step(text: str, *, done: int | None = None, total: int | None = None) -> None:
    """Show nothing: the step of those who have nobody to show it to."""


def once(target: Path, lock: str, build: Callable[[Path], None], step: ProgressStep = ignore_step) -> Path:
    """Return ``target``, having it built when it is not there; of several at once one builds and the others wait.

    ``build`` must make it in one step, so that it is there whole or not at all. ``lock``: file name beside the target.
    """
    if target.is_dir():
        return target
    make_folder(target.parent)

    def tell(holder: Holder | None) -> None:
        who = _("another run")
        if holder is not None:
            who = f"{holder.user}, {holder.pid}, {holder.since}"
        step(_("waiting: {who} is building it").format(who=who))

    with hold(target.parent / lock, _("building {image}").format(image=target.name), wait=True, on_wait=tell):
        if not target.is_dir():
            build(target)
    return target


def install(
    new: Path, recipe: RootRecipe, packages: Iterable[str], timeout: float, step: ProgressStep = ignore_step
) -> None:
    """Make a root file system of packages in ``new`` (``timeout`` in seconds), telling ``step`` what is being done.

    Raises RackproofError when it fails.
    """

    def tell(line: str) -> None:
        for words, text in STAGES.items():
            if words in line:
                step(_(text))

    before = new.with_name(new.name + ".before")
    for item in recipe.before:
        file = before / item.path
        make_folder(file.parent)
        write_atomic(file, item.text)
    try:
        # In a mount namespace of its own: if it is killed, its mounts go with it, and clearing up touches none.
        run_watched(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "--",
                "mmdebstrap",
                "--variant=minbase",
                "--format=directory",
                f"--include={','.join(packages)}",
                '--aptopt=APT::Install-Recommends "false"',
                '--aptopt=Acquire::Languages "none"',
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.exclude),
                '--essential-hook=cp -a "$RACKPROOF_BEFORE/." "$1/"',
                recipe.suite,
                str(new),
            ],
            tell,
            timeout=timeout,
            extra_environment={"RACKPROOF_BEFORE": str(before)},
        )
    finally:
        shutil.rmtree(before)
