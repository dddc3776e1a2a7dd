"""Role ssh_hardening for pyinfra: the same dead man's switch as the Ansible role."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

from pyinfra import host, state
from pyinfra.api import FactBase, FunctionCommand, StringCommand, operation
from pyinfra.api.operation import OperationMeta

from roles.room_operations import (
    ASKED,
    ProofError,
    ServiceFindings,
    checked_file,
    is_changing,
    keep_services,
    refuse,
    run_script,
    take_answer,
)
from roles.services import ServiceUnit
from roles.variables import Variables

DROP_IN = "/etc/ssh/sshd_config.d/10-rackproof.conf"
SWITCH = Path(__file__).with_name("files") / "switch.sh"
CONNECT_TIMEOUT_S = 20
CHECK_TITLE = "Refuse settings that would let people in otherwise than they say"


def deploy(values: Variables) -> None:
    """Harden sshd; the host undoes it by itself unless a new connection comes in."""
    settings = values.render("ssh_hardening", "sshd.conf.j2")
    keep_a_copy(name="Keep a copy of the settings that sshd runs with, to go back to")
    written = checked_file(
        name="Write the hardened settings", text=settings, path=DROP_IN, validate="/usr/sbin/sshd -t -f %s", backup=True
    )
    facts, addresses = values["ssh_hardening_facts"], values["ssh_hardening_from"]
    check_settings(
        name=CHECK_TITLE,
        written=written,
        arguments=[" ".join(facts), " ".join(addresses), " ".join(values["ssh_hardening_allow_users"])],
    )
    reload_with_a_way_back(
        name="Reload sshd under a dead man's switch",
        written=written,
        seconds=values["ssh_hardening_rollback_s"],
        rereads=values["ssh_hardening_rereads"],
        unshared=values["ssh_hardening_unshared"],
    )
    checked_file(
        name="Write the notice that is shown before a login",
        text=values.render("ssh_hardening", "issue.net.j2"),
        path="/etc/issue.net",
    )
    keep_services(values.services("ssh_hardening"), {})


class CopyIsOld(FactBase):  # type: ignore[misc]
    """Whether the copy to go back to is not what sshd is known to run with; unknown is an error."""

    def command(self) -> StringCommand:
        """Return the command that compares them."""
        return StringCommand(f"{run_script(SWITCH, 'is-old')} && echo {ASKED}")

    def process(self, output: Iterable[str]) -> bool:
        """Return True when a line says so."""
        return "old" in take_answer(output)


class SettingsProblems(FactBase):  # type: ignore[misc]
    """How sshd would treat people otherwise than the role says; empty when all is well."""

    def command(self, arguments: Sequence[str]) -> StringCommand:
        """Return the command that asks sshd; what it finds is an answer, not an error."""
        return StringCommand(f"{run_script(SWITCH, 'check', *arguments)} 2>&1 >/dev/null; [ $? -le 1 ] && echo {ASKED}")

    def process(self, output: Iterable[str]) -> list[str]:
        """Return one line for each."""
        return take_answer(output)


@operation()  # type: ignore[untyped-decorator]
def keep_a_copy() -> Generator[Any, None, None]:
    """Keep what the dead man's switch puts back: the settings that sshd is known to run with."""
    if host.get_fact(CopyIsOld):
        yield StringCommand(run_script(SWITCH, "remember"))
    else:
        host.noop("the copy is what sshd runs with")


@operation()  # type: ignore[untyped-decorator]
def check_settings(written: OperationMeta, arguments: Sequence[str]) -> Generator[Any, None, None]:
    """Fail when sshd would treat somebody otherwise than the role says, as a Match block can make it do."""
    if not state.is_executing and is_changing(written):
        host.noop("known once the settings are written")
        return
    problems = host.get_fact(SettingsProblems, arguments=tuple(arguments))
    if problems:
        yield from refuse(CHECK_TITLE, "\n".join(problems))
    else:
        host.noop("sshd treats everybody as the role says")


@operation()  # type: ignore[untyped-decorator]
def reload_with_a_way_back(
    written: OperationMeta, seconds: int, rereads: Sequence[str], unshared: str
) -> Generator[Any, None, None]:
    """Arm a timer that restores the former settings, reload, prove that a new connection is let in, disarm.

    Without the proof the operation fails, and the timer stays armed: the host goes back by itself.
    """
    findings = host.get_fact(ServiceFindings, service=ServiceUnit("ssh.service", rereads=tuple(rereads)))
    if not is_changing(written) and not any(line.startswith("reload ") for line in findings):
        host.noop("sshd has read these settings already")
        return
    yield StringCommand(run_script(SWITCH, "reload", str(int(seconds))))
    yield FunctionCommand(prove_new_connection, (unshared,), {})
    yield StringCommand(run_script(SWITCH, "disarm"))


def prove_new_connection(unshared: str) -> None:
    """Open a connection that shares nothing with the one this run uses, and become root over it.

    Raises ProofError when that fails. pyinfra ignores what a function returns: only an exception ends an operation.
    """
    argv = ["ssh", "-F", host.data.ssh_config_file, *shlex.split(unshared), host.name, "sudo -n true"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CONNECT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ProofError(f"a new connection was not let in within {CONNECT_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise ProofError(f"a new connection is not let in: {done.stderr.strip() or done.returncode}")
