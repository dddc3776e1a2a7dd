"""Loading an estate folder: every file strictly, every reference checked, all errors of a run at once."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import raise_all
from inventory.load.estate_cache import Inspection, recall_estate, remember_estate
from inventory.model.estate import Estate
from inventory.source.file_tracking import track_reads


def load_estate(folder: Path, *, cached: bool = True) -> Estate:
    """Load and check the estate in ``folder``; remembered while nothing it rests on changed (``estate_cache``).

    ``cached=False``: load it anew and remember nothing, as for a folder that is gone at once. Raises RackproofError or
    ErrorGroup (codes EST…) with file, line, expectation and remedy for every mistake. Warnings do not stop loading;
    ``check_estate`` returns them.
    """
    found = check_estate(folder, cached=cached)
    raise_all(found.errors)
    assert found.estate is not None  # noqa: S101 - without an error there is an estate
    return found.estate


def check_estate(folder: Path, *, cached: bool = True) -> Inspection:
    """Return what ``inspect_estate`` says of an estate; remembered, and then without draft, while nothing changed.

    ``cached=False``, or ``RACKPROOF_NO_CACHE`` in the environment: load it anew and remember nothing.
    """
    may_recall = cached and not os.environ.get("RACKPROOF_NO_CACHE")
    remembered = recall_estate(folder) if may_recall else None
    if remembered is not None:
        estate, warnings = remembered
        return Inspection(None, estate, (), warnings)

    # Here, not above: a remembered estate needs nothing of what reads and judges files.
    from inventory.load.inspection import inspect_estate

    if not may_recall:
        return inspect_estate(folder)
    with track_reads() as reads:
        found = inspect_estate(folder)
    if found.estate is not None:
        remember_estate(folder, reads, found.estate, found.warnings)
    return found
