"""What `rackproof test` leaves out is in exactly one long proof, and a proof that ran no test is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from lab.proofs import long_tests
from lab.proofs.machine import LineRun
from tests.support import leave_long

MARK = re.compile(r"\bmark\.long\b|\bleave_long\b")


def test_every_long_test_is_in_exactly_one_proof() -> None:
    marked = {file for file in (REPOSITORY / "tests").rglob("test_*.py") if MARK.search(file.read_text("utf-8"))}
    listed = [file for files in long_tests.list_files().values() for file in files]
    assert sorted(listed) == sorted(marked - {Path(__file__).resolve()})


def test_a_slice_that_is_none_of_the_values_is_no_slice() -> None:
    assert leave_long(["a", "b"], ["a"])[0] == "a"
    assert [mark.name for mark in leave_long(["a", "b"], ["a"])[1].marks] == ["long"]
    with pytest.raises(ValueError, match="c"):
        leave_long(["a", "b"], ["a", "c"])


def test_a_proof_that_nobody_listed_is_refused() -> None:
    with pytest.raises(RackproofError) as caught:
        long_tests.prove_long(["netbx"], print)
    assert (caught.value.code, caught.value.exit_code) == ("PRF010", 2)
    assert "netbox" in caught.value.remedy


@pytest.mark.parametrize(
    ("code", "text", "is_good"),
    [
        (0, "===== 12 passed in 3.02s =====", True),
        (5, "===== 40 deselected in 0.10s =====", False),
        (0, "", False),
        (1, "===== 1 failed, 11 passed in 3.02s =====", False),
        (None, "===== 12 passed in 3.02s =====", False),
    ],
)
def test_only_tests_that_ran_and_passed_prove(
    code: int | None, text: str, is_good: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def run(clone: Path, argv: list[str]) -> LineRun:
        assert clone == REPOSITORY
        asked.append(argv)
        return LineRun(code, 3.0, text)

    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    monkeypatch.setattr(long_tests, "run_tests", run)
    (proof,) = long_tests.prove_long(["netbox"], lambda _text: None)
    assert proof.is_good is is_good
    assert asked == [["./rackproof", "test", "-m", "long", "tests/netbox/test_live.py"]]
    assert Path(proof.log).read_text("utf-8") == text
