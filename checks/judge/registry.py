"""The judges under the names that requirement files use, and the sources each judgement depends on."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from checks.judge.case import Case, JudgeId
from checks.model import Verdict
from core.workspace import REPOSITORY

Judge = Callable[[Case], Iterator[Verdict]]
# Files every judgement depends on, beside the judge's own module.
SHARED = (
    "checks/attest/attestation.py", "checks/judge/case.py", "checks/judge/device_readings.py", "checks/judge/engine.py",
    "checks/judge/evidence.py", "checks/judge/registry.py",
    "checks/judge/liveness.py", "checks/judge/waivers.py", "checks/model.py", "checks/register/requirement.py",
    "checks/register/services.py", "checks/register/services.yml", "core/canonical_json.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RegisteredJudge:
    """A judge under its name and digest. ``derived`` judges run last and see the verdicts of all others."""

    id: JudgeId
    function: Judge
    derived: bool


_JUDGES: dict[str, RegisteredJudge] = {}


def judge(name: str, *, derived: bool = False) -> Callable[[Judge], Judge]:
    """Register a judge under the name that requirement files use."""

    def register(function: Judge) -> Judge:
        source = Path(inspect.getfile(function))
        digest = hashlib.sha256(source.read_bytes() + read_shared_sources()).hexdigest()
        _JUDGES[name] = RegisteredJudge(JudgeId(name, digest), function, derived)
        return function

    return register


@lru_cache(maxsize=1)
def judges() -> Mapping[str, RegisteredJudge]:
    """Return every judge by name."""
    package = importlib.import_module("checks.judge.judges")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"checks.judge.judges.{module.name}")
    return _JUDGES


def judge_sources() -> dict[str, Path]:
    """Return every source file a judgement depends on, by its path in the repository."""
    files = [REPOSITORY / name for name in SHARED]
    patterns = (
        "checks/judge/judges/*.py", "checks/hosts/*.py", "checks/replay/*.py", "monitoring/poll/normalise.py",
        "monitoring/profiles/profile.py", "monitoring/poll/raw.py", "monitoring/profiles/*.yml",
    )  # fmt: skip
    for pattern in patterns:
        files += sorted(REPOSITORY.glob(pattern))
    return {str(file.relative_to(REPOSITORY)): file for file in files}


@lru_cache(maxsize=1)
def read_shared_sources() -> bytes:
    """Return the sources that every judgement depends on, one after the other."""
    return b"".join((REPOSITORY / name).read_bytes() for name in SHARED if (REPOSITORY / name).exists())
