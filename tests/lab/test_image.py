"""The golden image: kept by the hash of its recipe, whole or not at all."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import RackproofError
from lab import debian, image

NO_NETWORK = RackproofError("LAB001", actual="no network", program="mmdebstrap", status=1, command="mmdebstrap")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "recipe"
    shutil.copytree(image.RECIPE, folder)
    monkeypatch.setattr(image, "RECIPE", folder)
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "a state"))
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda r: (r / "packages.txt").write_text("systemd\n"),
        lambda r: (r / "image.yml").write_text("suite: trixie\n"),
        lambda r: (r / "files" / "new").write_text(""),
        lambda r: (r / "files/etc/nsswitch.conf").rename(r / "files/etc/other"),
    ],
)
def test_any_change_of_the_recipe_is_another_image(recipe: Path, change: Callable[[Path], object]) -> None:
    before = image.path()
    assert image.path() == before
    change(recipe)
    assert image.path() != before
    assert not image.is_built()


FAILED = NO_NETWORK


@pytest.mark.parametrize("ending", [FAILED, KeyboardInterrupt()])
def test_a_build_that_ends_early_leaves_nothing(
    recipe: Path, ending: KeyboardInterrupt | RackproofError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_half(argv: list[str], *_arguments: object, **_kwargs: object) -> None:
        target = next(image.path().parent.glob("rootfs-*.before")).with_suffix("")
        target.mkdir()
        (target / "half").touch()
        raise ending

    monkeypatch.setattr(debian, "run_watched", build_half)
    with pytest.raises((RackproofError, KeyboardInterrupt)) as caught:
        image.ensure()
    if isinstance(ending, RackproofError):
        assert isinstance(caught.value, RackproofError)
        assert caught.value.code == "LAB040"
        assert "no network" in caught.value.actual
    assert not image.is_built()
    assert [p.name for p in image.path().parent.iterdir()] == ["rootfs.lock"]


def test_packages_are_asked_for_as_the_recipe_lists_them(recipe: Path) -> None:
    packages = image.list_packages()
    assert {"systemd", "openssh-server", "frr", "postgresql-15", "pgbackrest"} <= set(packages)
    assert len(set(packages)) == len(packages)
    assert not any(" " in name or "#" in name for name in packages)


def make_built(program: bytes) -> Path:
    root = image.path()
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/sbin").mkdir()
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2").touch()
    (root / "usr/bin/tool").write_bytes(program)
    (root / "usr/bin/tool").chmod(0o755)
    return root


def test_a_static_program_runs_as_it_is_and_a_dynamic_one_through_the_images_loader(recipe: Path) -> None:
    root = make_built(b"#!/bin/sh\n")
    assert image.program("tool") == [str(root / "usr/bin/tool")]
    (root / "usr/bin/tool").write_bytes(b"\x7fELF.../lib64/ld-linux-x86-64.so.2")
    assert image.program("tool")[0].endswith("/ld-linux-x86-64.so.2")
    assert image.program("tool")[-1] == str(root / "usr/bin/tool")


def test_a_program_the_image_lacks_is_an_error(recipe: Path) -> None:
    make_built(b"")
    with pytest.raises(RackproofError) as caught:
        image.program("no-such")
    assert caught.value.code == "LAB041"


def test_wrappers_run_the_images_programs(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_built(b'#!/bin/sh\necho "got $*"\n')
    monkeypatch.setattr(image, "WRAPPED", ("tool",))
    image.write_wrappers(tmp_path / "tools")
    done = subprocess.run(
        [str(tmp_path / "tools" / "tool"), "a b"], capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout == "got a b\n"
    assert [p.name for p in (tmp_path / "tools").iterdir()] == ["tool"]
