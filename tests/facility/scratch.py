"""A scratch network for tests: the facility namespaces of an estate, without the rest of the lab."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from lab import facility
from lab.facility import plan

SECRETS = {
    "snmp_auth_password": "marked-auth-secret",
    "snmp_priv_password": "marked-priv-secret",
    "snmp_community": "marked-community",
}


def ip(*argv: str, check: bool = True) -> None:
    subprocess.run(["ip", *argv], check=check, capture_output=True, timeout=20)


@contextmanager
def facility_network(instance: str, run_dir: Path) -> Iterator[list[plan.Agent]]:
    """Raise one namespace ``rp-<instance>-fac-<site>`` per site and all agents, all sites' addresses on one bridge."""
    estate = load_estate(REPOSITORY / "lab" / "estate")
    agents = plan.agents(estate, instance)
    names = sorted({agent.namespace for agent in agents})
    control = f"rp-{instance}-ctl"
    try:
        _raise(agents, names, control)
        facility.start(estate, instance, run_dir, SECRETS)
        yield agents
    finally:
        facility.stop(run_dir)
        for name in [*names, control]:
            ip("netns", "del", name, check=False)


def _raise(agents: list[plan.Agent], names: list[str], control: str) -> None:
    ip("netns", "add", control)
    ip("-n", control, "link", "set", "lo", "up")
    for number, name in enumerate(names):
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        near = f"f{number}"
        ip("link", "add", near, "netns", control, "type", "veth", "peer", "name", "up0", "netns", name)
        for place, device in ((control, near), (name, "up0")):
            ip("-n", place, "link", "set", device, "addrgenmode", "none")
            ip("-n", place, "link", "set", device, "up")
        mine = [agent for agent in agents if agent.namespace == name]
        ip("-n", control, "address", "add", f"192.0.2.{number * 4 + 1}/30", "dev", near)
        ip("-n", control, "-6", "address", "add", f"2001:db8:{number}::1/64", "dev", near, "nodad")
        ip("-n", name, "address", "add", f"192.0.2.{number * 4 + 2}/30", "dev", "up0")
        ip("-n", name, "-6", "address", "add", f"2001:db8:{number}::2/64", "dev", "up0", "nodad")
        ip("-n", name, "route", "add", "default", "via", f"192.0.2.{number * 4 + 1}")
        ip("-n", name, "-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
        for agent in mine:
            v4, v6 = agent.addresses
            ip("-n", name, "address", "add", f"{v4}/32", "dev", "lo")
            ip("-n", name, "-6", "address", "add", f"{v6}/128", "dev", "lo", "nodad")
            ip("-n", control, "route", "add", f"{v4}/32", "via", f"192.0.2.{number * 4 + 2}")
            ip("-n", control, "-6", "route", "add", f"{v6}/128", "via", f"2001:db8:{number}::2")
