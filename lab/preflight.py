"""What must be so before anything is raised: else the systems would hang without a word instead of failing."""

from __future__ import annotations

from pathlib import Path

from core.console import ProgressStep
from core.errors import RackproofError
from core.i18n import _
from core.refusals import say_refusal
from core.workspace import state_dir
from lab.packages import missing as missing_packages

INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
#: Inotify instances one booted system takes (systemd, journald, udev, login, agents), with some to spare.
INOTIFY_PER_SYSTEM = 8
UNSUITABLE_IN_PATHS = ("\n", '"', "%")


def check(systems: int, step: ProgressStep) -> None:
    """Make sure that ``systems`` can boot on this machine.

    Raises the machine's inotify limit when it is too low, and says so. Raises RackproofError: LAB060 missing Debian
    packages, LAB061 a folder name that SSH's configuration cannot hold, LAB062 too few inotify instances.
    """
    missing = missing_packages()
    if missing:
        raise RackproofError("LAB060", packages=" ".join(missing))
    folder = str(state_dir().absolute())
    if any(text in folder for text in UNSUITABLE_IN_PATHS):
        raise RackproofError("LAB061", actual=folder)
    lacking = inotify_lacking(systems)
    if lacking:
        _raise_inotify(lacking, step)


def inotify_lacking(systems: int) -> int:
    """Return by how much root's limit of inotify instances is too low for that many more systems; 0 when it is not."""
    return max(0, _inotify_used() + systems * INOTIFY_PER_SYSTEM - int(INOTIFY_LIMIT.read_text(encoding="ascii")))


def _raise_inotify(lacking: int, step: ProgressStep) -> None:
    old = int(INOTIFY_LIMIT.read_text(encoding="ascii"))
    new = max(1024, old + 2 * lacking)
    try:
        INOTIFY_LIMIT.write_text(str(new), encoding="ascii")
    except OSError as error:
        raise RackproofError("LAB062", actual=f"{old} - {lacking} ({say_refusal(error)})", wanted=new) from None
    said = _("raised fs.inotify.max_user_instances of this machine from {old} to {new} (until it restarts)")
    step(said.format(old=old, new=new))


def _inotify_used() -> int:
    """Count root's inotify instances; one shared by two processes counts twice, which errs on the safe side."""
    used = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if process.stat().st_uid == 0:
                used += sum(str(fd.readlink()) == "anon_inode:inotify" for fd in (process / "fd").iterdir())
        except OSError:
            continue  # it ended while we looked
    return used
