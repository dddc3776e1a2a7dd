"""The book of faults: each module of this package whose name is not ``catalogue`` or ``tools`` is one fault."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import Place, RackproofError
from core.files import write_atomic
from inventory.model.fields import Text
from lab.instance import Instance

NOTHING_TO_BREAK = "LAB053"
NOT_FAULTS = ("catalogue", "tools")


@dataclass(frozen=True, slots=True)
class LabFault:
    """One thing that can be broken. ``make`` and ``mend`` raise RackproofError unless it is truly so afterwards.

    ``mend`` works on whatever state it finds: also after a ``make`` that was interrupted, and when nothing is broken.
    """

    name: str
    text: Text
    make: Callable[[Instance], None]
    mend: Callable[[Instance], None]


def book() -> dict[str, LabFault]:
    """Return every fault by name, in alphabetical order."""
    names = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if m.name not in NOT_FAULTS)
    faults = [importlib.import_module(f"lab.faults.{name}").FAULT for name in names]
    return {fault.name: fault for fault in faults}


def active(instance: Instance) -> list[str]:
    """Return the names of the faults that were made and not mended, in the order they were made.

    Raises RackproofError (LAB054) when the record cannot be read: unknown is not the same as none.
    """
    try:
        data = json.loads(_record(instance).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        data = None
    if not isinstance(data, list):
        raise RackproofError("LAB054", place=Place(_record(instance)))
    return [str(name) for name in data]


def break_fault(instance: Instance, name: str) -> bool:
    """Make a fault; return False when it is active already.

    Raises RackproofError: LAB050 unknown name, LAB053 there is nothing to break (yet).
    """
    fault = _find(name)
    if name in active(instance):
        return False
    # Recorded first: a fault that was only half made must be mended too.
    _write(instance, [*active(instance), name])
    try:
        fault.make(instance)
    except RackproofError as error:
        if error.code == NOTHING_TO_BREAK:
            _write(instance, [other for other in active(instance) if other != name])
        raise
    return True


def mend_fault(instance: Instance, name: str) -> bool:
    """Undo a fault; return False when it was not active. Raises RackproofError (LAB050) for an unknown name."""
    fault = _find(name)
    was_active = name in active(instance)
    fault.mend(instance)
    _write(instance, [other for other in active(instance) if other != name])
    return was_active


def _find(name: str) -> LabFault:
    faults = book()
    if name not in faults:
        raise RackproofError("LAB050", actual=name, known=faults)
    return faults[name]


def _record(instance: Instance) -> Path:
    return instance.run_dir / "faults.json"


def _write(instance: Instance, names: list[str]) -> None:
    write_atomic(_record(instance), json.dumps(names))
