"""A remembered answer that is damaged or may be somebody else's is never trusted, and never a traceback."""

import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from inventory import cache_file, cache_key
from inventory.cache import through
from inventory.load import inspect_estate

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(__file__).parent / "base"
LIE = (b'"Centre"', b'"Castle"')


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A remembered estate: its folder and the file it is remembered in."""
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(cache_key, "_began", lambda: float("inf"))
    shutil.copytree(BASE, tmp_path / "estate")
    time.sleep(cache_key.CLOCK_GRAIN_S * 1.5)
    assert looks(tmp_path / "estate") == 1
    assert looks(tmp_path / "estate") == 0
    (file,) = (tmp_path / "state").rglob("*.json")
    return tmp_path / "estate", file


def looks(folder):
    """Ask for the estate; return how often it was loaded for that. The answer is right in any case."""
    seen = []
    answer = through(folder, lambda at: seen.append(at) or inspect_estate(at))
    cold = inspect_estate(folder)
    assert (answer.errors, answer.estate) == (cold.errors, cold.estate)
    return len(seen)


def lying(file):
    """Write a false estate as the program would write a true one."""
    record = cache_file.read(file)
    assert LIE[0] in record.estate
    assert cache_file.write(file, replace(record, estate=record.estate.replace(*LIE)))


def signed(head, estate=b"{}"):
    rest = head + b"\n" + estate
    return cache_file._first_line(rest) + b"\n" + rest


def writable(file):
    lying(file)
    file.chmod(0o666)


def readable_by_the_group(file):
    lying(file)
    file.chmod(0o640)


def in_an_open_folder(file):
    lying(file)
    file.parent.chmod(0o777)


def linked(file):
    lying(file)
    os.link(file, file.with_suffix(".other"))


def a_symbolic_link(file):
    lying(file)
    file.rename(file.with_suffix(".other"))
    file.symlink_to(file.with_suffix(".other"))


def a_linked_folder(file):
    lying(file)
    file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.symlink_to(file.parent.with_name("elsewhere"))


def a_folder(file):
    file.unlink()
    file.mkdir()


def a_pipe(file):
    file.unlink()
    os.mkfifo(file, 0o600)


DAMAGE = {
    "writable": writable, "readable by the group": readable_by_the_group, "in an open folder": in_an_open_folder,
    "linked": linked, "a symbolic link": a_symbolic_link, "a linked folder": a_linked_folder, "a folder": a_folder,
    "a pipe": a_pipe,
    "gone": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: file.write_bytes(b"\x80\x04K\x01."),
    "half": lambda file: file.write_bytes(file.read_bytes()[:-700]),
    "one sign more": lambda file: file.write_bytes(file.read_bytes() + b" "),
    "altered": lambda file: file.write_bytes(file.read_bytes().replace(*LIE)),
    "of another key": lambda file: cache_file.write(file, replace(cache_file.read(file), key="0" * 64)),
    "no JSON": lambda file: file.write_bytes(signed(b"{")),
    "deep JSON": lambda file: file.write_bytes(signed(b"[" * 100_000)),
    "a list": lambda file: file.write_bytes(signed(b"[]")),
    "other parts": lambda file: file.write_bytes(signed(b'{"a": 1}')),
    "warnings that are none": lambda file: cache_file.write(file, replace(cache_file.read(file), warnings=[{"a": 1}])),
    "an estate that is none": lambda file: cache_file.write(file, replace(cache_file.read(file), estate=b"[]")),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_damaged_or_foreign_is_not_trusted(kept, name):
    folder, file = kept
    DAMAGE[name](file)
    assert looks(folder) == 1


def test_every_byte_counts(kept):
    folder, file = kept
    good = file.read_bytes()
    for at in range(0, len(good), 97):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert cache_file.read(file) is None
    file.write_bytes(good)
    assert looks(folder) == 0


def test_a_file_of_another_user_is_not_trusted(kept, monkeypatch):
    folder, file = kept
    lying(file)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    shutil.copytree(file.parent, file.parent.with_name(f"estates-{another}"))  # as if that user's own
    assert looks(folder) == 1


def test_only_its_user_may_read_it(kept):
    _folder, file = kept
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_only_the_newest_are_kept(kept):
    _folder, file = kept
    record = cache_file.read(file)
    for number in range(40):
        assert cache_file.write(file.with_name(f"{number}.json"), record)
    assert len(list(file.parent.iterdir())) == cache_file._KEPT


def no_folder(folder):
    os.environ["RACKPROOF_STATE"] = "/proc/none"


def a_file(folder):
    (folder.parent / "file").write_text("")
    os.environ["RACKPROOF_STATE"] = str(folder.parent / "file")


@pytest.mark.parametrize("where", [no_folder, a_file])
def test_a_state_folder_that_cannot_be_written(kept, where, monkeypatch):
    folder, _file = kept
    monkeypatch.setenv("RACKPROOF_STATE", "")
    where(folder)
    assert (looks(folder), looks(folder)) == (1, 1)


PROGRAM = "import sys; from pathlib import Path; from inventory.load import load_estate as load; " \
          "print(len(load(Path(sys.argv[1])).devices))"


def started(folder, state, **more):
    environment = {**os.environ, "RACKPROOF_STATE": str(state)}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], cwd=ROOT, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def test_a_full_disk_leaves_nothing_behind(kept, tmp_path):
    folder, _file = kept

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    process = started(folder, tmp_path / "full", preexec_fn=small)
    assert process.communicate(timeout=60) == (f"{len(inspect_estate(folder).estate.devices)}\n", "")
    assert [file for file in (tmp_path / "full").rglob("*") if file.is_file()] == []


def test_several_processes_at_once(kept, tmp_path):
    folder, _file = kept
    for _ in range(2):
        processes = [started(folder, tmp_path / "many") for _ in range(6)]
        assert {process.communicate(timeout=60) for process in processes} == {
            (f"{len(inspect_estate(folder).estate.devices)}\n", "")
        }
    (file,) = (tmp_path / "many").rglob("*.json")
    assert cache_file.read(file) is not None
