"""What lies in an estate folder and is no plain file of it is said with its place: never a shorter estate, silently."""

import shutil
from pathlib import Path

import pytest

from core.yaml import Document
from inventory.load.estate_cache import Inspection
from inventory.load.inspection import inspect_estate
from inventory.source import site_files as sitefiles
from inventory.source.positions import load_yaml
from tests.support import require

HERE = Path(__file__).parent


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    return tmp_path / "estate"


def codes_at(estate: Path, file: str) -> tuple[list[str], Inspection]:
    """Return the codes of errors and warnings said of one file."""
    found = inspect_estate(estate)
    return [item.code for item in (*found.errors, *found.warnings) if require(item.place).file == estate / file], found


STRANGE = [
    ("sites/.dc2.yml", "EST014"),
    ("sites/dc.yaml", "EST015"),
    ("archetypes/.room.yml", "EST014"),
    ("archetypes/room.yaml", "EST015"),
    (".links.yml", "EST014"),
    ("links.yaml", "EST015"),
]


@pytest.mark.parametrize(("name", "code"), STRANGE)
def test_a_file_that_might_be_meant_is_refused(estate: Path, name: str, code: str) -> None:
    model = estate / name.replace(".yaml", ".yml").replace("/.", "/").removeprefix(".").replace("dc2", "dc")
    shutil.copy(model, estate / name)
    said, found = codes_at(estate, name)
    assert code in said
    assert found.estate is None


@pytest.mark.parametrize("name", ["sites/dc.yml~", "sites/dc.yml.bak", "archetypes/room.yml.orig", "links.yml~"])
def test_a_backup_is_named(estate: Path, name: str) -> None:
    (estate / name).write_text("site: x\n", "utf-8")
    assert codes_at(estate, name)[0] == ["EST041"]


@pytest.mark.parametrize("name", ["policy.yml", "link.yml", "policies.yml", "site.yaml"])
def test_a_file_that_nothing_names_is_named(estate: Path, name: str) -> None:
    """A ``policies.yml`` that ``estate.yml`` does not name guards no port."""
    (estate / name).write_text("{}\n", "utf-8")
    said, found = codes_at(estate, name)
    assert (said, found.estate is None) == (["EST037"], False)


@pytest.mark.parametrize("target", ["gone.yml", "sites"], ids=["nowhere", "to a folder"])
def test_of_a_link_that_leads_to_no_file_the_link_is_named(estate: Path, target: str) -> None:
    (estate / "tiers.yml").unlink()
    (estate / "tiers.yml").symlink_to(target)
    assert codes_at(estate, "tiers.yml")[0] == ["EST001"]


@pytest.mark.parametrize("name", ["sites/.gitkeep", "README.md", "allocations.jsonl", ".pre-commit-config.yaml"])
def test_what_nobody_could_mean_is_not_named(estate: Path, name: str) -> None:
    (estate / name).write_text("", "utf-8")
    assert codes_at(estate, name)[0] == []


def test_a_folder_without_sites_is_an_error_whatever_else_is_said(estate: Path) -> None:
    for file in (estate / "sites").iterdir():
        file.unlink()
    (estate / "archetypes" / "old.bak").write_text("", "utf-8")
    found = inspect_estate(estate)
    assert "EST031" in [error.code for error in found.errors]
    assert found.estate is None


@pytest.mark.parametrize("change", ["gone", "new"])
def test_a_folder_that_changes_while_it_is_read_is_an_error(
    estate: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    read = load_yaml

    def read_and_change(file: Path) -> Document:
        document = read(file)
        if file.name == "dc.yml" and change == "gone":
            file.unlink()
        if file.name == "dc.yml" and change == "new":
            shutil.copy(file, file.with_name("new.yml"))
        return document

    monkeypatch.setattr(sitefiles, "load_yaml", read_and_change)
    found = inspect_estate(estate)
    assert "EST016" in [error.code for error in found.errors]
    assert found.estate is None


RUBBISH = [
    ("rubbish: 1\n", 1, "EST020"),
    ("racks:\n  - {name: A1, rubbish: 2}\n", 2, "EST020"),
    ("devices: nonsense\n", 1, "EST022"),
]


@pytest.mark.parametrize(("text", "line", "code"), RUBBISH)
def test_an_archetype_that_no_site_uses_is_checked(estate: Path, text: str, line: int, code: str) -> None:
    (estate / "archetypes" / "unused.yml").write_text(text, "utf-8")
    found = inspect_estate(estate)
    found_at = [(error.code, require(error.place)) for error in found.errors]
    places = [(code, place.file.name, place.line) for code, place in found_at]
    assert (code, "unused.yml", line) in places


def test_an_unused_archetype_that_is_right_is_no_mistake(estate: Path) -> None:
    shutil.copy(estate / "archetypes" / "room.yml", estate / "archetypes" / "unused.yml")
    assert inspect_estate(estate).errors == ()
