"""Why work on a host failed: each engine's own words, captured from it, become one error with its kind and reason."""

from __future__ import annotations

import pytest

from core.errors import ExitCode
from core.errors.table import read_table
from playbooks.events import EngineResult, TaskEvent, TaskStatus
from playbooks.failures import CODES, choose_exit_code, explain_event, explain_failures, shorten_reason
from tests.provision.rolefiles import PLAYBOOKS, load

BRAKE = "Brake until every host of this wave answers"
PACKAGES = "base : Install every package of this host in one transaction"
# what an engine said → kind; (status, task, text)
SAID = [
    ("failed", PACKAGES, "Task failed: error occurred on host db1: Connection timed out.", "unreachable"),
    ("unreachable", "any", "Task failed: SSH authentication is incorrect", "login_refused"),
    ("failed", BRAKE, "timed out waiting for ping module test: SSH authentication is incorrect", "login_refused"),
    (
        "failed",
        BRAKE,
        (
            "timed out waiting for ping module test: Failed to connect to the host via ssh: ops@h1: "
            "Permission denied (publickey)."
        ),
        "login_refused",
    ),
    (
        "failed",
        BRAKE,
        (
            "timed out waiting for ping module test: host key checking is enabled, and SSH reported an "
            "unrecognized or mismatching host key."
        ),
        "host_key_changed",
    ),
    (
        "failed",
        BRAKE,
        "@@@@\nWARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\n@@@@\nHost key verification failed.",
        "host_key_changed",
    ),
    ("failed", BRAKE, "timed out waiting for ping module test: something nobody has seen", "unreachable"),
    ("unreachable", "connect", "SSH host key error (Host key for h1 does not match.)", "host_key_changed"),
    ("unreachable", "connect", "SSH error (StrictPolicy: No host key for h1 found in known_hosts)", "host_key_changed"),
    ("unreachable", "connect", "Authentication error (username=ops) (Authentication failed.)", "login_refused"),
    ("unreachable", "connect", "Could not connect ([Errno 113] No route to host)", "unreachable"),
    ("unreachable", "connect", "Could not resolve hostname (Name or service not known)", "unreachable"),
    ("unreachable", "any", "", "unreachable"),
    ("failed", "any", "sudo: a password is required", "login_refused"),
    ("failed", "any", "fatal: Connection timed out", "not_green"),
    ("failed", "any", "cat: /x: Permission denied", "not_green"),
    ("failed", PACKAGES, "No package matching 'pgbackrest' is available", "not_green"),
    (
        "failed",
        "ssh_hardening : Prove that a new connection is let in",
        "ops@h1: Permission denied (publickey).",
        "rolled_back",
    ),
    ("failed", "Reload sshd under a dead man's switch", "ProofError: a new connection is not let in", "rolled_back"),
]


@pytest.mark.parametrize(("status", "task", "text", "kind"), SAID)
def test_what_an_engine_says_has_one_kind(status: str, task: str, text: str, kind: str) -> None:
    error = explain_event("ansible", TaskEvent("h1", task, TaskStatus(status), text))
    assert error.kind == kind
    assert "h1" in error.message and error.actual
    assert task in error.message or kind == "host_key_changed"


def test_a_refused_log_in_and_a_changed_key_are_never_a_matter_of_power() -> None:
    for code in ("PRV022", "PRV023"):
        entry = read_table("PRV")[code]
        assert "power" not in str(entry["en"]) and "nguồn điện" not in str(entry["vi"])


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["unreachable"], ExitCode.UNREACHABLE),
        (["not_green", "unreachable"], ExitCode.UNREACHABLE),
        (["unreachable", "login_refused"], ExitCode.NOT_LET_IN),
        (["not_green", "rolled_back"], ExitCode.ROLLED_BACK),
        (["not_green"], ExitCode.NOT_GREEN),
    ],
)
def test_the_gravest_failure_decides_the_exit_code(kinds: list[str], expected: ExitCode) -> None:
    by_kind = {kind: (status, task, text) for status, task, text, kind in SAID}
    result = EngineResult("ansible", exit_code=2)
    for number, kind in enumerate(kinds):
        status, task, text = by_kind[kind]
        result.events.append(TaskEvent(f"h{number}", task, TaskStatus(status), text))
    assert choose_exit_code([result]) == expected


def test_the_reason_is_what_the_program_said_last() -> None:
    text = "non-zero return code\nstarting\n" + "\n".join(f"step {n}" for n in range(20)) + "\nE: disk is full"
    assert shorten_reason(text).endswith("E: disk is full")
    assert "non-zero" not in shorten_reason(text) and len(shorten_reason(text).splitlines()) <= 6


@pytest.mark.parametrize(
    "line",
    [
        (
            "[ERROR]: [mux  29535] 17:01:30.451780 E mitogen.[ssh.db1]: Broker(ed90): pending work still existed "
            "3 seconds after shutdown began. This may be due to a timer that is yet to expire"
        ),
        "[WARNING]: Could not match supplied host pattern, ignoring: role_database_primary",
    ],
)
def test_noise_is_no_reason(line: str) -> None:
    result = EngineResult("ansible", ("h1",), exit_code=2, noise=[line])
    assert not [error for error in explain_failures([result]) if line[:30] in str(error)]


def test_a_failed_package_is_told_with_its_task_and_what_to_do() -> None:
    error = explain_event(
        "ansible", TaskEvent("mon1", PACKAGES, TaskStatus.FAILED, "No package matching 'x' is available")
    )
    assert error.code == "PRV028" and PACKAGES in error.message and "apt-get update" in error.remedy


def test_the_rules_name_exactly_the_failures_that_have_a_code() -> None:
    named = {entry["failure"] for entry in load(PLAYBOOKS / "rules" / "failures.yml")["entries"]}
    assert named == set(CODES) and set(CODES.values()) <= set(read_table("PRV"))
