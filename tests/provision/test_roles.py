"""Every role keeps the rules: documented variables, honest probes, silent secrets, a brake on every play."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.provision.rolefiles import (
    NAMES,
    PLAYBOOKS,
    REPOSITORY,
    ROLES,
    Task,
    load,
    mentions,
    options,
    secret_options,
    tasks,
)

COMMANDS = ("ansible.builtin.command", "ansible.builtin.shell", "ansible.builtin.raw")


@pytest.mark.parametrize("role", NAMES)
def test_every_variable_is_documented_in_both_languages(role: str) -> None:
    defaults = load(ROLES / role / "defaults" / "main.yml")
    documented = options(role)
    assert {name for name, spec in documented.items() if not spec.get("required")} == set(defaults)
    for name, spec in documented.items():
        assert name.startswith(f"{role}_"), name
        assert spec["type"], name
        assert len(spec["description"]) >= 2, name
        assert spec["description"][-1].startswith("vi: "), name
        if not spec.get("required"):
            assert spec["default"] == defaults[name], name


@pytest.mark.parametrize("role", NAMES)
def test_names_that_a_role_registers_or_defines_carry_its_name(role: str) -> None:
    for _file, task in tasks(role):
        assert task.get("register", role).startswith(role), task["name"]
    if (ROLES / role / "vars").is_dir():
        assert all(name.startswith(f"{role}_") for name in load(ROLES / role / "vars" / "main.yml"))


@pytest.mark.parametrize("role", NAMES)
def test_tasks_keep_the_rules(role: str) -> None:
    secrets = secret_options()
    for file, task in tasks(role):
        where = f"{file.relative_to(ROLES)}: {task['name']}"
        assert "ignore_errors" not in task, where
        if "register" in task and any(module in task for module in COMMANDS):
            asks_in_a_plan = "'ask' if ansible_check_mode" in str(task)
            only_asks = task.get("changed_when") is False or asks_in_a_plan
            assert task.get("check_mode") is False and only_asks, f"{where}: a probe only asks"
        if secrets & mentions(role, task):
            assert task.get("no_log") is True, f"{where}: uses a secret"
            if "register" not in task:
                assert task.get("diff") is False, f"{where}: its difference would show a secret"
        template = task.get("ansible.builtin.template", {})
        if "validate" in template:
            assert "%s" in template["validate"], where


def test_a_secret_in_a_template_would_be_noticed() -> None:
    task = {"ansible.builtin.template": {"src": "snmpd.conf.j2"}}
    assert "snmp_agent_auth_password" in mentions("snmp_agent", task) & secret_options()


def test_every_name_of_the_mapping_is_a_role_s_option_or_used() -> None:
    """A misspelt optional variable would leave its default in force, and nobody would be told."""
    used = "".join(file.read_text(encoding="utf-8") for file in PLAYBOOKS.rglob("*.yml"))
    known = {name for role in NAMES for name in options(role)}
    names = {name for name in load(PLAYBOOKS / "group_vars" / "all.yml") if not name.startswith("ansible_")}
    assert {name for name in names - known if len(re.findall(rf"\b{name}\b", used)) < 2} == set()


def test_every_secret_of_the_mapping_is_an_option_with_no_log() -> None:
    mapping = load(PLAYBOOKS / "group_vars" / "all.yml")
    named_like_one = {name for name in mapping if name.endswith(("_password", "_pass", "_secret"))}
    assert named_like_one == secret_options()


@pytest.mark.parametrize("play", load(PLAYBOOKS / "site.yml"), ids=lambda play: play["name"])
def test_every_play_has_the_brake(play: dict[str, Any]) -> None:
    assert play["any_errors_fatal"] is True
    assert play["force_handlers"] is True
    assert play["pre_tasks"][0]["ansible.builtin.import_tasks"] == "tasks/brake.yml"


def test_the_brake_holds_in_a_plan_too() -> None:
    """Ansible leaves wait_for_connection out of a plan unless it is told otherwise."""
    assert [task["check_mode"] for task in load(PLAYBOOKS / "tasks" / "brake.yml")] == [False]


@pytest.mark.parametrize("role", NAMES)
def test_no_role_has_a_handler(role: str) -> None:
    """A handler is lost by Ctrl-C; what a service reads is declared instead, and compared in every run."""
    assert not (ROLES / role / "handlers").exists()
    assert not any("notify" in task for _file, task in tasks(role))


@pytest.mark.parametrize("role", NAMES)
def test_every_service_reads_what_its_role_writes(role: str) -> None:
    """Each file that a role gives to one of its daemons is declared with the service, or a change would be lost."""
    texts = [file.read_text(encoding="utf-8") for file in (ROLES / role / "vars").glob("*.yml")]
    declared = {name: value for text in texts for name, value in yaml.safe_load(text).items()}
    services = {name: value for name, value in declared.items() if name.endswith(("_services", "_timers", "_rereads"))}
    written = {_written_to(task) for _file, task in tasks(role)} & DAEMONS_READ.get(role, set())
    assert written == DAEMONS_READ.get(role, set()), "a role writes what this test does not know"
    for path in written:
        folder = str(Path(path).parent)
        assert path in str(services) or folder in str(services) or "/etc/systemd/system" in path, path


# role → what its daemons read
DAEMONS_READ = {
    "ssh_hardening": {"/etc/ssh/sshd_config.d/10-rackproof.conf"},
    "time_sync": {"/etc/chrony/chrony.conf", "/etc/systemd/system/chrony.service.d/rackproof.conf"},
    "log_forwarding": {"/etc/rsyslog.d/10-rackproof.conf"},
    "snmp_agent": {"/etc/snmp/snmpd.conf", "/etc/systemd/system/snmpd.service.d/rackproof.conf"},
    "node_metrics": {"/etc/default/prometheus-node-exporter"},
    "prometheus": {"/etc/default/prometheus", "/etc/prometheus/prometheus.yml"},
    "pgbackrest_repository": {"/etc/systemd/system/pgbackrest-backup@.service"},
    "postgresql_primary": {
        "{{ postgresql_primary_etc }}/conf.d/rackproof.conf",
        "{{ postgresql_primary_etc }}/pg_hba.conf",
    },
    "postgresql_standby": {
        "{{ postgresql_standby_etc }}/conf.d/rackproof.conf",
        "{{ postgresql_standby_etc }}/pg_hba.conf",
        "{{ postgresql_standby_passfile }}",
    },
}


def _written_to(task: Task) -> str:
    return str(task.get("ansible.builtin.template", {}).get("dest", ""))


def test_there_is_no_list_of_ignored_findings() -> None:
    assert not list(REPOSITORY.glob(".ansible-lint-ignore")) and not (REPOSITORY / ".config").exists()
    settings = load(REPOSITORY / ".ansible-lint")
    assert settings["profile"] == "production"
    assert not {"skip_list", "warn_list"} & set(settings)


def test_yamllint() -> None:
    _clean("yamllint", "--strict", "roles", "playbooks", ".ansible-lint", ".yamllint")


@pytest.mark.lab  # needs no lab, but takes longer than the fast set may
def test_ansible_lint_production() -> None:
    _clean("ansible-lint", "--profile", "production", "--offline", "--nocolor", "playbooks/site.yml", "roles")


def _clean(tool: str, *arguments: str) -> None:
    argv = [str(Path(sys.executable).with_name(tool)), *arguments]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
