"""DNS zones from the address plan: one forward zone with A and AAAA, and the reverse zones with PTR.

Reverse zones: one for the estate's IPv6 prefix; for IPv4 one per private block (RFC 1918) and per /24 outside those,
because nobody is delegated more than that without asking. Master file format of RFC 1035 section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from core.errors import Place
from inventory.model.diagnostics import mistake
from inventory.model.estate import Estate
from inventory.queries.naming import addresses

NAME_SERVER_ROLES = ("name-server", "management")  # the first of these that an estate has
_TTL_S, _REFRESH_S, _RETRY_S, _EXPIRE_S, _NEGATIVE_S = 3600, 7200, 900, 1209600, 300
_RECORDS = {4: "A", 6: "AAAA"}
_MOST_SERIAL = 2**32 - 1
_MOST_LABEL, _MOST_NAME = 63, 253  # RFC 1035 section 2.3.4
_PRIVATE = {IPv4Network("10.0.0.0/8"): 1, IPv4Network("172.16.0.0/12"): 2, IPv4Network("192.168.0.0/16"): 2}
Record = tuple[str, str, str]  # owner, type, value


@dataclass(frozen=True, slots=True)
class DnsZone:
    """One zone: its origin without the final dot, and its records, owners relative to the origin."""

    origin: str
    records: tuple[Record, ...]
    domain: str
    name_servers: tuple[str, ...]
    serial: int

    @property
    def text(self) -> str:
        """The zone as a master file; the owner of SOA and NS is the origin itself."""
        first = f"{self.name_servers[0]}.{self.domain}."
        times = f"{self.serial} {_REFRESH_S} {_RETRY_S} {_EXPIRE_S} {_NEGATIVE_S}"
        head = [
            f"$ORIGIN {self.origin}.",
            f"$TTL {_TTL_S}",
            f"@ IN SOA {first} hostmaster.{self.domain}. ( {times} )",
            *(f"@ IN NS {name}.{self.domain}." for name in self.name_servers),
        ]
        return "\n".join([*head, *(f"{owner} IN {kind} {value}" for owner, kind, value in self.records)]) + "\n"


def zones(estate: Estate, domain: str, serial: int, name_servers: Sequence[str] = ()) -> list[DnsZone]:
    """Return the forward zone, then the reverse zones. Without ``name_servers`` the hosts with that role stand in.

    Raises EST056 for a domain that is none, EST050 for a name server that is no device, EST057 for a serial outside
    1 to 2^32-1 (RFC 1035 section 3.3.13).
    """
    domain = _domain(estate, domain)
    if not 0 < serial <= _MOST_SERIAL:
        raise mistake("EST057", Place(estate.root), actual=serial)
    servers = tuple(name_servers) or _servers(estate)
    for name in servers:
        if name not in estate.devices or not estate.interfaces(name):
            raise mistake("EST050", Place(estate.root), actual=name, known=estate.devices)
    pairs = list(addresses(estate))
    forward = [(name, _RECORDS[address.version], str(address)) for name, address in pairs]
    reverse: dict[str, list[Record]] = {}
    for name, address in pairs:
        origin = _reverse_origin(estate, address)
        owner = address.reverse_pointer.removesuffix(f".{origin}")
        reverse.setdefault(origin, []).append((owner, "PTR", f"{name}.{domain}."))
    every: Iterable[tuple[str, list[Record]]] = ((domain, forward), *sorted(reverse.items()))
    return [DnsZone(origin, tuple(records), domain, servers, serial) for origin, records in every]


def _domain(estate: Estate, domain: str) -> str:
    plain = domain.rstrip(".").lower()
    longest = max((len(name) for name, _address in addresses(estate)), default=0)
    parts = plain.split(".")
    fits = all(part.replace("-", "a").isalnum() and part.isascii() and len(part) <= _MOST_LABEL for part in parts)
    if not fits or any(part[0] == "-" or part[-1] == "-" for part in parts) or len(plain) + longest + 1 > _MOST_NAME:
        raise mistake("EST056", Place(estate.root), actual=domain)
    return plain


def _servers(estate: Estate) -> tuple[str, ...]:
    able = [device.name for device in estate.devices.values() if estate.is_reached(device.name)]
    for role in NAME_SERVER_ROLES:
        on_duty = tuple(name for name in able if estate.devices[name].role == role)
        if on_duty:
            return on_duty
    return tuple(able[:1])


def _reverse_origin(estate: Estate, address: IPv4Address | IPv6Address) -> str:
    pointer = address.reverse_pointer.split(".")
    if isinstance(address, IPv6Address):
        return ".".join(pointer[32 - estate.head.addressing.ipv6_prefix.prefixlen // 4 :])
    octets = next((kept for block, kept in _PRIVATE.items() if address in block), 3)
    return ".".join(pointer[4 - octets :])
