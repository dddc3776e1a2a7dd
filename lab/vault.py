"""The lab's secrets: random, made once per instance, kept only encrypted (Ansible Vault format)."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import yaml

from core.workspace import Workspace
from lab.command import run

#: What is made; the value is the number of random bytes (SNMPv3 passphrases need 8 characters or more, RFC 3414).
NAMES = {
    "snmp_auth_password": 18,
    "snmp_priv_password": 18,
    "snmp_community": 12,
    "postgres_replication_password": 18,
    "pgbackrest_cipher_pass": 32,
}


def ensure(ws: Workspace) -> None:
    """Make the secrets file and its password file unless both are there; nothing is ever printed or put into argv."""
    if ws.secrets_file.exists() and ws.vault_password_file.exists():
        return
    _write_private(ws.vault_password_file, secrets.token_urlsafe(32) + "\n")
    plain = yaml.safe_dump({name: secrets.token_urlsafe(size) for name, size in NAMES.items()})
    # The command line tool, not the library: importing Ansible would put this module under the GPL.
    tool = Path(sys.executable).with_name("ansible-vault")
    argv = [str(tool), "encrypt", "--vault-password-file", str(ws.vault_password_file), "--output", "-"]
    _write_private(ws.secrets_file, run(argv, stdin=plain, timeout=60))


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(path)
