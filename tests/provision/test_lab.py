"""Provisioning in the lab: nothing left to change, nothing given away, drift mended, a silent host stops the wave."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest

from core import secrets
from core.workspace import REPOSITORY
from inventory.load import load_estate
from inventory.model import Engine
from lab.enter import argv_inside
from playbooks.engines import Mode, commands
from tests.provision.rolefiles import NAMES

pytestmark = pytest.mark.lab

HOSTS = {"dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"}
MANAGED_FILES = [
    ("dr-db1", "/etc/chrony/chrony.conf", "Restart chrony"),
    ("dr-db1", "/etc/ssh/sshd_config.d/10-rackproof.conf", "Reload sshd"),
    ("dr-db1", "/etc/snmp/snmpd.conf", "Restart snmpd"),
    ("dr-db1", "/etc/rsyslog.d/10-rackproof.conf", "Restart rsyslog"),
    ("hph-node1", "/etc/chrony/chrony.conf", "chrony"),
    ("hph-node1", "/etc/ssh/sshd_config.d/10-rackproof.conf", "sshd"),
    ("hph-node1", "/etc/snmp/snmpd.conf", "agent"),
    ("hph-node1", "/etc/rsyslog.d/10-rackproof.conf", "rsyslog"),
]


@pytest.fixture
def on(provisioned_lab):
    """Run a command on a host as root: ``on("dc-db1", "id")``; returns its output."""
    def run(host, command, stdin="", expected=0):
        ssh = ["ssh", "-F", str(provisioned_lab.workspace.ssh_config), host, f"sudo sh -c {shlex.quote(command)}"]
        done = subprocess.run(argv_inside(provisioned_lab, "ctl", ssh), input=stdin, capture_output=True, text=True,
                              timeout=120, check=False)
        assert expected is None or done.returncode == expected, done.stdout + done.stderr
        return done.stdout
    return run


def provision(rackproof, *arguments, expected=0):
    """Run ``provision … --json``; returns the result and the changes per host."""
    done = rackproof("provision", *arguments, "--json", expected=expected)
    result = json.loads(done.stdout)
    changes = {host: [] for engine in result["engines"] for host in engine["hosts"]}
    for engine in result["engines"]:
        for change in engine["changes"]:
            changes[change["host"]].append(change["task"])
    return result, changes, done


@pytest.mark.parametrize("arguments", [("apply",), ("apply", "--plain", "--engine", "ansible"), ("plan",)])
def test_a_second_run_changes_nothing_on_any_host(provisioned_lab, rackproof, arguments):
    result, changes, _done = provision(rackproof, *arguments)
    assert result["good"]
    assert {host: tasks for host, tasks in changes.items() if tasks} == {}
    assert set(changes) == (HOSTS if "--engine" not in arguments else HOSTS - {"hph-node1", "hph-kv01-node1"})


@pytest.mark.parametrize(("host", "file", "handler"), MANAGED_FILES)
def test_drift_is_mended_by_exactly_one_change(provisioned_lab, rackproof, on, host, file, handler):
    before = on(host, f"sha256sum < {file}")
    on(host, f"echo '# edited by hand' >> {file}")
    _result, changes, _done = provision(rackproof, "apply", "--limit", host)
    written = [task for task in changes[host] if handler.lower() not in task.lower() and "timer" not in task.lower()]
    assert len(written) <= 1 <= len(changes[host])
    assert on(host, f"sha256sum < {file}") == before
    _result, changes, _done = provision(rackproof, "plan", "--limit", host)
    assert changes == {host: []}


def test_a_kernel_key_set_by_hand_is_set_back(provisioned_lab, rackproof, on):
    for host in ("dr-db1", "hph-node1"):
        on(host, "sysctl -w net.ipv4.conf.all.accept_redirects=1")
        _result, changes, _done = provision(rackproof, "apply", "--limit", host)
        assert [task.split(" : ")[-1] for task in changes[host]] == ["Set the keys that hold something else"]
        assert on(host, "sysctl -n net.ipv4.conf.all.accept_redirects").strip() == "0"


def test_no_secret_is_ever_shown_or_left_behind(provisioned_lab, rackproof, on):
    """Every secret of the lab is random, so each is a mark of its own: it may stand in the files it is for, only."""
    ws = provisioned_lab.workspace
    marks = secrets.load(ws)
    on("hph-node1", "rm /etc/snmp/snmpd.conf")
    on("dr-db1", "rm /etc/snmp/snmpd.conf")
    shown = provision(rackproof, "plan")[2]
    applied = provision(rackproof, "apply")[2]
    loud = _as_loud_as_it_gets(provisioned_lab)
    texts = {"plan": shown.stdout + shown.stderr, "apply": applied.stdout + applied.stderr, "-vvv": loud}
    texts |= {str(file): file.read_text(errors="replace") for file in _files(ws.root) if file != ws.secrets_file}
    assert [(where, name) for where, text in texts.items() for name, mark in marks.items() if mark in text] == []
    for host in sorted(HOSTS):
        found = on(host, "grep -rlFf - /var/log /tmp /var/tmp /run/log /home /root 2>/dev/null; true",
                   stdin="\n".join(marks.values()))
        assert found == "", host


def test_standby_streams_over_ipv6(on, provisioned_lab):
    query = "select state || ' ' || family(client_addr) from pg_stat_replication where application_name = 'dr_db1'"
    assert on("dc-db1", _psql(query)).strip() == "streaming 6"
    assert on("dr-db1", _psql("select pg_is_in_recovery()")).strip() == "t"


def test_stanza_is_sound_and_archiving_works(on, provisioned_lab):
    on("dc-mgmt1", "runuser -u postgres -- pgbackrest --stanza=casework check")
    info = json.loads(on("dc-mgmt1", "runuser -u postgres -- pgbackrest --stanza=casework --output=json info"))
    assert info[0]["status"]["code"] == 0
    assert info[0]["cipher"] == "aes-256-cbc"
    assert info[0]["backup"][-1]["error"] is False
    assert on("dc-db1", _psql("select failed_count from pg_stat_archiver")).strip() == "0"


@pytest.mark.parametrize(("host", "engine", "wave"), [
    ("dr-db1", "ansible", {"dc-db1", "dc-mgmt1", "dr-db1"}), ("hph-node1", "pyinfra", {"hph-node1", "hph-kv01-node1"}),
])
def test_a_silent_host_stops_its_wave_before_anything_is_changed(provisioned_lab, rackproof, on, host, engine, wave):
    bystander = sorted(wave - {host})[0]
    on(bystander, "echo edited >> /etc/motd")
    route = ["ip", "-6", "route", "{}", "blackhole", _controller_address(provisioned_lab), "metric", "1"]
    try:
        _netns(provisioned_lab, host, [part.format("add") for part in route])
        result, changes, _done = provision(rackproof, "apply", "--engine", engine, expected=4)
    finally:
        _netns(provisioned_lab, host, [part.format("del") for part in route])
    assert not result["good"]
    assert {task for tasks in changes.values() for task in tasks} == set()
    assert "edited" in on(bystander, "tail -1 /etc/motd")
    _result, changes, _done = provision(rackproof, "apply", "--engine", engine)
    assert [len(tasks) for tasks in changes.values() if tasks] == [1]


def test_every_role_was_applied_to_some_host(provisioned_lab, rackproof):
    result, _changes, _done = provision(rackproof, "plan", "--engine", "ansible")
    assert result["good"] and sum(result["engines"][0]["hosts"]["dc-mgmt1"].values()) > len(NAMES)


def _psql(query):
    return f"runuser -u postgres -- psql --no-psqlrc -tAc {shlex.quote(query)}"


def _files(folder):
    return [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]


def _netns(lab, node, argv):
    subprocess.run(argv_inside(lab, node, argv), check=True, timeout=20, capture_output=True)


def _controller_address(lab):
    return str(load_estate(lab.workspace.estate_dir).address("dc-ctl1").ipv6.ip)


def _as_loud_as_it_gets(lab):
    ws = lab.workspace
    command = commands(load_estate(ws.estate_dir), ws, Mode.PLAN, [Engine.ANSIBLE], ["dc-mgmt1"], plain=True)[0]
    environment = {**os.environ, **command.environment, "ANSIBLE_STDOUT_CALLBACK": "default"}
    argv = argv_inside(lab, "ctl", [*command.argv, "-vvvv"])
    done = subprocess.run(argv, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)  # noqa: PLW1510
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
