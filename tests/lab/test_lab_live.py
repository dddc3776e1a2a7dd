"""The raised lab: every system answers with its pinned key, and nothing of it stays behind, whatever happens."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from lab import sweep
from lab.enter import argv_inside
from lab.instance import Instance, instance
from tests.conftest import Rackproof
from tests.support import json_of, leave_long

pytestmark = pytest.mark.lab

SECOND = "tk"


def ssh(lab: Instance, alias: str, *words: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(lab.workspace.ssh_config), "-o", "ControlPath=none", alias, *words]
    return subprocess.run(
        argv_inside(lab, "ctl", argv),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def second(rackproof: Rackproof) -> Iterator[Instance]:
    found = instance(SECOND)
    yield found
    rackproof("lab", "down", lab=SECOND, expected=None)
    shutil.rmtree(found.run_dir, ignore_errors=True)


def test_status_shows_every_node_answering(lab: Instance, rackproof: Rackproof) -> None:
    data = json_of(rackproof("lab", "status", "--json").stdout)
    assert {node["state"] for node in data["nodes"]} == {"answers"}
    assert len(data["nodes"]) == 10
    assert data["faults"] == []


def test_hosts_run_systemd_and_are_well(lab: Instance, lab_estate: Estate) -> None:
    for name in ("dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"):
        done = ssh(lab, f"{name}-v4", "cat /proc/1/comm; hostname; systemctl is-system-running; sudo -n id -u")
        assert done.stdout.split() == ["systemd", name, "running", "0"], done.stderr
        shown = ssh(lab, f"{name}-v4", "ip -br address show dev eth0").stdout
        main = lab_estate.address(name)
        assert str(main.ipv4) in shown
        assert str(main.ipv6) in shown


def test_hosts_on_the_controllers_vlan_answer_over_ipv6_from_the_first_day(lab: Instance) -> None:
    assert ssh(lab, "dc-db1", "echo $SSH_CONNECTION").stdout.startswith("fd52:5052:101:106e::10 ")


def test_routers_have_a_command_line_and_nothing_else_for_netops(lab: Instance) -> None:
    for name in ("core1", "core2", "dr-edge1", "hph-edge1", "hph-kv01-edge1"):
        assert f"hostname {name}" in ssh(lab, name, "show running-config").stdout
        assert "Unknown command" in ssh(lab, name, "cat /etc/shadow").stdout


def test_a_router_starts_with_the_same_configuration_it_runs(lab: Instance) -> None:
    running = ssh(lab, "core1", "show running-config").stdout.split("!\n", 1)[1]
    startup = ssh(lab, "core1-ops", "sudo -n cat /etc/frr/frr.conf").stdout
    kept = [line for line in startup.splitlines() if line.strip(" !")]
    assert [line for line in running.splitlines() if line.strip(" !")] == [*kept, "end"]


def test_host_keys_differ_and_a_wrong_one_is_refused(lab: Instance, tmp_path: Path) -> None:
    lines = lab.workspace.known_hosts.read_text().splitlines()
    keys = [line.split()[2] for line in lines]
    assert len(set(keys)) == len(keys) == 10
    swapped = "\n".join(line.replace(line.split()[2], keys[(number + 1) % 10]) for number, line in enumerate(lines))
    wrong = tmp_path / "known_hosts"
    wrong.write_text(swapped + "\n")
    done = ssh(lab, "dc-db1-v4", "-o", f"UserKnownHostsFile={wrong}", "true")
    assert done.returncode == 255
    assert "verification failed" in done.stderr.lower()


def test_the_guard_account_takes_only_its_words(lab: Instance) -> None:
    assert ssh(lab, "core1-guard", "status").stdout.startswith("clear ")
    for words in ("cat /etc/shadow", "arm x;id 20", ""):
        done = ssh(lab, "core1-guard", *([words] if words else []))
        assert done.returncode != 0
        assert "root:" not in done.stdout


def test_a_second_up_does_no_harm(lab: Instance, rackproof: Rackproof) -> None:
    boot = ssh(lab, "dc-db1-v4", "cat /proc/sys/kernel/random/boot_id; cat /etc/machine-id").stdout
    data = json_of(rackproof("lab", "up", "--json").stdout)
    assert data["already_up"]
    assert ssh(lab, "dc-db1-v4", "cat /proc/sys/kernel/random/boot_id; cat /etc/machine-id").stdout == boot


#: What ping prints on standard output, and on standard error where it has no route at all.
NO_WAY_OUT = ("100% packet loss", "unreachable")


def test_nothing_of_the_lab_can_leave_the_machine(lab: Instance) -> None:
    for name in ("dc-db1", "core1"):
        alias = f"{name}-v4" if name == "dc-db1" else f"{name}-ops"
        done = ssh(lab, alias, "ip -o link show | grep -c 'link-netns\\|@if' ; ping -c1 -W1 192.0.2.1")
        assert any(sign in text.lower() for sign in NO_WAY_OUT for text in (done.stdout, done.stderr)), done


def test_a_host_comes_back_from_a_reboot_with_the_same_identity(lab: Instance) -> None:
    before = ssh(
        lab,
        "hph-kv01-node1-v4",
        "cat /etc/machine-id; sudo -n touch /var/lib/kept; systemctl show -P UserspaceTimestampMonotonic",
    ).stdout.split()
    ssh(lab, "hph-kv01-node1-v4", "sudo -n systemctl reboot")
    deadline = time.monotonic() + 40
    after: list[str] = []
    while time.monotonic() < deadline and (len(after) < 3 or after[2] == before[1]):
        time.sleep(0.5)
        after = ssh(
            lab,
            "hph-kv01-node1-v4",
            "cat /etc/machine-id; ls /var/lib/kept; systemctl show -P UserspaceTimestampMonotonic",
        ).stdout.split()
    assert after[:2] == [before[0], "/var/lib/kept"]
    assert after[2] != before[1]


def test_the_uplink_fault_is_seen_and_mended(lab: Instance, rackproof: Rackproof) -> None:
    def speed() -> str:
        return ssh(lab, "hph-edge1-ops", "cat /sys/class/net/up1/speed").stdout.strip()

    rackproof("lab", "break", "uplink-100m")
    assert json_of(rackproof("lab", "status", "--json").stdout)["faults"] == ["uplink-100m"]
    assert "already" in rackproof("lab", "break", "uplink-100m").stdout
    rackproof("lab", "mend", "uplink-100m")
    assert json_of(rackproof("lab", "status", "--json").stdout)["faults"] == []
    assert speed() == "1000"


@pytest.mark.parametrize(
    "arguments", [("lab", "shell", "nobody"), ("lab", "exec", "fac-dc", "--", "true"), ("lab", "break", "nothing")]
)
def test_a_wrong_name_is_an_error_with_the_right_ones(
    lab: Instance, rackproof: Rackproof, arguments: tuple[str, ...]
) -> None:
    done = rackproof(*arguments, expected=2)
    assert "Traceback" not in done.stderr
    assert "LAB0" in done.stderr


@pytest.mark.parametrize("after_s", leave_long([0.6, 1.4, 2.5, 4.0], [2.5]))
def test_an_up_killed_at_any_moment_leaves_nothing_after_down(
    second: Instance, rackproof: Rackproof, after_s: float
) -> None:
    process = start_up(SECOND)
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    rackproof("lab", "down", lab=SECOND)
    assert not sweep.leftovers(second)
    assert not second.hosts_dir.exists()


def test_an_up_after_a_killed_up_starts_clean_and_an_interrupted_one_cleans_up(second: Instance) -> None:
    process = start_up(SECOND)
    time.sleep(2.0)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    again = start_up(SECOND)
    time.sleep(3.0)
    os.killpg(again.pid, signal.SIGINT)
    assert again.wait(timeout=60) in (0, 130)
    if again.returncode == 130:
        assert not sweep.leftovers(second)


def test_a_node_that_stops_is_shown_as_stopped(second: Instance, rackproof: Rackproof) -> None:
    rackproof("lab", "up", lab=SECOND)
    rackproof("lab", "exec", "hph-node1", "--", "sudo", "systemctl", "poweroff", lab=SECOND, expected=None)
    deadline = time.monotonic() + 30
    states: dict[str, str] = {}
    while time.monotonic() < deadline and states.get("hph-node1") != "stopped":
        done = rackproof("lab", "status", "--json", lab=SECOND, expected=None)
        states = {node["name"]: node["state"] for node in json_of(done.stdout)["nodes"]}
    assert states.pop("hph-node1") == "stopped"
    assert done.returncode == 1
    assert set(states.values()) == {"answers"}


def start_up(name: str) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RACKPROOF_")} | {"RACKPROOF_LAB": name}
    return subprocess.Popen(
        [str(REPOSITORY / "rackproof"), "lab", "up"],
        env=environment,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
