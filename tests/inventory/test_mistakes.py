"""Every mistake has a text a person can act on; the texts are golden, in both languages.

After a deliberate change: RACKPROOF_GOLDEN=write pytest tests/inventory/test_mistakes.py, and review the difference.
"""

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.errors import ErrorGroup, ExitCode, RackproofError
from core.errors.table import read_table
from inventory.load.estate_cache import Inspection
from inventory.load.inspection import inspect_estate
from inventory.load.loader import load_estate
from tests.inventory.mistake_cases import CASES, DELETE
from tests.inventory.network_mistake_cases import NETWORK_CASES
from tests.support import require

HERE = Path(__file__).parent
EVERY = [("base", *case) for case in CASES] + [("campus", *case) for case in NETWORK_CASES]
ASKED_ELSEWHERE = {
    "EST014",  # test_estate_files.py
    "EST015",
    "EST016",
    "EST030",
    "EST046",
    "EST090",
    "EST091",
    "EST185",
    "EST186",
    "EST198",  # test_network_rules.py
    *(f"EST{group}{digit}" for group in ("05", "06", "07", "40") for digit in range(10)),
} - {"EST058", "EST400"}
ASKED_ELSEWHERE |= {f"EST08{digit}" for digit in range(4)}  # test_service_discovery.py


@cache
def golden(language: str) -> dict[str, str]:
    file = HERE / "golden" / f"mistakes.{language}.txt"
    if not file.is_file():
        return {}
    parts = file.read_text("utf-8").split("\n=== ")[1:]
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].rstrip("\n") for part in parts}


@pytest.fixture(scope="module")
def written() -> Iterator[dict[str, dict[str, str]]]:
    """Collects texts when golden files are to be written anew."""
    texts: dict[str, dict[str, str]] = {"en": {}, "vi": {}}
    yield texts
    if os.environ.get("RACKPROOF_GOLDEN") == "write":
        for language, found in texts.items():
            body = "".join(f"\n=== {name}\n{text}\n" for name, text in found.items())
            (HERE / "golden" / f"mistakes.{language}.txt").write_text(f"# What a person reads.\n{body}", "utf-8")


def spoil(folder: Path, file: str, old: str | None, new: object) -> None:
    target = folder / file
    if new is DELETE:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    elif old is None:
        assert isinstance(new, bytes)
        target.write_bytes(new)
    else:
        assert isinstance(new, str)
        text = target.read_text("utf-8")
        assert old in text, f"the case no longer fits {file}: {old}"
        target.write_text(text.replace(old, new, 1), "utf-8")


def texts_of(folder: Path) -> tuple[list[str], Inspection]:
    found = inspect_estate(folder)
    every = (*found.errors, *found.warnings)
    return [str(item).replace(f"{folder}/", "").replace(str(folder), ".") for item in every], found


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize(("base", "name", "code", "file", "old", "new"), EVERY, ids=[case[1] for case in EVERY])
def test_text_of(
    base: str,
    name: str,
    code: str,
    file: str,
    old: str | None,
    new: object,
    language: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: dict[str, dict[str, str]],
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", language)
    folder = tmp_path / "estate"
    shutil.copytree(HERE / base, folder)
    spoil(folder, file, old, new)
    texts, found = texts_of(folder)
    assert code in {item.code for item in (*found.errors, *found.warnings)}
    text = "\n".join(texts)
    written[language][name] = text
    if os.environ.get("RACKPROOF_GOLDEN") != "write":
        assert text == golden(language)[name]


def test_there_are_many_distinct_mistakes() -> None:
    assert len({case[1] for case in EVERY}) == len(EVERY) >= 80


def test_every_code_has_a_case() -> None:
    assert set(read_table("EST")) - {case[2] for case in EVERY} == ASKED_ELSEWHERE


def test_both_languages_say_the_same_parts() -> None:
    for code, entry in read_table("EST").items():
        assert set(entry["en"]) == set(entry["vi"]), code
        assert entry["en"]["message"] != entry["vi"]["message"], code


@pytest.mark.parametrize("base", ["base", "campus"])
def test_the_base_is_clean(base: str) -> None:
    found = inspect_estate(HERE / base)
    assert (found.errors, found.warnings) == ((), ())


def test_a_warning_does_not_stop_loading(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    spoil(tmp_path / "estate", "services.yml", "on_role: site-node", "on_role: site-knot")
    assert load_estate(tmp_path / "estate").services["nodes"].hosts == ()


def test_a_warning_hides_no_error(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    spoil(tmp_path / "estate", "sites/old.bak", None, b"")
    spoil(tmp_path / "estate", "links.yml", "b: {device: core2", "b: {device: core22")
    found = inspect_estate(tmp_path / "estate")
    assert "EST120" in {error.code for error in found.errors}
    assert found.estate is None


def test_no_folder_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        load_estate(tmp_path / "nowhere")
    assert (caught.value.code, caught.value.exit_code) == ("EST030", ExitCode.USAGE)


def test_all_mistakes_of_a_run_come_at_once_and_sorted(tmp_path: Path) -> None:
    folder = tmp_path / "estate"
    shutil.copytree(HERE / "base", folder)
    for file, old, new in [
        ("sites/dc.yml", "tier: DC\n", "tier: DCC\n"),
        ("services.yml", "hosts: [db1]", "hosts: [db7]"),
        ("sites/rooms.yml", "to: core2", "to: core5"),
    ]:
        spoil(folder, file, old, new)
    with pytest.raises(ErrorGroup) as caught:
        load_estate(folder)
    assert [error.code for error in caught.value.errors] == ["EST160", "EST101", "EST120"]
    assert all(require(error.place).line for error in caught.value.errors)
