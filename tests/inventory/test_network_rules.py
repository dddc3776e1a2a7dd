"""What the rules of the network must not refuse, and what takes changes in several files to get wrong."""

import shutil
from pathlib import Path

import pytest

from inventory.load.inspection import inspect_estate
from tests.inventory.test_mistakes import spoil

HERE = Path(__file__).parent
DC, ROOMS, HEAD, TIERS = "sites/dc.yml", "sites/rooms.yml", "estate.yml", "tiers.yml"
POLICIES, HARDWARE, LINKS = "policies.yml", "hardware.yml", "links.yml"
_FEATURES = "{features: [ra-guard, dhcpv6-guard]}"
_SRV = "ipv4: 10.1.10.0/24, gateway: core1, backups: [core2], vrid: 10"
_PORTS = "mtu: 9000, ports: [{name: ge, count: 8, speed_mbps: 1000}],"
_PEER = "ipv4: 100.64.1.0/30, peer_ipv4: 100.64.1.1"
_RELAYED = "assignment: dhcpv6\n    relay: [dns1]\n"
_KV01 = "  - {site: kv01, number: 1, uplinks: [{id: 11, to: core1}"
_HUB = (
    "  - {site: mid, number: 9, tier: MID, vlans: [{name: srv, id: 110, gateway: mid-edge1}],"
    " uplinks: [{id: 91, to: core1, area: 9}, {id: 92, to: core2, area: 9}]}\n"
)
_BEHIND = (
    "  - {site: mid, number: 9, tier: MID, devices: [{name: fw1, kind: firewall, attach: [{vlan: srv, host: 5}]},"
    " {name: mid-edge2, kind: router, loopback: 8, ipv4_loopback: 10.255.2.8}], uplinks: [{id: 91, to: fw1},"
    " {id: 92, to: mid-edge2, area: 5}, {id: 93, to: core1, device: fw1}, {id: 94, to: core2, device: fw1}]}\n"
)
_FILTER = (HERE / "campus" / POLICIES).read_text("utf-8").partition("filters:\n")[2].partition("  users-4:")[0]
_MID = "  ROOM:\n"
_MID_TIER = "  MID: {name: {en: Mid, vi: Giữa}, min_speed_mbps: {}, measured_positions: none}\n  ROOM:\n"


def codes_of(tmp_path: Path, changes: list[tuple[str, str, str]]) -> set[str]:
    folder = tmp_path / "estate"
    shutil.copytree(HERE / "campus", folder)
    for change in changes:
        spoil(folder, *change)
    found = inspect_estate(folder)
    return {item.code for item in (*found.errors, *found.warnings)}


GREEN = {
    "a room in a stub area": [(ROOMS, "{id: 11, to: core1}", "{id: 11, to: core1, area: 9}")],
    "a provincial site in an area of its own": [
        (TIERS, _MID, _MID_TIER),
        (ROOMS, _KV01, _HUB + _KV01),
    ],
    "an area behind a firewall, of which nobody says what it routes": [
        (TIERS, _MID, _MID_TIER),
        (ROOMS, _KV01, _BEHIND + _KV01),
    ],
    "a profile of nothing in a VLAN without IPv6": [
        (POLICIES, _FEATURES, "{features: []}"),
        (DC, "tier: DC\n", "tier: DC\nstage: ipv4-only\n"),
        (DC, f"    {_RELAYED}    filters: [users-6, users-4]", "    families: [ipv4]\n    filters: [users-4]"),
        (POLICIES, _FILTER, ""),
    ],
    "is-is knows no area 0": [
        (DC, "    loopback: 1\n", "    loopback: 1\n    routing: {igp: is-is, area: 5}\n"),
        (DC, "    loopback: 2\n", "    loopback: 2\n    routing: {igp: is-is, area: 6}\n"),
        (ROOMS, "loopback: '{number}',", "loopback: '{number}', routing: {igp: is-is},"),
        (HARDWARE, "ospfv3,", "is-is,"),
    ],
    "a vrf of the hub's site alone": [(DC, _SRV, f"{_SRV}, vrf: guests")],
    "a bundle is faster than its ports": [
        (HARDWARE, "mtu: 9000,", _PORTS),
        (LINKS, "interface: to-core2", "interface: bond0"),
        (LINKS, "interface: to-core1", "interface: ae1"),
    ],
    "two links on subinterfaces of one port, and VLANs beside them": [
        (HARDWARE, "mtu: 9000,", "mtu: 9000, ports: [{name: xe, count: 2, speed_mbps: 10000}],"),
        (ROOMS, "{id: 11, to: core1}", "{id: 11, to: core1, port: xe1.11, interface: xe2.11}"),
        (ROOMS, "{id: 21, to: core1}", "{id: 21, to: core1, port: xe1.21, interface: xe2.21}"),
        (ROOMS, "{id: 12, to: core2}", "{id: 12, to: core2, port: xe1.12}"),
        (ROOMS, "{id: 22, to: core2,", "{id: 22, to: core2, port: xe1.22,"),
    ],
    "a line over link-local addresses": [(DC, _PEER, "ipv4: 169.254.1.0/30, peer_ipv4: 169.254.1.1")],
    "both ends of a /31": [(DC, _PEER, "ipv4: 100.64.1.0/31, peer_ipv4: 100.64.1.0")],
    "the link block's space in a vrf without links": [
        (
            DC,
            "vlans:\n",
            (
                "vlans:\n  - {name: guest, id: 150, ipv4: 10.254.0.128/25, gateway: core1, backups: [core2],"
                " vrid: 50, vrf: guests}\n"
            ),
        ),
        *[
            (
                DC,
                f"attach: [{{vlan: srv, host: {n}, interface: srv}}",
                f"attach: [{{vlan: guest, host: {n}, interface: guest}}, {{vlan: srv, host: {n}, interface: srv}}",
            )
            for n in (1, 2)
        ],
    ],
    "dhcpv6 permitted from link-local addresses": [
        (POLICIES, "protocol: udp, ports: [547]", "protocol: udp, ports: [546, 547], source: 'fe80::/10'"),
    ],
    "one client shut out of dhcpv6": [
        (
            POLICIES,
            "      - {action: permit, protocol: udp",
            "      - {action: deny, protocol: udp, source: 'fe80::9/128'}\n      - {action: permit, protocol: udp",
        ),
    ],
    "a filter without dhcpv6 in a static VLAN": [
        (POLICIES, "      - {action: permit, protocol: udp, ports: [547]}\n", ""),
        (DC, _RELAYED, "assignment: slaac\n"),
    ],
    "a site without a link has no use for a hub": [
        (HEAD, "  route_reflectors: [core1, core2]\n", ""),
        (ROOMS, ", uplinks: [{id: 11, to: core1}, {id: 12, to: core2}]", ""),
        (
            ROOMS,
            (
                "uplinks: [{id: 21, to: core1}, {id: 22, to: core2, mtu: 1500}],\n     circuits: [{name: line-1,"
                " network: tslcd, speed_mbps: 100, path: main, router: kv02-edge1}]"
            ),
            "name: {en: Two, vi: Hai}",
        ),
        (DC, "\n    router: core1\n", "\n"),
        (DC, ", router: core2}", "}"),
        (TIERS, "    min_paths: 2\n", ""),
    ],
}


@pytest.mark.parametrize("changes", GREEN.values(), ids=GREEN)
def test_not_refused(changes: list[tuple[str, str, str]], tmp_path: Path) -> None:
    assert codes_of(tmp_path, changes) == set()


RED = {
    "guards are asked for, and this one keeps no router out": (
        "EST195",
        [(POLICIES, _FEATURES, "{features: [dhcpv6-guard]}"), (DC, _RELAYED, "assignment: static\n")],
    ),
    "guards are advised, and this one guards nothing": (
        "EST198",
        [
            (POLICIES, _FEATURES, "{}"),
            (DC, _RELAYED, "assignment: static\n"),
            (TIERS, "guarded_ports: error", "guarded_ports: warning"),
        ],
    ),
    "an area that two centres reach over a site between them": (
        "EST392",
        [(TIERS, _MID, _MID_TIER), (ROOMS, _KV01, _HUB + _KV01), (LINKS, "10000,", "10000, area: 9,")],
    ),
    "area 0 torn over IPv4 alone": (
        "EST392",
        [
            (TIERS, _MID, _MID_TIER),
            (ROOMS, _KV01, _HUB.replace("to: core1, area: 9", "to: core1, families: [ipv6]") + _KV01),
            (ROOMS, "{id: 11, to: core1}", "{id: 13, to: mid-edge1}, {id: 11, to: core1}"),
        ],
    ),
    "a hub without any link of the family": (
        "EST127",
        [
            (HEAD, "[core1, core2]", "[kv03-edge1]"),
            (ROOMS, "  - {site: kv01,", "  - {site: kv03, number: 3}\n  - {site: kv01,"),
        ],
    ),
}


@pytest.mark.parametrize(("code", "changes"), RED.values(), ids=RED)
def test_refused(code: str, changes: list[tuple[str, str, str]], tmp_path: Path) -> None:
    assert code in codes_of(tmp_path, changes)
