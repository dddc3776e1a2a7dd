"""The command lines of both engines. They run as processes of their own; secrets travel in files, not in arguments."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

from core.errors import RackproofError, list_names
from core.secrets import name_files
from core.workspace import REPOSITORY, Workspace
from inventory.export.hosts import host_inventory
from inventory.model.enums import ProvisioningEngine
from inventory.model.estate import Estate

PLAYBOOKS = REPOSITORY / "playbooks"


class Mode(StrEnum):
    """What a run is allowed to do."""

    PLAN = "plan"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """One engine's process: who it works for, its argument list and what its environment has on top of ours."""

    engine: ProvisioningEngine
    hosts: tuple[str, ...]
    argv: tuple[str, ...]
    environment: dict[str, str]


def commands(
    estate: Estate,
    ws: Workspace,
    mode: Mode,
    engines: Sequence[ProvisioningEngine],
    limit: Sequence[str],
    plain: bool = False,
    secrets: Sequence[str] | None = None,
) -> list[EngineCommand]:
    """Return the processes that provision these hosts, or all when ``limit`` is empty.

    ``secrets`` are the arguments by which Ansible reads them (``core.secrets.lend_to_ansible``), those of the
    workspace's own file when left out.
    Provisioning goes over IPv6: raises EST090 for a host on which IPv6 is not in use. No host at all is a mistake
    (PRV003 of the options, PRV004 of the estate): nothing to do must not look like work that went well.
    """
    made = []
    for engine in engines:
        hosts = tuple(
            host.name
            for host in host_inventory(estate).hosts
            if host.variables["rackproof_engine"] == engine and (not limit or host.name in limit)
        )
        for name in hosts:
            estate.ipv6(name)
        if hosts:
            if engine is ProvisioningEngine.ANSIBLE:
                arguments = name_files(ws) if secrets is None else secrets
                made.append(_ansible(ws, mode, hosts, plain, arguments))
            else:
                made.append(_pyinfra(mode, hosts))
    if made:
        return made
    names = ", ".join(engine.value for engine in engines)
    if limit:
        raise RackproofError("PRV003", hosts=list_names(limit), engines=names)
    raise RackproofError("PRV004", engines=names)


def _ansible(ws: Workspace, mode: Mode, hosts: tuple[str, ...], plain: bool, secrets: Sequence[str]) -> EngineCommand:
    inventory = "lab.rackproof.yml" if ws.is_lab else "reference.rackproof.yml"
    argv = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        str(PLAYBOOKS / "site.yml"),
        "--inventory",
        str(REPOSITORY / "inventory" / inventory),
        "--limit",
        ",".join(hosts),
        *secrets,
    ]
    if mode is Mode.PLAN:
        argv += ["--check", "--diff"]
    environment = {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_HOME": str(ws.root / "ansible"),
        "ANSIBLE_STDOUT_CALLBACK": "rackproof_events",
        "ANSIBLE_CALLBACK_PLUGINS": str(PLAYBOOKS / "plugins" / "callback"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "RACKPROOF_ESTATE": str(ws.estate_dir.resolve()),
    }
    if not plain:
        environment |= _fast_strategy()
    return EngineCommand(ProvisioningEngine.ANSIBLE, hosts, tuple(argv), environment)


def _pyinfra(mode: Mode, hosts: tuple[str, ...]) -> EngineCommand:
    argv = [sys.executable, "-m", "playbooks.rooms_run"]
    if mode is Mode.PLAN:
        argv.append("--plan")
    for host in hosts:
        argv += ["--limit", host]
    search = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return EngineCommand(ProvisioningEngine.PYINFRA, hosts, tuple(argv), {"PYTHONPATH": search})


def _fast_strategy() -> dict[str, str]:
    """Return the settings for Mitogen, which keeps one Python per host alive instead of starting one for each task."""
    found = importlib.util.find_spec("ansible_mitogen")
    if found is None or not found.submodule_search_locations:
        return {}
    folder = Path(found.submodule_search_locations[0]) / "plugins" / "strategy"
    return {"ANSIBLE_STRATEGY_PLUGINS": str(folder), "ANSIBLE_STRATEGY": "mitogen_linear"}


def resolve_limit(estate: Estate, names: Sequence[str]) -> list[str]:
    """Return the hosts that these hosts and sites stand for, in the order of the estate.

    Raises RackproofError (PRV002) for a name that is neither, and for a site without hosts: a typing error must not
    look like a run that found nothing to do.
    """
    by_site: dict[str, list[str]] = {}
    for host in host_inventory(estate).hosts:
        by_site.setdefault(host.variables["rackproof_site"], []).append(host.name)
    hosts = list(chain.from_iterable(by_site.values()))
    chosen: set[str] = set()
    for name in names:
        if name not in hosts and name not in by_site:
            raise RackproofError("PRV002", actual=name, known={*hosts, *by_site})
        chosen.update(by_site.get(name, [name]))
    return [host for host in hosts if host in chosen]
