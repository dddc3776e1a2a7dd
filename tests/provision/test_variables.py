"""Both engines are told the same: defaults, mapping and templates without Ansible."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
from types import SimpleNamespace

import pytest

from core.errors import RackproofError
from core.workspace import REPOSITORY
from inventory.export.hosts import host_inventory
from inventory.load.loader import load_estate
from playbooks.rooms import ROOM_ROLES
from roles.variables import Variables
from tests.provision.rolefiles import ROLES
from tests.support import require

INVENTORY = host_inventory(load_estate(REPOSITORY / "lab" / "estate"))
HOSTS = {host.name: INVENTORY.variables(host) for host in INVENTORY.hosts}
SECRETS = {"snmp_auth_password": "auth-secret-0", "snmp_priv_password": "priv-secret-0"}


def variables(host: str = "hph-node1", **more: str) -> Variables:
    return Variables({**HOSTS[host], **SECRETS, **more}, ROOM_ROLES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("time_sync_is_server", False),
        ("time_sync_sources", ["fd52:5052:101:106e::12"]),
        ("log_forwarding_collector", "fd52:5052:101:106e::12"),
        ("log_forwarding_mark_s", 20),
        ("node_metrics_listen", "fd52:5052:1f00:106e::11"),
        ("snmp_agent_location", "hph/R1"),
        ("snmp_agent_auth_password", "auth-secret-0"),
        ("ssh_hardening_allow_users", ["ops", "auditor"]),
    ],
)
def test_values(name: str, expected: int | list[str] | str) -> None:
    assert variables()[name] == expected


def test_text_that_looks_like_a_number_stays_text() -> None:
    assert variables(snmp_auth_password="0123456789")["snmp_agent_auth_password"] == "0123456789"


@pytest.mark.parametrize("name", ["no_such_variable", "postgresql_primary_replication_password"])
def test_an_undefined_variable_is_named(name: str) -> None:
    with pytest.raises(RackproofError) as caught:
        _ = variables()[name]
    assert caught.value.code == "PRV010"


@pytest.mark.parametrize(
    ("role", "template", "extra", "expected"),
    [
        ("time_sync", "chrony.conf.j2", {"time_sync_clock": False}, "server fd52:5052:101:106e::12 iburst"),
        ("time_sync", "chrony-unit.conf.j2", {"time_sync_clock": False}, "chronyd -F 1 -x"),
        ("snmp_agent", "snmpd.conf.j2", {}, 'createUser rackproof-mon SHA-256 "auth-secret-0" AES "priv-secret-0"'),
        ("node_metrics", "node-exporter.j2", {}, "--web.listen-address=[fd52:5052:1f00:106e::11]:9100"),
        ("log_forwarding", "rsyslog.conf.j2", {}, 'target="fd52:5052:101:106e::12"'),
        ("base", "hosts.j2", {}, "fd52:5052:101:106e::11 dc-db1\n10.1.10.11 dc-db1\n"),
        (
            "kernel_hardening",
            "sysctl.conf.j2",
            {"kernel_hardening_settable": ["net.ipv4.ip_forward"]},
            "# kernel.kptr_restrict = 2",
        ),
    ],
)
def test_templates_render_without_ansible(
    role: str, template: str, extra: dict[str, bool | list[str]], expected: str
) -> None:
    text = variables().render(role, template, **extra)
    assert expected in text and text.endswith("\n") and "{{" not in text


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize(
    ("job", "labels"),
    [
        ("rackproof", {"device", "site"}),
        ("node", {"device", "site", "tier", "role"}),
    ],
)
def test_targets_are_whole_json_with_labels_that_are_true_of_every_sample(
    job: str, labels: set[str], count: int
) -> None:
    """The exporter's samples are of other sites: a tier of its own host would be put on all of them."""
    host = {"name": "dc-mgmt1", "site": "dc", "tier": "DC", "role": "management", "ipv6": "2001:db8::1"}
    item = SimpleNamespace(key=job, value=SimpleNamespace(hosts=[host] * count, port=9100))
    found = json.loads(variables().render("prometheus", "targets.json.j2", item=item))
    assert [set(entry["labels"]) for entry in found] == [labels] * count
    assert [entry["targets"] for entry in found] == [["[2001:db8::1]:9100"]] * count


def test_the_clock_is_left_alone_only_where_it_must_be() -> None:
    assert "-x" not in variables().render("time_sync", "chrony-unit.conf.j2", time_sync_clock=True)
    assert "makestep" in variables().render("time_sync", "chrony.conf.j2", time_sync_clock=True)


def test_scram_verifier_agrees_with_the_example_of_rfc_7677() -> None:
    spec = require(
        importlib.util.spec_from_file_location("scram", ROLES / "postgresql_primary/filter_plugins/scram.py")
    )
    scram = importlib.util.module_from_spec(spec)
    require(spec.loader).exec_module(scram)
    salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    text = scram.verifier_with_salt("pencil", base64.b64decode(salt))
    stored, server = (base64.b64decode(part) for part in text.split("$")[2].split(":"))
    message = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}".encode()
    signature = base64.b64encode(hmac.digest(server, message, "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    key = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored, message, "sha256"), strict=True))
    assert hashlib.sha256(key).digest() == stored
    assert scram.scram_verifier("a", "u") == scram.scram_verifier("a", "u") != scram.scram_verifier("a", "v")
