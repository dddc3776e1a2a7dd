"""Who may log in where: accounts, pinned host keys, and one OpenSSH configuration that every tool uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from core.files import write_atomic
from core.workspace import Workspace
from lab.instance import Instance
from lab.topology import LabNode

#: Accounts on a router beside the operations account: the one that configures, the one that arms the rollback.
NETOPS, NETGUARD, OPS = "netops", "netguard", "ops"


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
