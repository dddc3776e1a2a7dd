"""Names of interfaces and services for DNS: a device's own name for where it is reached, else interface and device."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from inventory.model.estate import Estate, Interface

ANYCAST = "anycast"  # the label below which services with an anycast address are named


def label(interface: str) -> str:
    """Return an interface name as one DNS label (RFC 1123): ``Ge0/1.110`` is ``ge0-1-110``."""
    return re.sub(r"[^a-z0-9]+", "-", interface.lower()).strip("-")


def named(estate: Estate) -> Iterator[tuple[str, Interface]]:
    """Yield every interface with its name below the domain: ``dc-db1``, ``to-core2.dc-core1``. Order of the files."""
    for device in estate.devices:
        for index, interface in enumerate(estate.interfaces(device)):
            name = device if index == 0 else f"{label(interface.name)}.{device}"
            yield name, interface


def addresses(estate: Estate) -> Iterator[tuple[str, IPv4Address | IPv6Address]]:
    """Yield every address in use with its name: of interfaces under both IPv6 prefixes, and of anycast services."""
    for name, interface in named(estate):
        second = estate.second(interface.ipv6) if interface.ipv6 else None
        yield from ((name, address.ip) for address in interface.addresses)
        if second is not None:
            yield name, second.ip
    for service in estate.services.values():
        address = estate.anycast(service)
        name = f"{service.name}.{ANYCAST}"
        if address is not None:
            second = estate.second(address)
            yield from ((name, item.ip) for item in (address, second) if item is not None)
        if service.ipv4_anycast is not None:
            yield name, service.ipv4_anycast
