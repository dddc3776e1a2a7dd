"""The lab's secrets: random, made once per instance, kept only encrypted (Ansible Vault format)."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from core.files import PRIVATE, make_folder, write_atomic
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
    # Ansible keeps files in the home of who runs it, and a service's account may have none.
    with TemporaryDirectory(prefix="rackproof-ansible-") as home:
        sealed = run(argv, stdin=plain, timeout=60, extra_environment={"ANSIBLE_HOME": home})
    _write_private(ws.secrets_file, sealed)


def _write_private(path: Path, text: str) -> None:
    make_folder(path.parent, 0o700)
    write_atomic(path, text, PRIVATE)
