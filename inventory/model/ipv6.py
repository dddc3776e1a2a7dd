"""The IPv6 plan: positional, order-free, readable in the address itself.

Within the estate's /32 ``P:P`` the next 16 bits are region (8) and site (8): a /48 per site. The 16 bits after that are
a zone nibble and the VLAN id as 12 bits: a /64 per VLAN. Links are /127 (RFC 6164), each from a /64 of its own in the
reserved region 0xfe; loopbacks are /128 out of one /64 per region in the reserved region 0xff. The management block is
site 1 of region 0xfe: one /48 that a filter can name, with a /64 per site (region and site as the 16 bits after it).
Anycast addresses of services are /128 in region 0xff under the number 0, which no region has. Every number is written
in the estate, so adding, removing or reordering anything changes no other address.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Interface, IPv6Network

LINK_REGION = 0xFE
MANAGEMENT_SITE = 1  # in LINK_REGION; links are its site 0
LOOPBACK_REGION = 0xFF


def site_prefix(estate: IPv6Network, region: int, number: int) -> IPv6Network:
    """Return the /48 of the site with these plan numbers."""
    return IPv6Network((_base(estate) | region << 88 | number << 80, 48))


def vlan_prefix(estate: IPv6Network, region: int, number: int, zone: int, vlan_id: int) -> IPv6Network:
    """Return the /64 of a VLAN: zone nibble and VLAN id, readable in hexadecimal."""
    return IPv6Network((_base(estate) | region << 88 | number << 80 | zone << 76 | vlan_id << 64, 64))


def host_address(prefix: IPv6Network, host: int) -> IPv6Interface:
    """Return a host's address in its /64; the digits of ``host`` are read as hexadecimal (11 is ``::11``)."""
    return IPv6Interface((int(prefix.network_address) | int(str(host), 16), 64))


def link_addresses(estate: IPv6Network, link_id: int) -> tuple[IPv6Interface, IPv6Interface]:
    """Return the two /127 addresses of a link, end A first (RFC 6164)."""
    base = _base(estate) | LINK_REGION << 88 | link_id << 64
    return IPv6Interface((base, 127)), IPv6Interface((base + 1, 127))


def loopback_address(estate: IPv6Network, region: int, loopback: int) -> IPv6Interface:
    """Return the /128 of a loopback id within a region."""
    return IPv6Interface((_base(estate) | LOOPBACK_REGION << 88 | region << 80 | int(str(loopback), 16), 128))


def management_prefix(estate: IPv6Network, region: int, number: int) -> IPv6Network:
    """Return the /64 of a site in the management block."""
    block = int(management_block(estate).network_address)
    return IPv6Network((block | region << 72 | number << 64, 64))


def management_block(estate: IPv6Network) -> IPv6Network:
    """Return the /48 that holds the management /64 of every site."""
    return site_prefix(estate, LINK_REGION, MANAGEMENT_SITE)


def link_block(estate: IPv6Network) -> IPv6Network:
    """Return the /48 that holds a /64 per link id."""
    return site_prefix(estate, LINK_REGION, 0)


def loopback_block(estate: IPv6Network, region: int) -> IPv6Network:
    """Return the /64 of the loopbacks of a region; region 0 is that of anycast addresses."""
    return IPv6Network((_base(estate) | LOOPBACK_REGION << 88 | region << 80, 64))


def anycast_address(estate: IPv6Network, number: int) -> IPv6Interface:
    """Return the /128 of an anycast id; the digits of ``number`` are read as hexadecimal."""
    return IPv6Interface((_base(estate) | LOOPBACK_REGION << 88 | int(str(number), 16), 128))


def region_block(estate: IPv6Network, region: int) -> IPv6Network:
    """Return the /40 of a region, also of a reserved one."""
    return IPv6Network((_base(estate) | region << 88, 40))


def read_site_numbers(prefix: IPv6Network) -> tuple[int, int]:
    """Return the region and the number that a site's /48, or anything inside it, says: ``site_prefix`` read back."""
    digits = int(prefix.network_address) >> 80
    return digits >> 8 & 0xFF, digits & 0xFF


def read_vlan_numbers(prefix: IPv6Network) -> tuple[int, int]:
    """Return the zone and the VLAN id that a VLAN's /64 says: ``vlan_prefix`` read back."""
    digits = int(prefix.network_address) >> 64
    return digits >> 12 & 0xF, digits & 0xFFF


def read_link_id(estate: IPv6Network, address: IPv6Interface) -> int:
    """Return the link id that an address of a /127 says: ``link_addresses`` read back."""
    return int(address) - int(region_block(estate, LINK_REGION).network_address) >> 64


def read_host_number(address: IPv6Address) -> int | None:
    """Return the host number in an address, ``::11`` is 11; None where its last 64 bits are no decimal digits."""
    digits = f"{int(address) & (1 << 64) - 1:x}"
    if digits.isdecimal():
        return int(digits)
    return None


def bracket_host(host: str) -> str:
    """Return a host as it stands before a port: an IPv6 address in brackets (RFC 3986)."""
    if ":" in host:
        return f"[{host}]"
    return host


def name_subnet(prefix: IPv6Network) -> str:
    """Return what a /64 is inside the estate's /32, as ``101:a064``; the /32 itself may be another one day."""
    inside = int(prefix.network_address) >> 64
    return f"{inside >> 16 & 0xFFFF:x}:{inside & 0xFFFF:x}"


def moved(address: IPv6Interface, to: IPv6Network) -> IPv6Interface:
    """Return the same place of the plan under another /32: the GUA beside a ULA, or the reverse."""
    inside = int(address.ip) & ((1 << 96) - 1)
    return IPv6Interface((_base(to) | inside, address.network.prefixlen))


def _base(estate: IPv6Network) -> int:
    return int(IPv6Address(estate.network_address))
