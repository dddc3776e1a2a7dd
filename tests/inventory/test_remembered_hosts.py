"""What is made of an estate for an engine is remembered like the estate: never stale, never of a wrong estate."""

import shutil
from pathlib import Path

import pytest

from core.errors import RackproofError
from inventory import cache_key
from inventory.hosts import host_inventory, remembered_inventory
from inventory.kinds import DeviceKind
from inventory.load import load_estate

ROOT = Path(__file__).resolve().parents[2]
KINDS = (DeviceKind.HOST, DeviceKind.ROUTER)


@pytest.fixture
def estate(tmp_path, monkeypatch):
    monkeypatch.setenv("RACKPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("RACKPROOF_NO_CACHE", raising=False)
    monkeypatch.setattr(cache_key, "SOURCES", ())  # in a fresh clone they count as changed while Python compiles them
    shutil.copytree(Path(__file__).parent / "campus", tmp_path / "estate")
    return tmp_path / "estate"


def remembered(estate):
    return sorted((estate.parent / "state").rglob("*.hosts-host-router.json"))


def anew(estate):
    return host_inventory(load_estate(estate, cached=False), KINDS)


def edit(estate, old, new):
    file = estate / "sites" / "dc.yml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_every_change_is_seen(estate):
    assert remembered_inventory(estate, KINDS) == anew(estate)
    edit(estate, "hardware: server, attach: [{vlan: srv, host: 11}]", "attach: [{vlan: srv, host: 12}]")
    assert remembered_inventory(estate, KINDS) == anew(estate)
    assert any(str(host.variables["rackproof_ipv6"]).endswith("::12") for host in anew(estate).hosts)
    (estate / "sites" / "rooms.yml").unlink()
    assert remembered_inventory(estate, KINDS) == anew(estate)


def test_a_second_look_is_remembered_and_kinds_are_told_apart(estate, monkeypatch):
    import inventory.hosts as module

    first = [remembered_inventory(estate, KINDS) for _ in range(3)][-1]  # kept once the files have settled
    if not remembered(estate):
        pytest.fail("nothing was remembered")
    monkeypatch.setattr(module, "host_inventory", None)
    assert remembered_inventory(estate, KINDS) == first
    with pytest.raises(TypeError):
        remembered_inventory(estate, (DeviceKind.SWITCH,))


@pytest.mark.parametrize("damage", [b"", b"{}", b"rackproof-estate 0\n{}\n{}"])
def test_damage_is_not_believed(estate, damage):
    for _ in range(3):
        remembered_inventory(estate, KINDS)
    for file in remembered(estate):
        file.write_bytes(damage)
        file.chmod(0o600)
    assert remembered_inventory(estate, KINDS) == anew(estate)


def test_a_wrong_estate_has_no_hosts(estate):
    remembered_inventory(estate, KINDS)
    edit(estate, "tier: DC\n", "tier: DCC\n")
    with pytest.raises(RackproofError) as caught:
        remembered_inventory(estate, KINDS)
    assert caught.value.code == "EST101"
