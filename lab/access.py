"""Who may log in where: keys, pinned host keys, and one OpenSSH configuration that every tool of the project uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.files import PRIVATE, make_folder, write_atomic
from core.workspace import Workspace
from lab.instance import Instance
from lab.topology import LabNode

#: Accounts on a router beside the operations account: the one that configures, the one that arms the rollback.
NETOPS, NETGUARD, OPS = "netops", "netguard", "ops"


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
    blocks = [block for node in nodes for block in _blocks(ws, node)]
    common = [
        "Host *",
        f'  UserKnownHostsFile "{ws.known_hosts}"',
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  IdentitiesOnly yes",
        "  BatchMode yes",
        "  PasswordAuthentication no",
        "  ConnectTimeout 15",
        "  ServerAliveInterval 5",
        "  ServerAliveCountMax 3",
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
