"""IPv6 everywhere: planned addresses really there, neighbours up, and everything reached with IPv4 switched off."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Any

from checks.judge.case import Case
from checks.judge.evidence import FitEvidence
from checks.judge.registry import judge
from checks.model import Measurement, Status, Unit, Verdict, measure_part
from inventory.model.entities import Device

FULL, ESTABLISHED = "Full", "Established"
Addresses = set[IPv4Interface | IPv6Interface]


@judge("ipv6_everywhere")
def judge_ipv6(case: Case) -> Iterator[Verdict]:
    """Every routed interface and host carries its planned IPv6 address; OSPFv3 and BGP are up; IPv6 alone suffices."""
    for judge_router in (judge_router_addresses, judge_ospf, judge_bgp):
        yield from case.judge_each(case.devices("router"), judge_router)
    for judge_host in (judge_host_addresses, judge_reach):
        yield from case.judge_each(case.devices("host"), judge_host)


def judge_router_addresses(case: Case, device: Device) -> Iterator[Verdict]:
    """Every planned port of one router is up and has its planned address."""
    found = case.require("routers", device.name, "interfaces")
    interfaces: dict[str, Any] = json.loads(found.text)
    for port in case.estate.interfaces(device.name):
        shown = interfaces.get(port.name, {})
        states = {word: shown.get(f"{word}Status", "unknown") for word in ("administrative", "operational")}
        not_up = {word: state for word, state in states.items() if state != "up"}
        down = ", ".join(f"{word} {state}" for word, state in not_up.items())
        if shown and down:
            # An address on a port that is down is written there, and reached by nobody.
            yield case.verdict(
                Status.FAIL,
                f"{device.name} {port.name}",
                "port.down",
                [found],
                measured=tuple(Measurement(word, str(state), Unit.STATE) for word, state in not_up.items()),
                limit=case.limit("share"),
                device=device.name,
                port=port.name,
                state=down,
            )
            continue
        addresses = {ip_interface(entry["address"]) for entry in shown.get("ipAddresses", [])}
        yield judge_address(case, (device.name, port.name), port.ipv6, addresses, found)


def judge_host_addresses(case: Case, device: Device) -> Iterator[Verdict]:
    """Every planned port of one host has its planned address."""
    found = case.require("addresses", device.name, "addresses")
    addresses = set(list_usable_addresses(json.loads(found.text)))
    for port in case.estate.interfaces(device.name):
        yield judge_address(case, (device.name, port.name), port.ipv6, addresses, found)


def list_usable_addresses(links: Iterable[dict[str, Any]]) -> Iterator[IPv4Interface | IPv6Interface]:
    """Yield the IPv6 addresses that a host can use, from ``ip -json address``.

    Not those of the loopback or of a link that is down; nor those that are not proved to be alone in their link yet
    (tentative) or proved not to be (``dadfailed``), RFC 4862 section 5.4.
    """
    for link in links:
        if link.get("ifname") == "lo" or link.get("operstate") == "DOWN":
            continue
        for entry in link.get("addr_info", []):
            if entry.get("family") == "inet6" and not entry.get("tentative") and not entry.get("dadfailed"):
                yield ip_interface(f"{entry['local']}/{entry['prefixlen']}")


def judge_address(
    case: Case, port: tuple[str, str], planned: IPv6Interface | None, addresses: Addresses, found: FitEvidence
) -> Verdict:
    """The planned address is among those of a port (device and port by name)."""
    device, name = port
    shown = [address for address in addresses if address.version == 6 and not address.ip.is_link_local]
    actual = sorted(map(str, shown))
    return case.pass_or_fail(
        planned in addresses,
        f"{device} {name}",
        ("ipv6.present", "ipv6.absent"),
        [found],
        measured=tuple(Measurement("address", address, Unit.ADDRESS) for address in actual),
        limit=case.limit("share"),
        device=device,
        port=name,
        address=planned,
        actual=", ".join(actual) or "-",
    )


def judge_ospf(case: Case, device: Device) -> Iterator[Verdict]:
    """Every link of one router has its planned OSPFv3 neighbour, fully adjacent, and no other."""
    found = case.require("routers", device.name, "ospf6-neighbors")
    data = read_json_object(found)
    if data is None:
        told = read_first_words(found)
        yield case.verdict(Status.FAIL, device.name, "ospf.none", [found], device=device.name, told=told)
        return

    neighbours = data.get("neighbors") or []
    for port in case.estate.interfaces(device.name):
        if port.peer is None:
            continue
        planned = str(case.estate.devices[port.peer[0]].ipv4_loopback)
        # Only the neighbour that is planned on this port counts, and any other one there is one too many.
        up, shown = [], []
        measured: list[Measurement] = []
        for entry in neighbours:
            if entry.get("interfaceName") == port.name:
                state, who = str(entry.get("state", "")), str(entry.get("neighborId", ""))
                is_planned = who == planned
                shown.append(state if is_planned else f"{state} {who}")
                up.append(is_planned and state.startswith(FULL))
                measured.append(Measurement("neighbour_state", state, Unit.STATE))
                if not is_planned:
                    measured.append(Measurement("unplanned_neighbour", who, Unit.NAME))
        state = ", ".join(shown) or "none"
        yield case.pass_or_fail(
            bool(up) and all(up),
            f"{device.name} {port.name}",
            ("ospf.up", "ospf.down"),
            [found],
            measured=tuple(measured) or (Measurement("neighbour_state", "none", Unit.STATE),),
            device=device.name,
            port=port.name,
            peer=port.peer[0],
            state=state,
        )


def judge_bgp(case: Case, device: Device) -> Iterator[Verdict]:
    """Every session of one router is established: those that it has, and those that it must have by the plan."""
    found = case.require("routers", device.name, "bgp6-summary")
    data = read_json_object(found)
    if data is None:
        told = read_first_words(found)
        yield case.verdict(Status.FAIL, device.name, "bgp.none", [found], device=device.name, told=told)
        return

    peers: dict[str, Any] = data.get("peers") or data.get("ipv6Unicast", {}).get("peers") or {}
    up = {ip_address(name) for name, peer in peers.items() if peer.get("state") == ESTABLISHED}
    # A session nobody configured is in no list of the router: the plan says which there must be.
    planned = list_planned_peers(case, device)
    wanted = {ip_address(name): name for name in peers} | planned
    down = sorted(name for address, name in wanted.items() if address not in up)
    yield case.pass_or_fail(
        bool(planned) and not down,
        device.name,
        ("bgp.up", "bgp.down"),
        [found],
        measured=measure_part("established", len(wanted) - len(down), len(wanted)),
        device=device.name,
        peers=len(wanted),
        down=", ".join(down) or "no peer at all",
    )


def list_planned_peers(case: Case, device: Device) -> dict[Any, str]:
    """Return the routers this one must have a session with, by address: a reflector all, any other the reflectors."""
    reflectors = case.estate.head.addressing.route_reflectors
    peers = {}
    for other in case.estate.devices.values():
        has_loopbacks = other.loopback is not None and other.ipv4_loopback is not None
        is_managed = bool(other.platform) and other.wave is not None
        if other.kind.value != "router" or other.name == device.name or not has_loopbacks or not is_managed:
            continue
        if device.name in reflectors or other.name in reflectors:
            peers[case.estate.ipv6(other.name)] = other.name
    return peers


def judge_reach(case: Case, device: Device) -> Iterator[Verdict]:
    """One host reaches its gateway and every other host of the estate, with IPv4 switched off."""
    found = case.require("probes", device.name, "ipv6-only")
    data = json.loads(found.text)
    answers: list[dict[str, Any]] = data["answers"]
    if not data["ipv4_refused"] or not answers:
        yield case.verdict(Status.ERROR, device.name, "reach.unproved", [found], device=device.name)
        return

    lost = [f"{entry['name']} {entry['kind']}" for entry in answers if not entry["ok"]]
    asked = {(entry["name"], ip_address(entry["address"])) for entry in answers if entry["kind"] == "icmp"}
    for name, address in list_hosts_to_reach(case, device) - asked:
        lost.append(f"{name} (not asked at {address})")
    yield case.pass_or_fail(
        not lost,
        device.name,
        ("reach.ok", "reach.lost"),
        [found],
        measured=measure_part("answered", len(answers) - len(lost), len(answers)),
        limit=case.limit("share"),
        device=device.name,
        count=len(answers),
        lost=", ".join(sorted(lost)) or "-",
    )


def list_hosts_to_reach(case: Case, device: Device) -> set[tuple[str, IPv6Address]]:
    """Return what a host must reach: its gateway and every other host of the estate, each at its planned address."""
    wanted = set()
    for other in case.estate.devices.values():
        if other.kind.value == "host" and other.name != device.name:
            wanted.add((other.name, case.estate.ipv6(other.name)))
    home = case.estate.address(device.name)
    if home.vlan is not None:
        prefix = case.estate.vlan_prefix(case.estate.site_of[device.name], home.vlan)
        wanted.add(("gateway", prefix.network_address + 1))
    return wanted


@judge("services_reachable")
def judge_services(case: Case) -> Iterator[Verdict]:
    """Every service that lives at this site answers on its port to every other host that looked."""
    here = {device.name for device in case.devices("host")}
    placed = []
    for service in case.estate.services.values():
        placed += [(service.name, host) for host in service.hosts if host in here]
    if not placed:
        yield case.verdict(Status.NOT_APPLICABLE, None, "service.none", case.view.all("estate"))
    for name, host in placed:
        yield judge_service(case, name, host)


def judge_service(case: Case, service: str, host: str) -> Verdict:
    """One service on one host answers to every other host that looked; that nobody looked proves nothing."""
    heard: list[str] = []
    deaf: list[str] = []
    used = []
    for item in case.view.all("probes"):
        if item.key != "ipv6-only" or item.asset == host:
            continue
        # A host that cannot be asked saw nothing; that it cannot is said where its own reach is judged.
        found = case.find_fit("probes", item.asset, item.key)
        if found is None:
            continue
        for entry in json.loads(found.text)["answers"]:
            if entry["name"] == host and entry["kind"] == "tcp":
                (heard if entry["ok"] else deaf).append(item.asset)
                used.append(found)

    total = len(heard) + len(deaf)
    if total == 0:
        return case.verdict(Status.NOT_ASSESSED, host, "service.unseen", service=service, host=host)
    measured = measure_part("answered", len(heard), total)
    if heard and deaf:
        lost = ", ".join(sorted(deaf))
        return case.verdict(
            Status.FAIL, host, "service.partly", used, measured=measured, service=service, host=host, lost=lost
        )
    return case.pass_or_fail(
        not deaf, host, ("service.up", "service.down"), used, measured=measured, service=service, host=host
    )


def read_json_object(found: FitEvidence) -> dict[str, Any] | None:
    """Return the JSON object that was answered; None for the plain text a router gives when a protocol is off."""
    try:
        data = json.loads(found.text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def read_first_words(found: FitEvidence) -> str:
    """Return the beginning of an answer, for people."""
    lines = found.text.strip().splitlines() or ["nothing"]
    return lines[0][:120]
