"""What of the lab is up, asked of the nodes themselves and not of the record.

Does a node answer over SSH? Asked from the controller's network, over IPv4, which is there from the first day.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from inventory.load.loader import load_estate
from lab import host
from lab.enter import CONTROLLER, inside
from lab.instance import ESTATE, Instance
from lab.topology import LabNode, derive

SSH_PORT = 22
TRY_S = 1.0
PAUSE_S = 0.1
ANSWER_S = 3.0


def answering(instance: Instance, nodes: Iterable[LabNode], timeout: float) -> list[str]:
    """Return the nodes whose SSH server says its greeting within ``timeout`` seconds; all are asked at once."""
    selector = selectors.DefaultSelector()
    lines = {}
    with inside(instance, CONTROLLER):
        for node in nodes:
            line = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            line.setblocking(False)
            line.connect_ex((node.ipv4, SSH_PORT))
            selector.register(line, selectors.EVENT_READ, node.name)
            lines[node.name] = line
    found: list[str] = []
    deadline = time.monotonic() + timeout
    try:
        while len(found) < len(lines) and selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                if _greets(lines[key.data]):
                    found.append(key.data)
    finally:
        for line in lines.values():
            line.close()
    return found


def _greets(line: socket.socket) -> bool:
    try:
        return line.recv(4) == b"SSH-"
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node: ``answers`` (its SSH server greets), ``silent`` (it runs, but does not) or ``stopped``."""

    name: str
    kind: str
    site: str
    ipv4: str
    ipv6: str
    state: str


def status(instance: Instance) -> list[NodeStatus]:
    """Return every booted node's state; needs root, because the nodes are asked from inside the lab's network."""
    booted = derive(load_estate(ESTATE)).booted
    pids = (instance.state() or {}).get("pids", {})
    alive = [node for node in booted if host.is_running(pids.get(node.name))]
    greeted = set(answering(instance, alive, ANSWER_S))
    return [_describe(node, node in alive, node.name in greeted) for node in booted]


def _describe(node: LabNode, is_alive: bool, greets: bool) -> NodeStatus:
    state = "stopped"
    if greets:
        state = "answers"
    elif is_alive:
        state = "silent"
    return NodeStatus(node.name, node.kind, node.site, node.ipv4, node.ipv6, state)
