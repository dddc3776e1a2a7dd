"""Brakes, switches and checks of both engines trip, tried on this machine with programs that stand in for a host's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from core.errors import ExitCode
from core.workspace import REPOSITORY
from playbooks.events import Ending, EngineResult, TaskStatus
from playbooks.failures import choose_exit_code, explain_failures
from tests.provision.rolefiles import PLAYBOOKS, Task

Rooms = Callable[..., EngineResult]

ROOMS = """
import sys
from playbooks import rooms_run
from roles.room_operations import checked_file, refuse
from roles.ssh_hardening.deploy import check_settings, reload_with_a_way_back

def deploy():
    {deploy}

hosts = {hosts}
state = rooms_run.make_state(hosts, is_plan={is_plan})
state.config.SUDO = False
sys.exit(rooms_run.run_rooms(state, deploy, is_plan={is_plan}))
"""
LOCAL = ("@local", {"ssh_config_file": "/nowhere"})
DEAF = ("deaf", {"ssh_hostname": "127.0.0.1", "ssh_port": 1, "ssh_strict_host_key_checking": "no"})
SWITCH = """written = checked_file(name="write", text="new", path="{file}")
    reload_with_a_way_back(
        name="Reload sshd under a dead man's switch", written=written, seconds=5, rereads=[], unshared="")"""


SetProgram = Callable[..., None]
Room = tuple[str, dict[str, str]]


@pytest.fixture
def programs(tmp_path: Path) -> SetProgram:
    """Stand-ins that only write down that they were called; ``programs("ssh", 255)`` lets one of them fail."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def set_program(name: str, code: int = 0) -> None:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\nexit {code}\n')
        (folder / name).chmod(0o755)

    for name in ("systemctl", "systemd-run", "ssh", "chown"):
        set_program(name)
    # How the switch asks for the sockets of sshd: they are other ones each time it is asked.
    for name, answer in (("find", "echo 'socket:[1]'"), ("awk", "date +%N")):
        (folder / name).write_text(f"#!/bin/sh\n{answer}\n")
        (folder / name).chmod(0o755)
    return set_program


@pytest.fixture
def rooms(tmp_path: Path, programs: SetProgram) -> Rooms:
    """Run some operations with the rooms' runner: ``rooms("…", hosts)`` returns what it reported."""

    def run(deploy: str, hosts: Sequence[Room] = (LOCAL,), is_plan: bool = False) -> EngineResult:
        script = ROOMS.format(deploy=deploy, hosts=list(hosts), is_plan=is_plan)
        return _run(tmp_path, [sys.executable, "-c", script], tuple(name for name, _data in hosts))

    return run


def _run(tmp_path: Path, argv: list[str], hosts: tuple[str, ...], **environment: str) -> EngineResult:
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **environment}
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    result = EngineResult("engine", tuple(hosts), exit_code=done.returncode)
    for line in done.stdout.splitlines():
        result.feed(line)
    result.noise += done.stderr.splitlines()
    return result


def test_the_rooms_switch_is_disarmed_by_a_new_connection_only(
    rooms: Rooms, programs: SetProgram, tmp_path: Path
) -> None:
    """pyinfra ignores what a function returns: a proof that says False instead of raising disarmed the timer."""
    file = tmp_path / "settings"
    result = rooms(SWITCH.format(file=file))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert result.is_good, result
    after = calls[next(i for i, call in enumerate(calls) if call.startswith("ssh ")) :]
    assert any("stop rackproof-ssh-rollback.timer" in call for call in after)

    (tmp_path / "calls").unlink()
    file.unlink()
    programs("ssh", 255)
    result = rooms(SWITCH.format(file=file))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[-1].startswith("ssh "), "the timer was stopped without the proof"
    assert any(call.startswith("systemd-run ") for call in calls)
    assert not result.is_good and result.ending("@local") is Ending.FAILED
    assert choose_exit_code([result]) == ExitCode.ROLLED_BACK
    assert "a new connection is not let in" in explain_failures([result])[0].actual


def test_an_sshd_that_does_not_listen_anew_is_not_proved(rooms: Rooms, programs: SetProgram, tmp_path: Path) -> None:
    """Who lets the new connection in would be the sshd of the settings before."""
    (tmp_path / "bin" / "awk").write_text("#!/bin/sh\necho 1\n")
    result = rooms(SWITCH.format(file=tmp_path / "settings"))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert not result.is_good and not [call for call in calls if call.startswith("ssh ")]
    armed = next(i for i, call in enumerate(calls) if call.startswith("systemd-run "))
    assert not [call for call in calls[armed:] if "stop rackproof-ssh-rollback" in call]


def test_the_rooms_switch_is_not_pulled_where_the_timer_cannot_be_armed(
    rooms: Rooms, programs: SetProgram, tmp_path: Path
) -> None:
    programs("systemd-run", 1)
    result = rooms(SWITCH.format(file=tmp_path / "settings"))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert not result.is_good and not [call for call in calls if call.startswith("systemctl reload")]


def test_a_proof_that_comes_too_late_is_a_failure(rooms: Rooms, programs: SetProgram, tmp_path: Path) -> None:
    (tmp_path / "bin" / "systemctl").write_text('#!/bin/sh\n[ "$1" != is-active ]\n')
    result = rooms(SWITCH.format(file=tmp_path / "settings"))
    assert not result.is_good and "put back already" in explain_failures([result])[0].actual


def test_a_file_that_its_daemon_refuses_is_not_written(rooms: Rooms, tmp_path: Path) -> None:
    file = tmp_path / "sudoers"
    file.write_text("as before")
    result = rooms(f'checked_file(name="write", text="new", path="{file}", validate="! test -e %s")')
    assert file.read_text() == "as before" and not list(tmp_path.glob("*.rackproof-new"))
    assert not result.is_good and [event.task for event in result.of(TaskStatus.FAILED)] == ["write"]


@pytest.mark.parametrize("is_plan", [True, False])
def test_one_silent_room_stops_the_wave(rooms: Rooms, tmp_path: Path, is_plan: bool) -> None:
    file = tmp_path / "changed"
    result = rooms(f'checked_file(name="write", text="new", path="{file}")', [LOCAL, DEAF], is_plan=is_plan)
    assert not file.exists() and choose_exit_code([result]) == ExitCode.UNREACHABLE
    assert (result.ending("@local"), result.ending("deaf")) == (Ending.STOPPED, Ending.UNREACHABLE)


@pytest.mark.parametrize("is_plan", [True, False])
def test_what_an_operation_refuses_is_red_in_a_plan_too(
    rooms: Rooms, programs: SetProgram, tmp_path: Path, is_plan: bool
) -> None:
    (tmp_path / "bin" / "sshd").write_text("#!/bin/sh\necho passwordauthentication yes\n")
    (tmp_path / "bin" / "sshd").chmod(0o755)
    deploy = f"""written = checked_file(name="write", text="x", path="{tmp_path}/x")
    check_settings(name="Refuse settings that would let people in otherwise than they say", written=written,
                   arguments=["passwordauthentication=no", "::1", "ops"])"""
    (tmp_path / "x").write_text("x")
    programs("stat")
    (tmp_path / "bin" / "stat").write_text("#!/bin/sh\necho 644 root root\n")
    result = rooms(deploy, is_plan=is_plan)
    assert not result.is_good and "passwordauthentication yes" in explain_failures([result])[0].actual


PLAY = {
    "hosts": "all",
    "gather_facts": False,
    "any_errors_fatal": True,
    "pre_tasks": [{"name": "Brake", "ansible.builtin.import_tasks": str(PLAYBOOKS / "tasks" / "brake.yml")}],
}
INVENTORY = {
    "near": {"ansible_connection": "local"},
    "deaf": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"},
}


def ansible(tmp_path: Path, hosts: tuple[str, ...], tasks: list[Task], *arguments: str) -> EngineResult:
    """Run tasks behind the brake with Ansible and our callback; return what it reported."""
    variables = {"provision_brake_s": 2, "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"hosts": {name: INVENTORY[name] for name in hosts}, "vars": variables}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{**PLAY, "tasks": tasks}]))
    argv = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        str(tmp_path / "play.yml"),
        "--inventory",
        str(tmp_path / "hosts.yml"),
        *arguments,
    ]
    return _run(
        tmp_path,
        argv,
        hosts,
        ANSIBLE_CONFIG=str(REPOSITORY / "ansible.cfg"),
        ANSIBLE_HOME=str(tmp_path),
        ANSIBLE_STDOUT_CALLBACK="rackproof_events",
    )


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_one_silent_host_stops_the_wave_of_ansible(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tasks = [{"name": "touch", "ansible.builtin.command": {"argv": ["touch", str(tmp_path / "changed")]}}]
    result = ansible(tmp_path, ("near", "deaf"), tasks, *arguments)
    assert not (tmp_path / "changed").exists()
    assert {event.task for event in result.events} == {"Brake until every host of this wave answers"}
    assert choose_exit_code([result]) == ExitCode.UNREACHABLE
    assert result.ending("near") is Ending.STOPPED and result.ending("deaf") in (Ending.FAILED, Ending.UNREACHABLE)


def test_a_plan_shows_the_commands_that_an_apply_would_run(tmp_path: Path) -> None:
    tasks = [{"name": "touch", "ansible.builtin.command": {"argv": ["touch", str(tmp_path / "changed")]}}]
    result = ansible(tmp_path, ("near",), tasks, "--check")
    assert result.is_good and [event.task for event in result.of(TaskStatus.CHANGED)] == ["touch"]
    assert not (tmp_path / "changed").exists()


def test_a_failed_task_of_ansible_is_told_with_its_reason(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo first; echo told-reason >&2; exit 3"]
    result = ansible(tmp_path, ("near",), [{"name": "fails", "ansible.builtin.command": {"argv": argv}}])
    error = explain_failures([result])[0]
    assert (error.code, error.actual.splitlines()[-1]) == ("PRV020", "told-reason") and "fails" in error.message
