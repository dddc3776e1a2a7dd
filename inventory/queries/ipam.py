"""Every address and prefix of an estate as rows, and the answer to "who has this?". IPv4 of today beside IPv6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network

from inventory.model import ipv6
from inventory.model.entities import Circuit
from inventory.model.estate import Estate, Interface

Network = IPv4Network | IPv6Network
_PREFIXES = ("block", "site", "vlan", "assigned")
NOT_ASSIGNED = "not assigned yet"


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One thing that holds addresses; an empty text where a family is not in use.

    ``kind`` is block, site, vlan, link, loopback, host, anycast or assigned (what the operator of another network gave
    to a circuit). ``ipv6_second`` is the same place of the plan under the estate's second prefix.
    """

    kind: str
    owner: str
    site: str
    name: str
    ipv6: str
    ipv4: str
    ipv6_second: str = ""


def rows(estate: Estate) -> Iterator[AddressRow]:
    """Yield the reserved blocks, every site's /48, VLANs, interfaces and circuits, and the anycast addresses."""
    yield from _blocks(estate)
    for code, site in estate.sites.items():
        yield _prefix(estate, "site", code, site.name.en, estate.site_prefix(code))
        for vlan in site.vlans:
            held = estate.vlan_prefix(code, vlan) if estate.uses_ipv6(vlan) else None
            yield _prefix(estate, "vlan", code, f"{vlan.name} {vlan.id}", held, str(vlan.ipv4 or ""))
        for device in site.devices:
            for interface in estate.interfaces(device.name):
                yield _row(estate, interface, code)
        for circuit in site.circuits:
            yield from _assigned(estate, code, circuit)
    for service in estate.services.values():
        address = estate.anycast(service)
        if address is not None or service.ipv4_anycast is not None:
            v4 = str(service.ipv4_anycast or "")
            yield AddressRow(
                "anycast", service.name, "", service.title.en, str(address or ""), v4, _second(estate, address)
            )


def _blocks(estate: Estate) -> Iterator[AddressRow]:
    prefix = estate.head.addressing.ipv6_prefix
    blocks = {
        "links": ipv6.link_block(prefix),
        "management": ipv6.management_block(prefix),
        "anycast": ipv6.loopback_block(prefix, 0),
    }
    regions = dict.fromkeys(site.region for site in estate.sites.values())
    blocks |= {f"loopbacks of region {region}": ipv6.loopback_block(prefix, region) for region in regions}
    for name, block in blocks.items():
        yield _prefix(estate, "block", "", name, block)


def _prefix(estate: Estate, kind: str, site: str, name: str, held: IPv6Network | None, v4: str = "") -> AddressRow:
    first = IPv6Interface((held.network_address, held.prefixlen)) if held else None
    second = _second(estate, first)
    return AddressRow(kind, site or estate.head.name, site, name, str(held or ""), v4, second)


def _second(estate: Estate, address: IPv6Interface | None) -> str:
    if address is not None:
        return str(estate.second(address) or "")
    return ""


def _row(estate: Estate, interface: Interface, site: str) -> AddressRow:
    kind = "host" if interface.kind == "vlan" else interface.kind
    name = f"{interface.name} (link {interface.link.id})" if interface.link else interface.name
    held = interface.ipv6
    second = _second(estate, held)
    return AddressRow(kind, interface.device, site, name, str(held or ""), str(interface.ipv4 or ""), second)


def _assigned(estate: Estate, site: str, circuit: Circuit) -> Iterator[AddressRow]:
    """Yield what the operator assigned to a circuit, or that nothing of it is known yet."""
    said = circuit.assigned
    if said is not None:
        v6, v4 = str(said.ipv6 or ""), str(said.ipv4 or "")
        yield AddressRow("assigned", f"{site} {circuit.name}", site, f"{circuit.network}: {said.document}", v6, v4)
    elif circuit.network in estate.head.addressing.assigned_networks:
        yield AddressRow("assigned", f"{site} {circuit.name}", site, f"{circuit.network}: {NOT_ASSIGNED}", "", "")


def who_has(estate: Estate, query: str) -> list[AddressRow]:
    """Return the rows that answer ``query``: an address, a prefix, or part of what a row is called.

    For an address the narrowest comes last: the site's /48, the VLAN's /64, then the interface itself. For a prefix
    everything inside it is returned too.
    """
    wanted = _network(query)
    if wanted is None:
        words = (query.casefold(), f"(link {query})")
        return [r for r in rows(estate) if words[0] in (r.owner, r.site) or words[1] in r.name]
    return [row for row in rows(estate) if _related(row, wanted)]


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _related(row: AddressRow, wanted: Network) -> bool:
    """Tell whether an address of the row lies in the wanted prefix, or the wanted prefix in a prefix of the row."""
    for text in filter(None, (row.ipv6, row.ipv4, row.ipv6_second)):
        held = ip_interface(text)
        if held.version != wanted.version:
            continue
        if row.kind in _PREFIXES and held.network.overlaps(wanted):
            return True
        if row.kind not in _PREFIXES and held.ip in wanted:
            return True
    return False
