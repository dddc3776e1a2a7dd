"""What a router really does: addresses in its kernel and neighbours that answer, read over its command line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any

from netconfig.platform import Platform
from netconfig.session import Lost, Session
from netconfig.tree import Node, walk

Address = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment of a router. Addresses are (interface, address/length); ``ospf``, ``ospf6`` name interfaces with a
    neighbour in state Full; ``bgp`` holds the established IPv6 peers and how many messages came from each so far."""

    addresses: frozenset[Address]
    ospf: frozenset[str]
    ospf6: frozenset[str]
    bgp: Mapping[str, int]


def observe(session: Session, platform: Platform) -> Observed:
    """Read the state of a router. Raises Lost when the connection breaks or an answer is no JSON."""
    commands = platform.observe
    interfaces = _json(session.run(commands.interfaces))
    return Observed(
        addresses=frozenset(_addresses(interfaces)),
        ospf=frozenset(_full(_json(session.run(commands.ospf)))),
        ospf6=frozenset(_full(_json(session.run(commands.ospf6)))),
        bgp=_established(_json(session.run(commands.bgp))),
    )


def configured(root: Node) -> frozenset[Address]:
    """Return the addresses a configuration asks for, on interfaces it does not shut down."""
    lines = list(walk(root))
    down = {path[0] for path, line in lines if path and line == "shutdown"}
    found = set()
    for path, line in lines:
        match = re.fullmatch(r"(?:ip|ipv6) address (\S+/\d+).*", line)
        if match and len(path) == 1 and path[0].startswith("interface ") and path[0] not in down:
            found.add((path[0].split()[1], str(ip_interface(match[1]))))
    return frozenset(found)


def _json(text: str) -> dict[str, Any]:
    """Parse an answer; a daemon that does not run prints a sentence instead, or nothing: no state, not an error."""
    start = text.find("{")
    if start < 0:
        return {}
    try:
        data = json.loads(text[start:])
    except ValueError as error:
        raise Lost(f"unreadable answer: {text[:120]!r}") from error
    return data if isinstance(data, dict) else {}


def _addresses(interfaces: dict[str, Any]) -> set[Address]:
    return {
        (name, str(ip_interface(entry["address"])))
        for name, data in interfaces.items()
        for entry in data.get("ipAddresses", ())
    }


def _full(data: dict[str, Any]) -> set[str]:
    """Return the interfaces with a Full neighbour: OSPFv2 lists neighbours by router id, OSPFv3 in one list."""
    neighbours = data.get("neighbors", {})
    groups = neighbours.values() if isinstance(neighbours, dict) else [neighbours]
    found = set()
    for entry in (entry for group in groups for entry in group):
        state = str(entry.get("nbrState") or entry.get("state") or "")
        name = str(entry.get("ifaceName") or entry.get("interfaceName") or "")
        if state.split("/", maxsplit=1)[0] == "Full":
            found.add(name.split(":", maxsplit=1)[0])
    return found


def _established(data: dict[str, Any]) -> dict[str, int]:
    peers = data.get("peers", {}).items()
    return {name: int(peer.get("msgRcvd", 0)) for name, peer in peers if peer.get("state") == "Established"}
