"""The second half of verifying a bundle: judge everything again from the raw evidence and compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.bundle import manifest as names
from checks.bundle.reader import BundleReader
from checks.model import Verdict
from core.errors import RackproofError

# A judge's own hash is not compared here: another judge that comes to the same verdict is reported apart.
COMPARED = ("status", "reason", "measured", "threshold", "evidence", "valid_until")


@dataclass(frozen=True, slots=True)
class Difference:
    """A verdict that is not the same when judged again. ``field`` is ``verdict`` when one side has none."""

    requirement: str
    site: str
    asset: str | None
    field: str
    stored: str
    judged: str

    def as_dict(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging again gave. ``other_judges`` names the judge sources that are not those of the bundle."""

    verdicts: int
    differences: tuple[Difference, ...]
    other_judges: tuple[str, ...]
    impossible: str = ""


def judge_again(bundle: BundleReader) -> Rejudged:
    """Judge every verdict of a bundle again, with the judges of this installation."""
    from checks.judge.engine import judge_all
    from checks.judge.evidence import EvidenceView

    other = find_other_judges(bundle)
    run = bundle.run
    try:
        view = EvidenceView(run.evidence, bundle.raw)
        now = datetime.fromisoformat(run.judged_at)
        register, wanted = bundle.requirements, frozenset(run.requirements)
        lacking = sorted(wanted - register.keys())
        sites = set(run.selection.get("sites") or bundle.estate.sites)
        judged = [verdict for verdict in judge_all(register, bundle.estate, view, now, wanted) if verdict.site in sites]
    except (RackproofError, KeyError, ValueError) as error:
        # An estate, requirement or judge that this installation does not know: say so, do not call it verified.
        return Rejudged(len(run.verdicts), (), other, f"{type(error).__name__}: {error}")
    missing = tuple(Difference(name, "", None, "requirement", "judged", "not in the bundle") for name in lacking)
    return Rejudged(len(run.verdicts), (*missing, *compare(run.verdicts, judged)), other)


def compare(stored: Iterable[Verdict], judged: Iterable[Verdict]) -> tuple[Difference, ...]:
    """Return every difference between two sets of verdicts, none of either side left out."""
    left, right = index_verdicts(stored), index_verdicts(judged)
    found = []
    for key in sorted(left.keys() | right.keys()):
        ours, theirs = left.get(key), right.get(key)
        requirement, site, asset, _number = key
        if ours is None or theirs is None:
            present = ("none", str(theirs.status)) if theirs else (str(ours.status) if ours else "none", "none")
            found.append(Difference(requirement, site, asset or None, "verdict", *present))
            continue
        for name in COMPARED:
            if getattr(ours, name) != getattr(theirs, name):
                found.append(
                    Difference(requirement, site, asset or None, name, show_field(ours, name), show_field(theirs, name))
                )
    return tuple(found)


def find_other_judges(bundle: BundleReader) -> tuple[str, ...]:
    """Return the judge sources of this installation that are not byte for byte those kept in the bundle."""
    from checks.judge.registry import judge_sources

    prefix = f"{names.JUDGES}/"
    kept = {
        name.removeprefix(prefix): entry.sha256
        for name, entry in bundle.manifest.files.items()
        if name.startswith(prefix)
    }
    here = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in judge_sources().items()}
    return tuple(sorted(name for name in kept.keys() | here.keys() if kept.get(name) != here.get(name)))


def index_verdicts(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, str, int], Verdict]:
    """Index verdicts by what they are about; several about one thing are told apart by their order."""
    found: dict[tuple[str, str, str, int], Verdict] = {}
    for verdict in verdicts:
        number = 0
        while (key := (verdict.requirement, verdict.site, verdict.asset or "", number)) in found:
            number += 1
        found[key] = verdict
    return found


def show_field(verdict: Verdict, name: str) -> str:
    """Return a field of a verdict as a person compares it: measurements exactly, not rounded as elsewhere."""
    if name == "reason":
        return verdict.reason.text()
    if name == "measured":
        return ", ".join(map(str, verdict.measured)) or "none"
    return str(getattr(verdict, name))
