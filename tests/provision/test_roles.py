"""Every role keeps the rules: documented variables, honest probes, silent secrets, a brake on every play."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.provision.rolefiles import (
    NAMES,
    PLAYBOOKS,
    REPOSITORY,
    ROLES,
    load,
    mentions,
    options,
    secret_options,
    tasks,
)

COMMANDS = ("ansible.builtin.command", "ansible.builtin.shell", "ansible.builtin.raw")


@pytest.mark.parametrize("role", NAMES)
def test_every_variable_is_documented_in_both_languages(role):
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
def test_names_that_a_role_registers_or_defines_carry_its_name(role):
    for _file, task in tasks(role):
        assert task.get("register", role).startswith(role), task["name"]
    if (ROLES / role / "vars").is_dir():
        assert all(name.startswith(f"{role}_") for name in load(ROLES / role / "vars" / "main.yml"))


@pytest.mark.parametrize("role", NAMES)
def test_tasks_keep_the_rules(role):
    secrets = secret_options()
    for file, task in tasks(role):
        where = f"{file.relative_to(ROLES)}: {task['name']}"
        assert "ignore_errors" not in task, where
        if "register" in task and any(module in task for module in COMMANDS):
            assert task.get("check_mode") is False and task.get("changed_when") is False, f"{where}: a probe only asks"
        if secrets & mentions(role, task):
            assert task.get("no_log") is True, f"{where}: uses a secret"
            if "register" not in task:
                assert task.get("diff") is False, f"{where}: its difference would show a secret"
        template = task.get("ansible.builtin.template", {})
        if "validate" in template:
            assert "%s" in template["validate"], where


def test_a_secret_in_a_template_would_be_noticed():
    task = {"ansible.builtin.template": {"src": "snmpd.conf.j2"}}
    assert "snmp_agent_auth_password" in mentions("snmp_agent", task) & secret_options()


def test_every_secret_of_the_mapping_is_an_option_with_no_log():
    mapping = load(PLAYBOOKS / "group_vars" / "all.yml")
    named_like_one = {name for name in mapping if name.endswith(("_password", "_pass", "_secret"))}
    assert named_like_one == secret_options()


@pytest.mark.parametrize("play", load(PLAYBOOKS / "site.yml"), ids=lambda play: play["name"])
def test_every_play_has_the_brake(play):
    assert play["any_errors_fatal"] is True
    assert play["force_handlers"] is True
    assert play["pre_tasks"][0]["ansible.builtin.import_tasks"] == "tasks/brake.yml"


def test_there_is_no_list_of_ignored_findings():
    assert not list(REPOSITORY.glob(".ansible-lint-ignore")) and not (REPOSITORY / ".config").exists()
    settings = load(REPOSITORY / ".ansible-lint")
    assert settings["profile"] == "production"
    assert not {"skip_list", "warn_list"} & set(settings)


def test_yamllint():
    _clean("yamllint", "--strict", "roles", "playbooks", ".ansible-lint", ".yamllint")


@pytest.mark.lab  # needs no lab, but takes longer than the fast set may
def test_ansible_lint_production():
    _clean("ansible-lint", "--profile", "production", "--offline", "--nocolor", "playbooks/site.yml", "roles")


def _clean(tool, *arguments):
    argv = [str(Path(sys.executable).with_name(tool)), *arguments]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
