"""The remembered estate is never stale: whatever is changed, the answer equals that of loading anew."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RackproofError
from inventory.load import estate_cache, inspection
from inventory.load.estate_cache import Inspection
from inventory.load.inspection import inspect_estate
from inventory.load.loader import check_estate, load_estate
from inventory.source.file_tracking import read_fingerprint, report_read, track_reads
from inventory.source.positions import load_yaml

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(__file__).parent / "base"
FILES = sorted(str(file.relative_to(BASE)) for file in BASE.rglob("*") if file.is_file())
OUTSIDE = {"tiers.yml": "link", "hardware.yml": "models"}  # file → the link that leads to its folder


def plain(found: Inspection) -> list[list[object]]:
    return [[type(item).__name__, item.as_dict()] for item in (*found.errors, *found.warnings)]


def same(one: Inspection, other: Inspection) -> None:
    assert plain(one) == plain(other)
    assert one.estate == other.estate
    if one.estate is not None and other.estate is not None:
        assert (one.estate.root, list(one.estate.sites)) == (other.estate.root, list(other.estate.sites))


class Asked(NamedTuple):
    answer: Inspection
    remembered: bool


def asked(folder: Path) -> Asked:
    """The answer of a process that begins now, and whether it was remembered."""
    estate_cache.identify_code.cache_clear()
    answer = check_estate(folder)
    return Asked(answer=answer, remembered=answer.draft is None and answer.estate is not None)


def kept(folder: Path) -> None:
    asked(folder)
    assert asked(folder).remembered


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of its own, sources that can be changed, and a process that began after them."""
    top = tmp_path_factory.mktemp("cache")
    (top / "code").mkdir()
    (top / "code" / "rule.py").write_text("pass\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACKPROOF_STATE", str(top / "state"))
        patch.setenv("RACKPROOF_LANG", "en")
        patch.delenv("RACKPROOF_NO_CACHE", raising=False)
        patch.setattr(estate_cache, "SOURCES", (top / "code",))
        patch.setattr(estate_cache, "read_process_start", lambda: float("inf"))
        yield top
    estate_cache.identify_code.cache_clear()


@pytest.fixture
def estate(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An estate of its own that is remembered; its tables lie outside, behind a link."""
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    return laid_out(tmp_path)


def laid_out(top: Path) -> Path:
    folder = top / "estate"
    shutil.copytree(BASE, folder)
    for name, link in OUTSIDE.items():
        (folder / name).rename(top / name)
        (top / link).symlink_to(top)
    head = folder / "estate.yml"
    text = head.read_text("utf-8").replace("hardware: hardware.yml", "hardware: ../models/hardware.yml")
    head.write_text(f"{text}tiers: ../link/tiers.yml\n", "utf-8")
    kept(folder)
    return folder


# what a change can be: each is given the estate folder, a place in it and some bytes
def edit(folder: Path, file: str, at: int, new: bytes) -> None:
    target = folder / file
    if target.is_file():
        content = target.read_bytes()
        at %= len(content) + 1
        target.write_bytes(content[:at] + new + content[at + 1 :])


def digits(folder: Path, file: str, at: int, new: bytes) -> None:
    """Another valid estate, mostly: one digit becomes another."""
    target = folder / file
    if target.is_file():
        content = bytearray(target.read_bytes())
        places = [index for index, sign in enumerate(content) if 0x30 <= sign <= 0x39]
        if places:
            content[places[at % len(places)]] = 0x30 + at % 10
            target.write_bytes(bytes(content))


def keep_time(folder: Path, file: str, at: int, new: bytes) -> None:
    """The same length and the same time of change as before, as far as a file can be told to lie."""
    target = folder / file
    if target.is_file():
        about = target.stat()
        digits(folder, file, at, new)
        os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))


def remove(folder: Path, file: str, at: int, new: bytes) -> None:
    (folder / file).unlink(missing_ok=True)


def rename(folder: Path, file: str, at: int, new: bytes) -> None:
    target = folder / file
    if target.is_file():
        target.rename(target.with_name(f"z{at}.yml"))


def add(folder: Path, file: str, at: int, new: bytes) -> None:
    names = ("hardware.yml", "sites/z.yml", "sites/.z.yml", "sites/z.txt", "archetypes/z.yml", "allocations.jsonl", "z")
    (folder / names[at % len(names)]).parent.mkdir(exist_ok=True)
    (folder / names[at % len(names)]).write_bytes(new)


def tiers(folder: Path, file: str, at: int, new: bytes) -> None:
    edit(folder, "../tiers.yml", at, new)


def remove_tiers(folder: Path, file: str, at: int, new: bytes) -> None:
    (folder.parent / "tiers.yml").unlink(missing_ok=True)


def tiers_digits(folder: Path, file: str, at: int, new: bytes) -> None:
    digits(folder, "../tiers.yml", at, new)


def turn_link(folder: Path, file: str, at: int, new: bytes) -> None:
    """The link on the way to the tiers leads elsewhere: to other tiers, or to nothing."""
    link, other = folder.parent / "link", folder.parent / "other"
    other.mkdir(exist_ok=True)
    written = folder.parent / "tiers.yml"
    if at % 3 and written.exists():
        (other / "tiers.yml").write_bytes(written.read_bytes())
    digits(folder, "../other/tiers.yml", at, new)
    link.unlink(missing_ok=True)
    link.symlink_to(other)


def other_folder(folder: Path, file: str, at: int, new: bytes) -> None:
    """A part becomes a link to another folder."""
    if (folder / "sites").is_dir() and not (folder / "sites").is_symlink():
        (folder / "sites").rename(folder.parent / f"sites{at}")
        (folder / "sites").symlink_to(folder.parent / f"sites{at}")
        digits(folder, "sites/rooms.yml", at, new)


def code(folder: Path, file: str, at: int, new: bytes) -> None:
    estate_cache.SOURCES[0].joinpath("rule.py").write_bytes(new)


def language(folder: Path, file: str, at: int, new: bytes) -> None:
    os.environ["RACKPROOF_LANG"] = "vi" if os.environ["RACKPROOF_LANG"] == "en" else "en"


Change = Callable[[Path, str, int, bytes], None]

CHANGES = (
    edit,
    digits,
    digits,
    digits,
    keep_time,
    remove,
    rename,
    add,
    tiers,
    tiers_digits,
    remove_tiers,
    turn_link,
    other_folder,
    code,
    language,
)
CHANGE = st.tuples(st.sampled_from(CHANGES), st.sampled_from(FILES), st.integers(0, 9999), st.binary(max_size=3))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(changes=st.lists(CHANGE, min_size=1, max_size=3))
def test_it_says_what_loading_anew_says(
    state: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[Change, str, int, bytes]]
) -> None:
    folder = laid_out(tmp_path_factory.mktemp("estates"))
    for change, file, at, new in changes:
        change(folder, file, at, new)
        for _ in range(2):
            same(asked(folder).answer, inspect_estate(folder))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen(estate: Path, change: Change) -> None:
    change(estate, "sites/rooms.yml", 7, b"x: 1")
    assert not asked(estate).remembered


def package(patch: pytest.MonkeyPatch, top: Path) -> None:
    (top / "site-packages" / "pydantic-99.dist-info").mkdir(parents=True)
    patch.setattr(sys, "path", [*sys.path, str(top / "site-packages")])


OF_PYTHON = {
    "its version": lambda patch, top: patch.setattr(sys, "version", "3.99"),
    "its place": lambda patch, top: patch.setattr(sys, "prefix", "/elsewhere"),
    "a package": package,
}


@pytest.mark.parametrize("part", OF_PYTHON)
def test_another_python_is_seen(estate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    OF_PYTHON[part](monkeypatch, tmp_path)
    assert not asked(estate).remembered


@pytest.mark.parametrize("name", ["new.py", "new.yml", "new.po", "below/new.py"])
def test_a_new_source_is_seen_and_so_is_its_loss(estate: Path, name: str) -> None:
    source = estate_cache.SOURCES[0] / name
    source.parent.mkdir(exist_ok=True)
    source.write_text("")
    assert not asked(estate).remembered
    assert asked(estate).remembered
    source.unlink()
    (estate / "services.yml").write_bytes((estate / "services.yml").read_bytes() + b"# so that only one fits\n")
    assert not asked(estate).remembered


IMPORTED = """
import sys
from pathlib import Path
from core.workspace import REPOSITORY
from inventory.load.estate_cache import list_sources
from inventory.load.estate_cache import Inspection
from inventory.load.inspection import inspect_estate
inspect_estate(Path("lab/estate"))
files = [Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
ours = {file for file in files if file.is_relative_to(REPOSITORY) and ".rackproof" not in file.parts}
tables = {REPOSITORY / "core/errors/EST.yml", REPOSITORY / "locale/vi/LC_MESSAGES/inventory.po"}
print(len(ours), *(ours | tables) - set(list_sources()))
"""


def test_the_sources_are_those_that_are_imported_and_read() -> None:
    """Whatever of this repository a loading imports, and its tables and translations, is among them."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, cwd=ROOT)
    number, *others = done.stdout.split()
    assert (int(number) > 50, others) == (True, [])


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_link_that_leads_to_an_equal_file_elsewhere_is_seen(estate: Path, name: str) -> None:
    """The answer names the file, so it is another answer."""
    elsewhere = estate.parent / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(estate.parent / name, elsewhere / name)
    link = estate.parent / OUTSIDE[name]
    link.unlink()
    link.symlink_to(elsewhere)
    assert not asked(estate).remembered


def test_what_was_remembered_holds_again_after_the_change_is_undone(estate: Path) -> None:
    before = load_estate(estate)
    content = (estate / "services.yml").read_bytes()
    (estate / "services.yml").write_bytes(content + b"# more\n")
    (estate / "services.yml").write_bytes(content)
    assert asked(estate).remembered
    assert load_estate(estate) == before


def test_warnings_are_remembered(estate: Path) -> None:
    with (estate / "services.yml").open("a") as stream:
        stream.write("  - {name: more, title: {en: More, vi: Thêm}, on_role: nobody-has-it}\n")
    kept(estate)
    found = asked(estate)
    assert found.remembered and [item.code for item in found.answer.warnings]
    same(found.answer, inspect_estate(estate))


def test_mistakes_are_not_remembered(estate: Path) -> None:
    (estate / "links.yml").write_text("links: 1\n")
    for _ in range(2):
        found = asked(estate)
        assert not found.remembered and found.answer.errors


@pytest.mark.parametrize("name", ["services.yml", "../tiers.yml", "sites/rooms.yml"])
def test_what_changed_while_it_was_read_is_not_kept(estate: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There and back again: the content is the same before and after, but not in between."""
    file = estate / name
    old = file.read_bytes()
    with (estate / "estate.yml").open("a") as stream:
        stream.write("# so that it is loaded anew\n")

    def look(folder: Path) -> Inspection:
        file.write_bytes(old + b"# for a moment\n")
        found = inspect_estate(folder)
        file.write_bytes(old)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(inspection, "inspect_estate", look)
        check_estate(estate)
    assert not asked(estate).remembered


def test_a_file_that_was_read_as_two_things_is_not_kept(tmp_path: Path) -> None:
    with track_reads() as reads:
        for content in (b"1", b"2", b"1"):
            report_read(tmp_path / "file", content)
    (tmp_path / "file").write_bytes(b"1")
    assert reads[str(tmp_path / "file")] != read_fingerprint(tmp_path / "file")


def test_what_no_clock_can_tell_is_seen(estate: Path) -> None:
    """The same length, and times that were set back to the nanosecond, by whom the clock obeys."""
    file = estate / "sites" / "rooms.yml"
    before = file.stat()
    digits(estate, "sites/rooms.yml", 7, b"")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert not asked(estate).remembered


def test_code_that_changed_since_the_process_began_remembers_nothing(
    estate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estate_cache, "read_process_start", lambda: time.time() - 3600)
    assert not asked(estate).remembered
    monkeypatch.setattr(estate_cache, "read_process_start", lambda: time.time() + 3600)
    assert asked(estate).remembered


def test_a_process_that_outlives_an_upgrade_keeps_the_name_of_its_code(estate: Path) -> None:
    """Its memory holds the old code: what it remembers from now on is not for those that began with the new one."""
    code(estate, "", 0, b"better = 1\n")
    with (estate / "estate.yml").open("a") as stream:
        stream.write("# so that it is loaded anew\n")
    check_estate(estate)  # by the old process
    assert check_estate(estate).draft is None
    assert not asked(estate).remembered


def test_when_this_process_began_is_known() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from inventory.load.estate_cache import read_process_start as start; print(start())"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert abs(float(done.stdout) - time.time()) < 60


WATCHED = """
import os, sys
from pathlib import Path
from inventory.load.estate_cache import Inspection
from inventory.load.inspection import inspect_estate
from inventory.source.file_tracking import read_fingerprint, report_read, track_reads
folder, seen = Path(sys.argv[1]), set()
inspect_estate(folder)  # whatever is imported on the way is imported now
def note(event, told):  # a descriptor was opened by its name before
    if event in ("open", "os.listdir", "os.scandir") and not isinstance(told[0], int):
        seen.add(os.path.realpath(os.fsdecode(told[0])))
sys.addaudithook(note)
with track_reads() as reads:
    inspect_estate(folder)
print(len(seen), *(seen ^ {os.path.realpath(name) for name, was in reads.items() if not was.startswith("missing")}))
"""


@pytest.mark.parametrize("file", ["services.yml", "../hardware.yml"])
def test_every_reading_of_a_file_is_reported(estate: Path, file: str) -> None:
    """Wherever it lies."""
    with track_reads() as reads, suppress(RackproofError):
        load_yaml(estate / file)
    assert list(reads) == [str(estate / file)]


@pytest.mark.parametrize("which", ["own", "inventory/estate", "lab/estate"])
def test_loading_reads_nothing_the_key_does_not_know(estate: Path, which: str) -> None:
    """Every file and folder that is really opened was reported, and nothing else: no reader can be forgotten."""
    folder = estate if which == "own" else ROOT / which
    command = [sys.executable, "-c", WATCHED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    number, *rest = done.stdout.split()
    assert (int(number) > 5, rest) == (True, [])


def test_the_reference_and_the_lab_are_remembered_as_they_are(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    for which in ("inventory/estate", "lab/estate"):
        cold = inspect_estate(ROOT / which)
        asked(ROOT / which)
        again = asked(ROOT / which)
        assert again.remembered
        same(again.answer, cold)
        assert repr(again.answer.estate) == repr(cold.estate)


def test_it_can_be_turned_off(estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_NO_CACHE", "1")
    assert not asked(estate).remembered


@pytest.mark.parametrize("arguments", [[], ["--json"]])
@pytest.mark.parametrize("lang", ["en", "vi"])
def test_validate_says_the_same_with_and_without(tmp_path: Path, arguments: list[str], lang: str) -> None:
    environment = {**os.environ, "RACKPROOF_STATE": str(tmp_path), "RACKPROOF_LANG": lang}
    command = [sys.executable, "-P", "-m", "rackproof", "estate", "validate", "lab/estate", *arguments]

    def said(*more: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command, *more],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )
        return done.returncode, done.stdout, done.stderr

    first = said("--no-cache")
    assert not list(tmp_path.rglob("*.json"))
    assert [said(), said(), said("--no-cache")] == [first] * 3
    assert len(list(tmp_path.rglob("*.json"))) == 1


@pytest.mark.parametrize("name", ["sites", "archetypes", "allocations.jsonl"])
def test_what_was_missing_and_is_there_is_seen(estate: Path, name: str) -> None:
    """Also behind a link that led nowhere: the names in the folder stay the same."""
    (estate / name).exists() and (shutil.rmtree if (estate / name).is_dir() else Path.unlink)(estate / name)
    (estate / name).symlink_to(estate.parent / "later")
    first = asked(estate).answer
    assert first.errors or asked(estate).remembered
    (estate.parent / "later").mkdir()
    again = asked(estate)
    assert not again.remembered
    same(again.answer, inspect_estate(estate))


def test_a_check_has_no_draft_and_the_same_findings(estate: Path) -> None:
    same(check_estate(estate), inspect_estate(estate))
