"""Every address and prefix of an estate as rows, and the answer to "who has this?". IPv4 of today beside IPv6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from inventory.estate import Estate, Interface

Network = IPv4Network | IPv6Network
_PREFIXES = ("site", "vlan")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that holds addresses. ``kind`` is site, vlan, link, loopback or host; ``ipv4`` is empty for a site."""

    kind: str
    owner: str
    site: str
    name: str
    ipv6: str
    ipv4: str


def rows(estate: Estate) -> Iterator[Row]:
    """Yield every site's /48, every VLAN's prefixes, and every interface's addresses."""
    for code, site in estate.sites.items():
        yield Row("site", code, code, site.name.en, str(estate.site_prefix(code)), "")
        for vlan in site.vlans:
            yield Row("vlan", code, code, f"{vlan.name} {vlan.id}", str(estate.vlan_prefix(code, vlan)), str(vlan.ipv4))
        for device in site.devices:
            for interface in estate.interfaces(device.name):
                yield _row(interface, code)


def _row(interface: Interface, site: str) -> Row:
    kind = "host" if interface.kind == "vlan" else interface.kind
    name = f"{interface.name} (link {interface.link.id})" if interface.link else interface.name
    return Row(kind, interface.device, site, name, str(interface.ipv6), str(interface.ipv4))


def who_has(estate: Estate, query: str) -> list[Row]:
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


def _related(row: Row, wanted: Network) -> bool:
    """Tell whether an address of the row lies in the wanted prefix, or the wanted prefix in a prefix of the row."""
    for text in filter(None, (row.ipv6, row.ipv4)):
        held = ip_interface(text)
        if held.version != wanted.version:
            continue
        if row.kind in _PREFIXES and held.network.overlaps(wanted):
            return True
        if row.kind not in _PREFIXES and held.ip in wanted:
            return True
    return False
