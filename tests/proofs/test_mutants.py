"""Broken guards: the list still fits the code, and only tests that ran and failed count as noticing."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from lab.proofs.mutants import MutantState, PytestRun, name_state, open_scratch_folder, prove_mutants, read_mutants
from tests.support import needs_program

Project = Callable[..., Path]

CODE = "def is_cold(celsius):\n    return celsius < 18\n"
TESTS = "from code_of import is_cold\n\ndef test_cold():\n    assert is_cold(3)\n    assert not is_cold(18)\n"
ENTRY = "{name}: {{file: code_of.py, before: '{before}', after: '{after}', tests: [test_it.py]}}\n"


@pytest.mark.parametrize("name", read_mutants())
def test_a_mutant_of_the_list_fits_its_file(name: str) -> None:
    mutant = read_mutants()[name]
    source = (REPOSITORY / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.before) == 1
    assert mutant.after not in (mutant.before, source)
    for test in mutant.tests:
        assert (REPOSITORY / test.partition("::")[0]).exists(), test


@pytest.mark.parametrize(
    ("exit_code", "state"),
    [
        (0, MutantState.SURVIVED),
        (1, MutantState.KILLED),
        (None, MutantState.KILLED),
        (2, MutantState.NOT_TESTED),
        (4, MutantState.NOT_TESTED),
        (5, MutantState.NOT_TESTED),
    ],
)
def test_only_failed_tests_kill(exit_code: int | None, state: MutantState) -> None:
    assert name_state(PytestRun(exit_code, "")) is state


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A repository of one function and its test; returns what adds the table and commits."""

    def commit(*entries: dict[str, str], tests: str = TESTS) -> Path:
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "mutants.yml").write_text("".join(ENTRY.format(**entry) for entry in entries))
        (tmp_path / "code_of.py").write_text(CODE)
        (tmp_path / "test_it.py").write_text(tests)
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = lab\n")
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "-m", "x"]):
            subprocess.run(["git", *words], cwd=tmp_path, check=True)
        return tmp_path

    return commit


@needs_program("git")
@pytest.mark.slow
def test_each_mutant_is_tried_alone_in_a_clone(project: Project) -> None:
    root = project(
        {"name": "killed", "before": "< 18", "after": "<= 18"},
        {"name": "survived", "before": "< 18", "after": "< 17"},
        {"name": "gone", "before": "> 18", "after": "< 18"},
        {"name": "broken", "before": "return celsius", "after": "return celsius ("},
    )
    steps: list[str] = []
    proofs = prove_mutants((), steps.append, root)
    assert {proof.name: proof.state.value for proof in proofs} == {
        "killed": "killed",
        "survived": "survived",
        "gone": "not_found",
        "broken": "not_tested",
    }
    assert "1 passed" in proofs[1].output
    assert steps[1:] == ["1/4 killed", "2/4 survived", "3/4 gone", "4/4 broken"]
    assert (root / "code_of.py").read_text() == CODE
    assert [proof.name for proof in prove_mutants(["survived"], steps.append, root)] == ["survived"]


@needs_program("git")
def test_tests_that_are_red_anyway_prove_nothing(project: Project) -> None:
    root = project({"name": "any", "before": "< 18", "after": "> 18"}, tests="def test_red():\n    assert False\n")
    with pytest.raises(RackproofError) as caught:
        prove_mutants((), lambda _step: None, root)
    assert caught.value.code == "PRF007"


def test_a_scratch_folder_is_gone_even_when_its_removal_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = shutil.rmtree, []

    def interrupt_once(folder: Path, **options: Any) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", interrupt_once)
    with pytest.raises(KeyboardInterrupt), open_scratch_folder() as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_an_unknown_mutant_is_refused() -> None:
    with pytest.raises(RackproofError) as caught:
        read_mutants(["watch-single-missed-slott"])
    assert caught.value.code == "PRF006"
    assert "watch-single-missed-slot" in caught.value.remedy
