"""The NetBox image: kept by the hash of its recipe, whole or not at all, and never taken from under one that runs."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import RackproofError
from lab import debian
from lab.netbox import image

NO_NETWORK = RackproofError("LAB001", actual="no network", program="mmdebstrap", status=1, command="mmdebstrap")


def instead_of_run(monkeypatch: pytest.MonkeyPatch, run: Callable[..., str]) -> None:
    monkeypatch.setattr(image, "run", run)
    monkeypatch.setattr(debian, "run_watched", run)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "netbox"
    shutil.copytree(image.HERE, folder)
    monkeypatch.setattr(image, "HERE", folder)
    monkeypatch.setattr(image, "RECIPE", folder / "recipe")
    monkeypatch.setattr(image, "ENTER", folder / "enter.sh")
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "a state"))
    return folder / "recipe"


@pytest.mark.parametrize(
    "change",
    [
        lambda r: (r / "requirements.lock").write_text("netbox==4.8.0\n"),
        lambda r: (r / "image.yml").write_text("suite: forky\n"),
        lambda r: (r / "files/opt/rackproof/run").write_text(""),
        lambda r: (r.parent / "enter.sh").write_text(""),
    ],
)
def test_any_change_of_the_recipe_is_another_image(recipe: Path, change: Callable[[Path], object]) -> None:
    before = image.path()
    assert image.path() == before
    change(recipe)
    assert image.path() != before


@pytest.mark.parametrize("ending", [NO_NETWORK, KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["mmdebstrap", "pip", "prepare"])
def test_a_build_that_ends_early_leaves_nothing(
    recipe: Path, ending: KeyboardInterrupt | RackproofError, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_half(argv: list[str], *_arguments: object, **_kwargs: object) -> str:
        if any(step in word for word in argv):
            raise ending
        if "mmdebstrap" in argv:
            (image.path().with_name(image.path().name + ".new") / "half").mkdir(parents=True)
        return "x86_64\n"

    instead_of_run(monkeypatch, build_half)
    with pytest.raises((RackproofError, KeyboardInterrupt)) as caught:
        image.ensure()
    if isinstance(ending, RackproofError):
        assert isinstance(caught.value, RackproofError)
        assert (caught.value.code, caught.value.actual) == ("LAB044", "no network")
    assert sorted(p.name for p in image.path().parent.iterdir()) == ["netbox-mount", "netbox.lock"]


def test_only_images_nobody_runs_on_are_forgotten(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(argv: list[str], *_more: object, **_options: object) -> str:
        if "mmdebstrap" in argv:
            image.path().with_name(image.path().name + ".new").mkdir()
        return "x86_64\n"

    instead_of_run(monkeypatch, build)
    cache = image.path().parent
    for name in ("netbox-00000000000a", "netbox-00000000000b", "netbox-00000000000c.new",
                 "netbox-00000000000d.new.before"):  # fmt: skip
        (cache / name).mkdir(parents=True)
    with image.in_use(cache / "netbox-00000000000a"):
        image.ensure()
    assert sorted(p.name for p in cache.glob("netbox-0*")) == ["netbox-00000000000a"]
    with image.in_use(image.path()), image.in_use(image.path(), fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        assert not alone
