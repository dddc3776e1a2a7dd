"""What a rollout would do: per router the difference and the commands, in waves, under an id naming exactly that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from core.errors import ErrorGroup, RackproofError, raise_all
from inventory.model.estate import Estate
from netconfig.change.expect import list_waves
from netconfig.change.guard import hash_config, normalise_config
from netconfig.change.observe import list_configured, observe
from netconfig.change.session import Lost, Opener, explain_unreached
from netconfig.diff.diff import Shown, TypedLine, diff, list_typed_lines, show_difference
from netconfig.diff.knowledge import require_known
from netconfig.diff.losses import Drop, find_drops, find_named, require_named
from netconfig.diff.tree import ConfigNode, parse
from netconfig.intent.design import require_routers
from netconfig.intent.edit import RouterChange, explain_forbidden
from netconfig.intent.render import render_intended
from netconfig.platforms.platform import Platform, load
from netconfig.platforms.redaction import hide, hide_in

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What one router runs, what it is to run, and the way from one to the other.

    ``lost`` are addresses that its configuration has and its kernel has not; typing them anew brings them back.
    ``drops`` is what the change may take away from the network, as it named it.
    """

    device: str
    wave: int
    running: str
    intended: ConfigNode
    commands: tuple[TypedLine, ...]
    shown: tuple[Shown, ...]
    typed: tuple[str, ...]
    lost: tuple[tuple[str, str], ...] = ()
    drops: tuple[Drop, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do on this router."""
        return not self.commands

    def covered(self) -> dict[str, object]:
        """Return what the plan's id covers; it may hold secrets."""
        return {
            "device": self.device,
            "wave": self.wave,
            "running": hash_config(self.running),
            "commands": self.typed,
            "drops": [drop.name for drop in self.drops],
        }

    def as_dict(self) -> dict[str, object]:
        """Return the same for people, programs and the record: secrets are hidden."""
        return dict(hide_in(self.covered()))


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """The plan of a whole rollout. ``id`` changes when any command, any wave or any running configuration does."""

    estate: str
    devices: tuple[DevicePlan, ...]
    title: str = ""

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name exactly this plan."""
        data = {"estate": self.estate, "devices": [item.covered() for item in self.devices]}
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


@dataclass(frozen=True, slots=True)
class Goal:
    """What one router is to run, and what of the network may go on the way there."""

    device: str
    wave: int
    intended: ConfigNode
    drops: tuple[str, ...] = ()


def make_plan(
    estate: Estate,
    open_session: Opener,
    change: RouterChange | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> RolloutPlan:
    """Read every router and plan the way to what the estate says; a wrong change is refused before any is contacted.

    Raises RackproofError, all of them at once: NET012 no router, what ``RouterChange.apply`` raises, NET021 to NET023
    routers that cannot be reached, and what ``plan_device`` raises.
    """
    goals = set_goals(estate, change)

    def plan_one(goal: Goal) -> DevicePlan | RackproofError:
        step(goal.device)
        try:
            return plan_device(estate, goal, open_session)
        except Lost as problem:
            return explain_unreached(goal.device, problem)
        except RackproofError as error:
            return error

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = list(pool.map(plan_one, goals))
    mistakes: list[RackproofError] = []
    for item in found:
        mistakes += split_errors(item)
    raise_all(mistakes)
    title = change.title if change else ""
    return RolloutPlan(estate.head.name, tuple(item for item in found if isinstance(item, DevicePlan)), title)


def split_errors(item: object) -> list[RackproofError]:
    """Return the errors in what became of one router's plan: none for a plan, each of a group."""
    if isinstance(item, ErrorGroup):
        return item.errors
    if isinstance(item, RackproofError):
        return [item]
    return []


def set_goals(estate: Estate, change: RouterChange | None = None) -> list[Goal]:
    """Return what every router is to run, in rollout order; contacts nothing.

    Raises RackproofError: NET012 an estate without routers; and what ``RouterChange.apply`` raises, for all at once.
    """
    require_routers(estate)
    mistakes: list[RackproofError] = []
    goals = []
    for device in chain.from_iterable(list_waves(estate)):
        try:
            goals.append(set_goal(estate, device, change))
        except RackproofError as error:
            mistakes.extend(split_errors(error))
    raise_all(mistakes)
    return goals


def set_goal(estate: Estate, device: str, change: RouterChange | None = None) -> Goal:
    """Return what one router is to run. Raises RackproofError as ``RouterChange.apply`` does."""
    known = estate.devices[device]
    wave = known.wave or 0
    goal = render_intended(estate, device)
    if change is None:
        return Goal(device, wave, goal)
    return Goal(device, wave, change.apply(device, goal, load(known.platform or "")), change.drops(device))


def plan_device(estate: Estate, goal: Goal, open_session: Opener) -> DevicePlan:
    """Plan one router.

    Raises Lost, and RackproofError: NET031 or NET035 a command that no change may type, NET033 a line that the
    platform does not know, NET034 something that the network stands on would go and nobody named it.
    """
    device = goal.device
    platform = load(estate.devices[device].platform or "")
    session = open_session(device)
    try:
        running = normalise_config(session.run(platform.show_running))
        addresses = observe(session, platform).addresses
    finally:
        session.close()
    old = parse(running, platform)
    require_known(device, old, platform)
    require_named(device, find_drops(old, goal.intended, platform), goal.drops)
    lost = tuple(sorted((list_configured(old) & list_configured(goal.intended)) - addresses))
    commands = (*diff(old, goal.intended, platform), *repair(lost))
    typed = tuple(list_typed_lines(commands, platform))
    refuse_forbidden(device, typed, platform)
    drops = tuple(find_named(old, goal.drops, platform))
    difference = show_difference(old, goal.intended)
    return DevicePlan(device, goal.wave, running, goal.intended, commands, difference, typed, lost, drops)


def repair(lost: tuple[tuple[str, str], ...]) -> tuple[TypedLine, ...]:
    """Return what brings back addresses that the kernel lost: out of the configuration, then typed anew."""
    commands = []
    for name, address in lost:
        family = "ipv6" if ":" in address else "ip"
        for prefix in ("no ", ""):
            commands.append(TypedLine((f"interface {name}",), f"{prefix}{family} address {address}", "repair"))
    return tuple(commands)


def refuse_forbidden(device: str, typed: tuple[str, ...], platform: Platform) -> None:
    """Refuse a plan with a command no change may type. Raises RackproofError (NET031, NET035)."""
    for line in typed:
        if platform.is_forbidden(line):
            raise explain_forbidden(device, line)
        if not platform.is_typable(line):
            raise RackproofError("NET035", actual=hide(line), device=device)
