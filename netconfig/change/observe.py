"""What a router really does: addresses in its kernel and neighbours that answer, read over its command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from itertools import chain
from typing import Any

from netconfig.change.session import Lost, RouterSession
from netconfig.diff.tree import ConfigNode, walk
from netconfig.platforms.platform import Platform

Address = tuple[str, str]
DEFAULT_IPV4, DEFAULT_IPV6 = "0.0.0.0/0", "::/0"
#: The VRF of everything that is in none.
GLOBAL_VRF = "default"


@dataclass(frozen=True, slots=True, order=True)
class BgpSession:
    """One BGP neighbour in one address family of one VRF; ``family`` as the device names it, such as ipv6Unicast."""

    vrf: str
    family: str
    peer: str

    def __str__(self) -> str:
        """Name it for people."""
        vrf = "" if self.vrf == GLOBAL_VRF else f", vrf {self.vrf}"
        return f"{self.peer} ({self.family}{vrf})"


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment of a router.

    Addresses are (interface, address/length); ``ospf``, ``ospf6`` name interfaces with a neighbour in state Full;
    ``bgp`` holds the established sessions of every family and VRF and how many messages came over each so far;
    ``defaults`` the default routes that are in use, by prefix.
    """

    addresses: frozenset[Address]
    ospf: frozenset[str]
    ospf6: frozenset[str]
    bgp: Mapping[BgpSession, int]
    defaults: frozenset[str] = frozenset()


def observe(session: RouterSession, platform: Platform) -> Observed:
    """Read the state of a router. Raises Lost when the connection breaks or an answer is no JSON."""
    commands = platform.observe

    def ask(command: str) -> dict[str, Any]:
        return read_json(session.run(command))

    addresses = frozenset(list_addresses(ask(commands.interfaces)))
    ospf = frozenset(list_full_neighbours(ask(commands.ospf)))
    ospf6 = frozenset(list_full_neighbours(ask(commands.ospf6)))
    sessions = count_messages(ask(commands.bgp))
    defaults = set()
    for prefix, command in ((DEFAULT_IPV4, commands.default_ipv4), (DEFAULT_IPV6, commands.default_ipv6)):
        if is_installed(ask(command), prefix):
            defaults.add(prefix)
    return Observed(addresses, ospf, ospf6, sessions, frozenset(defaults))


def read_keepalive(session: RouterSession, platform: Platform, bgp: BgpSession) -> float:
    """Return how often a peer must be heard, as both ends agreed (RFC 4271, 4.2); 0 when nothing was agreed.

    Raises Lost when the connection breaks or the device does not say.
    """
    command = platform.observe.bgp_neighbor.format(vrf=bgp.vrf, peer=bgp.peer)
    found = find_number(read_json(session.run(command)), "bgpTimerKeepAliveIntervalMsecs")
    if found is None:
        raise Lost(f"'{command}' does not say how often the peer is heard")
    return found / 1000


def list_configured(root: ConfigNode) -> frozenset[Address]:
    """Return the addresses a configuration asks for, on interfaces it does not shut down."""
    lines = list(walk(root))
    down = {path[0] for path, line in lines if path and line == "shutdown"}
    found = set()
    for path, line in lines:
        match = re.fullmatch(r"(?:ip|ipv6) address (\S+/\d+).*", line)
        if match and len(path) == 1 and path[0].startswith("interface ") and path[0] not in down:
            found.add((path[0].split()[1], str(ip_interface(match[1]))))
    return frozenset(found)


def read_json(text: str) -> dict[str, Any]:
    """Parse an answer; a daemon that does not run prints a sentence instead, or nothing: no state, not an error."""
    start = text.find("{")
    if start < 0:
        return {}
    try:
        data = json.loads(text[start:])
    except ValueError as error:
        raise Lost(f"unreadable answer: {text[:120]!r}") from error
    if isinstance(data, dict):
        return data
    return {}


def list_addresses(interfaces: dict[str, Any]) -> Iterator[Address]:
    """Yield the addresses that the interfaces of a router really have, as (interface, address/length)."""
    for name, data in interfaces.items():
        for entry in data.get("ipAddresses", ()):
            yield name, str(ip_interface(entry["address"]))


def list_full_neighbours(data: dict[str, Any]) -> Iterator[str]:
    """Yield the interfaces with a Full neighbour: OSPFv2 lists neighbours by router id, OSPFv3 in one list."""
    neighbours = data.get("neighbors", {})
    groups = neighbours.values() if isinstance(neighbours, dict) else [neighbours]
    for entry in chain.from_iterable(groups):
        state = str(entry.get("nbrState") or entry.get("state") or "")
        name = str(entry.get("ifaceName") or entry.get("interfaceName") or "")
        if state.split("/", maxsplit=1)[0] == "Full":
            yield name.split(":", maxsplit=1)[0]


def count_messages(data: dict[str, Any]) -> dict[BgpSession, int]:
    """Return how many messages came over each established session of a summary over all VRFs (VRF, family, peer)."""
    counts = {}
    for vrf, families in data.items():
        for family, summary in list_mappings(families):
            for name, peer in list_mappings(summary.get("peers", {})):
                if peer.get("state") == "Established":
                    counts[BgpSession(vrf, family, name)] = int(peer.get("msgRcvd", 0))
    return counts


def list_mappings(data: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the items of a mapping that are mappings themselves; what else stands beside them is not asked for."""
    if not isinstance(data, dict):
        return []
    return [(name, value) for name, value in data.items() if isinstance(value, dict)]


def is_installed(data: dict[str, Any], prefix: str) -> bool:
    """Tell whether a route is chosen and in the kernel."""
    routes = data.get(prefix)
    if not isinstance(routes, list):
        return False
    return any(route.get("selected") and route.get("installed") for route in routes if isinstance(route, dict))


def find_number(data: Any, name: str) -> float | None:
    """Return the first number of this name, however deep it stands."""
    if not isinstance(data, dict):
        return None
    value = data.get(name)
    if isinstance(value, int | float):
        return float(value)
    for inner in data.values():
        found = find_number(inner, name)
        if found is not None:
            return found
    return None
