"""Every mistake has a text a person can act on; the texts are golden, in both languages.

After a deliberate change: RACKPROOF_GOLDEN=write pytest tests/inventory/test_mistakes.py, and review the difference.
"""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

from core.errors import ErrorGroup, ExitCode, RackproofError
from core.errors.table import read_table
from inventory.load.loader import inspect_estate, load_estate
from tests.inventory.mistake_cases import CASES, DELETE
from tests.inventory.network_mistake_cases import NETWORK_CASES

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
def golden(language):
    file = HERE / "golden" / f"mistakes.{language}.txt"
    if not file.is_file():
        return {}
    parts = file.read_text("utf-8").split("\n=== ")[1:]
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].rstrip("\n") for part in parts}


@pytest.fixture(scope="module")
def written():
    """Collects texts when golden files are to be written anew."""
    texts = {"en": {}, "vi": {}}
    yield texts
    if os.environ.get("RACKPROOF_GOLDEN") == "write":
        for language, found in texts.items():
            body = "".join(f"\n=== {name}\n{text}\n" for name, text in found.items())
            (HERE / "golden" / f"mistakes.{language}.txt").write_text(f"# What a person reads.\n{body}", "utf-8")


def spoil(folder, file, old, new):
    target = folder / file
    if new is DELETE:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    elif old is None:
        target.write_bytes(new)
    else:
        text = target.read_text("utf-8")
        assert old in text, f"the case no longer fits {file}: {old}"
        target.write_text(text.replace(old, new, 1), "utf-8")


def texts_of(folder):
    found = inspect_estate(folder)
    every = (*found.errors, *found.warnings)
    return [str(item).replace(f"{folder}/", "").replace(str(folder), ".") for item in every], found


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize(("base", "name", "code", "file", "old", "new"), EVERY, ids=[case[1] for case in EVERY])
def test_text_of(base, name, code, file, old, new, language, tmp_path, monkeypatch, written):
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


def test_there_are_many_distinct_mistakes():
    assert len({case[1] for case in EVERY}) == len(EVERY) >= 80


def test_every_code_has_a_case():
    assert set(read_table("EST")) - {case[2] for case in EVERY} == ASKED_ELSEWHERE


def test_both_languages_say_the_same_parts():
    for code, entry in read_table("EST").items():
        assert set(entry["en"]) == set(entry["vi"]), code
        assert entry["en"]["message"] != entry["vi"]["message"], code


@pytest.mark.parametrize("base", ["base", "campus"])
def test_the_base_is_clean(base):
    found = inspect_estate(HERE / base)
    assert (found.errors, found.warnings) == ((), ())


def test_a_warning_does_not_stop_loading(tmp_path):
    shutil.copytree(HERE / "base", tmp_path / "estate")
    spoil(tmp_path / "estate", "services.yml", "on_role: site-node", "on_role: site-knot")
    assert load_estate(tmp_path / "estate").services["nodes"].hosts == ()


def test_a_warning_hides_no_error(tmp_path):
    shutil.copytree(HERE / "base", tmp_path / "estate")
    spoil(tmp_path / "estate", "sites/old.bak", None, b"")
    spoil(tmp_path / "estate", "links.yml", "b: {device: core2", "b: {device: core22")
    found = inspect_estate(tmp_path / "estate")
    assert "EST120" in {error.code for error in found.errors}
    assert found.estate is None


def test_no_folder_is_a_mistake_of_the_user(tmp_path):
    with pytest.raises(RackproofError) as caught:
        load_estate(tmp_path / "nowhere")
    assert (caught.value.code, caught.value.exit_code) == ("EST030", ExitCode.USAGE)


def test_all_mistakes_of_a_run_come_at_once_and_sorted(tmp_path):
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
    assert all(error.place.line for error in caught.value.errors)
