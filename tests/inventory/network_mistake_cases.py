"""Mistakes in what the network of an estate is to be, on the estate in ``campus``; form as in ``mistake_cases.py``."""

DC, ROOMS, HEAD, TIERS = "sites/dc.yml", "sites/rooms.yml", "estate.yml", "tiers.yml"
POLICIES, HARDWARE, LINKS, SERVICES = "policies.yml", "hardware.yml", "links.yml", "services.yml"
_SRV = "ipv4: 10.1.10.0/24, gateway: core1, backups: [core2], vrid: 10"
_ICMP = "      - {action: permit, protocol: icmpv6, types: [1, 2, 3, 4, 128, 129]}\n"
_SECOND = "      - {action: permit, protocol: icmpv6, types: [131, 132, 133, 135, 136, 143]}\n"
_EDGE = "    - {name: '{site}-edge1', kind: router, hardware: router,"


def _pair(routing: str, other: str = "edge1") -> str:
    """A second router (and a third) in every room, linked with the other one, before the router that is there."""
    numbers = {"edge2": ("{number+100}", "10.255.4.{number}"), "edge3": ("{number+200}", "10.255.3.{number}")}
    routers = [
        f"    - {{name: '{{site}}-{name}', kind: router, loopback: '{loopback}', ipv4_loopback: '{ipv4}', "
        f"routing: {routing}}}\n"
        for name, (loopback, ipv4) in numbers.items()
        if name in ("edge2", other)
    ]
    uplink = f"{{id: '{{number+200}}', to: '{{site}}-{other}', device: '{{site}}-edge2'}}"
    return f"  uplinks: [{uplink}]\n  devices:\n{''.join(routers)}{_EDGE}"


_LINE_1 = "{id: 11, to: core1}, {id: 12, to: core2}"

_DOWN = "".join(
    f"  - {{id: {number}, a: {{device: core1, interface: to-sw{number}}}, b: {{device: sw1, interface: up{number}}},"
    f" role: access, speed_mbps: 1000, ipv4: 10.253.0.{2 * number}/31}}\n"
    for number in range(2, 6)
)

NETWORK_CASES = [
    # ways through the network, both families apart
    ("hubs-apart-over-ipv4", "EST129", LINKS, "ipv4: 10.253.0.0/31", "families: [ipv6]"),
    ("site-without-ipv4-way", "EST127", ROOMS, _LINE_1, "{id: 11, to: core1, families: [ipv6]}"),
    ("one-route-carries-all", "EST391", ROOMS, _LINE_1, "{id: 11, to: core1}"),
    (
        "relay-without-a-way",
        "EST376",
        ROOMS,
        "number: 1, uplinks: [{id: 11, to: core1}, {id: 12, to: core2}]}",
        (
            "number: 1, stage: ipv4-only, uplinks: [{id: 11, to: core1, families: [ipv4]}, "
            "{id: 12, to: core2, families: [ipv4]}], "
            "devices: [{name: kv01-node1, kind: host, attach: [{vlan: srv, host: 9}]}]}\n"
            "  - {site: kv03, number: 3, uplinks: [{id: 31, to: core1}, {id: 32, to: core2}], "
            "vlans: [{name: srv, assignment: dhcpv6, relay: [kv01-node1]}]}"
        ),
    ),
    ("link-in-another-vrf", "EST127", ROOMS, _LINE_1, "{id: 11, to: core1, vrf: guests}"),
    ("vlan-in-another-vrf", "EST127", ROOMS, "gateway: '{site}-edge1'}", "gateway: '{site}-edge1', vrf: guests}"),
    ("no-hub", "EST190", HEAD, "  route_reflectors: [core1, core2]\n", ""),
    ("hub-twice", "EST191", HEAD, "[core1, core2]", "[core1, core1]"),
    # the two IPv6 prefixes, anycast and management
    ("second-prefix-overlaps", "EST309", HEAD, "2d00:2::/32", "fd00:2::/32"),
    ("second-prefix-not-32", "EST309", HEAD, "2d00:2::/32", "2d00:2::/48"),
    ("second-prefix-documentation", "EST309", HEAD, "2d00:2::/32", "2001:db8::/32"),
    ("anycast-twice", "EST216", SERVICES, "anycast: 2", "anycast: 1"),
    ("anycast-in-a-vlan", "EST306", SERVICES, "10.250.0.1", "10.1.10.9"),
    ("two-management-vlans", "EST217", DC, "vrid: 10}", "vrid: 10, management: true}"),
    # IPv4 that is no host's, or another's
    ("vlan-of-loopbacks", "EST192", DC, "10.1.10.0/24", "127.0.5.0/24"),
    ("vlan-of-multicast", "EST192", DC, "10.1.10.0/24", "224.1.5.0/24"),
    ("vlan-of-this-network", "EST192", DC, "10.1.10.0/24", "0.0.0.0/24"),
    ("vlan-of-link-local", "EST192", DC, "10.1.10.0/24", "169.254.8.0/24"),
    ("loopback-is-broadcast", "EST192", DC, "10.255.1.2", "255.255.255.255"),
    ("links-of-multicast", "EST192", HEAD, "10.254.0.0/24", "224.0.0.0/24"),
    ("vlan-in-the-link-block", "EST306", DC, "10.1.10.0/24", "10.254.0.128/25"),
    ("loopback-in-the-link-block", "EST306", DC, "10.255.1.2", "10.254.0.201"),
    ("anycast-in-the-link-block", "EST306", SERVICES, "10.250.0.1", "10.254.0.1"),
    (
        "assigned-in-a-vlan",
        "EST306",
        DC,
        "ipv4: 100.64.1.0/30, peer_ipv4: 100.64.1.1",
        "ipv4: 10.1.20.0/30, peer_ipv4: 10.1.20.1",
    ),
    ("assigned-in-the-link-block", "EST306", DC, "ipv4: 100.64.1.0/30, peer_ipv4: 100.64.1.1", "ipv4: 10.254.0.200/31"),
    # gateways
    ("backup-unknown", "EST310", DC, "backups: [core2], vrid: 10", "backups: [cor2], vrid: 10"),
    ("backup-is-a-host", "EST310", DC, "backups: [core2], vrid: 10", "backups: [dns1], vrid: 10"),
    ("backup-not-in-vlan", "EST311", DC, "attach: [{vlan: srv, host: 2, interface: srv}, ", "attach: ["),
    ("backups-without-vrid", "EST312", DC, "backups: [core2], vrid: 10", "backups: [core2]"),
    ("vrid-without-backups", "EST312", ROOMS, "gateway: '{site}-edge1'}", "gateway: '{site}-edge1', vrid: 3}"),
    ("gateway-backs-itself", "EST313", DC, "backups: [core2], vrid: 10", "backups: [core1], vrid: 10"),
    ("vrid-twice", "EST314", DC, "vrid: 20", "vrid: 10"),
    ("one-gateway-where-two-are-asked", "EST315", DC, ", backups: [core2], vrid: 10", ""),
    (
        "one-gateway-where-two-are-advised",
        "EST316",
        TIERS,
        "transit: false",
        "transit: false\n    redundant_gateways: warning",
    ),
    # address families and stages
    ("ipv4-without-prefix", "EST317", DC, f"{_SRV}", "gateway: core1, backups: [core2], vrid: 10"),
    ("prefix-without-ipv4", "EST318", DC, _SRV, f"{_SRV}, families: [ipv6]"),
    ("link-prefix-without-ipv4", "EST319", LINKS, "10.253.0.0/31", "10.253.0.0/31, families: [ipv6]"),
    ("vlan-behind-its-stage", "EST340", DC, _SRV, f"{_SRV}, families: [ipv4]"),
    ("link-behind-its-stage", "EST340", ROOMS, "{id: 11, to: core1}", "{id: 11, to: core1, families: [ipv4]}"),
    ("vlan-after-ipv4-ended", "EST341", ROOMS, "number: 1, uplinks", "number: 1, stage: ipv6-only, uplinks"),
    (
        "service-of-yesterday",
        "EST047",
        ROOMS,
        "number: 1, uplinks: [{id: 11, to: core1}, {id: 12, to: core2}]}",
        (
            "number: 1, stage: ipv6-only, vlans: [{name: srv, ipv4: ~, families: [ipv6]}], "
            "devices: [{name: kv01-old1, kind: host, role: dns, hardware: server, attach: [{vlan: srv, host: 9}]}], "
            "uplinks: [{id: 11, to: core1}, {id: 12, to: core2}]}"
        ),
    ),
    (
        "no-model-and-ipv6-alone",
        "EST048",
        ROOMS,
        "number: 1, uplinks",
        (
            "number: 1, stage: ipv6-only, vlans: [{name: srv, ipv4: ~, families: [ipv6]}], "
            "devices: [{name: kv01-edge1, hardware: ~}], uplinks"
        ),
    ),
    ("stage-behind-the-vlans", "EST342", ROOMS, "number: 1, uplinks", "number: 1, stage: ipv4-only, uplinks"),
    ("stages-out-of-order", "EST343", TIERS, "ipv6-only: 2030-12-31", "ipv6-only: 2026-12-31"),
    ("stages-of-a-site-out-of-order", "EST343", DC, "tier: DC\n", "tier: DC\ntransition: {dual-stack: 2031-01-01}\n"),
    ("unknown-stage", "EST025", DC, "tier: DC\n", "tier: DC\nstage: dual-stak\n"),
    ("no-family", "EST027", DC, _SRV, f"{_SRV}, families: []"),
    # what a model can do
    ("model-cannot-vrrp", "EST320", HARDWARE, "[vrrp, dhcpv6-relay,", "[dhcpv6-relay,"),
    ("model-cannot-guard", "EST320", HARDWARE, "[ra-guard, dhcpv6-guard]", "[ra-guard]"),
    ("model-not-looked-at", "EST321", HARDWARE, ", features: [ra-guard, dhcpv6-guard]", ""),
    ("switch-without-a-model", "EST322", DC, "    hardware: switch\n", ""),
    ("unknown-feature", "EST025", HARDWARE, "[ra-guard,", "[ra-gard,"),
    # ports of a model
    (
        "link-faster-than-ports",
        "EST193",
        HARDWARE,
        "mtu: 9000,",
        "mtu: 9000, ports: [{name: ge, count: 8, speed_mbps: 1000}],",
    ),
    (
        "more-links-than-ports",
        "EST194",
        HARDWARE,
        "mtu: 9000,",
        "mtu: 9000, ports: [{name: ge, count: 1, speed_mbps: 1000}, {name: xe, count: 2, speed_mbps: 10000}],",
    ),
    ("more-links-than-ports-are-left", "EST194", LINKS, "links:\n", f"links:\n{_DOWN}"),
    ("access-ports-too-slow", "EST396", HARDWARE, "speed_mbps: 1000}]", "speed_mbps: 100}]"),
    # MTU and VRF
    ("link-wider-than-circuit", "EST330", ROOMS, "mtu: 1500}]", "mtu: 1600}]"),
    ("link-wider-than-router", "EST331", LINKS, "speed_mbps: 10000", "speed_mbps: 10000, mtu: 9100"),
    ("vlan-wider-than-router", "EST332", DC, _SRV, f"{_SRV}, mtu: 9100"),
    ("mtu-below-ipv6", "EST023", DC, _SRV, f"{_SRV}, mtu: 1200"),
    ("unknown-vrf", "EST333", DC, _SRV, f"{_SRV}, vrf: gests"),
    ("unknown-vrf-of-a-link", "EST333", LINKS, "speed_mbps: 10000", "speed_mbps: 10000, vrf: gests"),
    # filters
    ("unknown-filter", "EST350", DC, "filters: [users-6, users-4]", "filters: [user-6, users-4]"),
    (
        "filter-of-an-unused-family",
        "EST351",
        ROOMS,
        "ipv4: '10.2.{number}.0/24', gateway: '{site}-edge1'}",
        "families: [ipv6], gateway: '{site}-edge1', filters: [users-6, users-4]}",
    ),
    ("filtered-in-ipv4-only", "EST352", DC, "filters: [users-6, users-4]", "filters: [users-4]"),
    ("filtered-in-ipv6-only", "EST352", DC, "filters: [users-6, users-4]", "filters: [users-6]"),
    ("packet-too-big-denied", "EST353", POLICIES, "types: [1, 2, 3, 4, 128, 129]", "types: [1, 3, 4, 128, 129]"),
    (
        "neighbours-denied-by-order",
        "EST353",
        POLICIES,
        f"{_ICMP}{_SECOND}      - {{action: deny, protocol: icmpv6}}\n",
        f"{_ICMP}      - {{action: deny, protocol: icmpv6}}\n{_SECOND}",
    ),
    (
        "neighbours-denied-for-some",
        "EST353",
        POLICIES,
        f"{_ICMP}{_SECOND}",
        f"{_ICMP}      - {{action: deny, protocol: icmpv6, source: 'fd00:2::/32'}}\n{_SECOND}",
    ),
    ("echo-permitted-for-some", "EST353", POLICIES, "128, 129]}", "128, 129], source: 'fd00:2::/32'}"),
    (
        "nothing-permitted-at-the-end",
        "EST353",
        POLICIES,
        f"{_ICMP}{_SECOND}      - {{action: deny, protocol: icmpv6}}\n",
        "",
    ),
    ("router-advertisements-let-in", "EST354", POLICIES, "133, 135, 136, 143]", "133, 134, 135, 136, 143]"),
    (
        "router-advertisements-let-in-for-some",
        "EST354",
        POLICIES,
        f"{_ICMP}{_SECOND}",
        f"{_ICMP}{_SECOND}      - {{action: permit, protocol: icmpv6, types: [134], source: 'fe80::/64'}}\n",
    ),
    (
        "redirects-let-in-by-any",
        "EST354",
        POLICIES,
        "      - {action: deny, protocol: icmpv6}\n",
        "      - {action: permit}\n",
    ),
    (
        "rule-never-reached",
        "EST355",
        POLICIES,
        "      - {action: deny}\n",
        "      - {action: deny}\n      - {action: permit, protocol: udp, ports: [53]}\n",
    ),
    (
        "icmp-in-an-ipv6-filter",
        "EST356",
        POLICIES,
        "{action: permit, protocol: tcp, ports: [443]}\n      - {action: deny}",
        "{action: permit, protocol: icmp}\n      - {action: deny}",
    ),
    (
        "ipv6-prefix-in-an-ipv4-filter",
        "EST356",
        POLICIES,
        "{action: permit, protocol: icmp}",
        "{action: permit, protocol: icmp, source: 'fd00:2::/32'}",
    ),
    (
        "filter-unused",
        "EST357",
        POLICIES,
        "  users-4:\n",
        "  guests-4: {family: ipv4, rules: [{action: deny}]}\n  users-4:\n",
    ),
    ("types-of-tcp", "EST358", POLICIES, "protocol: tcp, ports: [443]", "protocol: tcp, types: [1]"),
    ("ports-of-any", "EST358", POLICIES, "protocol: tcp, ports: [443]", "ports: [443]"),
    ("two-filters-of-a-family", "EST359", DC, "filters: [users-6, users-4]", "filters: [users-6, users-4, users-4]"),
    ("dhcpv6-denied", "EST196", POLICIES, "      - {action: permit, protocol: udp, ports: [547]}\n", ""),
    (
        "dhcpv6-denied-by-order",
        "EST196",
        POLICIES,
        "      - {action: permit, protocol: udp, ports: [547]}\n",
        "      - {action: deny, protocol: udp, source: 'fe80::/10'}\n      - {action: permit, protocol: udp}\n",
    ),
    ("dhcpv6-permitted-to-others", "EST196", POLICIES, "ports: [547]}", "ports: [547], destination: 'fd00:2::/32'}"),
    # ports and guards
    ("ports-not-there", "EST360", DC, "ports: ge7-8", "ports: ge7-9"),
    ("ports-backwards", "EST360", DC, "ports: ge7-8", "ports: ge8-7"),
    ("port-used-twice", "EST361", DC, "ports: ge6,", "ports: ge5,"),
    ("access-without-vlan", "EST362", DC, "mode: access, vlan: usr", "mode: access"),
    ("trunk-with-vlan", "EST362", DC, "mode: trunk", "mode: trunk, vlan: usr"),
    ("port-in-unknown-vlan", "EST363", DC, "mode: access, vlan: usr", "mode: access, vlan: user"),
    ("unknown-guard", "EST364", DC, "guard: host", "guard: hosts"),
    ("trusted-access-port", "EST365", DC, "guard: host", "guard: trusted"),
    ("untrusted-trunk", "EST366", DC, ", guard: trusted", ""),
    ("unguarded-access-port", "EST367", DC, "vlan: usr, guard: host", "vlan: usr"),
    (
        "unguarded-port-advised",
        "EST368",
        ROOMS,
        _EDGE,
        "    - {name: '{site}-sw1', kind: switch, hardware: switch, attach: [{vlan: srv, host: 5}], ports: [{name: a,"
        " ports:"
        " ge1-8, mode: access, vlan: srv}]}\n" + _EDGE,
    ),
    (
        "unguarded-port-behind-advertisements",
        "EST367",
        ROOMS,
        f"gateway: '{{site}}-edge1'}}\n  devices:\n{_EDGE}",
        "gateway: '{site}-edge1', assignment: slaac}\n  devices:\n    - {name: '{site}-sw1', kind: switch,"
        " hardware: switch,"
        " attach: [{vlan: srv, host: 5}], ports: [{name: a, ports: ge1-8, mode: access, vlan: srv}]}\n" + _EDGE,
    ),
    ("ports-nobody-speaks-of", "EST369", DC, "      - {name: spare, ports: ge6, mode: unused}\n", ""),
    ("guard-unused", "EST370", POLICIES, "guards:\n", "guards:\n  server: {features: [ra-guard]}\n"),
    (
        "ports-nobody-speaks-of-advised",
        "EST371",
        ROOMS,
        _EDGE,
        "    - {name: '{site}-sw1', kind: switch, hardware: switch, attach: [{vlan: srv, host: 5}]}\n" + _EDGE,
    ),
    ("guard-of-nothing", "EST195", POLICIES, "{features: [ra-guard, dhcpv6-guard]}", "{features: []}"),
    ("guard-without-dhcpv6", "EST195", POLICIES, "{features: [ra-guard, dhcpv6-guard]}", "{features: [ra-guard]}"),
    # DHCPv6
    ("relay-to-nobody", "EST372", DC, "relay: [dns1]", "relay: [dns2]"),
    (
        "relay-to-ipv4-only",
        "EST373",
        DC,
        "vlans:\n  - {name: srv,",
        "stage: ipv4-only\nvlans:\n  - {name: srv, families: [ipv4],",
    ),
    ("dhcpv6-without-relay", "EST374", DC, "    relay: [dns1]\n", ""),
    ("relay-without-dhcpv6", "EST375", DC, "assignment: dhcpv6", "assignment: slaac"),
    ("relay-to-a-router", "EST197", DC, "relay: [dns1]", "relay: [core2]"),
    ("relay-to-a-switch", "EST197", DC, "relay: [dns1]", "relay: [sw1]"),
    ("relay-twice", "EST199", DC, "relay: [dns1]", "relay: [dns1, dns1]"),
    # routing
    ("two-protocols-on-a-link", "EST380", DC, "    loopback: 2\n", "    loopback: 2\n    routing: {igp: is-is}\n"),
    ("no-protocol-on-a-link", "EST381", ROOMS, f"  devices:\n{_EDGE}", _pair("{igp: none}") + " routing: {igp: none},"),
    ("two-areas-on-a-link", "EST382", DC, "    loopback: 2\n", "    loopback: 2\n    routing: {area: 5}\n"),
    ("area-apart", "EST383", ROOMS, f"  devices:\n{_EDGE}", _pair("{area: 5}", "edge3")),
    ("backbone-between-areas", "EST392", LINKS, "speed_mbps: 10000", "speed_mbps: 10000, area: 7"),
    (
        "backbone-behind-an-area",
        "EST392",
        ROOMS,
        "  - {site: kv01, number: 1, uplinks: [{id: 11, to: core1}",
        (
            "  - {site: hub, number: 9, tier: DC, circuits: [{name: a, network: tslcd, speed_mbps: 1000, path: a, "
            "router: hub-edge1}, {name: b, network: tslcd, speed_mbps: 1000, path: b, router: hub-edge1}], "
            "vlans: [{name: srv, families: [ipv6], ipv4: null}], "
            "uplinks: [{id: 91, to: core1, area: 9}, {id: 92, to: core2, area: 9}]}\n"
            "  - {site: kv01, number: 1, uplinks: [{id: 13, to: hub-edge1}, {id: 11, to: core1}"
        ),
    ),
    # circuits
    ("circuit-ends-nowhere", "EST384", DC, "router: core2}", "router: core3}"),
    ("circuit-ends-at-a-host", "EST393", DC, "router: core2}", "router: dns1}"),
    ("circuit-ends-inside", "EST394", DC, "router: core2}", "router: sw1}"),
    ("both-circuits-at-one-router", "EST395", DC, "router: core2}", "router: core1}"),
    ("circuit-without-router", "EST385", DC, ", router: core2}", "}"),
    ("assigned-by-nobody", "EST386", HEAD, "assigned_networks: [tslcd]", "assigned_networks: [tslcd-2]"),
    (
        "assigned-in-defaults",
        "EST387",
        ROOMS,
        "  edge: '{site}-edge1'\n",
        (
            "  edge: '{site}-edge1'\n  circuits: [{name: line-9, network: tslcd, speed_mbps: 100, path: main,"
            " assigned: {ipv4: '100.64.2.0/30', document: none}}]\n"
        ),
    ),
    ("assigned-from-our-own", "EST388", DC, "ipv6: 2d00:9::/64, peer_ipv6: '2d00:9::1'", "ipv6: fd00:2:9::/64"),
    ("peer-outside-the-assigned", "EST389", DC, "peer_ipv4: 100.64.1.1", "peer_ipv4: 100.64.1.9"),
    (
        "assigned-twice",
        "EST390",
        DC,
        "path: south, router: core2}",
        "path: south, router: core2, assigned: {ipv4: 100.64.1.0/29, document: Letter 13}}",
    ),
    (
        "assigned-of-multicast",
        "EST397",
        DC,
        "ipv6: 2d00:9::/64, peer_ipv6: '2d00:9::1'",
        "ipv6: 'ff02::/64', peer_ipv6: 'ff02::1'",
    ),
    ("assigned-of-loopbacks", "EST397", DC, "ipv4: 100.64.1.0/30, peer_ipv4: 100.64.1.1", "ipv4: 127.0.0.0/30"),
    ("peer-is-the-network", "EST397", DC, "peer_ipv4: 100.64.1.1", "peer_ipv4: 100.64.1.0"),
    ("peer-is-broadcast", "EST397", DC, "peer_ipv4: 100.64.1.1", "peer_ipv4: 100.64.1.3"),
    ("assigned-without-paper", "EST021", DC, ", document: 'Letter 12, 2026-03-01'", ""),
]
