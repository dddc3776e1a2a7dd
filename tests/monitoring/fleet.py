"""Ten devices without sockets: agents behind the real engine, poller and exporter, of which a test poisons one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import cache

from prometheus_client.parser import text_string_to_metric_families

from inventory.model.entities import Device
from inventory.model.enums import SnmpVersion
from inventory.model.estate import Estate
from monitoring.export.exporter import Exporter
from monitoring.poll.collect import DIGEST, USER, Poller
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import SYS_NAME, SYS_OBJECT_ID, SYS_UP_TIME, ReadingSpec, find_profile
from monitoring.snmp import ber, usm
from monitoring.snmp.ber import Oid, parse_oid
from monitoring.snmp.engine import SnmpEngine
from monitoring.snmp.poll import Budget
from tests.monitoring.agents import Agent2c, Agent3, Answers
from tests.monitoring.conftest import Tree, integer

SECRETS = {"snmp_auth_password": "auth-secret-1", "snmp_priv_password": "priv-secret-1", "snmp_community": "read"}
AGENT_USER = usm.User(USER, DIGEST, SECRETS["snmp_auth_password"], SECRETS["snmp_priv_password"])
NAMES = ("ups-a", "ups-b", "pdu-a", "pdu-b", "ats-1", "crac-1", "env-dc", "core1", "dc-db1", "hph-edge1")
QUICK = Budget(timeout_s=0.004, retries=0, total_s=5.0)
Reply = Callable[[bytes], bytes | None]
Series = dict[tuple[str, str], float]


class FastAgent3(Agent3):
    """A version 3 agent that stretches its passwords once."""

    @cache  # noqa: B019 - lives as long as the test run
    def keys(self) -> tuple[bytes, bytes]:
        return super().keys()


class Wire:
    """Stands for a socket: a datagram to an address is answered by the agent that has it."""

    def __init__(self, owner: WiredEngine) -> None:
        self._owner = owner

    def sendto(self, datagram: bytes, address: tuple[str, int]) -> None:
        reply = self._owner.agents[address[0]](datagram)
        if reply is not None:
            asyncio.get_running_loop().call_soon(self._owner._dispatch, address, reply)


class WiredEngine(SnmpEngine):
    """The real engine, with agents in place of the network."""

    def __init__(self, agents: dict[str, Reply]) -> None:
        super().__init__()
        self.agents = agents

    def _socket(self, address: tuple[str, int]) -> Wire:  # type: ignore[override]
        return Wire(self)


class FleetPoller(Poller):
    """The real poller over the wired engine; healthy devices are asked once and answer the same from then on."""

    def __init__(self, estate: Estate, agents: dict[str, Reply], known: dict[str, RawPoll]) -> None:
        super().__init__(estate, SECRETS, QUICK)
        self._wired, self._known = WiredEngine(agents), known

    async def poll(self, line: SnmpEngine, device: Device) -> RawPoll:
        if device.name in self._known:
            return self._known[device.name]
        return await super().poll(self._wired, device)


class Fleet:
    """Ten devices of the lab's estate; ``poll_beside`` polls one that answers as told beside nine healthy ones."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.devices = [estate.devices[name] for name in NAMES]
        self._known: dict[str, RawPoll] = {}
        exporter = self.poll({device.name: agent_of(estate, device).reply for device in self.devices})
        self._known = {device.name: exporter._latest[device.name][0] for device in self.devices}
        self.healthy = read_page(exporter)

    def poll(self, replies: dict[str, Reply]) -> Exporter:
        """Let the real exporter run until every device was polled or its loop has ended, and return it."""
        agents = {}
        for device in self.devices:
            for address in self.estate.address(device.name).addresses:
                if device.name in replies:
                    agents[str(address.ip)] = replies[device.name]
        known = {name: raw for name, raw in self._known.items() if name not in replies}
        exporter = Exporter(self.estate, FleetPoller(self.estate, agents, known), self.devices, 60.0)

        async def main() -> None:
            task = asyncio.create_task(exporter.run())
            task.add_done_callback(exporter.ended)
            while exporter.waiting() and not task.done():
                await asyncio.sleep(0)
            if task.done():
                await task
            task.remove_done_callback(exporter.ended)
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(main())
        return exporter

    def poll_beside(self, name: str, reply: Reply) -> Exporter:
        """Poll nine healthy devices and one that answers with ``reply``."""
        return self.poll({name: reply})


def agent_of(estate: Estate, device: Device, tree: Tree | None = None) -> Agent2c | Agent3:
    """Return the agent of a device, of the version that the estate says, knowing ``tree``."""
    answers = Answers(healthy_tree(estate, device) if tree is None else tree)
    assert device.snmp is not None
    if device.snmp.version is SnmpVersion.V2C:
        return Agent2c(answers, SECRETS["snmp_community"].encode())
    return FastAgent3(answers, AGENT_USER)


def healthy_tree(estate: Estate, device: Device) -> Tree:
    """Return what the device answers when all is well: every object that its profile reads."""
    assert device.snmp is not None
    profile = find_profile(device.snmp.profile)
    tree: Tree = {
        SYS_OBJECT_ID: (ber.OBJECT_ID, ber.encode_oid_content(profile.object_ids[0])),
        SYS_UP_TIME: (ber.TIMETICKS, b"\x01\x00"),
        SYS_NAME: (ber.OCTET_STRING, device.name.encode()),
    }
    for spec in profile.readings:
        value = next(iter(spec.enum)) if spec.enum else 50
        for row in _rows(estate, device, spec, tree):
            tree[row] = integer(value)
            if spec.companion is not None and spec.column is not None:
                tree[(*spec.companion.column, *row[len(spec.column) :])] = integer(spec.companion.valid[0])
    return tree


def _rows(estate: Estate, device: Device, spec: ReadingSpec, tree: Tree) -> list[Oid]:
    if spec.oid is not None:
        return [spec.oid]
    if spec.count is not None:
        tree.update({(*spec.count.column, slot): integer(spec.count.equals[0]) for slot in (1, 2, 3)})
        return []
    column = spec.column or ()
    if spec.rows == "sensors":
        sensors = estate.sites[estate.site_of[device.name]].sensors
        mine = [s for s in sensors if s.device == device.name and s.quantity.value == spec.quantity]
        return [(*column, *parse_oid(spec.instance.format(index=sensor.index))) for sensor in mine]
    if spec.rows == "links":
        links = [link.name for link in estate.interfaces(device.name) if link.kind != "loopback"]
        for number, name in enumerate(links, start=1):
            tree[(*(spec.label or ()), number)] = (ber.OCTET_STRING, name.encode())
        return [(*column, number) for number in range(1, len(links) + 1)]
    rows = spec.expect or ("1", "2", "3", "4")
    return [(*column, *parse_oid(row)) for row in rows]


def read_now(exporter: Exporter) -> datetime:
    """Return the moment of the last poll: what is seen then does not depend on when a test runs."""
    return max(raw.t1 for raw, _found in exporter._latest.values())


def read_page(exporter: Exporter) -> Series:
    """Return every sample of a device's own that the exporter shows now: (device, name with labels) → value."""
    text = exporter.metrics(read_now(exporter)).decode()
    found: Series = {}
    for family in text_string_to_metric_families(text):
        if "timestamp" in family.name or "duration" in family.name:
            continue
        for sample in family.samples:
            device = sample.labels.get("device", "")
            if device:
                found[device, f"{sample.name}{sorted(sample.labels.items())}"] = sample.value
    return found
