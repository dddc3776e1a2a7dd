"""A remembered estate comes back exactly as it was written, or is not remembered."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from inventory.load import estate_cache
from inventory.load.estate_cache import recall_estate, remember_estate
from inventory.load.loader import load_estate
from inventory.model.entities import Site
from inventory.model.estate import Estate
from tests.support import require

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FOLDERS = [HERE / "base", HERE / "campus", ROOT / "inventory" / "estate", ROOT / "lab" / "estate"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path))
    monkeypatch.setattr(estate_cache, "identify_code", lambda: "these sources")


def written(estate: Estate) -> bytes:
    """Every value that was written in the estate, and none that was not."""
    return TypeAdapter(Estate).dump_json(estate, exclude_unset=True)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name + "-" + folder.name)
def test_an_estate_comes_back_as_it_was_written(folder: Path) -> None:
    estate = load_estate(folder, cached=False)
    remember_estate(folder, {}, estate, ())
    again, warnings = require(recall_estate(folder))
    assert (again, warnings) == (estate, ())
    assert written(again) == written(estate)
    assert [list(vars(device)) for device in again.devices.values()] == [
        list(vars(device)) for device in estate.devices.values()
    ]


def change_site(estate: Estate, make: Callable[[Site], Site]) -> None:
    code, site = next(iter(estate.sites.items()))
    estate.sites[code] = make(site)


def a_wrong_value(estate: Estate) -> None:
    change_site(estate, lambda site: site.model_copy(update={"number": 0.5}))


def no_text(estate: Estate) -> None:
    change_site(estate, lambda site: site.model_copy(update={"province": "\udc80"}))


def a_value_that_was_not_written(estate: Estate) -> None:
    change_site(estate, lambda site: type(site).model_construct(site.model_fields_set - {"devices"}, **vars(site)))


def another_type(estate: Estate) -> None:
    change_site(estate, lambda site: site.model_copy(update={"vlans": list(site.vlans)}))


@pytest.mark.parametrize("harm", [a_wrong_value, no_text, a_value_that_was_not_written, another_type])
def test_what_would_come_back_different_is_not_remembered(harm: Callable[[Estate], None]) -> None:
    estate = load_estate(HERE / "base", cached=False)
    harm(estate)
    remember_estate(HERE / "base", {}, estate, ())
    assert recall_estate(HERE / "base") is None
