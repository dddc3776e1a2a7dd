"""Routers that exist only here: a command line, a startup file, a kernel, a guard and a clock that tests turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.journal import Journal
from inventory.estate import Estate
from netconfig.change import Clock, Means
from netconfig.expect import Probe
from netconfig.guard import GuardRefused, Status, normal, sha256
from netconfig.observe import configured
from netconfig.platform import load
from netconfig.record import Trail
from netconfig.render import render, text
from netconfig.session import Lost, Rejected
from netconfig.tree import parse
from tests.netconfig.model import Model

FRR = load("frr")
TODAY = ("system", "interfaces", "ospf")


class Killed(BaseException):
    """kill -9: nothing of the process runs after it."""


@dataclass
class Router:
    """One router. ``cut_by`` is the line that takes its management path away while it is in the configuration."""

    world: World
    name: str
    running: str
    startup: str
    cut_by: str = "shutdown"
    lost: set[tuple[str, str]] = field(default_factory=set)
    dead: bool = False
    refuses: str = ""
    silently_ignores: str = ""
    silent_peers: bool = False
    armed: dict[str, object] | None = None
    last: str = "none"
    restores: bool = True

    def tick(self) -> None:
        """Let the device's own timer fire."""
        if self.armed and self.world.time >= float(str(self.armed["deadline"])):
            self.restore("reload")

    def restore(self, how: str) -> None:
        assert self.armed
        if self.restores:
            self.running, self.startup = str(self.armed["running"]), str(self.armed["startup"])
            self.last, self.armed = f"fired:{self.armed['id']}:{how}", None

    def reach(self) -> None:
        self.world.time += 0.1
        self.tick()
        if self.dead or f" {self.cut_by}\n" in self.running:
            raise Lost("no route")


@dataclass
class FakeSession:
    router: Router

    def run(self, command: str) -> str:
        self.router.reach()
        if command == FRR.show_running:
            return self.router.running
        root = parse(self.router.running, FRR)
        ospf = {"ospf": "ip ospf area", "ospf6": "ipv6 ospf6 area"}
        kind = next(name for name in type(FRR.observe).model_fields if getattr(FRR.observe, name) == command)
        if kind == "interfaces":
            found: dict[str, list[dict[str, str]]] = {}
            for name, address in configured(root) - self.router.lost:
                found.setdefault(name, []).append({"address": address})
            return json.dumps({name: {"ipAddresses": rows} for name, rows in found.items()})
        if kind == "bgp":
            peers = [
                line.split()[1]
                for _, node in root.children.items()
                for line in node.children
                if line.startswith("neighbor fd")
            ]
            # A live peer sends keepalives as time passes; a silent one stays Established until its hold time ends.
            heard = 1 if self.router.silent_peers else 1 + int(self.router.world.time * 10)
            return json.dumps({"peers": {peer: {"state": "Established", "msgRcvd": heard} for peer in peers}})
        up = [
            line.split()[1]
            for line, node in root.children.items()
            if any(inner.startswith(ospf[kind]) for inner in node.children)
        ]
        return json.dumps({"neighbors": [{"state": "Full", "interfaceName": name} for name in up]})

    def push(self, lines: Sequence[str]) -> None:
        for number, line in enumerate(lines):
            if self.router.refuses and line == self.router.refuses:
                self._type(lines[:number])
                raise Rejected(f"% Unknown command: {line}")
        self._type([line for line in lines if line != self.router.silently_ignores])
        self.router.reach()

    def _type(self, lines: Sequence[str]) -> None:
        model = Model(parse(self.router.running, FRR), FRR)
        for line in lines:
            model._one(line)
        self.router.running = normal(text(parse(_indent(model), FRR), FRR))

    def save(self) -> None:
        self.router.reach()
        self.router.startup = self.router.running

    def close(self) -> None:
        pass


def _indent(model: Model) -> str:
    from tests.netconfig.model import text as plain

    return plain(model.root)


@dataclass
class FakeGuard:
    router: Router

    def arm(self, change: str, seconds: int) -> Status:
        router = self.router
        router.reach()
        if router.armed:
            raise GuardRefused("already armed")
        if router.startup != router.running:
            raise GuardRefused("startup differs from running: save or restore first")
        router.armed = {
            "id": change,
            "deadline": router.world.time + seconds,
            "running": router.running,
            "startup": router.startup,
        }
        return self.status()

    def status(self) -> Status:
        router = self.router
        router.reach()
        if router.armed is None:
            return Status("clear", False, last=router.last, running=sha256(router.running))
        left = int(float(str(router.armed["deadline"])) - router.world.time)
        return Status("armed", router.world.timers, str(router.armed["id"]), left, sha256(str(router.armed["running"])))

    def disarm(self, change: str) -> Status:
        router = self.router
        router.reach()
        if router.armed is None or router.armed["id"] != change:
            raise GuardRefused("nothing armed")
        router.last, router.armed = f"disarmed:{change}", None
        return self.status()

    def rollback(self, change: str) -> None:
        router = self.router
        router.reach()
        if router.armed is None or router.armed["id"] != change:
            raise GuardRefused("nothing armed")
        router.restore("reload")


def rendered(estate: Estate, device: str, features: tuple[str, ...] | None = None) -> str:
    """What a router shows; kept, because every test begins with five routers."""
    known = _RENDERED.setdefault(id(estate), {})
    if (device, features) not in known:
        known[device, features] = normal(render(estate, device, features))
    return known[device, features]


_RENDERED: dict[int, dict[tuple[str, tuple[str, ...] | None], str]] = {}


class World:
    """Every router of an estate as it is before the rollout, and the clock."""

    def __init__(self, estate: Estate, folder: Path) -> None:
        self.estate, self.folder, self.time, self.timers = estate, folder, 0.0, True
        self.said: list[str] = []
        self.pings: Callable[[Probe], bool] = lambda probe: True
        self.routers = {}
        for device in ("core1", "core2", "dr-edge1", "hph-edge1", "hph-kv01-edge1"):
            today = rendered(estate, device, TODAY)
            self.routers[device] = Router(self, device, today, today)

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for router in self.routers.values():
            router.tick()

    def open(self, device: str) -> FakeSession:
        self.routers[device].reach()
        return FakeSession(self.routers[device])

    def means(self, run: str = "run1", journal: Journal | None = None, timer_s: int | None = 30) -> Means:
        return Means(
            estate=self.estate,
            trail=Trail(journal or self.journal(), run),
            open_session=self.open,
            guard=lambda device: FakeGuard(self.routers[device]),
            ping=lambda probe: self.pings(probe),  # noqa: PLW0108 - tests exchange it later
            folder=self.folder / run,
            say=lambda device, text: self.said.append(f"{device}: {text}"),
            clock=Clock(now=lambda: self.time, sleep=self.sleep),
            timer_s=timer_s,
        )

    def journal(self) -> Journal:
        return Journal(self.folder / "journal.jsonl", self.folder / "key.pem")

    def converge(self, *but: str) -> None:
        """Put every router but these at its intended configuration."""
        for device, router in self.routers.items():
            if device not in but:
                router.running = router.startup = rendered(self.estate, device)


class DeadlyJournal(Journal):
    """Kills the process at its n-th record: just after it is on disk, or just before (``torn``)."""

    def __init__(self, world: World, at: int, torn: bool) -> None:
        super().__init__(world.folder / "journal.jsonl", world.folder / "key.pem")
        self.at, self.torn, self.count = at, torn, 0

    def append(self, event: str, **fields: object) -> dict[str, object]:
        self.count += 1
        if self.count == self.at and self.torn:
            raise Killed
        record = super().append(event, **fields)
        if self.count == self.at:
            raise Killed
        return record
