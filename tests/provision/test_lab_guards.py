"""Every switch, brake and guard of provisioning has to trip, in both engines; what a run left undone is finished."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ExitCode
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.enums import ProvisioningEngine
from lab.enter import argv_inside
from lab.instance import Instance
from playbooks.engines import Mode, commands
from playbooks.events import Ending, EngineResult, TaskStatus
from playbooks.failures import choose_exit_code, explain_failures
from tests.conftest import Rackproof
from tests.support import leave_long, require, wait_until

OnHost = Callable[..., str]

pytestmark = pytest.mark.lab

HOST = {ProvisioningEngine.ANSIBLE: "dr-db1", ProvisioningEngine.PYINFRA: "hph-node1"}
DROP_IN = "/etc/ssh/sshd_config.d/10-rackproof.conf"
# pyinfra's runner with some variables of the roles replaced, as --extra-vars does for Ansible
ROOMS_WITH = """
import json, sys
from playbooks import rooms, rooms_run
replaced, load = json.loads(sys.argv.pop()), rooms.secrets.load
rooms.secrets.load = lambda workspace: {**load(workspace), **replaced}
sys.exit(rooms_run.main())
"""
# unit → a file that it reads only when it starts (or is reloaded); together every service of every role
READ_AT_START = {
    "dc-db1": {
        "chrony.service": "/etc/chrony/chrony.conf",
        "rsyslog.service": "/etc/rsyslog.d/10-rackproof.conf",
        "snmpd.service": "/etc/snmp/snmpd.conf",
        "prometheus-node-exporter.service": "/etc/default/prometheus-node-exporter",
        "postgresql@15-main.service": "/etc/postgresql/15/main/conf.d/rackproof.conf",
        "rackproof-canary.timer": "/etc/systemd/system/rackproof-canary.service",
    },
    "dc-mgmt1": {
        "prometheus.service": "/etc/prometheus/prometheus.yml",
        "pgbackrest-backup-full.timer": "/etc/systemd/system/pgbackrest-backup@.service",
    },
    "dr-db1": {"postgresql@15-main.service": "/etc/postgresql/15/main/pg_hba.conf"},
    "hph-node1": {
        "chrony.service": "/etc/chrony/chrony.conf",
        "rsyslog.service": "/etc/rsyslog.d/10-rackproof.conf",
        "snmpd.service": "/etc/snmp/snmpd.conf",
        "prometheus-node-exporter.service": "/etc/default/prometheus-node-exporter",
    },
}


@pytest.fixture
def on(provisioned_lab: Instance) -> OnHost:
    """Run a command on a host as root, whatever its SSH does: ``on("dc-db1", "id")`` returns its output."""

    def run(host: str, command: str, expected: int | None = 0) -> str:
        ssh = ["ssh", "-F", str(provisioned_lab.workspace.ssh_config), host, f"sudo sh -c {shlex.quote(command)}"]
        done = subprocess.run(
            argv_inside(provisioned_lab, "ctl", ssh), capture_output=True, text=True, timeout=120, check=False
        )
        assert expected is None or done.returncode == expected, done.stderr or done.stdout
        return done.stdout

    return run


def run_with(lab: Instance, engine: ProvisioningEngine, replaced: object, mode: Mode = Mode.APPLY) -> EngineResult:
    """Run one engine on its host with variables of the roles replaced; return what it reported."""
    ws = lab.workspace
    command = commands(load_estate(ws.estate_dir), ws, mode, [engine], [HOST[engine]])[0]
    argv = [*command.argv, "--extra-vars", json.dumps(replaced)]
    if engine is ProvisioningEngine.PYINFRA:
        argv = [sys.executable, "-c", ROOMS_WITH, *command.argv[3:], json.dumps(replaced)]
    done = subprocess.run(
        argv_inside(lab, "ctl", argv),
        env={**os.environ, **command.environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    result = EngineResult(engine.value, command.hosts, exit_code=done.returncode)
    for line in done.stdout.splitlines():
        result.feed(line)
    result.noise += done.stderr.splitlines()
    return result


def provision(
    rackproof: Rackproof, verb: str, *hosts: str, expected: int | ExitCode = 0
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Run ``provision VERB --json`` on these hosts; return the whole envelope and the changed tasks of each host."""
    limits = [part for host in hosts for part in ("--limit", host)]
    envelope = json.loads(rackproof("provision", verb, "--json", *limits, expected=expected).stdout)
    changes: dict[str, list[str]] = {host: [] for host in hosts}
    for engine in envelope["data"]["engines"]:
        for change in engine["changes"]:
            changes[change["host"]].append(f"{change['task']}\n{change['detail']}")
    return envelope, changes


@pytest.mark.parametrize("engine", list(ProvisioningEngine))
def test_the_dead_mans_switch_of_sshd_trips(provisioned_lab: Instance, on: OnHost, engine: ProvisioningEngine) -> None:
    """Settings that lock the operator out: the run fails, the timer stays armed, and the host goes back by itself."""
    host = HOST[engine]
    before = on(host, f"sha256sum < {DROP_IN}")
    replaced = {"ssh_hardening_allow_users": ["auditor"], "ssh_hardening_rollback_s": 15}
    result = run_with(provisioned_lab, engine, replaced)
    assert not result.is_good and result.ending(host) is Ending.FAILED
    assert choose_exit_code([result]) == ExitCode.ROLLED_BACK, explain_failures([result])
    wait_until(lambda: on(host, f"sha256sum < {DROP_IN}", expected=None) == before, 40)
    _close_shared_connections(provisioned_lab)
    wait_until(lambda: on(host, "id -un", expected=None).strip() == "root", 40)


@pytest.mark.parametrize("mode", leave_long(Mode, [Mode.APPLY]))
@pytest.mark.parametrize("engine", list(ProvisioningEngine))
def test_a_match_block_that_opens_sshd_is_refused(
    provisioned_lab: Instance, on: OnHost, engine: ProvisioningEngine, mode: Mode
) -> None:
    host = HOST[engine]
    on(
        host,
        "cp -p /etc/ssh/sshd_config /root/sshd_config.kept; "
        "printf 'Match User auditor\\n  PasswordAuthentication yes\\n' >> /etc/ssh/sshd_config",
    )
    try:
        result = run_with(provisioned_lab, engine, {}, mode)
    finally:
        on(host, "mv /root/sshd_config.kept /etc/ssh/sshd_config; systemctl reload ssh")
    assert not result.is_good
    assert "passwordauthentication yes" in str(explain_failures([result])[0])


BAD_SETTINGS = {
    "sshd": ({"ssh_hardening_kex": ["nonsense"]}, DROP_IN),
    "chronyd": ({"time_sync_sources": ["::1 nonsense"]}, "/etc/chrony/chrony.conf"),
    "rsyslogd": ({"log_forwarding_queue_max_disk": 'x"\n)('}, "/etc/rsyslog.d/10-rackproof.conf"),
}


@pytest.mark.parametrize("daemon", leave_long(BAD_SETTINGS, ["sshd"]))
@pytest.mark.parametrize("engine", list(ProvisioningEngine))
def test_a_daemon_refuses_settings_that_it_cannot_read(
    provisioned_lab: Instance, on: OnHost, engine: ProvisioningEngine, daemon: str
) -> None:
    replaced, file = BAD_SETTINGS[daemon]
    host = HOST[engine]
    before = on(host, f"sha256sum < {file}")
    result = run_with(provisioned_lab, engine, replaced)
    assert not result.is_good and choose_exit_code([result]) == ExitCode.NOT_GREEN
    assert on(host, f"sha256sum < {file}") == before


@pytest.mark.parametrize("engine", list(ProvisioningEngine))
def test_what_visudo_refuses_is_not_written(provisioned_lab: Instance, on: OnHost, engine: ProvisioningEngine) -> None:
    host, file = HOST[engine], "/etc/sudoers.d/50-rackproof"
    on(
        host,
        f"echo '# by hand' >> {file}; mv /usr/sbin/visudo /usr/sbin/visudo.kept; "
        "printf '#!/bin/sh\\nexit 1\\n' > /usr/sbin/visudo; chmod 755 /usr/sbin/visudo",
    )
    try:
        result = run_with(provisioned_lab, engine, {})
        assert on(host, f"tail -1 {file}").strip() == "# by hand"
    finally:
        on(host, "mv /usr/sbin/visudo.kept /usr/sbin/visudo")
    assert not result.is_good and result.of(TaskStatus.FAILED)
    assert run_with(provisioned_lab, engine, {}).is_good


@pytest.mark.long
def test_what_a_run_left_undone_is_finished_by_the_next(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    """A file was written and its service never started again, as after Ctrl-C: seen for every service of every role."""
    hosts = tuple(READ_AT_START)
    for host, units in READ_AT_START.items():
        on(
            host,
            f"chmod --reference={' '.join([next(iter(units.values()))] * 2)}; "
            + "; ".join(f"cp -p {file} /root/kept && cp -p /root/kept {file}" for file in units.values()),
        )
    _envelope, planned = provision(rackproof, "plan", *hosts)
    _envelope, changed = provision(rackproof, "apply", *hosts)
    for host, units in READ_AT_START.items():
        for unit in units:
            assert [task for task in planned[host] if f" {unit}: " in task], (host, unit, planned[host])
            assert [task for task in changed[host] if f" {unit}: " in task], (host, unit, changed[host])
    _envelope, changed = provision(rackproof, "apply", *hosts)
    assert changed == {host: [] for host in hosts}


def test_what_overrides_the_settings_of_the_database_is_taken_back_or_refused(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    """ALTER SYSTEM wins over every file; a file that is read later wins over ours: both unseen in what we wrote."""
    psql = "runuser -u postgres -- psql --no-psqlrc -tAc"
    on("dc-db1", f"{psql} \"ALTER SYSTEM SET archive_command = '/bin/true'\"; {psql} 'SELECT pg_reload_conf()'")
    _envelope, planned = provision(rackproof, "plan", "dc-db1")
    assert [task for task in planned["dc-db1"] if "ALTER SYSTEM" in task]
    provision(rackproof, "apply", "dc-db1")
    assert "archive-push" in on("dc-db1", f"{psql} 'SHOW archive_command'")
    later = "/etc/postgresql/15/main/conf.d/zz.conf"
    on("dc-db1", f"echo \"hba_file = '/etc/postgresql/15/main/pg_hba.conf'\" > {later}")
    try:
        envelope, _changes = provision(rackproof, "plan", "dc-db1", expected=1)
    finally:
        on("dc-db1", f"rm {later}")
    assert f"hba_file is set by {later}:1" in envelope["errors"][0]["actual"]
    provision(rackproof, "apply", "dc-db1")


def test_a_service_that_is_stopped_or_disabled_is_shown_and_mended(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost
) -> None:
    stopped = {
        "dc-mgmt1": ["prometheus.service", *(f"pgbackrest-backup-{kind}.timer" for kind in ("full", "diff", "incr"))],
        "hph-node1": ["prometheus-node-exporter.service", "chrony.service"],
    }
    for host, units in stopped.items():
        on(host, f"systemctl disable --now {' '.join(units)}")
    on("hph-node1", "systemctl mask chrony.service")
    _envelope, planned = provision(rackproof, "plan", *stopped)
    provision(rackproof, "apply", *stopped)
    for host, units in stopped.items():
        for unit in units:
            assert [task for task in planned[host] if f" {unit}: " in task], (host, unit, planned[host])
            assert on(host, f"systemctl is-active {unit}; systemctl is-enabled {unit}").split() == ["active", "enabled"]


FAILS_SOON = (
    "[Service]\\nType=simple\\nRestart=no\\nExecStart=\\nExecStart=/bin/sh -c 'sleep 1; echo told-reason >&2; exit 3'"
)
SLEEPS = "[Service]\\nExecStart=\\nExecStart=/bin/sleep infinity"


@pytest.mark.parametrize(
    ("drop_in", "reason"),
    [
        pytest.param(FAILS_SOON, "told-reason", id="fails after a second"),
        pytest.param(SLEEPS, "/bin/sleep infinity", id="sleeps", marks=pytest.mark.long),
    ],
)
def test_a_service_that_does_not_do_its_work_is_red_with_its_reason(
    provisioned_lab: Instance, rackproof: Rackproof, on: OnHost, drop_in: str, reason: str
) -> None:
    where = {"dc-mgmt1": "prometheus", "hph-node1": "prometheus-node-exporter"}
    for host, unit in where.items():
        on(
            host,
            f"mkdir -p /etc/systemd/system/{unit}.service.d; cd /etc/systemd/system/{unit}.service.d; "
            f'printf "{drop_in}\\n" > zz.conf; systemctl daemon-reload; systemctl restart {unit}',
        )
    try:
        envelope, _changes = provision(rackproof, "apply", *where, expected=1)
    finally:
        for host, unit in where.items():
            on(host, f"rm -r /etc/systemd/system/{unit}.service.d; systemctl daemon-reload")
    by_host = {error["message"].split(":")[0]: error for error in envelope["errors"]}
    assert set(by_host) == set(where)
    for error in by_host.values():
        assert error["kind"] == "not_green" and reason in error["actual"]
    provision(rackproof, "apply", *where)


@pytest.mark.parametrize("verb", leave_long(["plan", "apply"], ["apply"]))
@pytest.mark.parametrize(
    ("broken", "kind", "exit_code"),
    [
        ("known_hosts", "host_key_changed", ExitCode.NOT_LET_IN),
        ("key", "login_refused", ExitCode.NOT_LET_IN),
    ],
)
def test_a_refused_log_in_is_no_changed_host_key(
    provisioned_lab: Instance, rackproof: Rackproof, broken: str, kind: str, exit_code: ExitCode, verb: str
) -> None:
    ws = provisioned_lab.workspace
    file = ws.known_hosts if broken == "known_hosts" else ws.root / "keys" / "ops_ed25519"
    # With a key comes its public half: ssh offers what that says.
    kept = {path: path.read_bytes() for path in (file, file.with_name(f"{file.name}.pub")) if path.exists()}
    _close_shared_connections(provisioned_lab)
    try:
        if broken == "known_hosts":
            file.write_bytes(_with_keys_of_others(kept[file].decode()).encode())
        else:
            file.unlink()
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)],
                check=True,
                timeout=20,
                input="y\n",
                text=True,
            )
        envelope, changes = provision(rackproof, verb, *HOST.values(), expected=exit_code)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert {error["kind"] for error in envelope["errors"]} == {kind} and len(envelope["errors"]) == 2
    assert changes == {host: [] for host in HOST.values()}


def test_ctrl_c_in_the_middle_leaves_no_process_and_a_journal_that_says_so(provisioned_lab: Instance) -> None:
    ws = provisioned_lab.workspace
    process = subprocess.Popen(
        [str(REPOSITORY / "rackproof"), "provision", "apply", "--limit", "dr-db1", "--limit", "hph-node1"],
        env={**os.environ, "RACKPROOF_LAB": provisioned_lab.name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for line in require(process.stderr):
            if "Name every host" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        require(process.stderr).read()
        assert process.wait(60) == ExitCode.INTERRUPTED
    finally:
        process.kill()
    last = json.loads(ws.journal.read_text(encoding="utf-8").splitlines()[-1])
    assert last["event"] == "provision.interrupted" and last["why"] == "KeyboardInterrupt"
    assert {host for result in last["results"] for host in result["hosts"]} == {"dr-db1", "hph-node1"}
    found = subprocess.run(
        ["pgrep", "-f", f"{ws.secrets_file}|playbooks.rooms_run"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    ).stdout
    assert [number for number in found.split() if _is_of(provisioned_lab, number)] == []


def _is_of(lab: Instance, number: str) -> bool:
    """Tell whether a process works for this lab; the other process of the suite may provision its own meanwhile."""
    try:
        settings = Path("/proc", number, "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"RACKPROOF_LAB={lab.name}".encode() in settings


def _close_shared_connections(lab: Instance) -> None:
    """End the SSH connections of this lab that are kept open, and of no other: the next one has to log in anew."""
    kept = rf"^ssh: {re.escape(str(lab.socket_dir))}/.* \[mux\]"
    found = subprocess.run(["pgrep", "-f", kept], capture_output=True, text=True, check=False, timeout=20).stdout
    for number in found.split():
        os.kill(int(number), signal.SIGTERM)


def _with_keys_of_others(known_hosts: str) -> str:
    """Return known_hosts with the key of each host replaced by that of another one."""
    lines = [line.split(maxsplit=2) for line in known_hosts.splitlines()]
    changed = []
    for names, kind, key in lines:
        others = [other for _names, other_kind, other in lines if other_kind == kind and other != key]
        changed.append(f"{names} {kind} {others[0]}")
    return "\n".join(changed) + "\n"


@pytest.mark.parametrize("alias", ["dc-db1", "dc-mgmt1", "dr-db1", "hph-node1", "hph-kv01-node1"])
@pytest.mark.parametrize("family", ["", "-v4"], ids=["IPv6", "IPv4"])
def test_after_all_of_it_operators_are_let_in_by_new_connections(
    provisioned_lab: Instance, alias: str, family: str
) -> None:
    options = ["-F", str(provisioned_lab.workspace.ssh_config), "-o", "ControlPath=none"]
    ssh = ["ssh", *options, f"{alias}{family}", "sudo -n id -un"]
    done = subprocess.run(
        argv_inside(provisioned_lab, "ctl", ssh), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "root\n"), done.stderr
