"""IPv6 everywhere: planned addresses really there, neighbours up, and everything reached with IPv4 switched off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv6Interface, ip_address, ip_interface
from typing import Any

from checks.judging import Case, Found, judge
from checks.model import Status, Verdict
from inventory.model import Device

FULL, ESTABLISHED = "Full", "Established"


@judge("ipv6_everywhere")
def judge_ipv6(case: Case) -> Iterator[Verdict]:
    """Every routed interface and host carries its planned IPv6 address; OSPFv3 and BGP are up; IPv6 alone suffices."""
    for device in case.devices("router"):
        yield from _router_addresses(case, device)
        yield from _ospf(case, device)
        yield from _bgp(case, device)
    for device in case.devices("host"):
        yield from _host_address(case, device)
        yield from _reach(case, device)


def _router_addresses(case: Case, device: Device) -> Iterator[Verdict]:
    found = case.take("routers", device.name, "interfaces")
    if isinstance(found, Verdict):
        yield found
        return
    told: dict[str, Any] = json.loads(found.text)
    for port in case.estate.interfaces(device.name):
        mine = told.get(port.name, {})
        states = {word: mine.get(f"{word}Status", "unknown") for word in ("administrative", "operational")}
        down = [f"{word} {state}" for word, state in states.items() if state != "up"]
        if mine and down:
            # An address on a port that is down is written there, and reached by nobody.
            yield case.say(Status.FAIL, f"{device.name} {port.name}", "port.down", [found], measured=", ".join(down),
                           limit=case.limit("share"), device=device.name, port=port.name, state=", ".join(down))
            continue
        addresses = _addresses(mine.get("ipAddresses", []))
        yield _present(case, device.name, port.name, port.ipv6, addresses, found)


def _host_address(case: Case, device: Device) -> Iterator[Verdict]:
    found = case.take("addresses", device.name, "addresses")
    if isinstance(found, Verdict):
        yield found
        return
    addresses = {ip_interface(f"{entry['local']}/{entry['prefixlen']}") for link in json.loads(found.text)
                 if link.get("ifname") != "lo" and link.get("operstate") != "DOWN"
                 for entry in link.get("addr_info", []) if entry.get("family") == "inet6"
                 and not entry.get("tentative") and not entry.get("dadfailed")}
    for port in case.estate.interfaces(device.name):
        yield _present(case, device.name, port.name, port.ipv6, addresses, found)


def _addresses(entries: list[dict[str, Any]]) -> set[Any]:
    return {ip_interface(entry["address"]) for entry in entries}


def _present(
    case: Case, device: str, port: str, planned: IPv6Interface | None, addresses: set[Any], found: Found
) -> Verdict:
    good = planned in addresses
    others = sorted(str(entry) for entry in addresses if entry.version == 6 and not entry.ip.is_link_local)
    return case.say(
        case.met(good), f"{device} {port}", "ipv6.present" if good else "ipv6.absent", [found],
        measured=", ".join(others) or "-", limit=case.limit("share"), device=device, port=port, address=planned,
        actual=", ".join(others) or "-",
    )


def _ospf(case: Case, device: Device) -> Iterator[Verdict]:
    found = case.take("routers", device.name, "ospf6-neighbors")
    if isinstance(found, Verdict):
        yield found
        return
    data = _json(found)
    if data is None:
        yield case.say(Status.FAIL, device.name, "ospf.none", [found], device=device.name, told=_told(found))
        return
    neighbours = data.get("neighbors") or []
    for port in case.estate.interfaces(device.name):
        if port.peer is None:
            continue
        planned = case.estate.devices[port.peer[0]].ipv4_loopback
        # Only the neighbour that is planned on this port counts, and any other one there is one too many.
        told = [(str(entry.get("state", "")), str(entry.get("neighborId", ""))) for entry in neighbours
                if entry.get("interfaceName") == port.name]
        good = bool(told) and all(state.startswith(FULL) and who == str(planned) for state, who in told)
        state = ", ".join(f"{state} {who}" if who != str(planned) else state for state, who in told) or "none"
        yield case.say(case.met(good), f"{device.name} {port.name}", "ospf.up" if good else "ospf.down", [found],
                       measured=state, device=device.name, port=port.name, peer=port.peer[0], state=state)


def _bgp(case: Case, device: Device) -> Iterator[Verdict]:
    found = case.take("routers", device.name, "bgp6-summary")
    if isinstance(found, Verdict):
        yield found
        return
    data = _json(found)
    if data is None:
        yield case.say(Status.FAIL, device.name, "bgp.none", [found], device=device.name, told=_told(found))
        return
    peers: dict[str, Any] = data.get("peers") or data.get("ipv6Unicast", {}).get("peers") or {}
    planned = _planned_peers(case, device)
    up = {ip_address(name) for name, peer in peers.items() if peer.get("state") == ESTABLISHED}
    # A session nobody configured is in no list of the router: the plan says which there must be.
    wanted = {ip_address(name): name for name in peers} | planned
    down = sorted(name for address, name in wanted.items() if address not in up)
    good = bool(planned) and not down
    yield case.say(case.met(good), device.name, "bgp.up" if good else "bgp.down", [found],
                   measured=f"{len(wanted) - len(down)}/{len(wanted)}", device=device.name, peers=len(wanted),
                   down=", ".join(down) or "no peer at all")


def _planned_peers(case: Case, device: Device) -> dict[Any, str]:
    """The routers this one must have a session with: a route reflector all routers, any other the reflectors."""
    reflectors = case.estate.head.addressing.route_reflectors
    routers = [other for other in case.estate.devices.values() if other.kind.value == "router"
               and other.loopback is not None and other.ipv4_loopback is not None
               and other.platform and other.wave is not None]
    return {case.estate.ipv6(other.name): other.name for other in routers
            if other.name != device.name and (device.name in reflectors or other.name in reflectors)}


def _reach(case: Case, device: Device) -> Iterator[Verdict]:
    found = case.take("probes", device.name, "ipv6-only")
    if isinstance(found, Verdict):
        yield found
        return
    data = json.loads(found.text)
    answers: list[dict[str, Any]] = data["answers"]
    if not data["ipv4_refused"] or not answers:
        yield case.say(Status.ERROR, device.name, "reach.unproved", [found], device=device.name)
        return
    lost = [f"{entry['name']} {entry['kind']}" for entry in answers if not entry["ok"]]
    asked = {(entry["name"], ip_address(entry["address"])) for entry in answers if entry["kind"] == "icmp"}
    lost += [f"{name} (not asked at {address})" for name, address in _to_reach(case, device) - asked]
    lost.sort()
    good = not lost
    yield case.say(
        case.met(good), device.name, "reach.ok" if good else "reach.lost", [found],
        measured=f"{len(answers) - len(lost)}/{len(answers)}", limit=case.limit("share"), device=device.name,
        count=len(answers), lost=", ".join(lost) or "-",
    )


def _to_reach(case: Case, device: Device) -> set[tuple[str, Any]]:
    """What a host must reach: its gateway and every other host of the estate, each at its planned address."""
    home = case.estate.address(device.name)
    wanted = {(other.name, case.estate.ipv6(other.name)) for other in case.estate.devices.values()
              if other.kind.value == "host" and other.name != device.name}
    if home.vlan is not None:
        prefix = case.estate.vlan_prefix(case.estate.site_of[device.name], home.vlan)
        wanted.add(("gateway", prefix.network_address + 1))
    return wanted


@judge("services_reachable")
def judge_services(case: Case) -> Iterator[Verdict]:
    """Every service that lives at this site answers on its port to every other host that looked."""
    here = {device.name for device in case.devices("host")}
    placed = [(service.name, host) for service in case.estate.services.values() for host in service.hosts
              if host in here]
    if not placed:
        yield case.say(Status.NOT_APPLICABLE, None, "service.none", case.view.all("estate"))
    for service, host in placed:
        yield _service(case, service, host)


def _service(case: Case, service: str, host: str) -> Verdict:
    seen: list[tuple[str, bool]] = []
    items = [item for item in case.view.all("probes") if item.key == "ipv6-only" and item.asset != host]
    used = []
    for item in items:
        found = case.take("probes", item.asset, item.key)
        if isinstance(found, Verdict):
            continue
        for entry in json.loads(found.text)["answers"]:
            if entry["name"] == host and entry["kind"] == "tcp":
                seen.append((item.asset, entry["ok"]))
                used.append(found)
    if not seen:
        return case.say(Status.NOT_ASSESSED, host, "service.unseen", service=service, host=host)
    deaf = sorted(who for who, ok in seen if not ok)
    if deaf and len(deaf) < len(seen):
        return case.say(Status.FAIL, host, "service.partly", used, measured=f"{len(seen) - len(deaf)}/{len(seen)}",
                        service=service, host=host, lost=", ".join(deaf))
    return case.say(case.met(not deaf), host, "service.down" if deaf else "service.up", used,
                    measured=f"{len(seen) - len(deaf)}/{len(seen)}", service=service, host=host)


def _json(found: Found) -> dict[str, Any] | None:
    """Return the JSON object that was answered; None for the plain text a router gives when a protocol is off."""
    try:
        data = json.loads(found.text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _told(found: Found) -> str:
    return (found.text.strip().splitlines() or ["nothing"])[0][:120]
