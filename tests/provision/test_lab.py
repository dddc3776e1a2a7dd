"""Provisioning in the lab: nothing left to change, nothing given away, drift mended, a silent host stops the wave."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import secrets
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.enums import ProvisioningEngine
from lab.enter import argv_inside
from lab.instance import Instance
from playbooks.engines import Mode, commands
from tests.conftest import Rackproof
from tests.support import require

OnHost = Callable[..., str]

pytestmark = pytest.mark.lab

HOSTS = {"dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"}
# file edited by hand → what writes it, what makes its daemon read it (Ansible and pyinfra name these alike enough)
DRIFT = {
    "/etc/chrony/chrony.conf": ("configuration of chrony", "chrony"),
    "/etc/ssh/sshd_config.d/10-rackproof.conf": ("hardened settings", "sshd"),
    "/etc/snmp/snmpd.conf": ("configuration of the SNMP agent", "snmpd"),
    "/etc/rsyslog.d/10-rackproof.conf": ("forwarding rules", "rsyslog"),
    "/etc/motd": ("where they are", ""),
}
KEY = "net.ipv4.conf.all.accept_redirects"
SAID: list[str] = []  # everything that any run of this module printed


@pytest.fixture
def on(provisioned_lab: Instance) -> OnHost:
    """Run a command on a host as root: ``on("dc-db1", "id")``; returns its output."""

    def run(host: str, command: str, stdin: str = "", expected: int | None = 0) -> str:
        ssh = ["ssh", "-F", str(provisioned_lab.workspace.ssh_config), host, f"sudo sh -c {shlex.quote(command)}"]
        done = subprocess.run(
            argv_inside(provisioned_lab, "ctl", ssh),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert expected is None or done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    return run


def provision(rackproof: Rackproof, *arguments: str, expected: int = 0) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Run ``provision … --json``; returns the result and the names of the tasks that changed something, per host."""
    done = rackproof("provision", *arguments, "--json", expected=expected)
    SAID.extend([done.stdout, done.stderr])
    result = json.loads(done.stdout)["data"]  # a run that failed has errors beside its result
    changes: dict[str, list[str]] = {host: [] for engine in result["engines"] for host in engine["hosts"]}
    for engine in result["engines"]:
        for change in engine["changes"]:
            changes[change["host"]].append(change["task"])
    return result, changes


def test_a_second_run_changes_nothing_on_any_host(provisioned_lab: Instance, rackproof: Rackproof) -> None:
    result, changes = provision(rackproof, "apply")
    assert result["good"]
    assert changes == {host: [] for host in HOSTS}


def test_drift_is_mended_by_exactly_one_change_each(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    hosts = ("dr-db1", "hph-node1")
    limit = [part for host in hosts for part in ("--limit", host)]
    before = {(host, file): on(host, f"sha256sum < {file}") for host in hosts for file in DRIFT}
    for host, file in before:
        on(host, f"echo '# edited by hand' >> {file}")
        on(host, f"sysctl -w {KEY}=1")
    _result, changes = provision(rackproof, "apply", *limit)
    assert {(host, file): on(host, f"sha256sum < {file}") for host, file in before} == before
    for host in hosts:
        left = list(changes[host])
        for written, _daemon in DRIFT.values():
            assert len([task for task in left if written in task]) == 1, (host, written, changes[host])
            left = [task for task in left if written not in task]
        assert len([task for task in left if "hold something else" in task]) == 1
        assert on(host, f"sysctl -n {KEY}").strip() == "0"
        daemons = "|".join(daemon for _written, daemon in DRIFT.values() if daemon) + "|timer|hold something else"
        assert [task for task in left if not re.search(daemons, task)] == []
    _result, changes = provision(rackproof, "plan", *limit)
    assert changes == {host: [] for host in hosts}


def test_a_failure_further_on_does_not_lose_a_restart(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    started = "systemctl show --property=ExecMainStartTimestampMonotonic --value chrony"
    before = int(on("dr-db1", started))
    on("dr-db1", "echo '# edited by hand' >> /etc/chrony/chrony.conf")
    folder = "/etc/systemd/system/snmpd.service.d"
    on("dr-db1", f"rm -r {folder}; echo 'in the way' > {folder}")
    try:
        result, changes = provision(rackproof, "apply", "--limit", "dr-db1", expected=1)
    finally:
        on("dr-db1", f"rm {folder}")
    assert not result["good"] and result["engines"][0]["failures"]
    assert any("configuration of chrony" in task for task in changes["dr-db1"])
    assert int(on("dr-db1", started)) > before
    provision(rackproof, "apply", "--limit", "dr-db1")


def test_standby_streams_over_ipv6(on: OnHost, provisioned_lab: Instance) -> None:
    query = "select state || ' ' || family(client_addr) from pg_stat_replication where application_name = 'dr_db1'"
    assert on("dc-db1", _psql(query)).strip() == "streaming 6"
    assert on("dr-db1", _psql("select pg_is_in_recovery()")).strip() == "t"


def test_stanza_is_sound_and_archiving_works(on: OnHost, provisioned_lab: Instance) -> None:
    on("dc-mgmt1", "runuser -u postgres -- pgbackrest --stanza=casework check")
    info = json.loads(on("dc-mgmt1", "runuser -u postgres -- pgbackrest --stanza=casework --output=json info"))
    assert info[0]["status"]["code"] == 0
    assert info[0]["cipher"] == "aes-256-cbc"
    assert info[0]["backup"][-1]["error"] is False


def test_a_silent_host_stops_its_wave_before_anything_is_changed(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    silent, bystanders = ("dr-db1", "hph-node1"), ("dc-db1", "hph-kv01-node1")
    for host in bystanders:
        on(host, "echo edited >> /etc/motd")
    try:
        for host in silent:
            _no_way_back(provisioned_lab, host, "add")
        result, changes = provision(rackproof, "apply", expected=4)
    finally:
        for host in silent:
            _no_way_back(provisioned_lab, host, "del")
    assert not result["good"]
    assert changes == {host: [] for host in HOSTS}
    for host in bystanders:
        assert on(host, "tail -1 /etc/motd").strip() == "edited"
    _result, changes = provision(rackproof, "apply")
    assert {host: len(tasks) for host, tasks in changes.items() if tasks} == dict.fromkeys(bystanders, 1)


@pytest.mark.long
def test_no_secret_is_ever_shown_or_left_behind(provisioned_lab: Instance, rackproof: Rackproof, on: OnHost) -> None:
    """Every secret of the lab is random, so each is a mark of its own: it may stand in the files it is for, only."""
    ws = provisioned_lab.workspace
    marks = secrets.load(ws)
    on("dc-mgmt1", "rm /etc/snmp/snmpd.conf")
    on("hph-node1", "rm /etc/snmp/snmpd.conf")
    SAID.extend(_as_loud_as_it_gets(provisioned_lab))
    provision(rackproof, "plan", "--limit", "dc-mgmt1", "--limit", "hph-node1")
    provision(rackproof, "apply", "--limit", "dc-mgmt1", "--limit", "hph-node1")
    texts = {f"text {number}": text for number, text in enumerate(SAID)}
    texts |= {str(file): file.read_text(errors="replace") for file in _files(ws.root) if file != ws.secrets_file}
    assert [(where, name) for where, text in texts.items() for name, mark in marks.items() if mark in text] == []
    for host in sorted(HOSTS):
        found = on(
            host,
            "grep -rlFf - /var/log /tmp /var/tmp /run/log /home /root 2>/dev/null; true",
            stdin="\n".join(marks.values()),
        )
        assert found == "", host


def _psql(query: str) -> str:
    return f"runuser -u postgres -- psql --no-psqlrc -tAc {shlex.quote(query)}"


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]


def _no_way_back(lab: Instance, node: str, verb: str) -> None:
    """Let a host drop (or not drop) whatever it would answer to the controller."""
    address = str(require(load_estate(lab.workspace.estate_dir).address("dc-ctl1").ipv6).ip)
    argv = ["ip", "-6", "route", verb, "blackhole", address, "metric", "1"]
    subprocess.run(argv_inside(lab, node, argv), check=True, timeout=20, capture_output=True)


def _as_loud_as_it_gets(lab: Instance) -> tuple[str, str]:
    """Return what Ansible itself prints with its own strategy, its own output and all verbosity; changes nothing."""
    ws = lab.workspace
    command = commands(
        load_estate(ws.estate_dir), ws, Mode.PLAN, [ProvisioningEngine.ANSIBLE], ["dc-mgmt1"], plain=True
    )[0]
    environment = {**os.environ, **command.environment, "ANSIBLE_STDOUT_CALLBACK": "default"}
    argv = argv_inside(lab, "ctl", [*command.argv, "-vvvv"])
    done = subprocess.run(argv, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)  # noqa: PLW1510
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout, done.stderr
