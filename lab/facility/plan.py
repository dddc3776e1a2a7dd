"""From the estate to what the simulator and each snmpd need to know; nothing is written twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from inventory.model.entities import Device, PowerNode
from inventory.model.enums import DeviceKind, Quantity, SnmpVersion
from inventory.model.estate import Estate
from lab.facility import ats, crac, environment, pdu, ups
from lab.facility.agentx import Oid

KINDS = (DeviceKind.UPS, DeviceKind.PDU, DeviceKind.ATS, DeviceKind.CRAC, DeviceKind.ENVIRONMENT)
MODULES = {"ups": ups, "pdu": pdu, "ats": ats, "crac": crac, "environment": environment}
# The lab's mean IT load, half on each path. Chosen so that one path alone can carry it (60 kW UPS and cooling unit,
# 48 kW being 80 % of a PDU), N+1 holds in each UPS with three 20 kW modules (two carry 40 kW) and not with two.
MEAN_IT_WATTS = 44_000
AGENTS_FILE, CONTROL_SOCKET = "agents.json", "control.sock"
SNMP_USER = "rackproof-mon"
SECRET_AUTH, SECRET_PRIV, SECRET_COMMUNITY = "snmp_auth_password", "snmp_priv_password", "snmp_community"


@dataclass(frozen=True, slots=True)
class Agent:
    """One facility device as the lab runs it."""

    name: str
    kind: str
    site: str
    namespace: str
    addresses: tuple[str, ...]
    v3: bool
    spec: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for the run folder."""
        return asdict(self)


def agents(estate: Estate, instance: str) -> list[Agent]:
    """Return every facility device of the estate that answers SNMP, in the order of its files."""
    return [_agent(estate, device, instance) for device in estate.devices_of(*KINDS) if device.snmp is not None]


def namespace(instance: str, site: str) -> str:
    """Return the network namespace that holds a site's facility agents."""
    return f"rp-{instance}-fac-{site}"


def identity(kind: str) -> tuple[str, Oid]:
    """Return (sysDescr, sysObjectID) of a kind of device."""
    found: tuple[str, Oid] = MODULES[kind].IDENTITY
    return found


def subtrees(kind: str) -> tuple[Oid, ...]:
    """Return the subtrees that the simulator answers for a kind of device."""
    found: tuple[Oid, ...] = MODULES[kind].SUBTREES
    return found


def _agent(estate: Estate, device: Device, instance: str) -> Agent:
    site = estate.site_of[device.name]
    place = estate.address(device.name)
    addresses = tuple(str(address.ip) for address in reversed(place.addresses))
    assert device.snmp is not None  # noqa: S101 - the caller filters
    v3 = device.snmp.version is SnmpVersion.V3
    spec = _spec(estate, device, site)
    return Agent(device.name, device.kind.value, site, namespace(instance, site), addresses, v3, spec)


def _spec(estate: Estate, device: Device, site: str) -> dict[str, Any]:
    place = estate.sites[site]
    node = next((n for n in place.power if n.device == device.name), None)
    if device.kind is DeviceKind.ENVIRONMENT:
        mine = [sensor for sensor in place.sensors if sensor.device == device.name]
        kept = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
        positions = {s.position: s.index for s in mine if s.quantity in kept}
        contacts = [s for s in mine if s.quantity not in kept]
        return {
            "sensors": [{"position": name, "index": index} for name, index in positions.items()],
            "contacts": [{"quantity": s.quantity.value, "position": s.position, "index": s.index} for s in contacts],
        }
    if device.kind is DeviceKind.CRAC:
        return {"capacity_w": next(u.capacity_w for u in place.cooling if u.device == device.name)}
    if device.kind is DeviceKind.PDU:
        racks = [rack.name for rack in place.racks if device.name in (rack.feed_a, rack.feed_b)]
        powered = [rack for rack in place.racks if rack.feed_a or rack.feed_b]
        banks = [{"rack": rack, "watts": MEAN_IT_WATTS / len(powered)} for rack in racks]
        rating = node.rating_w if node else 48_000
        return {"banks": banks, "rating_w": rating, "fed_by": _device_above(place.power, node)}
    if device.kind is DeviceKind.ATS:
        fed = next((n.device for n in place.power if node and node.name in n.fed_by), "")
        return {"feeds": fed}
    modules = node.modules if node and node.modules else 1
    return {
        "modules": modules,
        "slots": modules + 1,
        "module_w": node.module_rating_w if node and node.module_rating_w else 20_000,
        "model": "Symmetra PX",
    }


def _device_above(chain: tuple[PowerNode, ...], node: PowerNode | None) -> str:
    above = node.fed_by if node else ()
    return next((n.device or "" for n in chain if n.name in above), "")
