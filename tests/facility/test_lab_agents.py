"""The facility agents as they really run: net-snmp in namespaces, over both versions and both families."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import RackproofError
from lab import facility, image
from lab.facility import plan
from tests.facility.scratch import SECRETS, facility_network

pytestmark = pytest.mark.lab

INSTANCE = "tf"
POWERNET = ".1.3.6.1.4.1.318.1.1"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("a-folder-with-a-name-as-long-as-a-users-home-may-well-be-" + "x" * 60)
    with facility_network(INSTANCE, folder):
        yield folder


@pytest.fixture(scope="module")
def agents(run_dir: Path) -> dict[str, plan.Agent]:
    from core.workspace import REPOSITORY
    from inventory.load.loader import load_estate

    return {agent.name: agent for agent in plan.agents(load_estate(REPOSITORY / "lab" / "estate"), INSTANCE)}


def ask(agent: plan.Agent, oid: str, address: int = 0, **changes: str) -> str:
    """Ask with net-snmp's own tool from the scratch network's other side.

    Returns its answer; its complaint when it has none. The two streams are never one text: on its first use on a
    machine the tool says on standard error that it made a folder, beside a good answer.
    """
    secrets = {**SECRETS, **changes}
    access = ["-v2c", "-c", secrets["snmp_community"]]
    if agent.v3:
        access = ["-v3", "-u", "rackproof-mon", "-l", "authPriv", "-a", "SHA-256", "-A", secrets["snmp_auth_password"]]
        access += ["-x", "AES", "-X", secrets["snmp_priv_password"]]
    host = agent.addresses[address]
    target = f"udp6:[{host}]" if ":" in host else host
    argv = ["ip", "netns", "exec", f"rp-{INSTANCE}-ctl", *image.program("snmpget"), "-Oqn", "-t", "1", "-r", "1"]
    argv += [*access, target, oid]
    # Numeric OIDs need no MIB files, and a machine without them would have the tool complain about each.
    environment = {**os.environ, "MIBS": ""}
    result = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, env=environment)
    said = result.stdout if result.returncode == 0 else result.stderr
    return said.strip()


@pytest.mark.parametrize("address", [0, 1], ids=["IPv4", "IPv6"])
def test_every_agent_answers_with_its_own_name(agents: dict[str, plan.Agent], address: int) -> None:
    assert len(agents) == 10
    for name, agent in agents.items():
        assert ask(agent, ".1.3.6.1.2.1.1.5.0", address).endswith(f'"{name}"')


def test_a_wrong_password_gets_nothing(agents: dict[str, plan.Agent]) -> None:
    assert "Authentication failure" in ask(agents["ups-a"], ".1.3.6.1.2.1.1.5.0", snmp_auth_password="wrong-secret")
    assert "Timeout" in ask(agents["pdu-b"], ".1.3.6.1.2.1.1.5.0", snmp_community="public")


def test_a_v3_device_gives_nothing_to_v2c(agents: dict[str, plan.Agent]) -> None:
    from dataclasses import replace

    assert "Timeout" in ask(replace(agents["ups-a"], v3=False), ".1.3.6.1.2.1.1.5.0")


def test_the_controllers_own_processes_are_not_shown(agents: dict[str, plan.Agent]) -> None:
    assert "No Such" in ask(agents["ups-a"], ".1.3.6.1.2.1.25.1.1.0")


def test_values_move_and_agree(agents: dict[str, plan.Agent]) -> None:
    def watts() -> int:
        return int(ask(agents["ups-a"], f"{POWERNET}.1.4.2.8.0").split()[1])

    first = watts()
    drawn = int(ask(agents["pdu-a"], f"{POWERNET}.26.4.3.1.5.1").split()[1]) * 10
    assert abs(first - drawn * 1.015) < 0.02 * first
    deadline = time.monotonic() + 20
    while watts() == first:
        assert time.monotonic() < deadline, "the load does not move"
        time.sleep(0.3)


@pytest.mark.parametrize(
    ("device", "key", "fault", "mended", "oid", "expected"),
    [
        ("ups-a", "modules", "2", "3", f"{POWERNET}.1.4.2.5.0", "0"),
        ("ups-a", "source", "battery", "normal", ".1.3.6.1.2.1.33.1.4.1.0", "5"),
        ("ups-b", "runtime", "not-available", "ok", ".1.3.6.1.2.1.33.1.2.3.0", "4294967295"),
        ("env-dc", "sensor:R1/front-top", "missing", "ok", f"{POWERNET}.25.1.2.1.6.1.1", "No Such Instance"),
        ("env-dc", "sensor:R1/front-top", "not-available", "ok", f"{POWERNET}.25.1.2.1.6.1.1", "-1"),
        ("env-dc", "contact:door", "alarm", "normal", f"{POWERNET}.25.2.2.1.5.3.1", "2"),
        ("ats-1", "source_b", "fail", "ok", f"{POWERNET}.8.5.1.3.0", "1"),
        ("crac-1", "mode", "standby", "on", f"{POWERNET}.13.3.2.2.2.1.0", "1"),
    ],
)
def test_faults_show_and_mend(
    agents: dict[str, plan.Agent], run_dir: Path, device: str, key: str, fault: str, mended: str, oid: str,
    expected: str,
) -> None:  # fmt: skip
    before = ask(agents[device], oid)
    facility.control(run_dir, device, key, fault)
    try:
        assert ask(agents[device], oid).partition(" ")[2].startswith(expected)
        assert not before.partition(" ")[2].startswith(expected)
    finally:
        facility.control(run_dir, device, key, mended)
    assert not ask(agents[device], oid).partition(" ")[2].startswith(expected)


def test_a_silent_agent_is_silent_until_mended(agents: dict[str, plan.Agent], run_dir: Path) -> None:
    facility.control(run_dir, "pdu-a", "agent", "silent")
    assert "Timeout" in ask(agents["pdu-a"], ".1.3.6.1.2.1.1.5.0")
    facility.control(run_dir, "pdu-a", "agent", "normal")
    assert "pdu-a" in ask(agents["pdu-a"], ".1.3.6.1.2.1.1.5.0")


def test_an_unknown_control_is_refused(run_dir: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        facility.control(run_dir, "ups-z", "modules", "2")
    assert caught.value.code == "LAB024"
    with pytest.raises(RackproofError) as caught:
        facility.control(run_dir, "ups-a", "module", "2")
    assert caught.value.code == "LAB021" and "modules" in caught.value.expected


def test_an_agent_that_dies_is_started_again(agents: dict[str, plan.Agent], run_dir: Path) -> None:
    old = facility.status(run_dir)["crac-2"]["pid"]
    os.kill(old, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while "No Such" in (told := ask(agents["crac-2"], f"{POWERNET}.13.3.2.2.2.1.0")) or "Timeout" in told:
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
    assert facility.status(run_dir)["crac-2"]["pid"] != old


def children(run_dir: Path) -> list[int]:
    return [state["pid"] for state in facility.status(run_dir).values()]


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_after_kill_9_nothing_is_left_and_a_start_works(
    agents: dict[str, plan.Agent], run_dir: Path, tmp_path: Path
) -> None:
    from core.workspace import REPOSITORY
    from inventory.load.loader import load_estate

    pids = children(run_dir)
    simulator = int((run_dir / "facility" / "simulator.pid").read_text().split()[0])
    os.kill(simulator, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "an snmpd outlived the simulator"
        time.sleep(0.05)
    with pytest.raises(RackproofError) as caught:
        facility.control(run_dir, "ups-a", "modules", "2")
    assert caught.value.code == "LAB026"
    facility.start(load_estate(REPOSITORY / "lab" / "estate"), INSTANCE, run_dir, SECRETS)
    assert "ups-a" in ask(agents["ups-a"], ".1.3.6.1.2.1.1.5.0")
    again = children(run_dir)
    facility.start(load_estate(REPOSITORY / "lab" / "estate"), INSTANCE, run_dir, SECRETS)
    assert children(run_dir) == again, "a second start must leave a running facility alone"
    facility.stop(run_dir)
    assert not any(alive(pid) for pid in again)
    facility.stop(run_dir)
    facility.start(load_estate(REPOSITORY / "lab" / "estate"), INSTANCE, run_dir, SECRETS)


def test_credentials_are_readable_by_their_owner_only(run_dir: Path) -> None:
    for config in (run_dir / "facility").glob("*/snmpd.conf"):
        assert config.stat().st_mode & 0o077 == 0
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, timeout=10, check=True).stdout
    assert not any(secret in shown for secret in SECRETS.values())
