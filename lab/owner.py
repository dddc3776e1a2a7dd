"""Which checkout a lab's name belongs to on this machine: namespaces and sockets are named alike by all of them."""

from __future__ import annotations

from pathlib import Path

from core.errors import RackproofError
from core.files import make_folder, write_atomic
from lab import sweep
from lab.instance import SOCKETS, Instance


def claim(instance: Instance) -> None:
    """Claim the instance's name; raises RackproofError (LAB016) while another checkout has a lab of this name."""
    refuse_foreign(instance)
    make_folder(SOCKETS)
    write_atomic(_file(instance), str(instance.run_dir))


def refuse_foreign(instance: Instance) -> None:
    """Raise RackproofError (LAB016) when the namespaces of this name belong to another checkout that is still there."""
    file = _file(instance)
    other = Path(file.read_text(encoding="utf-8")) if file.exists() else instance.run_dir
    if other != instance.run_dir and other.is_dir() and sweep.namespaces(instance):
        raise RackproofError("LAB016", actual=other, lab=instance.name)


def release(instance: Instance) -> None:
    """Give the name back; nothing of the lab may exist any more."""
    _file(instance).unlink(missing_ok=True)


def _file(instance: Instance) -> Path:
    return SOCKETS / f"{instance.name}.owner"
