"""The secrets file: what it gives, how it refuses, and that nothing of it survives in a text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import secrets
from core.errors import RackproofError
from core.workspace import Workspace

VAULT = str(Path(sys.executable).with_name("ansible-vault"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "vault-password").write_text("correct horse\n")
    return Workspace(tmp_path, tmp_path)


def _encrypt(ws: Workspace, text: str) -> None:
    ws.secrets_file.write_text(text)
    argv = [VAULT, "encrypt", "--vault-password-file", str(ws.vault_password_file), str(ws.secrets_file)]
    environment = os.environ | {"ANSIBLE_HOME": str(ws.root / "ansible")}
    subprocess.run(argv, check=True, capture_output=True, timeout=60, env=environment)


def test_round_trip_and_nothing_in_clear_on_disk(workspace: Workspace) -> None:
    _encrypt(workspace, "snmp_auth: MARKED-SECRET-1\n")
    assert b"MARKED" not in workspace.secrets_file.read_bytes()
    assert secrets.load(workspace)["snmp_auth"] == "MARKED-SECRET-1"


@pytest.mark.parametrize(
    ("case", "code"), [("missing", "SEC001"), ("wrong password", "SEC002"), ("not flat", "SEC003")]
)
def test_refusals(workspace: Workspace, case: str, code: str) -> None:
    if case != "missing":
        _encrypt(workspace, "a: {b: c}\n" if case == "not flat" else "a: hidden-value\n")
    if case == "wrong password":
        workspace.vault_password_file.write_text("wrong\n")
    with pytest.raises(RackproofError) as caught:
        secrets.load(workspace)
    assert caught.value.code == code
    assert "hidden-value" not in str(caught.value)


def test_redact_longest_first() -> None:
    assert secrets.redact("key=abcdef abc", ["abc", "abcdef", ""]) == f"key={secrets.HIDDEN} {secrets.HIDDEN}"


def test_an_account_without_a_home_can_read_them(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible keeps files in the home of who runs it, and ends where it may not: that is not a wrong password."""
    _encrypt(workspace, "snmp_auth: MARKED-SECRET-1\n")
    monkeypatch.setenv("HOME", "/proc/no-home")
    assert secrets.load(workspace) == {"snmp_auth": "MARKED-SECRET-1"}
