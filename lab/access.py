"""Who may log in where: keys, pinned host keys, secrets, and one OpenSSH configuration that every tool uses."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.files import PRIVATE, make_folder, write_atomic
from core.workspace import Workspace
from lab.command import run
from lab.instance import Instance
from lab.topology import LabNode

#: Accounts on a router beside the operations account: the one that configures, the one that arms the rollback.
NETOPS, NETGUARD, OPS = "netops", "netguard", "ops"
#: The secrets that are made, each with its random bytes (SNMPv3 passphrases need 8 characters or more, RFC 3414).
SECRETS = {
    "snmp_auth_password": 18,
    "snmp_priv_password": 18,
    "snmp_community": 12,
    "postgres_replication_password": 18,
    "pgbackrest_cipher_pass": 32,
}


def make_account_keys(ws: Workspace) -> None:
    """Make the private keys of the accounts that are not there yet, each with its public half beside it."""
    for path in (ws.ssh_key, ws.netops_key, ws.netguard_key):
        make_folder(path.parent, 0o700)
        if not path.exists():
            write_key(path, path.stem)


def write_key(path: Path, comment: str) -> str:
    """Write a new Ed25519 key in OpenSSH format (mode 0600) and its public half (``.pub``); return the public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} {comment}"
    write_atomic(path.with_name(path.name + ".pub"), line + "\n")
    write_atomic(path, private, PRIVATE)
    return line


def public_line(private: Path) -> str:
    """Return the public line of a key made by ``write_key``."""
    return private.with_name(private.name + ".pub").read_text(encoding="ascii").strip()


def write_known_hosts(ws: Workspace, nodes: Iterable[LabNode], keys: Mapping[str, str]) -> None:
    """Pin the host key of every node, under its name and both its addresses."""
    lines = [f"{node.name},{node.ipv4},{node.ipv6} {' '.join(keys[node.name].split()[:2])}" for node in nodes]
    write_atomic(ws.known_hosts, "\n".join(lines) + "\n")


def write_ssh_config(instance: Instance, nodes: Iterable[LabNode]) -> None:
    """Write the client configuration.

    Hosts: ``NAME`` over IPv6 and ``NAME-v4``, as the operations account. Routers: ``NAME`` over their IPv4 loopback as
    netops (its shell is the router's command line), ``NAME-v6`` likewise, ``NAME-guard``, and ``NAME-ops`` for a shell.
    """
    ws = instance.workspace
    blocks = list(chain.from_iterable(_blocks(ws, node) for node in nodes))
    common = [
        "Host *",
        f'  UserKnownHostsFile "{ws.known_hosts}"',
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  IdentitiesOnly yes",
        "  BatchMode yes",
        "  PasswordAuthentication no",
        "  ConnectTimeout 15",
        "  ServerAliveInterval 15",  # a minute: a host whose disk is busy for 15 seconds is not gone
        "  ServerAliveCountMax 4",
        "  ControlMaster auto",
        f"  ControlPath {instance.socket_dir}/%C",
        "  ControlPersist 120",
        "  LogLevel ERROR",
    ]
    write_atomic(ws.ssh_config, "\n".join([*blocks, *common]) + "\n")


def _blocks(ws: Workspace, node: LabNode) -> list[str]:
    if node.kind == "router":
        return [
            _block(node.name, node, node.ipv4, NETOPS, ws.netops_key),
            _block(f"{node.name}-v6", node, node.ipv6, NETOPS, ws.netops_key),
            # One word per connection, each in its own right: never through a shared connection.
            _block(
                f"{node.name}-guard",
                node,
                node.ipv4,
                NETGUARD,
                ws.netguard_key,
                "  ControlMaster no",
                "  ControlPath none",
            ),
            _block(f"{node.name}-ops", node, node.ipv4, OPS, ws.ssh_key),
        ]
    return [
        _block(node.name, node, node.ipv6, OPS, ws.ssh_key),
        _block(f"{node.name}-v4", node, node.ipv4, OPS, ws.ssh_key),
    ]


def _block(alias: str, node: LabNode, address: str, user: str, key: Path, *more: str) -> str:
    return "\n".join(
        [
            f"Host {alias}",
            f"  HostName {address}",
            f"  HostKeyAlias {node.name}",
            f"  User {user}",
            f'  IdentityFile "{key}"',
            *more,
            "",
        ]
    )


def make_secrets(ws: Workspace) -> None:
    """Make the secrets file (Ansible Vault) and its password file unless both are there.

    They are random and kept only encrypted; nothing is ever printed or put into argv.
    """
    if ws.secrets_file.exists() and ws.vault_password_file.exists():
        return
    _write_private(ws.vault_password_file, secrets.token_urlsafe(32) + "\n")
    plain = yaml.safe_dump({name: secrets.token_urlsafe(size) for name, size in SECRETS.items()})
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
