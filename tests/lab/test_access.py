"""Keys, pinned host keys, the SSH configuration and the secrets file, without a lab."""

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from core import account_keys
from core import secrets as core_secrets
from core.errors import RackproofError
from inventory.load.loader import load_estate
from lab import access
from lab.instance import ESTATE, Instance
from lab.topology import derive
from tests.support import needs_program

BOOTED = derive(load_estate(ESTATE)).booted


@pytest.fixture
def found(tmp_path: Path) -> Instance:
    made = Instance("acc", tmp_path / "a folder")
    account_keys.make_account_keys(made.workspace)
    access.write_ssh_config(made, BOOTED)
    return made


def effective(found: Instance, alias: str) -> dict[str, str]:
    argv = ["ssh", "-G", "-F", str(found.workspace.ssh_config), alias]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


@needs_program("ssh")
@pytest.mark.parametrize(
    ("alias", "user", "address", "is_shared"),
    [
        ("dc-db1", "ops", "fd52:5052:101:106e::11", True),
        ("dc-db1-v4", "ops", "10.1.10.11", True),
        ("core1", "netops", "10.255.1.1", True),
        ("core1-v6", "netops", "fd52:5052:ff01::1", True),
        ("core1-ops", "ops", "10.255.1.1", True),
        ("core1-guard", "netguard", "10.255.1.1", False),
    ],
)
def test_each_alias_leads_to_one_account_with_its_pinned_key(
    found: Instance, alias: str, user: str, address: str, is_shared: bool
) -> None:
    got = effective(found, alias)
    assert (got["user"], got["hostname"]) == (user, address)
    assert got["stricthostkeychecking"] == "true"
    assert got["passwordauthentication"] == "no"
    assert got["hostkeyalias"] == re.sub("-(v4|v6|ops|guard)$", "", alias)
    assert str(found.workspace.known_hosts) in got["userknownhostsfile"].replace('"', "")
    assert ("controlpath" in got and got["controlpath"] != "none") is is_shared


@needs_program("ssh")
def test_an_unknown_name_is_strict_too(found: Instance) -> None:
    assert effective(found, "somebody")["stricthostkeychecking"] == "true"


def test_private_keys_are_private_and_kept(found: Instance) -> None:
    ws = found.workspace
    before = ws.ssh_key.read_bytes()
    account_keys.make_account_keys(ws)
    assert ws.ssh_key.read_bytes() == before
    for key in (ws.ssh_key, ws.netops_key, ws.netguard_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert account_keys.public_line(key).startswith("ssh-ed25519 ")


@needs_program("ssh")
def test_host_keys_are_pinned_by_name_and_both_addresses(found: Instance) -> None:
    line = account_keys.write_key(found.run_dir / "hostkey", "h")
    access.write_known_hosts(found.workspace, BOOTED, {node.name: line for node in BOOTED})
    for name in ("dc-db1", "10.1.10.11", "fd52:5052:101:106e::11"):
        done = subprocess.run(
            ["ssh-keygen", "-F", name, "-f", str(found.workspace.known_hosts)],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert line.split()[1] in done.stdout


def test_secrets_are_random_encrypted_private_and_made_once(found: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/no-home")  # as of an account that has none
    ws = found.workspace
    core_secrets.make_secrets(ws)
    first = ws.secrets_file.read_bytes()
    core_secrets.make_secrets(ws)
    assert ws.secrets_file.read_bytes() == first
    assert first.startswith(b"$ANSIBLE_VAULT;")
    for file in (ws.secrets_file, ws.vault_password_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    password = ws.vault_password_file.read_bytes()
    ws.vault_password_file.unlink()
    with pytest.raises(RackproofError) as caught:  # both were made anew, and what was in use was lost
        core_secrets.make_secrets(ws)
    assert (caught.value.code, ws.secrets_file.read_bytes()) == ("SEC005", first)
    ws.vault_password_file.write_bytes(password)
    values = core_secrets.load(ws)
    assert set(values) == set(core_secrets.SECRET_BYTES)
    assert len(set(values.values())) == len(values)
    assert not any(value.encode() in first for value in values.values())
    assert yaml.safe_load(first) is not None
