"""`rackproof prove mutation`: break the code that decides, everywhere it can be broken, and count what tests notice.

``tests/mutation.yml`` names the targets: files, and the tests that must kill their mutants. cosmic-ray makes the
mutants; ``tests/mutation/`` runs, for each, the tests that reach it, in clones of the commit that is checked out. A
mutant that survives must stand in ``tests/mutation_survivors.yml`` with the reason why it may; one that stands there
and does not survive is stale. ``prove mutants`` is the other half: breaks that no operator would think of.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel

from core.console import ProgressStep
from core.errors import RackproofError
from core.i18n import _
from core.models import read_model
from core.workspace import REPOSITORY
from lab.proofs.mutants import FAILED, PASSED, clone_head, open_scratch_folder
from lab.proofs.mutation_worker import Worker, compile_clone, open_worker

TABLE = "tests/mutation.yml"
SURVIVORS = "tests/mutation_survivors.yml"
#: The tests of a target, unbroken and under coverage, end within this many seconds.
SURVEY_LIMIT_S = 600.0
#: A mutant's tests may take so many times as long as unbroken, and this many seconds on top: then it made them wait for
#: ever. One that keeps the processor busy is ended sooner (tests/mutation/survey.py).
WAIT_TIMES, WAIT_S = 10.0, 30.0
#: What pytest ends with when a module could not be imported, or when tests are not there under their names.
INTERRUPTED, NOT_FOUND = 2, 4
#: Progress is told after so many mutants.
STEP = 20
#: The same mutants are in every sample of the same size.
SEED = 20_261_127


class State(StrEnum):
    """What came of one mutant; ``timed_out`` is killed, too: its tests never ended. ``broken``: they could not run."""

    KILLED = "killed"
    TIMED_OUT = "timed_out"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    BROKEN = "broken"


class MutationTarget(BaseModel):
    """Files, and the tests that must notice when one is broken; ``without`` those that would for no good reason.

    A test that holds a file to its text notices every mutant, and says nothing of what the others hold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """What pytest is told, to run these tests."""
        return [*self.tests, *(f"--deselect={name}" for name in self.without)]


class MutationTable(BaseModel):
    """``tests/mutation.yml``.

    ``goal_percent`` of a target's mutants must be killed. ``operators`` are cosmic-ray's; ``leave_out`` are patterns of
    a line, each with the reason why what matches is not mutated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    goal_percent: int
    operators: tuple[str, ...]
    leave_out: dict[str, str]
    targets: dict[str, MutationTarget]


class KnownSurvivor(BaseModel):
    """A mutant that may survive: the function it stands in, what differs, and why no test has to notice it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    before: str
    after: str
    reason: str


class SurvivorTable(RootModel[dict[str, tuple[KnownSurvivor, ...]]]):
    """``tests/mutation_survivors.yml``: the mutants that may survive, by file."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a mutant the same one tomorrow, when lines have moved: file, function, what differs."""

    file: str
    where: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class MutantTrial:
    """What came of one mutant; ``reason`` is that of a known survivor, ``output`` the end of what pytest said."""

    file: str
    line: int
    where: str
    before: str
    after: str
    state: State
    seconds: float
    reason: str = ""
    output: str = ""

    @property
    def identity(self) -> Identity:
        """What a known survivor is recognised by."""
        return Identity(self.file, self.where, self.before, self.after)


@dataclass(frozen=True, slots=True)
class TargetProof:
    """What came of one target; ``mutants`` counts those tried, ``kill_percent`` is rounded down to a tenth.

    ``survivors`` are the mutants that no test noticed, ``stale`` the known survivors that did not survive.
    """

    name: str
    mutants: int
    killed: int
    timed_out: int
    kill_percent: float
    is_good: bool
    survivors: tuple[MutantTrial, ...]
    stale: tuple[Identity, ...]


@dataclass(slots=True)
class Campaign:
    """What every target of one proof shares."""

    table: MutationTable
    known: Mapping[Identity, str]
    clones: Sequence[Path]
    on_progress: ProgressStep
    sample: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A target's tests as its table has them, its mutants, what each test takes in seconds, and what they import."""

    tests: Sequence[str]
    mutants: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    modules: Sequence[str]


def read_targets(only: Sequence[str] = (), root: Path = REPOSITORY) -> MutationTable:
    """Return the table of targets under ``root``, with those of the names ``only`` alone where names are given.

    Raises RackproofError (PRF008) for a name that is not in the table.
    """
    table = read_model(root / TABLE, MutationTable)
    for name in only:
        if name not in table.targets:
            raise RackproofError("PRF008", actual=name, known=table.targets)
    chosen = {name: table.targets[name] for name in only or table.targets}
    return table.model_copy(update={"targets": chosen})


def read_survivors(root: Path = REPOSITORY) -> dict[Identity, str]:
    """Return the reason of each mutant that may survive. Raises as ``read_model`` does."""
    known = {}
    for file, survivors in read_model(root / SURVIVORS, SurvivorTable).root.items():
        for survivor in survivors:
            known[Identity(file, survivor.where, survivor.before, survivor.after)] = survivor.reason
    return known


def count_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def prove_mutation(
    only: Sequence[str],
    on_progress: ProgressStep,
    *,
    root: Path = REPOSITORY,
    jobs: int | None = None,
    sample: int | None = None,
) -> list[TargetProof]:
    """Try the mutants of every target, or of the targets ``only``, in ``jobs`` clones at a time (one per processor).

    With ``sample``, so many mutants of each target, the same ones every time: then the goal is not looked at, nor what
    is stale.
    Raises RackproofError: PRF008 there is no such target, PRF003 there is no commit to clone, PRF007 the tests are red
    before anything is broken, PRF009 the process that tries the mutants ended.
    """
    table = read_targets(only, root)
    known = read_survivors(root)
    with open_scratch_folder() as folder:
        clones = [folder / f"clone-{number}" / "rackproof" for number in range(jobs or count_processors())]
        for clone in clones:
            clone_head(root, clone)
            compile_clone(clone)
        campaign = Campaign(table, known, clones, on_progress, sample)
        return [prove_target(campaign, name, target) for name, target in table.targets.items()]


def prove_target(campaign: Campaign, name: str, target: MutationTarget) -> TargetProof:
    """Survey one target in the first clone, and try its mutants in all of them."""
    campaign.on_progress(_("{target}: its tests, unbroken").format(target=name))
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(open_worker(clone)) for clone in campaign.clones]
        surveyed = survey_target(campaign.table, target, workers[0])
        mutants = choose_mutants(surveyed.mutants, campaign.sample)
        trials = list(try_mutants(campaign, name, target, surveyed, mutants, workers))
    is_whole = campaign.sample is None
    return sum_up(name, target, trials, campaign.known, campaign.table.goal_percent, is_whole=is_whole)


def survey_target(table: MutationTable, target: MutationTarget, worker: Worker) -> Surveyed:
    """Run a target's tests unbroken and list its mutants. Raises RackproofError (PRF007) when the tests are red."""
    answer = worker.ask(
        do="survey",
        files=target.files,
        tests=target.arguments,
        operators=table.operators,
        leave_out=list(table.leave_out),
        limit_s=SURVEY_LIMIT_S,
    )
    if answer["exit_code"] != PASSED:
        raise RackproofError("PRF007", actual=answer["output"] or f"{answer['seconds']} s")
    return Surveyed(target.arguments, answer["mutants"], answer["durations"], answer["modules"])


def choose_mutants(mutants: Sequence[Mapping[str, Any]], sample: int | None) -> list[Mapping[str, Any]]:
    """Return all mutants, or a sample of that many, the same one every time."""
    if sample is None or sample >= len(mutants):
        return list(mutants)
    return random.Random(SEED).sample(list(mutants), sample)  # noqa: S311 - a choice, not a secret


def try_mutants(
    campaign: Campaign,
    name: str,
    target: MutationTarget,
    surveyed: Surveyed,
    mutants: Sequence[Mapping[str, Any]],
    workers: Sequence[Worker],
) -> Iterator[MutantTrial]:
    """Try mutants, each in the next clone that is free, and yield what came of them in their order."""
    idle = list(workers)
    lost = 0
    for worker in workers:
        worker.ask(do="preload", files=target.files, modules=surveyed.modules)

    def try_in_idle_clone(mutant: Mapping[str, Any]) -> MutantTrial | None:
        with campaign.lock:
            worker = idle.pop()
        try:
            return try_mutant(worker, mutant, surveyed, campaign.known)
        finally:
            with campaign.lock:
                idle.append(worker)

    with ThreadPoolExecutor(len(workers)) as pool:
        trials = pool.map(try_in_idle_clone, mutants)
        try:
            for number, trial in enumerate(trials, start=1):
                lost += trial is not None and trial.state not in (State.KILLED, State.TIMED_OUT)
                if number % STEP == 0 or number == len(mutants):
                    text = _("{target}: {lost} not killed").format(target=name, lost=lost)
                    campaign.on_progress(text, done=number, total=len(mutants))
                if trial is not None:
                    yield trial
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.end()
            raise


def try_mutant(
    worker: Worker, mutant: Mapping[str, Any], surveyed: Surveyed, known: Mapping[Identity, str]
) -> MutantTrial | None:
    """Try one mutant; None when it is no Python.

    First the tests that reach it. One that survives these and is not known is tried with all of the target's: what
    runs only once in a process has the name of the first test that needed it, and another may be the one to notice. So
    is one through which tests have other names.
    """
    tests = mutant["tests"]
    answer = ask_trial(worker, mutant, tests, surveyed)
    if not answer["is_python"]:
        return None
    identity = Identity(mutant["file"], mutant["where"], answer["before"], answer["after"])
    state = State.UNREACHED
    if tests:
        is_open = answer["exit_code"] == PASSED and identity not in known and len(tests) < len(surveyed.seconds)
        if is_open or answer["exit_code"] == NOT_FOUND:
            answer = ask_trial(worker, mutant, surveyed.tests, surveyed)
        state = name_state(answer["exit_code"])
    return MutantTrial(
        mutant["file"],
        mutant["line"],
        mutant["where"],
        answer["before"],
        answer["after"],
        state,
        answer.get("seconds", 0.0),
        known.get(identity, ""),
        answer["output"] if state is State.BROKEN else "",
    )


def ask_trial(worker: Worker, mutant: Mapping[str, Any], tests: Sequence[str], surveyed: Surveyed) -> Mapping[str, Any]:
    """Ask a worker to try a mutant with ``tests``; with none it only says what differs."""
    seconds = sum(surveyed.seconds.get(test, 0.0) for test in tests) or sum(surveyed.seconds.values())
    return worker.ask(
        do="try",
        file=mutant["file"],
        operator=mutant["operator"],
        occurrence=mutant["occurrence"],
        tests=tests,
        durations=surveyed.seconds,
        limit_s=WAIT_S + WAIT_TIMES * seconds,
    )


def name_state(exit_code: int | None) -> State:
    """Return what a run of a mutant's tests proves.

    A module that cannot be imported any more, which pytest calls an interruption, is noticed: unbroken it could be.
    """
    if exit_code is None:
        return State.TIMED_OUT
    if exit_code == PASSED:
        return State.SURVIVED
    if exit_code in (FAILED, INTERRUPTED, NOT_FOUND) or exit_code < 0:
        return State.KILLED
    return State.BROKEN


def sum_up(
    name: str,
    target: MutationTarget,
    trials: Sequence[MutantTrial],
    known: Mapping[Identity, str],
    goal_percent: int,
    *,
    is_whole: bool,
) -> TargetProof:
    """Return what the trials of a target prove.

    A sample cannot say which known survivors are stale, and its rate is chance: it is good when all that survived are
    known.
    """
    timed_out = sum(trial.state is State.TIMED_OUT for trial in trials)
    killed = sum(trial.state is State.KILLED for trial in trials) + timed_out
    survivors = tuple(trial for trial in trials if trial.state not in (State.KILLED, State.TIMED_OUT))
    stale: tuple[Identity, ...] = ()
    if is_whole:
        found = {survivor.identity for survivor in survivors}
        stale = tuple(identity for identity in known if identity.file in target.files and identity not in found)
    tenths = 1000 * killed // len(trials) if trials else 0
    are_known = all(survivor.reason and survivor.state is not State.BROKEN for survivor in survivors)
    is_enough = not is_whole or tenths >= 10 * goal_percent
    is_good = bool(trials) and is_enough and are_known and not stale
    return TargetProof(name, len(trials), killed, timed_out, tenths / 10, is_good, survivors, stale)
