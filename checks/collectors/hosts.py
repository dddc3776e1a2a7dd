"""Collecting on hosts over SSH: the commands of ``commands.yml``, one round trip per host."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml

from checks.capture import captured
from checks.collectors.ssh import Answer, Command, run_batch
from checks.collectors.sweep import Job, Sweep
from checks.model import Captured, Outcome
from inventory.model import Device

HERE = Path(__file__).resolve().parent
ON_HOSTS = ("addresses", "time", "probes", "logs", "database", "backups")
ARRIVAL = "arrival"
VERSIONS = "dpkg-query -W -f '${Package} ${Version}\\n' "
# The port that tells a role's service is there, asked over IPv6 by every other host.
PORTS = {"database-primary": 5432, "management": 514, "site-node": 22, "database-standby": 22}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of ``commands.yml``."""

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
def entries() -> tuple[Entry, ...]:
    """Return every entry of ``commands.yml``."""
    data: Mapping[str, list[dict[str, Any]]] = yaml.safe_load((HERE / "commands.yml").read_text(encoding="utf-8"))
    return tuple(
        Entry(collector, item["key"], tuple(item["roles"]), item["command"], item["package"], item.get("timeout_s", 10))
        for collector, items in data.items() for item in items
    )


def plan_hosts(sweep: Sweep) -> Iterable[Job]:
    """Return one job per host that is asked anything in this sweep."""
    selected = [entry for entry in entries() if entry.collector in sweep.collectors and entry.collector in ON_HOSTS]
    asked = _asked(sweep)
    for device in asked:
        if wanted := [entry for entry in selected if entry.asks(device)]:
            yield partial(collect_host, sweep, device, wanted)
    # What the only host of a selected site offers can be seen only from outside that site.
    for device in sweep.by_role("management"):
        if device not in asked and (wanted := [entry for entry in selected if entry.collector == "probes"]):
            yield partial(collect_host, sweep, device, wanted)


def plan_arrival(sweep: Sweep) -> Iterable[Job]:
    """Return the jobs that look for the markers of this sweep on the log collector, after all were sent."""
    if "logs" not in sweep.collectors:
        return
    wanted = [entry for entry in entries() if entry.collector == ARRIVAL]
    for device in sweep.by_role("management"):
        yield partial(collect_host, sweep, device, wanted)


def collect_host(sweep: Sweep, device: Device, wanted: list[Entry]) -> list[Captured]:
    """Ask one host all its entries in one round trip; every entry yields evidence, also when the host is away."""
    packages = sorted({entry.package for entry in wanted})
    commands = [Command(VERSIONS + shlex.join(packages))]
    commands += [Command(fill(entry.command, sweep, device), entry.timeout_s) for entry in wanted]
    versions, *answers = run_batch(sweep.ws.ssh_config, device.name, commands)
    told = versions.stdout.decode(errors="replace").splitlines()
    installed = dict(line.split(" ", 1) for line in told if " " in line)
    return [
        host_evidence(sweep, device, entry, command.text, answer, installed.get(entry.package, "unknown"))
        for entry, command, answer in zip(wanted, commands[1:], answers, strict=True)
    ]


def host_evidence(
    sweep: Sweep, device: Device, entry: Entry, source: str, answer: Answer, version: str
) -> Captured:
    """Turn one answer into evidence; trouble on the way is evidence of trouble, with its text as raw bytes."""
    outcome, raw = Outcome.COLLECTED, answer.raw
    if answer.trouble:
        outcome = Outcome.UNREACHABLE if answer.unreachable else Outcome.TIMEOUT
        raw = answer.trouble.encode()
    collector = "logs" if entry.collector == ARRIVAL else entry.collector
    return captured(
        (sweep.estate.site_of[device.name], device.name), (collector, entry.key), source, raw,
        (answer.started, answer.ended), outcome=outcome, exit_code=None if answer.trouble else answer.exit_code,
        tool=entry.package, tool_version=version,
    )


def fill(template: str, sweep: Sweep, device: Device) -> str:
    """Put what the estate and the run know into a command, each value quoted for the shell."""
    values: dict[str, Callable[[], str]] = {
        "{marker}": lambda: shlex.quote(f"rackproof-marker-{sweep.run_id}"),
        "{count}": lambda: str(len(_asked(sweep))),
        "{probe}": lambda: shlex.quote((HERE / "probe.py").read_text(encoding="utf-8")),
        "{targets}": lambda: shlex.join(targets(sweep, device)),
    }
    for name, value in values.items():
        if name in template:
            template = template.replace(name, value())
    return template


def targets(sweep: Sweep, device: Device) -> list[str]:
    """Return what a host must reach over IPv6: its gateway, every other host, and the service each of them gives."""
    estate = sweep.estate
    # A standby's own line to its primary is what QH-4-DW-NOLOSS judges; asked here too, one fault would show twice.
    followed = {host for service in estate.services.values() if device.name in service.dr_hosts
                for host in service.hosts}
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


def _asked(sweep: Sweep) -> list[Device]:
    """The hosts of the selected sites."""
    return sweep.devices("host")
