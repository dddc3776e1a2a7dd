"""A remembered answer that is damaged or may be somebody else's is never trusted, and never a traceback."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.files import read_private_file
from inventory.load import estate_cache
from inventory.load.inspection import inspect_estate
from inventory.load.loader import check_estate
from tests.support import require

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(__file__).parent / "base"
LIE = (b'"Centre"', b'"Castle"')


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A remembered estate: its folder and the file it is remembered in."""
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("RACKPROOF_NO_CACHE", raising=False)
    monkeypatch.setattr(estate_cache, "identify_code", lambda: "these sources")
    shutil.copytree(BASE, tmp_path / "estate")
    assert is_remembered(tmp_path / "estate") is False
    assert is_remembered(tmp_path / "estate") is True
    (file,) = (tmp_path / "state").rglob("*.json")
    return tmp_path / "estate", file


def is_remembered(folder: Path) -> bool:
    """Ask for the estate; return whether it came back without being loaded. The answer is right in any case."""
    answer = check_estate(folder)
    cold = inspect_estate(folder)
    assert (answer.errors, answer.estate) == (cold.errors, cold.estate)
    return answer.draft is None


def write_signed(file: Path, reads: bytes, content: bytes) -> None:
    """Write a file as the program would."""
    signed = reads + b"\n" + content
    file.write_bytes(estate_cache.sign(signed) + b"\n" + signed)


def rewrite(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Return what puts other bytes into a file as the program would."""

    def change(file: Path) -> None:
        _signature, reads, content = file.read_bytes().split(b"\n", 2)
        assert (reads + content).count(old)
        write_signed(file, reads.replace(old, new), content.replace(old, new))

    return change


lying = rewrite(*LIE)


def writable(file: Path) -> None:
    lying(file)
    file.chmod(0o666)


def readable_by_the_group(file: Path) -> None:
    lying(file)
    file.chmod(0o640)


def of_another_account(file: Path) -> None:
    lying(file)
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(file, 1, -1)


def in_an_open_folder(file: Path) -> None:
    lying(file)
    file.parent.chmod(0o777)


def linked(file: Path) -> None:
    lying(file)
    os.link(file, file.with_suffix(".other"))


def a_symbolic_link(file: Path) -> None:
    lying(file)
    file.rename(file.with_suffix(".other"))
    file.symlink_to(file.with_suffix(".other"))


def a_linked_folder(file: Path) -> None:
    lying(file)
    file.parent.rename(file.parent.with_name("elsewhere"))
    file.parent.symlink_to(file.parent.with_name("elsewhere"))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "writable": writable, "readable by the group": readable_by_the_group, "of another account": of_another_account,
    "in an open folder": in_an_open_folder,
    "linked": linked, "a symbolic link": a_symbolic_link, "a linked folder": a_linked_folder, "a folder": a_folder,
    "a pipe": a_pipe,
    "gone": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: file.write_bytes(b"\x80\x04K\x01."),
    "half": lambda file: file.write_bytes(file.read_bytes()[:-700]),
    "one sign more": lambda file: file.write_bytes(file.read_bytes() + b" "),
    "altered": lambda file: file.write_bytes(file.read_bytes().replace(*LIE)),
    "of other files": rewrite(b"sites/dc.yml", b"sites/cd.yml"),
    "no JSON": lambda file: write_signed(file, b"{}", b"{"),
    "files that are no JSON": lambda file: write_signed(file, b"{", b"{}"),
    "deep JSON": lambda file: write_signed(file, b"{}", b"[" * 100_000),
    "deep files": lambda file: write_signed(file, b"[" * 100_000, b"{}"),
    "a list": lambda file: write_signed(file, b"[]", b"[]"),
    "other parts": lambda file: write_signed(file, b"{}", b'{"a": 1}'),
    "warnings that are none": rewrite(b'"warnings":[]', b'"warnings":[[{"a": "1"}, null]]'),
    "a warning of no table": rewrite(b'"warnings":[]', b'"warnings":[[{"code": "XXX000"}, null]]'),
    "an estate that is none": rewrite(b'"estate":{', b'"estate":[{'),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_damaged_or_foreign_is_not_trusted(kept: tuple[Path, Path], name: str) -> None:
    folder, file = kept
    DAMAGE[name](file)
    assert not is_remembered(folder)


@pytest.mark.parametrize("name", ["a symbolic link", "a linked folder", "in an open folder"])
def test_nothing_is_written_where_somebody_else_may_lead(kept: tuple[Path, Path], name: str) -> None:
    """A link that another account laid must not send what is written somewhere else."""
    folder, file = kept
    DAMAGE[name](file)
    elsewhere = file.with_suffix(".other") if name == "a symbolic link" else file.resolve()
    before = elsewhere.read_bytes()
    assert not is_remembered(folder)
    assert elsewhere.read_bytes() == before


def test_every_byte_counts(kept: tuple[Path, Path]) -> None:
    folder, file = kept
    good = file.read_bytes()
    for at in range(0, len(good), 97):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert estate_cache.recall_estate(folder) is None
    file.write_bytes(good)
    assert is_remembered(folder)


def test_a_file_of_another_user_is_not_trusted(kept: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file = kept
    lying(file)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    shutil.copytree(file.parent, file.parent.with_name(f"estates-{another}"))  # as if that user's own
    assert not is_remembered(folder)


def test_only_its_user_may_read_it(kept: tuple[Path, Path]) -> None:
    _folder, file = kept
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_only_the_newest_are_kept(kept: tuple[Path, Path]) -> None:
    folder, file = kept
    for number in range(40):
        shutil.copy2(file, file.with_name(f"{number}.json"))
        os.utime(file.with_name(f"{number}.json"), (number, number))
    file.unlink()
    assert not is_remembered(folder)
    assert is_remembered(folder)
    assert len(list(file.parent.iterdir())) == estate_cache.MOST_FILES


def no_folder(folder: Path) -> None:
    os.environ["RACKPROOF_STATE"] = "/proc/none"


def a_file(folder: Path) -> None:
    (folder.parent / "file").write_text("")
    os.environ["RACKPROOF_STATE"] = str(folder.parent / "file")


@pytest.mark.parametrize("where", [no_folder, a_file])
def test_a_state_folder_that_cannot_be_written(
    kept: tuple[Path, Path], where: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _file = kept
    monkeypatch.setenv("RACKPROOF_STATE", "")
    where(folder)
    assert not is_remembered(folder)
    assert not is_remembered(folder)


PROGRAM = (
    "import sys; from pathlib import Path; from inventory.load.loader import load_estate as load; "
    "print(len(load(Path(sys.argv[1])).devices))"
)


def started(folder: Path, state: Path, **more: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "RACKPROOF_STATE": str(state)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


def test_a_full_disk_leaves_nothing_behind(kept: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _file = kept

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    process = started(folder, tmp_path / "full", preexec_fn=small)
    assert process.communicate(timeout=60) == (f"{len(require(inspect_estate(folder).estate).devices)}\n", "")
    assert [file for file in (tmp_path / "full").rglob("*") if file.is_file()] == []


def test_several_processes_at_once(kept: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _file = kept
    for _ in range(2):
        processes = [started(folder, tmp_path / "many") for _ in range(6)]
        assert {process.communicate(timeout=60) for process in processes} == {
            (f"{len(require(inspect_estate(folder).estate).devices)}\n", "")
        }
    (file,) = (tmp_path / "many").rglob("*.json")
    assert read_private_file(file, 10**6)
