"""`rackproof prove mutants`: break every listed guard on purpose and see its tests go red.

A guard that no test misses is a guard that the next change may remove. Each entry of ``tests/mutants.yml`` is one small
break: a text of a source file, what stands there instead, and the tests that must notice. It is applied in a clone of
the commit that is checked out here, never in the working tree.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from core.errors import RackproofError
from core.i18n import _
from core.models import read_model
from core.workspace import REPOSITORY
from lab.command import run

TABLE = "tests/mutants.yml"
#: A break may make the code wait for ever: tests that do not end within this many seconds are red, too.
TIME_LIMIT_S = 900.0
CLONE_LIMIT_S = 300.0
#: What pytest ends with when every test passed, and when at least one failed.
PASSED, FAILED = 0, 1
LAST_CHARACTERS = 2000


class MutantState(StrEnum):
    """What came of one break: only ``killed`` is good."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_FOUND = "not_found"
    NOT_TESTED = "not_tested"


class Mutant(BaseModel):
    """One break: ``before`` stands exactly once in ``file`` and becomes ``after``; ``tests`` must then go red."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    before: str
    after: str
    tests: tuple[str, ...]


class MutantTable(RootModel[dict[str, Mutant]]):
    """``tests/mutants.yml``: the mutants by name."""


@dataclass(frozen=True, slots=True)
class MutantProof:
    """What came of one break. ``output`` is the end of what pytest said, empty for one that was killed."""

    name: str
    file: str
    state: MutantState
    seconds: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class PytestRun:
    """How pytest ended; ``exit_code`` is None when it was ended at its time limit."""

    exit_code: int | None
    output: str


def read_mutants(only: Sequence[str] = (), root: Path = REPOSITORY) -> dict[str, Mutant]:
    """Return the mutants of the table under ``root`` by name, or those of the names ``only``.

    Raises RackproofError (PRF006) for a name that is not in the table.
    """
    mutants = read_model(root / TABLE, MutantTable).root
    for name in only:
        if name not in mutants:
            raise RackproofError("PRF006", actual=name, known=mutants)
    return {name: mutants[name] for name in only or mutants}


def prove_mutants(
    only: Sequence[str], on_progress: Callable[[str], None], root: Path = REPOSITORY
) -> list[MutantProof]:
    """Apply the mutants one after the other and run the tests of each; all of them, or those of the names ``only``.

    Raises RackproofError: PRF006 there is no such mutant, PRF003 there is no commit to clone, PRF007 the tests are red
    before anything is broken: then a red test would prove nothing.
    """
    mutants = read_mutants(only, root)
    with open_scratch_folder() as folder:
        clone = folder / "rackproof"
        clone_head(root, clone)

        on_progress(_("all of their tests, unbroken"))
        tests = dict.fromkeys(chain.from_iterable(mutant.tests for mutant in mutants.values()))
        unbroken = run_pytest(clone, list(tests))
        if unbroken.exit_code != PASSED:
            raise RackproofError("PRF007", actual=unbroken.output)

        proofs = []
        for number, (name, mutant) in enumerate(mutants.items(), start=1):
            on_progress(f"{number}/{len(mutants)} {name}")
            proofs.append(prove_mutant(clone, name, mutant))
        return proofs


@contextlib.contextmanager
def open_scratch_folder() -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards, also when Ctrl-C comes while it is being removed."""
    folder = Path(tempfile.mkdtemp(prefix="rackproof-mutants-"))
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def prove_mutant(clone: Path, name: str, mutant: Mutant) -> MutantProof:
    """Apply one mutant in ``clone``, run its tests, and put the file back as it was."""
    began = time.monotonic()
    file = clone / mutant.file
    source = file.read_text(encoding="utf-8") if file.exists() else ""
    if source.count(mutant.before) != 1:
        return MutantProof(name, mutant.file, MutantState.NOT_FOUND, 0.0)

    file.write_text(source.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        done = run_pytest(clone, mutant.tests)
    finally:
        file.write_text(source, encoding="utf-8")

    state = name_state(done)
    output = "" if state is MutantState.KILLED else done.output
    return MutantProof(name, mutant.file, state, round(time.monotonic() - began, 1), output)


def name_state(done: PytestRun) -> MutantState:
    """Return what a run of the tests of a mutant proves.

    Only failed tests kill it. Where pytest ran no test (a module that cannot be imported, a test that is not there),
    nothing was tested, and nothing is proved.
    """
    if done.exit_code is None or done.exit_code == FAILED:
        return MutantState.KILLED
    if done.exit_code == PASSED:
        return MutantState.SURVIVED
    return MutantState.NOT_TESTED


def clone_head(root: Path, target: Path) -> None:
    """Clone the commit that is checked out in ``root``. Raises RackproofError (PRF003) when there is none."""
    try:
        run(["git", "clone", "--quiet", "--no-hardlinks", str(root), str(target)], timeout=CLONE_LIMIT_S)
    except RackproofError as error:
        raise RackproofError("PRF003", actual=error.actual or error.message) from error


def run_pytest(clone: Path, tests: Sequence[str]) -> PytestRun:
    """Run tests in a clone with this Python, until the first that fails; the lab's are left out."""
    options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-n", "0", "-m", "not lab"]
    # A compiled file may look as old as the source that was just changed within one second.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RACKPROOF_")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    argv = [sys.executable, "-m", "pytest", *options, *tests]
    with subprocess.Popen(
        argv,
        cwd=clone,
        env=environment,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _nothing = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            return PytestRun(None, f"ended after {TIME_LIMIT_S:.0f} s")
        finally:  # also at Ctrl-C: no test, and nothing that a test started, goes on in the background
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return PytestRun(process.returncode, output.strip()[-LAST_CHARACTERS:])
