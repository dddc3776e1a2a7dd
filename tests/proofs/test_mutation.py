"""The mutation gate: what it counts as noticed, what makes it red, and that it leaves nothing behind."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from lab.proofs.mutation import (
    Identity,
    MutantTrial,
    MutationTarget,
    State,
    TargetProof,
    name_state,
    prove_mutation,
    read_survivors,
    read_targets,
    sum_up,
)
from lab.proofs.mutation_worker import open_worker
from tests.mutation.mutating import find_difference, list_mutations, mutate
from tests.mutation.survey import find_importers
from tests.support import needs_program, wait_until

CODE = """def is_cold(celsius: float) -> bool:
    if celsius < 18:
        return True
    return False
"""
STRONG = """from code_of import is_cold

def test_cold():
    assert is_cold(3)

def test_the_limit():
    assert not is_cold(18)
"""
WEAK = STRONG.partition("def test_the_limit")[0] + "def test_warm():\n    assert not is_cold(30)\n"
TABLE = """goal_percent: 60
operators: [ReplaceComparisonOperator_Lt_LtE, ReplaceComparisonOperator_Lt_GtE, NumberReplacer]
leave_out: {}
targets:
  cold: {files: [code_of.py], tests: [test_it.py]}
"""
BOUNDARY = Identity("code_of.py", "is_cold", "if celsius < 18:", "if celsius <= 18:")
KNOWN = """code_of.py:
  - {{where: is_cold, before: "if celsius < 18:", after: "{after}", reason: nobody asks}}
"""


Commit = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Commit:
    """A repository of one function, its tests and the gate's own programs; returns what fills and commits it."""

    def commit(tests: str, survivors: str = "{}\n") -> Path:
        shutil.copytree(REPOSITORY / "tests" / "mutation", tmp_path / "tests" / "mutation")
        (tmp_path / "tests" / "mutation.yml").write_text(TABLE)
        (tmp_path / "tests" / "mutation_survivors.yml").write_text(survivors)
        (tmp_path / "code_of.py").write_text(CODE)
        (tmp_path / "test_it.py").write_text(tests)
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    lab\n    slow\n")
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "-m", "x"]):
            subprocess.run(["git", *words], cwd=tmp_path, check=True)
        return tmp_path

    return commit


def ignore(text: str, *, done: int | None = None, total: int | None = None) -> None:
    """Show no progress."""


def prove(root: Path, jobs: int) -> TargetProof:
    (proof,) = prove_mutation((), ignore, root=root, jobs=jobs)
    return proof


@needs_program("git")
def test_a_test_that_misses_a_guard_makes_the_gate_red(project: Commit) -> None:
    proof = prove(project(WEAK), jobs=2)
    assert not proof.is_good
    assert BOUNDARY in {survivor.identity for survivor in proof.survivors}
    assert (proof.mutants, proof.killed, len(proof.survivors)) == (4, 1, 3)


@needs_program("git")
def test_tests_that_hold_the_guard_make_it_green_when_the_last_survivor_has_its_reason(project: Commit) -> None:
    known = KNOWN.format(after="if celsius < 17:")
    root = project(STRONG, known)
    proof = prove(root, jobs=1)
    assert proof.is_good, proof
    assert (proof.mutants, proof.killed, proof.kill_percent) == (4, 3, 75.0)
    assert [(survivor.after, survivor.reason) for survivor in proof.survivors] == [("if celsius < 17:", "nobody asks")]
    assert (root / "code_of.py").read_text() == CODE


def make_trial(state: State, number: int = 1, reason: str = "") -> MutantTrial:
    return MutantTrial("a.py", number, "f", f"x < {number}", f"x <= {number}", state, 0.1, reason)


def sum_trials(
    trials: Sequence[MutantTrial], known: Mapping[Identity, str] | None = None, *, is_whole: bool = True
) -> TargetProof:
    return sum_up("a", MutationTarget(files=("a.py",), tests=("t.py",)), trials, known or {}, 90, is_whole=is_whole)


KILLED = [make_trial(State.KILLED, number) for number in range(9)]


@pytest.mark.parametrize(
    ("last", "is_good"),
    [
        (make_trial(State.KILLED, 9), True),
        (make_trial(State.TIMED_OUT, 9), True),
        (make_trial(State.SURVIVED, 9, "equivalent"), True),
        (make_trial(State.SURVIVED, 9), False),
        (make_trial(State.UNREACHED, 9, "equivalent"), True),
        (make_trial(State.UNREACHED, 9), False),
        (make_trial(State.BROKEN, 9, "equivalent"), False),
    ],
)
def test_what_is_not_killed_needs_its_reason(last: MutantTrial, is_good: bool) -> None:
    known = {last.identity: last.reason} if last.reason else {}
    assert sum_trials([*KILLED, last], known).is_good is is_good


def test_a_known_survivor_that_is_killed_is_stale_and_red() -> None:
    known = {make_trial(State.KILLED, 3).identity: "equivalent"}
    proof = sum_trials(KILLED, known)
    assert not proof.is_good
    assert proof.stale == tuple(known)
    elsewhere = {Identity("b.py", "", "x", "y"): "equivalent"}
    assert sum_trials(KILLED, elsewhere).is_good


def test_reasons_do_not_make_up_for_the_rate() -> None:
    survivors = [make_trial(State.SURVIVED, number, "equivalent") for number in (20, 21)]
    known = {survivor.identity: survivor.reason for survivor in survivors}
    proof = sum_trials([*KILLED, *survivors], known)
    assert (proof.kill_percent, proof.is_good) == (81.8, False)
    assert sum_trials([*KILLED, *survivors], known, is_whole=False).is_good


def test_nothing_tried_proves_nothing() -> None:
    assert not sum_trials([]).is_good


@pytest.mark.parametrize(
    ("exit_code", "state"),
    [
        (0, State.SURVIVED),
        (1, State.KILLED),
        (2, State.KILLED),
        (4, State.KILLED),
        (-11, State.KILLED),
        (None, State.TIMED_OUT),
        (3, State.BROKEN),
        (5, State.BROKEN),
        (70, State.BROKEN),
    ],
)
def test_how_tests_end_says_what_came_of_a_mutant(exit_code: int | None, state: State) -> None:
    assert name_state(exit_code) is state


SOURCE = """from __future__ import annotations

LIMIT = 3

class Room:
    @property
    def load(self) -> int | None:
        if (
            self.x
            < 3
        ):
            return 1
"""


def test_mutants_have_their_place_and_annotations_have_none() -> None:
    found = list_mutations("a.py", SOURCE, ["NumberReplacer", "ReplaceBinaryOperator_BitOr_BitAnd"], [])
    assert [(m.line, m.where, m.first, m.last) for m in found] == [
        (3, "", 3, 3),
        (3, "", 3, 3),
        (10, "Room.load", 8, 11),
        (10, "Room.load", 8, 11),
        (12, "Room.load", 12, 12),
        (12, "Room.load", 12, 12),
    ]
    assert list_mutations("a.py", SOURCE, ["NumberReplacer"], [r"LIMIT = \d", r"\d"]) == []
    assert len(list_mutations("a.py", SOURCE, ["RemoveDecorator"], [])) == 1


def test_what_a_package_imports_comes_with_each_of_its_modules(tmp_path: Path) -> None:
    """A rule lies in a package whose door imports all rules, and one of these the facility: so it comes early."""
    sources = {
        "rules/__init__.py": "from rules.power import check\n",
        "rules/power.py": "import facility.flow\n",
        "rules/names.py": "",
        "facility/__init__.py": "",
        "facility/flow.py": "",
        "load/loader.py": "from rules.names import x\n",
        "core/files.py": "import os\n",
        "cli.py": "def run():\n    import load.loader\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = find_importers(tmp_path, ["facility/flow.py"])
    assert found == {"facility.flow", "rules", "rules.power", "rules.names", "load.loader", "cli"}


def test_a_mutant_is_what_cosmic_ray_makes_of_it() -> None:
    mutated = mutate("a = 1\nb = 1\n", "NumberReplacer", 2)
    assert find_difference("a = 1\nb = 1\n", mutated) == ("b = 1", "b = 2")
    with pytest.raises(LookupError):
        mutate("a = 1\n", "NumberReplacer", 2)


@pytest.mark.parametrize(
    ("caught", "missed"),
    [
        ("a.B", ["NobodyRaises"]),
        ("B", ["NobodyRaises"]),
        ("(B)", ["(NobodyRaises)"]),
        ("(a.B, C)", ["(NobodyRaises, C)", "(a.B, NobodyRaises)"]),
    ],
)
def test_a_handler_misses_one_of_its_exceptions(caught: str, missed: list[str]) -> None:
    source = f"try:\n    f()\nexcept {caught} as error:\n    pass\n"
    mutants = [mutate(source, "ReplaceCaught", number) for number in range(len(missed))]
    assert mutants == [source.replace(caught, text) for text in missed]
    assert len(list_mutations("a.py", source, ["ReplaceCaught"], [])) == len(missed)


def test_a_test_that_hangs_is_ended_with_all_that_it_started() -> None:
    """In a process of its own: it becomes the parent of what others leave behind."""
    program = """
import subprocess, sys, time
from tests.mutation.forking import adopt_orphans, allow_seconds, list_children, run_forked
def hang():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("hangs", flush=True)
    time.sleep(600)
adopt_orphans()
ending = run_forked(hang, 1.0)
assert (ending.exit_code, ending.output) == (None, "hangs"), ending
assert list_children() == [], list_children()
def spin():
    allow_seconds(0.5)
    while True:
        pass
assert run_forked(spin, 60.0).exit_code is None
assert run_forked(lambda: 3, 60.0).exit_code == 3
assert run_forked(lambda: 1 // 0, 60.0).exit_code == 70
"""
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=60)


HANGS = "import time\nfrom code_of import is_cold\n\ndef test_it():\n    if is_cold(18):\n        time.sleep(600)\n"


@needs_program("git")
def test_a_worker_that_is_ended_puts_the_file_back(project: Commit) -> None:
    root = project(HANGS)
    failed: list[str] = []

    def try_hanging_mutant() -> None:
        request = {"file": "code_of.py", "operator": "ReplaceComparisonOperator_Lt_LtE", "occurrence": 0}
        try:
            worker.ask(do="try", tests=["test_it.py"], durations={}, limit_s=600.0, **request)
        except RackproofError as error:
            failed.append(error.code)

    with open_worker(root) as worker:
        thread = threading.Thread(target=try_hanging_mutant)
        thread.start()
        wait_until(lambda: (root / "code_of.py").read_text() != CODE, 60.0, "the mutant was not written")
        worker.end()
        thread.join(60.0)
    assert failed == ["PRF009"]
    assert (root / "code_of.py").read_text() == CODE


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(RackproofError) as caught:
        read_targets(["usmm"])
    assert caught.value.code == "PRF008"
    assert "usm" in str(caught.value.remedy)


def test_the_table_fits_the_code() -> None:
    table = read_targets()
    mutated = {file for target in table.targets.values() for file in target.files}
    for target in table.targets.values():
        for name in (*target.files, *target.tests):
            assert (REPOSITORY / name).exists(), name
        for name in target.without:
            file, _, test = name.partition("::")
            assert f"def {test}(" in (REPOSITORY / file).read_text(encoding="utf-8"), name
    known = read_survivors()
    assert {identity.file for identity in known} <= mutated
    for identity, reason in known.items():
        source = {line.strip() for line in (REPOSITORY / identity.file).read_text(encoding="utf-8").splitlines()}
        assert set(identity.before.splitlines()) <= source, identity
        assert len(reason) > 10, identity


@pytest.mark.slow
@needs_program("git")
def test_a_slice_of_the_gate_holds() -> None:
    """A sample of one target, the same one every time; the whole is `rackproof prove mutation`."""
    (proof,) = prove_mutation(["usm"], ignore, jobs=1, sample=15)
    assert proof.is_good, proof
    assert proof.killed >= 10
