"""A folder of data files is read whole: what would be missed in silence is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.register import register
from core.errors import ErrorGroup, RackproofError
from core.yaml import list_data_files
from monitoring.profiles import profile as profiles
from monitoring.rules import alert_rules as rules
from tests.support import require

REPOSITORY = Path(__file__).parents[2]


STRAY = ["b.yaml", "a.yaml", ".b.yml", ".b.yaml", "b.yml.bak", "b.yml~", "b.YML", "b.yml.orig"]


@pytest.mark.parametrize("name", STRAY)
@pytest.mark.parametrize("place", [".", "below"])
def test_what_looks_like_one_more_is_refused_with_its_place(name: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.yml").write_text("a: 1\n")
    (tmp_path / place / name).write_text("b: 1\n")
    with pytest.raises(RackproofError) as caught:
        list_data_files(tmp_path, deep=True)
    assert caught.value.code == "YML050" and require(caught.value.place).file == tmp_path / place / name


@pytest.mark.parametrize("name", [".a.yml.swp", "README.md", "#a.txt#"])
def test_what_is_no_data_is_passed_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 1\n")
    (tmp_path / name).write_text("b: 1\n")
    assert list_data_files(tmp_path) == [tmp_path / "a.yml"]


def test_every_stray_file_is_named(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("a: 1\n")
    with pytest.raises(ErrorGroup) as caught:
        list_data_files(tmp_path)
    assert [error.code for error in caught.value.errors] == ["YML050"] * 2


def test_a_requirement_a_rule_or_a_profile_of_another_ending_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    monkeypatch.setattr(rules, "FOLDER", tmp_path)
    for read in (
        lambda: register.load_requirements(tmp_path),
        lambda: profiles.load_profiles(tmp_path),
        rules.list_alerts,
    ):
        with pytest.raises(RackproofError) as caught:
            read()
        assert caught.value.code == "YML050"


#: Who lists data files by their ending alone, and why nothing can be missed there.
OWN_LISTS = {
    "core/errors/table.py": "the reader reports through this table; test_error_table.py holds its files",
    "checks/collect/files.py": "papers: one that is not read is missing, and that is red; an estate's own files",
    "bench/scaled_estate.py": "a copy of our own estate for the benchmark",
    "lab/proofs/machine.py": "the releases that can be named; one that is missing is an unknown name",
    "netconfig/platforms/platform.py": "one folder a platform; one that is missing is an unknown platform",
}


LISTS = re.compile(r"glob\([^)]*\.ya?ml")


def test_nobody_else_lists_data_files_by_their_ending() -> None:
    rooms = ("core", "inventory", "netconfig", "monitoring", "checks", "bench", "lab", "playbooks")
    files = [file for room in rooms for file in (REPOSITORY / room).rglob("*.py")]
    found = {str(file.relative_to(REPOSITORY)) for file in files if LISTS.search(file.read_text("utf-8"))}
    assert found == set(OWN_LISTS)
