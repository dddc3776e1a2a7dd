"""Collecting on hosts over SSH: the commands of ``commands.yml``, one round trip per host."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pydantic import Field, RootModel

from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Sweep
from checks.model import Captured
from checks.register.services import make_question
from checks.ssh import ShellAnswer, ShellCommand, run_batch
from core.models import read_model
from inventory.model.entities import Device
from inventory.model.fields import Name, StrictModel

HERE = Path(__file__).resolve().parent
COMMANDS = HERE / "commands.yml"
ON_HOSTS = ("addresses", "time", "services", "probes", "logs", "database", "backups")
ARRIVAL = "arrival"
#: The version of a tool that the host could not name.
UNKNOWN = "unknown"
VERSIONS = "dpkg-query -W -f '${Package} ${Version}\\n' "
# The port that tells a role's service is there, asked over IPv6 by every other host.
PORTS = {"database-primary": 5432, "management": 514, "site-node": 22, "database-standby": 22}


class Question(StrictModel):
    """One entry of ``commands.yml`` as it is written: what is asked, of whom, with which Debian package's tool."""

    key: str = Field(min_length=1)
    roles: tuple[Name, ...] = Field(min_length=1)
    command: str = Field(min_length=1)
    package: str = Field(min_length=1)
    timeout_s: int = Field(default=10, gt=0, le=300)


class Questions(RootModel[dict[str, tuple[Question, ...]]]):
    """The file: the questions of each collector."""


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One question of a collector."""

    collector: str
    key: str
    roles: tuple[str, ...]
    command: str
    package: str
    timeout_s: int = 10

    def asks(self, device: Device) -> bool:
        """Tell whether this entry is asked on a device."""
        return "all" in self.roles or device.role in self.roles


@lru_cache(maxsize=1)
def read_commands(file: Path = COMMANDS) -> tuple[CommandEntry, ...]:
    """Return every entry of ``commands.yml``. Raises RackproofError with file and line for what cannot be right."""
    entries = []
    for collector, items in read_model(file, Questions).root.items():
        for item in items:
            entry = CommandEntry(collector, item.key, item.roles, item.command, item.package, item.timeout_s)
            entries.append(entry)
    return tuple(entries)


def plan_hosts(sweep: Sweep) -> Iterable[Job]:
    """Return one job per host that is asked anything in this sweep."""
    selected = [
        entry for entry in read_commands() if entry.collector in sweep.collectors and entry.collector in ON_HOSTS
    ]
    asked = sweep.devices("host")
    for device in asked:
        wanted = [entry for entry in selected if entry.asks(device)]
        if wanted:
            yield partial(collect_host, sweep, device, wanted)

    # What the only host of a selected site offers can be seen only from outside that site.
    probes = [entry for entry in selected if entry.collector == "probes"]
    for device in sweep.by_role("management"):
        if device not in asked and probes:
            yield partial(collect_host, sweep, device, probes)


def plan_arrival(sweep: Sweep) -> Iterable[Job]:
    """Return the jobs that look for the markers of this sweep on the log collector, after all were sent."""
    if "logs" not in sweep.collectors:
        return
    wanted = [entry for entry in read_commands() if entry.collector == ARRIVAL]
    for device in sweep.by_role("management"):
        yield partial(collect_host, sweep, device, wanted)


def collect_host(sweep: Sweep, device: Device, wanted: list[CommandEntry]) -> list[Captured]:
    """Ask one host all its entries in one round trip; every entry yields evidence, also when the host is away."""
    packages = sorted({entry.package for entry in wanted})
    commands = [ShellCommand(VERSIONS + shlex.join(packages))]
    commands += [ShellCommand(fill(entry.command, sweep, device), entry.timeout_s) for entry in wanted]
    versions, *answers = run_batch(sweep.ws.ssh_config, device.name, commands)
    installed = read_versions(versions)
    return [
        capture_host_answer(sweep, device, entry, command.text, answer, installed.get(entry.package, UNKNOWN))
        for entry, command, answer in zip(wanted, commands[1:], answers, strict=True)
    ]


def read_versions(answer: ShellAnswer) -> dict[str, str]:
    """Return the versions of Debian packages by name, from what ``dpkg-query`` (VERSIONS) answered."""
    lines = answer.stdout.decode(errors="replace").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def capture_host_answer(
    sweep: Sweep, device: Device, entry: CommandEntry, source: str, answer: ShellAnswer, version: str
) -> Captured:
    """Turn one answer into evidence; trouble on the way is evidence of trouble, with its text as raw bytes."""
    raw = answer.trouble.encode() if answer.trouble else answer.raw
    collector = "logs" if entry.collector == ARRIVAL else entry.collector
    return capture_evidence(
        (sweep.estate.site_of[device.name], device.name),
        (collector, entry.key),
        source,
        raw,
        (answer.started, answer.ended),
        outcome=answer.outcome,
        exit_code=None if answer.trouble else answer.exit_code,
        tool=entry.package,
        tool_version=version,
    )


def fill(template: str, sweep: Sweep, device: Device) -> str:
    """Put what the estate and the run know into a command, each value quoted for the shell."""
    values: dict[str, Callable[[], str]] = {
        "{marker}": lambda: shlex.quote(f"rackproof-marker-{sweep.run_id}"),
        "{count}": lambda: str(len(sweep.devices("host"))),
        "{probe}": lambda: shlex.quote((HERE / "probe.py").read_text(encoding="utf-8")),
        "{service_probe}": lambda: shlex.quote((HERE / "service_probe.py").read_text(encoding="utf-8")),
        "{question}": lambda: shlex.quote(make_question(sweep.estate, device)),
        "{targets}": lambda: shlex.join(list_targets(sweep, device)),
    }
    for name, value in values.items():
        if name in template:
            template = template.replace(name, value())
    return template


def list_targets(sweep: Sweep, device: Device) -> list[str]:
    """Return what a host must reach over IPv6: its gateway, every other host, and the service each of them gives."""
    estate = sweep.estate
    # A standby's own line to its primary is what QH-4-DW-NOLOSS judges; asked here too, one fault would show twice.
    followed: set[str] = set()
    for service in estate.services.values():
        if device.name in service.dr_hosts:
            followed.update(service.hosts)

    home = estate.address(device.name)
    found = []
    if home.vlan is not None:
        prefix = estate.vlan_prefix(estate.site_of[device.name], home.vlan)
        found.append(f"gateway=icmp={prefix.network_address + 1}")
    for other in estate.devices.values():
        if other.kind.value == "host" and other.name != device.name:
            address = estate.ipv6(other.name)
            found.append(f"{other.name}=icmp={address}")
            if other.role in PORTS and other.name not in followed:
                found.append(f"{other.name}=tcp={address}={PORTS[other.role]}")
    return found
