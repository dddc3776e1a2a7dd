"""Images kept outside the clone: what is taken is what was put there, by us alone; else the image is built."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.console import ProgressStep
from core.errors import RackproofError
from lab import image_store
from lab.debian import ignore_step

NAME = "rootfs-0123456789ab"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv(image_store.SETTING, str(folder))
    return folder


def build(target: Path, _step: ProgressStep) -> None:
    (target / "etc").mkdir(parents=True)
    (target / "etc/shadow").write_text("root:*:\n")
    (target / "etc/shadow").chmod(0o640)
    (target / "etc/link").symlink_to("shadow")
    os.link(target / "etc/shadow", target / "etc/twin")
    target.chmod(0o755)


def refuse(_target: Path, _step: ProgressStep) -> None:
    pytest.fail("it was built again")


def make(clone: Path, how: Callable[[Path, ProgressStep], None]) -> Path:
    target = clone / NAME
    clone.mkdir()
    image_store.reuse(target, how, ignore_step)
    return target


@pytest.fixture
def kept(store: Path, tmp_path: Path) -> Path:
    """The archive of an image that one clone built."""
    make(tmp_path / "first", build)
    return store / f"{NAME}.tar"


def test_a_second_clone_takes_what_the_first_one_built(kept: Path, tmp_path: Path) -> None:
    target = make(tmp_path / "second", refuse)
    assert (target / "etc/shadow").read_text() == "root:*:\n"
    assert (target / "etc/shadow").stat().st_mode & 0o7777 == 0o640
    assert (target / "etc/shadow").stat().st_nlink == 2
    assert (target / "etc/link").readlink() == Path("shadow")
    assert [entry.name for entry in target.parent.iterdir()] == [NAME]


def flip(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[data.index(b"root:*:")] ^= 1
    archive.write_bytes(data)


def lose_digest(archive: Path) -> None:
    image_store.digest_file(archive).unlink()


def cut(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size // 2)


def open_to_all(archive: Path) -> None:
    archive.chmod(0o666)


def open_digest_to_all(archive: Path) -> None:
    image_store.digest_file(archive).chmod(0o666)


def open_folder_to_all(archive: Path) -> None:
    archive.parent.chmod(0o777)


def age(archive: Path) -> None:
    then = archive.stat().st_mtime - (image_store.VALID_DAYS + 1) * 86400
    os.utime(archive, (then, then))


def replace_by_link(archive: Path) -> None:
    archive.rename(archive.with_suffix(".real"))
    archive.symlink_to(archive.with_suffix(".real"))


DAMAGES = [flip, lose_digest, cut, open_to_all, open_digest_to_all, open_folder_to_all, age, replace_by_link]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
def test_what_is_not_as_it_was_put_is_built(kept: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(kept)
    built: list[Path] = []

    def build_again(target: Path, step: ProgressStep) -> None:
        built.append(target)
        build(target, step)

    make(tmp_path / "second", build_again)
    assert built == [tmp_path / "second" / NAME]


def test_where_an_image_cannot_be_kept_it_is_built_and_said(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_text("a file where the folder should be")
    told: list[str] = []
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    (tmp_path / "first").mkdir()
    target = tmp_path / "first" / NAME
    image_store.reuse(target, build, lambda text, **_counts: told.append(text))
    assert (target / "etc/shadow").exists()
    assert "is not kept" in told[-1]


def test_set_to_nothing_no_image_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(image_store.SETTING, "")
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "first", build)
    assert [entry.name for entry in tmp_path.iterdir()] == ["first"]


@pytest.mark.parametrize("code", ["LAB001", "FIL001"], ids=["broken", "full disk"])
def test_an_image_that_cannot_be_unpacked_leaves_nothing(
    kept: Path, tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: list[str], **_options: object) -> str:
        raise RackproofError(code, actual="x", program="tar", status=2, command="tar")

    monkeypatch.setattr(image_store, "run", fail)
    if code == "FIL001":
        with pytest.raises(RackproofError, match="FIL001"):
            make(tmp_path / "second", refuse)
        assert list((tmp_path / "second").iterdir()) == []
    else:
        assert (make(tmp_path / "second", build) / "etc/shadow").exists()


def test_only_the_newest_of_a_kind_are_kept(store: Path, tmp_path: Path) -> None:
    for number in range(4):
        target = tmp_path / f"rootfs-{number}"
        build(target, ignore_step)
        image_store.put(target, ignore_step)
        os.utime(store / f"rootfs-{number}.tar", (number, number))
    other = tmp_path / "netbox-1"
    build(other, ignore_step)
    image_store.put(other, ignore_step)
    assert sorted(file.name for file in store.glob("*.tar")) == ["netbox-1.tar", "rootfs-2.tar", "rootfs-3.tar"]
    assert len(list(store.iterdir())) == 6
