"""The golden root file system: built once from Debian's packages, kept under a name that is the hash of its recipe."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from core.console import ProgressStep, progress
from core.errors import RackproofError
from core.files import copy_folder, make_folder, write_atomic
from core.i18n import _
from core.models import read_model
from core.workspace import REPOSITORY, state_dir
from lab import debian, image_store
from lab.command import run

RECIPE = REPOSITORY / "lab" / "rootfs"
BUILD_TIMEOUT_S = 900
#: Programs of the image that the test suite also runs on this machine, where Debian would start a service with them.
WRAPPED = ("promtool", "snmpget", "snmpwalk")
#: Raised when this module builds something else from the same recipe.
BUILDER = "1"


class Operator(debian.Closed):
    """The account that provisioning logs in as."""

    name: str
    uid: int


class GoldenImage(debian.RootRecipe):
    """``image.yml``: also the services to ``disable`` or ``mask``, files to ``remove`` and the account to log in as."""

    disable: tuple[str, ...]
    mask: tuple[str, ...]
    remove: tuple[str, ...]
    operator: Operator


def path() -> Path:
    """Return where the image of the present recipe is, built or not."""
    return state_dir().absolute() / "cache" / f"rootfs-{_digest()}"


def is_built() -> bool:
    """Tell whether the image of the present recipe is there, whole."""
    return path().is_dir()


def ensure(step: ProgressStep = debian.ignore_step) -> Path:
    """Return the image, building it first when the recipe has changed or it was never built (about a minute).

    ``step`` is told what is being done.

    A build that is interrupted leaves nothing that a later one would take for an image.
    Raises RackproofError (LAB040) when Debian's packages cannot be had.
    """
    return debian.once(path(), "rootfs.lock", lambda target: image_store.reuse(target, _build, step), step)


def program(name: str) -> list[str]:
    """Return the argv prefix that runs a program of the image on this machine, without its service being installed.

    Programs are found in the image's sbin and bin; a dynamic one is started through the image's own loader.
    """
    root = ensure()
    binary = next((root / d / name for d in ("usr/sbin", "usr/bin") if (root / d / name).exists()), None)
    if binary is None:
        raise RackproofError("LAB041", program=name)
    loader = next((root / "usr/lib").glob("*-linux-gnu*/ld-linux*.so.*"))
    with binary.open("rb") as stream:
        is_dynamic = b"/ld-linux" in stream.read(4096)
    if is_dynamic:
        return [str(loader), "--library-path", str(loader.parent), str(binary)]
    return [str(binary)]


def write_wrappers(folder: Path) -> None:
    """Write a small script for each of ``WRAPPED`` into ``folder``: with it on PATH, the image's program is found."""
    make_folder(folder)
    for name in WRAPPED:
        write_atomic(folder / name, f'#!/bin/sh\nexec {shlex.join(program(name))} "$@"\n', 0o755)


def _digest() -> str:
    return debian.digest(BUILDER, RECIPE, sorted(p for p in RECIPE.rglob("*") if p.is_file()))


def list_packages() -> list[str]:
    """Return the Debian packages of the golden image."""
    lines = (RECIPE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _build(target: Path, step: ProgressStep) -> None:
    recipe = read_model(RECIPE / "image.yml", GoldenImage)
    new = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        debian.install(new, recipe, list_packages(), BUILD_TIMEOUT_S, step)
        step(_("preparing the image"))
        _prepare(new, recipe)
        new.rename(target)
    except RackproofError as error:
        if error.kind == "no_space":
            raise
        raise RackproofError("LAB040", actual=error.actual or error.message) from error
    finally:
        if new.exists():
            shutil.rmtree(new)
    _forget_old(target)


def _prepare(new: Path, recipe: GoldenImage) -> None:
    for pattern in recipe.remove:
        for file in new.glob(pattern):
            file.unlink()
    (new / "etc/machine-id").touch()
    copy_folder(RECIPE / "files", new)
    for file in (new / "etc/sudoers.d").glob("*"):
        file.chmod(0o440)
    run(["systemctl", f"--root={new}", "disable", "--quiet", *recipe.disable])
    run(["systemctl", f"--root={new}", "mask", "--quiet", *recipe.mask])
    run(["systemctl", f"--root={new}", "set-default", "--quiet", "multi-user.target"])
    operator = recipe.operator
    run(
        [
            "chroot",
            str(new),
            "useradd",
            "--create-home",
            "--uid",
            str(operator.uid),
            "--shell",
            "/bin/bash",
            operator.name,
        ]
    )
    (new / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    # Ansible takes the age of this folder for the age of the package lists; new and empty, it would hide that.
    os.utime(new / "var/lib/apt/lists", (0, 0))


def _forget_old(kept: Path) -> None:
    """Remove images of earlier recipes, unless a lab still runs on one."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    for old in kept.parent.glob("rootfs-*"):
        if old != kept and str(old) not in mounts:
            shutil.rmtree(old, ignore_errors=old.suffix != "")  # an unfinished one may still be written to


if __name__ == "__main__":
    with progress(_("the golden image")) as show_step:
        ensure(show_step)
    write_wrappers(Path(sys.argv[1]))
