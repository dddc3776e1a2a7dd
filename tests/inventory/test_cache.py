"""The remembered estate is never stale: whatever is changed, the answer equals that of loading anew."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RackproofError
from inventory import cache_key
from inventory.cache import through
from inventory.load import check_estate, inspect_estate, load_estate
from inventory.positions import load_yaml
from inventory.reads import watched

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(__file__).parent / "base"
FILES = sorted(str(file.relative_to(BASE)) for file in BASE.rglob("*") if file.is_file())
SETTLE_S = cache_key.CLOCK_GRAIN_S * 1.5


def plain(found):
    return [[type(item).__name__, item.as_dict()] for item in (*found.errors, *found.warnings)]


def same(one, other):
    assert plain(one) == plain(other)
    assert one.estate == other.estate
    if one.estate is not None:
        assert (one.estate.root, list(one.estate.sites)) == (other.estate.root, list(other.estate.sites))


def asked(folder):
    """The answer through the cache, and whether it was remembered."""
    looks = []
    answer = through(folder, lambda at: looks.append(at) or inspect_estate(at), lambda estate: {"n": len(estate.sites)})
    return SimpleNamespace(answer=answer, remembered=not looks)


def kept(folder):
    """Load until it is remembered; the clock of the file system must have moved on first."""
    time.sleep(SETTLE_S)
    asked(folder)
    assert asked(folder).remembered


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state folder of its own, sources that can be changed, and a process that began after them."""
    top = tmp_path_factory.mktemp("cache")
    (top / "code").mkdir()
    (top / "code" / "rule.py").write_text("pass\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACKPROOF_STATE", str(top / "state"))
        patch.setenv("RACKPROOF_LANG", "en")
        patch.delenv("RACKPROOF_NO_CACHE", raising=False)
        patch.setattr(cache_key, "SOURCES", (top / "code",))
        patch.setattr(cache_key, "_began", lambda: float("inf"))
        yield top


@pytest.fixture
def estate(state, tmp_path, monkeypatch):
    """An estate of its own that is remembered; its table of tiers lies outside."""
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    return laid_out(tmp_path)


def laid_out(top):
    folder = top / "estate"
    shutil.copytree(BASE, folder)
    (folder / "tiers.yml").rename(top / "tiers.yml")
    (top / "link").symlink_to(top)
    head = folder / "estate.yml"
    head.write_text(head.read_text("utf-8") + "tiers: ../link/tiers.yml\n", "utf-8")
    kept(folder)
    return folder


# what a change can be: each is given the estate folder, a place in it and some bytes
def edit(folder, file, at, new):
    target = folder / file
    if target.is_file():
        content = target.read_bytes()
        at %= len(content) + 1
        target.write_bytes(content[:at] + new + content[at + 1 :])


def digits(folder, file, at, new):
    """Another valid estate, mostly: one digit becomes another."""
    target = folder / file
    if target.is_file():
        content = bytearray(target.read_bytes())
        places = [index for index, sign in enumerate(content) if 0x30 <= sign <= 0x39]
        if places:
            content[places[at % len(places)]] = 0x30 + at % 10
            target.write_bytes(bytes(content))


def keep_time(folder, file, at, new):
    """The same length and the same time of change as before, as far as a file can be told to lie."""
    target = folder / file
    if target.is_file():
        about = target.stat()
        digits(folder, file, at, new)
        os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))


def remove(folder, file, at, new):
    (folder / file).unlink(missing_ok=True)


def rename(folder, file, at, new):
    target = folder / file
    if target.is_file():
        target.rename(target.with_name(f"z{at}.yml"))


def add(folder, file, at, new):
    names = ("hardware.yml", "sites/z.yml", "sites/.z.yml", "sites/z.txt", "archetypes/z.yml", "allocations.jsonl", "z")
    (folder / names[at % len(names)]).parent.mkdir(exist_ok=True)
    (folder / names[at % len(names)]).write_bytes(new)


def tiers(folder, file, at, new):
    edit(folder, "../tiers.yml", at, new)


def tiers_digits(folder, file, at, new):
    digits(folder, "../tiers.yml", at, new)


def turn_link(folder, file, at, new):
    """The link on the way to the tiers leads elsewhere: to other tiers, or to nothing."""
    link, other = folder.parent / "link", folder.parent / "other"
    other.mkdir(exist_ok=True)
    if at % 3:
        (other / "tiers.yml").write_bytes((folder.parent / "tiers.yml").read_bytes())
    digits(folder, "../other/tiers.yml", at, new)
    link.unlink(missing_ok=True)
    link.symlink_to(other)


def other_folder(folder, file, at, new):
    """A part becomes a link to another folder."""
    if (folder / "sites").is_dir() and not (folder / "sites").is_symlink():
        (folder / "sites").rename(folder.parent / f"sites{at}")
        (folder / "sites").symlink_to(folder.parent / f"sites{at}")
        digits(folder, "sites/rooms.yml", at, new)


def code(folder, file, at, new):
    cache_key.SOURCES[0].joinpath("rule.py").write_bytes(new)


def language(folder, file, at, new):
    os.environ["RACKPROOF_LANG"] = "vi" if os.environ["RACKPROOF_LANG"] == "en" else "en"


CHANGES = (edit, digits, digits, digits, keep_time, remove, rename, add, tiers, tiers_digits, turn_link, other_folder,
           code, language)
CHANGE = st.tuples(st.sampled_from(CHANGES), st.sampled_from(FILES), st.integers(0, 9999), st.binary(max_size=3))


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(changes=st.lists(CHANGE, min_size=1, max_size=3), settle=st.booleans())
def test_it_says_what_loading_anew_says(state, tmp_path_factory, changes, settle):
    folder = laid_out(tmp_path_factory.mktemp("estates"))
    for change, *what in changes:
        change(folder, *what)
        for _ in range(2):
            if settle:
                time.sleep(SETTLE_S)
            same(asked(folder).answer, inspect_estate(folder))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen(estate, change):
    before = cache_key.digest(estate, [str(estate / "../link/tiers.yml")])
    change(estate, "sites/rooms.yml", 7, b"x: 1")
    assert cache_key.digest(estate, [str(estate / "../link/tiers.yml")]) != before
    assert not asked(estate).remembered


def test_what_was_remembered_holds_again_after_the_change_is_undone(estate):
    before = load_estate(estate)
    content = (estate / "services.yml").read_bytes()
    (estate / "services.yml").write_bytes(content + b"# more\n")
    (estate / "services.yml").write_bytes(content)
    assert asked(estate).remembered
    assert load_estate(estate) == before


def test_warnings_are_remembered(estate):
    with (estate / "services.yml").open("a") as stream:
        stream.write("  - {name: more, title: {en: More, vi: Thêm}, on_role: nobody-has-it}\n")
    kept(estate)
    found = asked(estate)
    assert found.remembered and [item.code for item in found.answer.warnings]
    same(found.answer, inspect_estate(estate))


def test_mistakes_are_not_remembered(estate):
    (estate / "links.yml").write_text("links: 1\n")
    for _ in range(2):
        time.sleep(SETTLE_S)
        found = asked(estate)
        assert not found.remembered and found.answer.errors


@pytest.mark.parametrize("file", ["services.yml", "../tiers.yml"])
def test_what_changed_while_it_was_read_is_not_kept(estate, file):
    """There and back again: the content is the same before and after, but not in between."""
    old = (estate / file).read_bytes()
    with (estate / "estate.yml").open("a") as stream:
        stream.write("# so that it is loaded anew\n")
    time.sleep(SETTLE_S)

    def look(folder):
        (estate / file).write_bytes(old + b"# for a moment\n")
        found = inspect_estate(folder)
        (estate / file).write_bytes(old)
        return found

    through(estate, look)
    assert not asked(estate).remembered


def test_code_that_changed_since_the_process_began_remembers_nothing(estate, monkeypatch):
    monkeypatch.setattr(cache_key, "_began", lambda: time.time() - 3600)
    assert not asked(estate).remembered
    monkeypatch.setattr(cache_key, "_began", lambda: time.time() + 3600)
    assert asked(estate).remembered


def test_when_this_process_began_is_known():
    done = subprocess.run(
        [sys.executable, "-c", "from inventory import cache_key; print(cache_key._began())"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert abs(float(done.stdout) - time.time()) < 60


WATCHED = """
import os, sys
from pathlib import Path
from core.errors import RackproofError
from inventory import cache_key
from inventory.load import inspect_estate
from inventory.reads import watched
folder, seen = Path(sys.argv[1]), set()
inspect_estate(folder)  # whatever is imported on the way is imported now
sys.addaudithook(lambda event, told: event in ("open", "os.listdir", "os.scandir") and seen.add(os.fsdecode(told[0])))
with watched() as reported:
    inspect_estate(folder)
known = (f"{folder}", *(os.path.realpath(name) for name in cache_key.beyond(folder, reported)))
print(*(name for name in seen if not os.path.realpath(name).startswith(known)), sep="\\n", end="")
"""


@pytest.mark.parametrize("file", ["services.yml", "hardware.yml"])
def test_every_reading_of_a_file_is_reported(estate, file):
    """Wherever it lies, and whether or not it is there."""
    with watched() as seen, suppress(RackproofError):
        load_yaml(estate / file)
    assert seen == {estate / file}


@pytest.mark.parametrize("which", ["own", "inventory/estate", "lab/estate"])
def test_loading_reads_nothing_the_key_does_not_know(estate, which):
    """Every file and folder that is really opened is below the estate or was reported: no reader can be forgotten."""
    folder = estate if which == "own" else ROOT / which
    command = [sys.executable, "-c", WATCHED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == ""


def test_the_reference_and_the_lab_are_remembered_as_they_are(state, tmp_path, monkeypatch):
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    for which in ("inventory/estate", "lab/estate"):
        cold = inspect_estate(ROOT / which)
        asked(ROOT / which)
        again = asked(ROOT / which)
        assert again.remembered
        same(again.answer, cold)
        assert repr(again.answer.estate) == repr(cold.estate)


def test_it_can_be_turned_off(estate, monkeypatch):
    monkeypatch.setenv("RACKPROOF_NO_CACHE", "1")
    assert not asked(estate).remembered


@pytest.mark.parametrize("arguments", [[], ["--json"]])
@pytest.mark.parametrize("lang", ["en", "vi"])
def test_validate_says_the_same_with_and_without(tmp_path, arguments, lang):
    environment = {**os.environ, "RACKPROOF_STATE": str(tmp_path), "RACKPROOF_LANG": lang}
    command = [sys.executable, "-P", "-m", "rackproof", "estate", "validate", "lab/estate", *arguments]

    def said(*more):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, cwd=ROOT,
                              env={**environment, "PYTHONPATH": str(ROOT)})
        return done.returncode, done.stdout, done.stderr

    first = said("--no-cache")
    assert not list(tmp_path.rglob("*.json"))
    assert [said(), said(), said("--no-cache")] == [first] * 3
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_a_check_has_no_draft_and_the_same_findings(estate):
    same(check_estate(estate), inspect_estate(estate))
