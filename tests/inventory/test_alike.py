"""What devices have alike is kept once, and comes back to every one of them as it was written."""

import gc
import json
import shutil
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from inventory.alike import FIELDS
from inventory.cache_form import decoded, encoded
from inventory.collection import no_collection
from inventory.estate import Estate
from inventory.load import load_estate

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FOLDERS = [HERE / "base", HERE / "campus", ROOT / "inventory" / "estate", ROOT / "lab" / "estate"]


def written(estate):
    """Every value that was written in the estate, and none that was not."""
    return TypeAdapter(Estate).dump_json(estate, exclude_unset=True)


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.parent.name + "-" + folder.name)
def estate(request):
    return load_estate(request.param, cached=False)


def test_an_estate_comes_back_as_it_was_written(estate):
    again = decoded(encoded(estate))
    assert again == estate
    assert written(again) == written(estate)
    assert [list(vars(device)) for device in again.devices.values()] == [
        list(vars(device)) for device in estate.devices.values()
    ]


def test_what_is_alike_is_there_once(estate):
    content = encoded(estate)
    stored, again = json.loads(content), list(decoded(content).devices.values())
    first = {number: device for device, number in reversed(list(zip(again, stored["of"], strict=True)))}
    for device, number in zip(again, stored["of"], strict=True):
        for name in set(FIELDS) & device.model_fields_set:
            assert getattr(device, name) is getattr(first[number], name)
    assert len(stored["alike"]) == len({json.dumps(part) for part in stored["alike"]})


def test_the_nation_has_little_that_is_not_alike():
    estate = load_estate(ROOT / "inventory" / "estate", cached=False)
    assert len(json.loads(encoded(estate))["alike"]) < len(estate.devices) / 50


def test_equal_values_that_were_written_differently_stay_apart(tmp_path):
    folder = tmp_path / "estate"
    shutil.copytree(HERE / "base", folder)
    estate = load_estate(folder, cached=False)
    code, site = next((code, site) for code, site in estate.sites.items() if any(d.attach for d in site.devices))
    one = next(device for device in site.devices if device.attach)
    short = one.attach[0].model_copy(update={"interface": "eth0"})
    said, unsaid = (type(short).model_construct(set(fields), **vars(short)) for fields in (
        {"vlan", "host", "interface"}, {"vlan", "host"}))  # fmt: skip
    twins = [one.model_copy(update={"name": name, "attach": (end,)}) for name, end in (("a", said), ("b", unsaid))]
    assert twins[0].attach == twins[1].attach
    estate.sites[code] = site.model_copy(update={"devices": tuple(twins)})
    back = decoded(encoded(estate)).sites[code].devices
    assert [device.attach[0].model_fields_set for device in back] == [
        {"vlan", "host", "interface"}, {"vlan", "host"},
    ]  # fmt: skip


@pytest.mark.parametrize("harm", ["one less", "one more", "beyond the end", "before the start"])
def test_entries_that_do_not_fit_are_refused(harm):
    content = json.loads(encoded(load_estate(HERE / "base", cached=False)))
    of = content["of"]
    harms = {"one less": of[:-1], "one more": [*of, 0], "beyond the end": [len(content["alike"]), *of[1:]],
             "before the start": [-1, *of[1:]]}  # fmt: skip
    decoded(json.dumps(content).encode())
    with pytest.raises(ValueError, match=r"zip\(\)|no entry|greater_than_equal"):
        decoded(json.dumps({**content, "of": harms[harm]}).encode())


@pytest.mark.parametrize("enabled", [True, False])
def test_only_the_first_that_stays_is_set_aside(enabled, monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: len(frozen))
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with no_collection():
            assert not gc.isenabled()
        assert (frozen, gc.isenabled()) == ([], enabled)
        for _ in range(2):
            with no_collection(stays=True):
                pass
        assert (frozen, gc.isenabled()) == ([False], enabled)
    finally:
        (gc.enable if was else gc.disable)()
