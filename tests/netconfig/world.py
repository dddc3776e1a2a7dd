"""Routers that exist only here: a command line, a startup file, a kernel, a guard and a clock that tests turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.journal import Journal
from inventory.model.estate import Estate
from netconfig.change.change import ChangeContext, Clock
from netconfig.change.expect import Probe
from netconfig.change.guard import GuardRefused, GuardStatus, hash_config, normalise_config
from netconfig.change.observe import list_configured
from netconfig.change.session import Lost, Rejected
from netconfig.diff.tree import ConfigNode, parse
from netconfig.intent.render import render, write_tree
from netconfig.journal.record import ChangeJournal
from netconfig.platforms.platform import load
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
    keepalive_ms: int = 100
    down: set[str] = field(default_factory=set)
    deaf_to_new: bool = False
    armed: dict[str, object] | None = None
    stray_timer: bool = False
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

    def connect(self) -> None:
        """A new connection; one that is open already may still work where this fails."""
        self.reach()
        if self.deaf_to_new:
            raise Lost("no new connection")

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
        kind = next(
            name
            for name in type(FRR.observe).model_fields
            if command.startswith(getattr(FRR.observe, name).partition("{")[0])
        )
        return json.dumps(getattr(self, f"_{kind}")(parse(self.router.running, FRR), command))

    def _interfaces(self, root: ConfigNode, command: str) -> dict[str, object]:
        found: dict[str, list[dict[str, str]]] = {}
        for name, address in list_configured(root) - self.router.lost:
            found.setdefault(name, []).append({"address": address})
        return {name: {"ipAddresses": rows} for name, rows in found.items()}

    def _bgp(self, root: ConfigNode, command: str) -> dict[str, object]:
        """As FRR answers: per VRF, per family, the peers."""
        # A live peer sends keepalives as time passes; a silent one stays Established until its hold time ends.
        heard = 1 if self.router.silent_peers else 1 + int(self.router.world.time * 1000 / self.router.keepalive_ms)
        families: dict[str, dict[str, object]] = {}
        for name in _peers(root):
            state = "Active" if name in self.router.down else "Established"
            family = "ipv6Unicast" if ":" in name else "ipv4Unicast"
            families.setdefault(family, {})[name] = {"state": state, "msgRcvd": heard}
        return {"default": {family: {"vrfId": 0, "peers": peers} for family, peers in families.items()}}

    def _bgp_neighbor(self, root: ConfigNode, command: str) -> dict[str, object]:
        peer = command.split()[-2]
        return {peer: {"bgpTimerKeepAliveIntervalMsecs": self.router.keepalive_ms}, "vrfName": "default"}

    def _ospf(self, root: ConfigNode, command: str) -> dict[str, object]:
        return self._adjacencies(root, "ip ospf area")

    def _ospf6(self, root: ConfigNode, command: str) -> dict[str, object]:
        return self._adjacencies(root, "ipv6 ospf6 area")

    def _adjacencies(self, root: ConfigNode, line: str) -> dict[str, object]:
        up = [name.split()[1] for name, node in root.children.items() if any(x.startswith(line) for x in node.children)]
        up = [name for name in up if "shutdown" not in root.children[f"interface {name}"].children]
        return {"neighbors": [{"state": "Full", "interfaceName": name} for name in up if name not in self.router.down]}

    def _default_ipv4(self, root: ConfigNode, command: str) -> dict[str, object]:
        return self._default(root, "0.0.0.0/0")

    def _default_ipv6(self, root: ConfigNode, command: str) -> dict[str, object]:
        return self._default(root, "::/0")

    def _default(self, root: ConfigNode, prefix: str) -> dict[str, object]:
        there = any(f" route {prefix} " in line for line in root.children) and prefix not in self.router.down
        return {prefix: [{"prefix": prefix, "selected": True, "installed": True}] if there else []}

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
        self.router.running = normalise_config(write_tree(parse(_indent(model), FRR), FRR))

    def save(self) -> None:
        self.router.reach()
        self.router.startup = self.router.running

    def close(self) -> None:
        pass


def _peers(root: ConfigNode) -> list[str]:
    """The neighbours that have an address, once each, without those that are shut down."""
    sections = [node for line, node in root.children.items() if line.startswith("router bgp")]
    lines = [line.split() for node in sections for line in node.children if line.startswith("neighbor ")]
    down = {words[1] for words in lines if words[2] == "shutdown"}
    return list(dict.fromkeys(words[1] for words in lines if words[1] not in down and words[1][-1].isdigit()))


def _indent(model: Model) -> str:
    from tests.netconfig.model import text as plain

    return plain(model.root)


@dataclass
class FakeGuard:
    router: Router

    def arm(self, change: str, seconds: int) -> GuardStatus:
        router = self.router
        router.connect()
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

    def status(self) -> GuardStatus:
        router = self.router
        router.connect()
        if router.armed is None:
            return GuardStatus("clear", router.stray_timer, last=router.last, running=hash_config(router.running))
        left = int(float(str(router.armed["deadline"])) - router.world.time)
        return GuardStatus(
            "armed", router.world.timers, str(router.armed["id"]), left, hash_config(str(router.armed["running"]))
        )

    def disarm(self, change: str) -> GuardStatus:
        router = self.router
        router.connect()
        if router.armed is None or router.armed["id"] != change:
            raise GuardRefused("nothing armed")
        router.last, router.armed = f"disarmed:{change}", None
        return self.status()

    def rollback(self, change: str) -> None:
        router = self.router
        router.connect()
        if router.armed is None or router.armed["id"] != change:
            raise GuardRefused("nothing armed")
        router.restore("reload")


def rendered(estate: Estate, device: str, features: tuple[str, ...] | None = None) -> str:
    """What a router shows; kept, because every test begins with five routers."""
    known = _RENDERED.setdefault(id(estate), {})
    if (device, features) not in known:
        known[device, features] = normalise_config(render(estate, device, features))
    return known[device, features]


_RENDERED: dict[int, dict[tuple[str, tuple[str, ...] | None], str]] = {}


class World:
    """Every router of an estate as it is before the rollout, and the clock."""

    def __init__(self, estate: Estate, folder: Path) -> None:
        self.estate, self.folder, self.time, self.timers = estate, folder, 0.0, True
        self.said: list[str] = []
        self.opened: list[str] = []
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
        self.opened.append(device)
        self.routers[device].connect()
        return FakeSession(self.routers[device])

    def means(self, run: str = "run1", journal: Journal | None = None, timer_s: int | None = 30) -> ChangeContext:
        return ChangeContext(
            estate=self.estate,
            trail=ChangeJournal(journal or self.journal(), run),
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
