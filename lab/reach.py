"""Does a node answer over SSH? Asked from the controller's network, over IPv4, which is there from the first day."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable

from lab.enter import CONTROLLER, inside
from lab.instance import Instance
from lab.topology import LabNode

SSH_PORT = 22
TRY_S = 1.0
PAUSE_S = 0.1


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
