"""The two inventories: the same hosts, groups and variables from the same pure function."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.export.hosts import HostInventory, group_name, host_inventory
from inventory.load.loader import load_estate
from inventory.model.enums import DeviceKind

Ansible = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab" / "estate"


@pytest.fixture(scope="module")
def found() -> HostInventory:
    return host_inventory(load_estate(LAB))


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    tool = Path(sys.executable).parent / "ansible-inventory"
    environment = {
        **os.environ,
        "ANSIBLE_INVENTORY_PLUGINS": str(ROOT / "inventory/plugins"),
        "ANSIBLE_INVENTORY_ENABLED": "rackproof",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_HOME": str(tmp_path_factory.mktemp("ansible")),
    }
    environment.pop("RACKPROOF_ESTATE", None)

    def run(config: Path, *, host_by_host: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(tool), "-i", str(config), "--list"]
        view = environment | ({"ANSIBLE_INVENTORY_EXPORT": "false"} if host_by_host else {}) | more
        return subprocess.run(command, env=view, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)

    return run


@pytest.mark.parametrize(
    ("host", "variable", "value"),
    [
        ("dc-db1", "rackproof_ipv4", "10.1.10.11"),
        ("dc-db1", "rackproof_ipv6", "fd52:5052:101:106e::11"),
        ("dc-db1", "rackproof_role", "database-primary"),
        ("hph-kv01-node1", "rackproof_tier", "HUYEN"),
        ("hph-kv01-node1", "rackproof_gateway", "hph-kv01-edge1"),
        ("hph-node1", "rackproof_gateway_ipv6", "fd52:5052:1f00:106e::1"),
        ("hph-node1", "rackproof_ipv6_prefix_length", 64),
    ],
)
def test_host_variables(found: HostInventory, host: str, variable: str, value: int | str) -> None:
    assert next(item for item in found.hosts if item.name == host).variables[variable] == value


def test_only_hosts_are_listed_unless_asked(found: HostInventory) -> None:
    assert {item.name for item in found.hosts} == {"dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"}
    more = host_inventory(load_estate(LAB), [DeviceKind.ROUTER, DeviceKind.UPS])
    assert {"core1", "ups-a"} <= {item.name for item in more.hosts}


def test_shared_variables_name_every_reachable_machine_and_the_duties(found: HostInventory) -> None:
    room = found.variables(found.hosts[-1])
    assert {"dc-ctl1", "core1", "dr-db1"} <= {entry["name"] for entry in room["rackproof_hosts"]}
    assert room["rackproof_networks"][0] == "fd52:5052::/32"
    assert found.shared["rackproof_collector"] == "dc-mgmt1"


@pytest.mark.parametrize(
    ("kind", "value", "group"),
    [
        ("site", "hph-kv01", "site_hph_kv01"),
        ("province", "Đắk Lắk", "province_dak_lak"),
        ("province", "Thừa Thiên - Huế", "province_thua_thien_hue"),
        ("wave", "0", "wave_0"),
    ],
)
def test_group_names_are_plain(kind: str, value: str, group: str) -> None:
    assert group_name(kind, value) == group


def test_ansible_plugin_lists_what_the_function_says(found: HostInventory, ansible: Ansible) -> None:
    answer = ansible(ROOT / "inventory" / "lab.rackproof.yml")
    assert answer.returncode == 0, answer.stderr
    # Ansible marks plain texts of an inventory as never to be templated
    listing = json.loads(answer.stdout, object_hook=lambda item: item.get("__ansible_unsafe", item))
    assert set(listing["_meta"]["hostvars"]) == {item.name for item in found.hosts}
    for host in found.hosts:
        listed = listing["_meta"]["hostvars"][host.name]
        expected = found.variables(host)
        assert {name: listed.get(name) for name in expected} == expected
        for group in host.groups:
            assert host.name in listing[group]["hosts"]


def test_the_listing_says_once_what_a_group_knows(ansible: Ansible) -> None:
    """All, then the groups of a host, then its own: the same values as host by host, and none of them twice."""
    config = ROOT / "inventory" / "lab.rackproof.yml"
    wanted = json.loads(ansible(config).stdout)["_meta"]["hostvars"]
    listing = json.loads(ansible(config, host_by_host=False).stdout)
    for host, own in listing["_meta"]["hostvars"].items():
        assert not {"rackproof_hosts", "rackproof_networks"} & set(own)
        parts = [part["vars"] for part in listing.values() if host in part.get("hosts", ()) and "vars" in part]
        merged = listing["all"]["vars"] | {key: value for part in parts for key, value in part.items()} | own
        assert merged == wanted[host]


def test_ansible_plugin_reports_a_bad_estate_with_its_place(ansible: Ansible, tmp_path: Path) -> None:
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "estate.yml").write_text("nmae: x\n")
    config = tmp_path / "bad.rackproof.yml"
    config.write_text("plugin: rackproof\nestate: estate\n")
    answer = ansible(config)
    assert answer.returncode != 0
    assert "estate.yml:1" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("line", ["estat: elsewhere", "estate: elsewhere"])
def test_ansible_plugin_refuses_an_unknown_or_second_key(ansible: Ansible, tmp_path: Path, line: str) -> None:
    config = tmp_path / "bad.rackproof.yml"
    config.write_text(f"plugin: rackproof\nestate: {LAB}\n{line}\n")
    answer = ansible(config)
    assert answer.returncode != 0
    assert "bad.rackproof.yml:3" in answer.stderr


def test_the_estate_a_person_chose_wins_over_the_file(ansible: Ansible, tmp_path: Path) -> None:
    chosen = ansible(ROOT / "inventory" / "reference.rackproof.yml", RACKPROOF_ESTATE=str(LAB))
    plain = ansible(ROOT / "inventory" / "lab.rackproof.yml")
    assert (chosen.returncode, chosen.stderr) == (0, plain.stderr)
    assert json.loads(chosen.stdout)["_meta"]["hostvars"] == json.loads(plain.stdout)["_meta"]["hostvars"]


def test_pyinfra_inventory_holds_the_rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RACKPROOF_ESTATE", str(LAB))
    monkeypatch.setenv("RACKPROOF_WORKSPACE", str(tmp_path))
    names = runpy.run_path(str(ROOT / "inventory" / "plugins" / "pyinfra_inventory.py"))
    assert [name for name, _data in names["rooms"]] == ["hph-kv01-node1", "hph-node1"]
    assert names["tier_tinh"][0][1]["rackproof_ipv6"] == "fd52:5052:1f00:106e::11"
    assert names["rooms"][0][1]["ssh_strict_host_key_checking"] == "yes"
