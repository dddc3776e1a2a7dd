"""What a lab leaves behind on purpose: workspaces with evidence, journal and keys, until somebody destroys them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import RackproofError
from core.files import describe_refusal
from core.i18n import _
from lab.enter import require_root
from lab.instance import Instance
from lab.owner import refuse_foreign
from lab.up import exclusive

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class KeptWorkspace:
    """One workspace of a lab: the present one, or an earlier one that was set aside."""

    folder: str
    bundles: int
    journal_records: int
    keys: int

    def describe(self) -> str:
        """Return its folder and what is in it, for people."""
        text = _("{folder} ({bundles} evidence bundles, {records} journal records, {keys} keys)")
        return text.format(folder=self.folder, bundles=self.bundles, records=self.journal_records, keys=self.keys)


def list_workspaces(instance: Instance) -> list[KeptWorkspace]:
    """Return what is kept of an instance, the present workspace first."""
    folders = [instance.run_dir / WORKSPACE, *sorted(instance.run_dir.glob(f"{WORKSPACE}-*"))]
    return [_look_into(folder) for folder in folders if folder.is_dir()]


def set_aside(folder: Path, now: datetime | None = None) -> Path | None:
    """Rename a folder to one with the date behind its name, and return that; None when there is nothing in it.

    Whoever raises a lab anew begins with an empty workspace; what was in the old one is somebody's evidence.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    target = folder.with_name(f"{folder.name}-{moment}")
    number = 2
    while target.exists():
        target = folder.with_name(f"{folder.name}-{moment}-{number}")
        number += 1
    with describe_refusal(folder):
        folder.rename(target)
    return target


def destroy(instance: Instance, confirmed: str) -> list[KeptWorkspace]:
    """Remove every workspace of a lab that is down, and return them; ``confirmed`` must be the lab's name.

    Raises RackproofError: LAB012 not root, LAB016 it is another clone's, LAB031 not confirmed, LAB032 the lab is up,
    LCK001 somebody raises it or takes it down.
    """
    require_root(_("destroy what the lab has kept"))
    refuse_foreign(instance)
    with exclusive(instance, _("destroying what the lab '{lab}' has kept").format(lab=instance.name)):
        if instance.is_up():
            raise RackproofError("LAB032", lab=instance.name)
        kept = list_workspaces(instance)
        if kept and confirmed != instance.name:
            raise RackproofError("LAB031", actual=confirmed or None, lab=instance.name)
        for item in kept:
            with describe_refusal(Path(item.folder)):
                shutil.rmtree(item.folder)
    return kept


def _look_into(folder: Path) -> KeptWorkspace:
    evidence, journal, keys = folder / "evidence", folder / "journal.jsonl", folder / "keys"
    bundles = [path for path in evidence.glob("*") if path.is_dir()]
    records = journal.read_bytes().count(b"\n") if journal.is_file() else 0
    private = [path for path in keys.glob("*") if path.suffix != ".pub"]
    return KeptWorkspace(str(folder), len(bundles), records, len(private))
