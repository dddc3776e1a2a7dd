"""Random but valid configurations, as FRR would show them."""

from __future__ import annotations

from hypothesis import strategies as st

NEIGHBOURS = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
LISTS = ["A", "B"]
VALUES = ["permit 2001:db8::/32", "permit 2001:db8:1::/48", "deny 2001:db8:2::/48", "deny any"]


@st.composite
def configurations(draw: st.DrawFn) -> str:
    blocks = [[f"hostname {draw(st.sampled_from(['r1', 'r2']))}"]]
    if draw(st.booleans()):
        blocks[0].append(f"log syslog {draw(st.sampled_from(['informational', 'errors']))}")
    blocks += [_interface(draw, name) for name in ("e0", "e1", "lo") if draw(st.booleans())]
    lists = draw(st.lists(st.sampled_from(LISTS), unique=True))
    maps = draw(st.lists(st.sampled_from(["M", "N"]), unique=True))
    if draw(st.booleans()):
        blocks.append(_bgp(draw, lists, maps))
    for process in ("ospf", "ospf6"):
        if draw(st.booleans()):
            blocks.append([f"router {process}", f" {process} router-id 192.0.2.{draw(st.integers(1, 3))}", "exit"])
    for name in lists:
        values = draw(st.lists(st.sampled_from(VALUES), unique=True, min_size=1))
        blocks.append([f"ipv6 prefix-list {name} seq {10 * (n + 1)} {value}" for n, value in enumerate(values)])
    for name in maps:
        blocks += _route_map(draw, name)
    return "\n!\n".join("\n".join(block) for block in blocks) + "\n"


def _interface(draw: st.DrawFn, name: str) -> list[str]:
    found = [f"interface {name}"]
    if draw(st.booleans()):
        found.append(f" description {draw(st.sampled_from(['uplink', 'to the core', 'srv']))}")
    found += [f" ip address 192.0.2.{n}/24" for n in draw(st.lists(st.integers(1, 3), unique=True, max_size=2))]
    if draw(st.booleans()):
        found.append(f" ip ospf area {draw(st.integers(0, 1))}")
    if draw(st.booleans()):
        found.append(f" ip ospf cost {draw(st.integers(1, 3))}")
    found += [f" ipv6 address 2001:db8:0:{n}::1/64" for n in draw(st.lists(st.integers(1, 3), unique=True, max_size=2))]
    if draw(st.booleans()):
        found += [f" ipv6 ospf6 area {draw(st.integers(0, 1))}", " ipv6 ospf6 network point-to-point"]
    return [*found, "exit"]


def _bgp(draw: st.DrawFn, lists: list[str], maps: list[str]) -> list[str]:
    found = [f"router bgp {draw(st.sampled_from([65000, 65001]))}", f" bgp router-id 192.0.2.{draw(st.integers(1, 2))}"]
    if draw(st.booleans()):
        found.append(" no bgp default ipv4-unicast")
    there = draw(st.lists(st.sampled_from(NEIGHBOURS), unique=True))
    inside = [f"  network 2001:db8:{n}::/48" for n in draw(st.lists(st.integers(1, 3), unique=True))]
    for peer in there:
        found.append(f" neighbor {peer} remote-as {draw(st.sampled_from([65000, 65001]))}")
        if draw(st.booleans()):
            found.append(f" neighbor {peer} description {draw(st.sampled_from(['a', 'b c']))}")
        if draw(st.booleans()):
            inside.append(f"  neighbor {peer} activate")
        if lists != [] and draw(st.booleans()):
            inside.append(f"  neighbor {peer} prefix-list {draw(st.sampled_from(lists))} in")
        if maps != [] and draw(st.booleans()):
            inside.append(f"  neighbor {peer} route-map {draw(st.sampled_from(maps))} out")
    if inside:
        found += [" !", " address-family ipv6 unicast", *inside, " exit-address-family"]
    return [*found, "exit"]


def _route_map(draw: st.DrawFn, name: str) -> list[list[str]]:
    found = []
    for number in sorted(draw(st.sets(st.sampled_from([10, 20]), min_size=1))):
        entry = [f"route-map {name} {draw(st.sampled_from(['permit', 'deny']))} {number}"]
        if draw(st.booleans()):
            entry.append(f" match ipv6 address {draw(st.sampled_from(['X', 'Y']))}")
        found.append([*entry, "exit"])
    return found
