"""What a rollout would do: per router the difference and the commands, in waves, under an id naming exactly that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.errors import ErrorGroup
from inventory.estate import Estate
from netconfig.design import managed
from netconfig.diff import Command, Shown, diff, lines, shown
from netconfig.edit import Change, forbidden
from netconfig.expect import waves
from netconfig.guard import normal, sha256
from netconfig.observe import configured, observe
from netconfig.platform import Platform, load
from netconfig.render import intended
from netconfig.session import Lost, Opener, unreachable
from netconfig.tree import Node, parse

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What one router runs, what it is to run, and the way from one to the other.

    ``lost`` are addresses that its configuration has and its kernel has not; typing them anew brings them back.
    """

    device: str
    wave: int
    running: str
    intended: Node
    commands: tuple[Command, ...]
    shown: tuple[Shown, ...]
    typed: tuple[str, ...]
    lost: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do on this router."""
        return not self.commands

    def as_dict(self) -> dict[str, object]:
        """Return what the plan's id covers."""
        return {"device": self.device, "wave": self.wave, "running": sha256(self.running), "commands": self.typed}


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a whole rollout. ``id`` changes when any command, any wave or any running configuration does."""

    estate: str
    devices: tuple[DevicePlan, ...]
    title: str = ""

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name exactly this plan."""
        data = {"estate": self.estate, "devices": [item.as_dict() for item in self.devices]}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def todo(self) -> list[DevicePlan]:
        """The routers that change, in rollout order."""
        return [item for item in self.devices if not item.is_empty]

    @property
    def done(self) -> set[str]:
        """The routers that already run what they are to run."""
        return {item.device for item in self.devices if item.is_empty}

    def as_dict(self) -> dict[str, object]:
        """Return the plan as plain data, for programs and for the record."""
        return {"plan_id": self.id, "estate": self.estate, "title": self.title,
                "devices": [item.as_dict() for item in self.devices]}  # fmt: skip


def make(
    estate: Estate, open_session: Opener, change: Change | None = None, step: Callable[[str], None] = lambda _: None
) -> Plan:
    """Read every router and plan the way to what the estate says.

    Raises RackproofError: NET021 routers that cannot be reached (all of them at once), NET031 a forbidden command.
    """
    order = [(number, device) for number, wave in enumerate(waves(estate)) for device in wave]
    wave_of = {device.name: device.wave or 0 for device in managed(estate)}

    def one(item: tuple[int, str]) -> DevicePlan | Lost:
        device = item[1]
        try:
            step(device)
            return plan_device(estate, device, wave_of[device], open_session, change)
        except Lost as error:
            return error

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = list(pool.map(one, order))
    lost = [
        unreachable(item[1], str(error)) for item, error in zip(order, found, strict=True) if isinstance(error, Lost)
    ]
    if lost:
        raise ErrorGroup(lost) if len(lost) > 1 else lost[0]
    return Plan(
        estate=estate.head.name,
        devices=tuple(item for item in found if isinstance(item, DevicePlan)),
        title=change.title if change else "",
    )


def plan_device(
    estate: Estate, device: str, wave: int, open_session: Opener, change: Change | None = None
) -> DevicePlan:
    """Plan one router. Raises Lost, and RackproofError as ``make`` does."""
    platform = load(estate.devices[device].platform or "")
    session = open_session(device)
    try:
        running = normal(session.run(platform.show_running))
        addresses = observe(session, platform).addresses
    finally:
        session.close()
    goal = intended(estate, device)
    if change is not None:
        goal = change.apply(device, goal, platform)
    old = parse(running, platform)
    lost = tuple(sorted((configured(old) & configured(goal)) - addresses))
    commands = (*diff(old, goal, platform), *repair(lost))
    typed = tuple(lines(commands, platform))
    refuse_forbidden(device, typed, platform)
    return DevicePlan(device, wave, running, goal, commands, shown(old, goal), typed, lost)


def repair(lost: tuple[tuple[str, str], ...]) -> tuple[Command, ...]:
    """Return what brings back addresses that the kernel lost: out of the configuration, then typed anew."""
    return tuple(
        Command((f"interface {name}",), f"{prefix}{'ipv6' if ':' in address else 'ip'} address {address}", "repair")
        for name, address in lost
        for prefix in ("no ", "")
    )


def refuse_forbidden(device: str, typed: tuple[str, ...], platform: Platform) -> None:
    """Refuse a plan with a command no change may type. Raises RackproofError (NET031)."""
    for line in typed:
        if platform.is_forbidden(line):
            raise forbidden(device, line)
