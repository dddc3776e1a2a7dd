"""The one process behind all facility devices of a lab: parent of their snmpd, source of their values.

Run as ``python -m lab.facility.simulator FOLDER`` with the folder that ``lab.facility.start`` has prepared. It ends on
SIGTERM; whatever way it ends, the kernel ends every snmpd with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from core.errors import RackproofError
from lab.facility import controls, plan, subagent
from lab.facility.agentx import Oid, Value
from lab.facility.ats import Ats
from lab.facility.crac import Crac
from lab.facility.environment import Environment
from lab.facility.pdu import RackPdu
from lab.facility.plan import AGENTS_FILE, CONTROL_SOCKET, Agent
from lab.facility.snmpd import SOCKET, Snmpd
from lab.facility.subagent import Table
from lab.facility.ups import Ups
from lab.facility.world import FacilityUnit, World

SNAPSHOT_AGE_S = 0.25
SLOW_ANSWER_S = 0.8
RESTART_S = 1.0


class DeviceModel(Protocol):
    """The physics of one device."""

    def snapshot(self, now: float) -> dict[Oid, Value]:
        """Return every object at this moment."""


MODELS: dict[str, type[Any]] = {"ups": Ups, "pdu": RackPdu, "crac": Crac, "ats": Ats, "environment": Environment}


class SimulatedDevice:
    """One device: its unit, its physics, its snmpd and the latest table of values."""

    def __init__(self, agent: Agent, unit: FacilityUnit, world: World, snmpd: Snmpd) -> None:
        self.agent, self.unit = agent, unit
        self.model: DeviceModel = MODELS[agent.kind](unit, world)
        self.snmpd = snmpd
        self.ready = False
        self._taken, self._table = 0.0, Table([], {})

    async def table(self) -> Table:
        """Return the present values, at most a quarter of a second old; late when the agent is told to be slow."""
        if self.unit.control("agent", "normal") == "slow":
            await asyncio.sleep(SLOW_ANSWER_S)
        now = time.time()
        if now - self._taken > SNAPSHOT_AGE_S:
            self._taken, self._table = now, Table.of(self.model.snapshot(now))
        return self._table

    async def run(self) -> None:
        """Keep snmpd running and answered."""
        self.snmpd.start()
        service = asyncio.create_task(
            subagent.serve(self.snmpd.folder / SOCKET, plan.subtrees(self.agent.kind), self.table, self._on_ready)
        )
        while not service.done():
            await asyncio.sleep(RESTART_S)
            if not self.snmpd.alive():
                self.snmpd.start()
        await service

    def _on_ready(self) -> None:
        self.ready = True

    def set(self, key: str, value: str) -> None:
        """Apply one control. Raises RackproofError when the device does not have it."""
        controls.check(self.unit, key, value)
        self.unit.controls[key] = value
        self._taken = 0.0
        if key == "agent":
            self.snmpd.signal(signal.SIGSTOP if value == "silent" else signal.SIGCONT)


class Simulator:
    """All devices of a lab and the door through which they are told to misbehave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = json.loads((folder / AGENTS_FILE).read_text(encoding="utf-8"))
        agents = [Agent(**{**item, "addresses": tuple(item["addresses"])}) for item in told["agents"]]
        units = [FacilityUnit(agent.name, agent.kind, agent.site, agent.spec) for agent in agents]
        world = World(units, time.time)
        pairs = zip(agents, units, strict=True)
        self.devices = {
            agent.name: SimulatedDevice(agent, unit, world, Snmpd(agent, folder / agent.name, told["program"]))
            for agent, unit in pairs
        }

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then stop every snmpd."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        (self.folder / CONTROL_SOCKET).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._control, CONTROL_SOCKET)
        tasks = [asyncio.create_task(device.run()) for device in self.devices.values()]
        try:
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            for device in self.devices.values():
                device.snmpd.stop()
            (self.folder / CONTROL_SOCKET).unlink(missing_ok=True)

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            reply = self._apply(request)
        except RackproofError as error:
            reply = {"ok": False, "code": error.code, "facts": error.facts}
        except (ValueError, KeyError, TypeError) as error:
            reply = {"ok": False, "code": "LAB023", "facts": {"reason": f"bad control request: {error}"}}
        writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()

    def _apply(self, request: dict[str, str]) -> dict[str, Any]:
        if request["do"] == "status":
            return {"ok": True, "devices": {name: self._status(d) for name, d in self.devices.items()}}
        device = self.devices.get(request["device"])
        if device is None:
            raise RackproofError("LAB024", actual=request["device"], names=", ".join(self.devices))
        device.set(request["key"], request["value"])
        return {"ok": True}

    @staticmethod
    def _status(device: SimulatedDevice) -> dict[str, Any]:
        return {
            "ready": device.ready and device.snmpd.alive(),
            "pid": device.snmpd.process.pid if device.snmpd.process else 0,
            "controls": device.unit.controls,
        }


def main() -> None:
    """Run the simulator in the folder given as the only argument."""
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)  # sockets are reached by short relative names: a Unix socket path may not exceed 107 bytes
    asyncio.run(Simulator(Path()).run())


if __name__ == "__main__":
    main()
