"""Files are written whole or not at all, whatever the disk and the rights are like."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from core import files
from core.errors import RackproofError
from core.files import PRIVATE, append_whole, make_folder, stage_copy, write_atomic, write_set
from core.journal import Journal
from core.signing import load_or_create_key
from tests.support import require


def fill_up_after(monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    """Let the disk be full after so many bytes."""
    write, left = os.write, [allowed]

    def refuse(descriptor: int, data: bytes) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(len(data), left[0])
        left[0] -= taken
        return write(descriptor, data[:taken])

    monkeypatch.setattr(os, "write", refuse)


@pytest.mark.parametrize("allowed", [0, 1, 7])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text("what was there before")
    fill_up_after(monkeypatch, allowed)
    with pytest.raises(RackproofError) as caught:
        write_atomic(file, "much more than fits")
    assert (caught.value.code, caught.value.kind, caught.value.exit_code) == ("FIL001", "no_space", 8)
    assert require(caught.value.place).file == file
    assert file.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_short_write_is_carried_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    write_atomic(tmp_path / "f", "0123456789")
    assert (tmp_path / "f").read_text() == "0123456789"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM])
def test_what_the_system_refuses_has_one_kind_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RackproofError) as caught:
        write_atomic(tmp_path / "f", "x")
    expected = "no_space" if number in (errno.EROFS, errno.EDQUOT) else "no_right"
    assert caught.value.kind == expected
    assert caught.value.actual == os.strerror(number)


@pytest.mark.parametrize("path", ["no/such/folder/f", "file/f"])
def test_a_folder_that_is_not_there_is_a_missing_file(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RackproofError) as caught:
        write_atomic(tmp_path / path, "x")
    assert caught.value.kind == "missing_file"


def test_another_error_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_atomic(tmp_path / "f", "x")
    assert list(tmp_path.iterdir()) == []


def test_modes_of_new_and_of_replaced_files(tmp_path: Path) -> None:
    secret, public = tmp_path / "key", tmp_path / "report"
    secret.write_text("old")
    secret.chmod(0o644)
    public.write_text("old")
    public.chmod(0o660)
    for file in (secret, public):
        write_atomic(file, "new", PRIVATE if file == secret else files.READABLE)
    assert stat.S_IMODE(secret.stat().st_mode) == PRIVATE
    assert stat.S_IMODE(public.stat().st_mode) == 0o660


def test_the_umask_is_obeyed_for_new_files(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "f", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_the_longest_name_fits(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("n" * 255), "x")
    assert (tmp_path / ("n" * 255)).read_text() == "x"


def test_a_link_and_a_device_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    (tmp_path / "null").symlink_to("/dev/null")
    write_atomic(tmp_path / "null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_full_device_is_a_full_disk() -> None:
    with pytest.raises(RackproofError) as caught:
        write_atomic(Path("/dev/full"), "x")
    assert caught.value.kind == "no_space"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file to somebody else")
def test_root_leaves_files_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    write_atomic(tmp_path / "new", "x")
    folder = make_folder(tmp_path / "a" / "b", 0o700)
    assert {(tmp_path / "new").stat().st_uid, (tmp_path / "a").stat().st_uid, folder.stat().st_uid} == {12345}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    os.chown(tmp_path / "new", 54321, 54321)
    write_atomic(tmp_path / "new", "y")
    assert (tmp_path / "new").stat().st_uid == 54321


def test_a_folder_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("file", "file/below"):
        with pytest.raises(RackproofError) as caught:
            make_folder(tmp_path / path)
        assert caught.value.kind == "missing_file"


@pytest.mark.parametrize("allowed", [0, 5])
def test_appending_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    file = tmp_path / "lines"
    file.write_text("one\n")
    fill_up_after(monkeypatch, allowed)
    with file.open("a+b", buffering=0) as stream, pytest.raises(RackproofError) as caught:
        append_whole(file, stream.fileno(), b"two and more\n")
    assert caught.value.kind == "no_space"
    assert file.read_text() == "one\n"


@pytest.mark.parametrize("allowed", [0, 40])
def test_the_journal_on_a_full_disk_says_so_and_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    journal = Journal(tmp_path / "journal.jsonl", tmp_path / "keys" / "signing.pem")
    journal.append("before")
    whole = journal.path.read_bytes()
    with monkeypatch.context() as patch:
        fill_up_after(patch, allowed)
        with pytest.raises(RackproofError) as caught:
            journal.append("does not fit")
    assert caught.value.code == "FIL001"
    assert journal.path.read_bytes() == whole
    journal.append("after")
    assert journal.verify() == 2


@pytest.mark.parametrize("allowed", [0, 40])
def test_no_half_key_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    key = tmp_path / "keys" / "signing.pem"
    with monkeypatch.context() as patch:
        fill_up_after(patch, allowed)
        with pytest.raises(RackproofError) as caught:
            load_or_create_key(key)
    assert caught.value.code == "FIL001"
    assert list(key.parent.iterdir()) == []
    load_or_create_key(key)
    assert stat.S_IMODE(key.stat().st_mode) == PRIVATE


@pytest.mark.parametrize("allowed", [0, 3, 9])
def test_files_that_belong_together_are_all_new_or_all_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    names = [tmp_path / "one", tmp_path / "two"]
    for file in names:
        file.write_text("old")
    with monkeypatch.context() as patch:
        fill_up_after(patch, allowed)
        with pytest.raises(RackproofError) as caught:
            write_set(dict.fromkeys([*names, tmp_path / "new"], "newer"))
    assert caught.value.code == "FIL001"
    assert [file.read_text() for file in names] == ["old", "old"]
    assert sorted(tmp_path.iterdir()) == sorted(names)
    write_set(dict.fromkeys([*names, tmp_path / "a" / "new"], "newer"))
    assert {file.read_text() for file in tmp_path.rglob("*") if file.is_file()} == {"newer"}


@pytest.fixture
def two_folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder to be copied, and one that lies where the copy is to go."""
    for name, text in {"from/a/new": "new", "to/old": "old"}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "from", tmp_path / "to"


def read_tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_takes_the_place_of_the_whole_folder_at_the_end(two_folders: tuple[Path, Path]) -> None:
    source, target = two_folders
    with stage_copy(source, target):
        assert read_tree(target) == {"old": "old"}
    assert read_tree(target) == {"a/new": "new"}
    assert sorted(path.name for path in target.parent.iterdir()) == ["from", "to"]


def test_what_fails_in_the_block_leaves_the_folder_as_it_was(two_folders: tuple[Path, Path]) -> None:
    source, target = two_folders
    with pytest.raises(KeyboardInterrupt), stage_copy(source, target):
        raise KeyboardInterrupt
    assert read_tree(target) == {"old": "old"}
    assert sorted(path.name for path in target.parent.iterdir()) == ["from", "to"]


def test_a_disk_that_fills_up_while_copying_is_one_kind(
    two_folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, copy: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(copy))

    monkeypatch.setattr(shutil, "copy2", refuse)
    source, target = two_folders
    with pytest.raises(RackproofError) as caught, stage_copy(source, target):
        pytest.fail("it was not copied")
    assert (caught.value.code, require(caught.value.place).file) == ("FIL001", target)
    assert read_tree(target) == {"old": "old"}
    assert sorted(path.name for path in target.parent.iterdir()) == ["from", "to"]


def test_a_copy_that_cannot_take_the_place_gives_it_back(
    two_folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = two_folders
    rename = Path.rename

    def refuse(path: Path, to: Path) -> Path:
        if path.name.endswith(".new"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(to))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RackproofError) as caught, stage_copy(source, target):
        pass
    assert caught.value.code == "FIL002"
    assert read_tree(target) == {"old": "old"}
    assert sorted(path.name for path in target.parent.iterdir()) == ["from", "to"]
