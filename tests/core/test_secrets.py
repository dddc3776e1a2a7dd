"""The secrets file: what it gives, how it refuses, and that nothing of it survives in a text."""

import json
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


# From elsewhere than the workspace's own files.

PROGRAM = """#!/bin/sh
{body}
"""


def _script(folder: Path, body: str) -> str:
    path = folder / "ask"
    path.write_text(PROGRAM.format(body=body))
    path.chmod(0o700)
    return str(path)


def _refusal(ws: Workspace) -> RackproofError:
    with pytest.raises(RackproofError) as caught:
        secrets.load(ws)
    assert "MARKED" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_the_password_may_lie_elsewhere(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _encrypt(workspace, "snmp_auth: MARKED-SECRET-1\n")
    moved = workspace.vault_password_file.rename(tmp_path / "elsewhere")
    assert _refusal(workspace).code == "SEC005"
    monkeypatch.setenv("RACKPROOF_VAULT_PASSWORD_FILE", str(moved))
    assert secrets.load(workspace) == {"snmp_auth": "MARKED-SECRET-1"}


def test_the_password_may_come_from_a_command(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _encrypt(workspace, "snmp_auth: MARKED-SECRET-1\n")
    workspace.vault_password_file.unlink()
    command = [_script(tmp_path, "test \"$1\" = 'two words; $(x)' && echo correct horse"), "two words; $(x)"]
    monkeypatch.setenv("RACKPROOF_VAULT_PASSWORD_COMMAND", json.dumps(command))
    assert secrets.load(workspace) == {"snmp_auth": "MARKED-SECRET-1"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("echo MARKED-wrong", "SEC002"),
        ("echo MARKED >&2; exit 3", "SEC006"),
        ("exit 0", "SEC006"),
        ("echo", "SEC006"),
    ],
)
def test_a_command_that_gives_no_password(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, code: str
) -> None:
    _encrypt(workspace, "snmp_auth: MARKED-SECRET-1\n")
    monkeypatch.setenv("RACKPROOF_VAULT_PASSWORD_COMMAND", json.dumps([_script(tmp_path, body)]))
    assert _refusal(workspace).code == code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('echo \'{"a": "MARKED-1"}\'', {"a": "MARKED-1"}),
        ("echo 'a: MARKED-1'", {"a": "MARKED-1"}),
        ("echo 'a: [MARKED'", "SEC003"),
        ("echo '{a: {b: MARKED}}'", "SEC003"),
        ("echo MARKED", "SEC003"),
        ("printf 'a: \\377MARKED'", "SEC003"),
        ("echo MARKED >&2; exit 1", "SEC006"),
    ],
)
def test_an_external_vault(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, expected: object
) -> None:
    monkeypatch.setenv("RACKPROOF_SECRETS_COMMAND", json.dumps([_script(tmp_path, body), "MARKED-argument"]))
    if isinstance(expected, str):
        assert _refusal(workspace).code == expected
    else:
        assert secrets.load(workspace) == expected


def test_a_program_that_is_not_there(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_SECRETS_COMMAND", '["/nowhere/ask", "MARKED"]')
    assert _refusal(workspace).code == "SEC006"


def test_a_file_in_clear_is_no_wrong_password(workspace: Workspace) -> None:
    workspace.secrets_file.write_text("snmp_auth: MARKED-SECRET-1\n")
    assert _refusal(workspace).code == "SEC004"


def test_what_is_no_yaml_is_not_quoted(workspace: Workspace) -> None:
    _encrypt(workspace, "snmp_auth: [MARKED-SECRET-1\n")
    assert _refusal(workspace).code == "SEC003"


def test_the_lab_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace(tmp_path / "w", tmp_path, is_lab=True)
    secrets.make_secrets(ws)
    monkeypatch.setenv("RACKPROOF_SECRETS_COMMAND", '["/nowhere/ask"]')
    monkeypatch.setenv("RACKPROOF_VAULT_PASSWORD_FILE", "/nowhere/password")
    assert set(secrets.load(ws)) == set(secrets.SECRET_BYTES)


def test_ansible_opens_the_file_itself_and_is_lent_what_a_command_gave(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secrets.lend_to_ansible(workspace) as words:
        assert words == (
            "--extra-vars",
            f"@{workspace.secrets_file}",
            "--vault-password-file",
            str(workspace.vault_password_file),
        )
    monkeypatch.setenv("RACKPROOF_SECRETS_COMMAND", json.dumps([_script(tmp_path, "echo 'a: MARKED-1'")]))
    with secrets.lend_to_ansible(workspace) as words:
        option, name = words
        lent = Path(name.removeprefix("@"))
        assert option == "--extra-vars" and "MARKED" not in name
        assert json.loads(lent.read_text()) == {"a": "MARKED-1"}
        assert (lent.stat().st_mode & 0o777, lent.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not lent.parent.exists()
