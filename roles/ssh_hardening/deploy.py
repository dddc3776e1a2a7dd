"""Role ssh_hardening for pyinfra: the same dead man's switch as the Ansible role."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from typing import Any

from pyinfra import host, state
from pyinfra.api import FunctionCommand, StringCommand, operation
from pyinfra.api.operation import OperationMeta

from roles.room_operations import checked_file
from roles.variables import Variables

DROP_IN = "/etc/ssh/sshd_config.d/10-rackproof.conf"
UNDO = f"if [ -e {DROP_IN}.rackproof-old ]; then mv {DROP_IN}.rackproof-old {DROP_IN}; else rm -f {DROP_IN}; fi"
CONNECT_TIMEOUT_S = 20


def deploy(values: Variables) -> None:
    """Harden sshd; the host undoes it by itself unless a new connection comes in."""
    written = checked_file(
        name="Write the hardened settings", text=values.render("ssh_hardening", "sshd.conf.j2"), path=DROP_IN,
        validate="/usr/sbin/sshd -t -f %s", backup=True,
    )
    reload_with_a_way_back(
        name="Reload sshd under a dead man's switch", written=written, seconds=values["ssh_hardening_rollback_s"]
    )
    checked_file(
        name="Write the notice that is shown before a login",
        text=values.render("ssh_hardening", "issue.net.j2"), path="/etc/issue.net",
    )


@operation()  # type: ignore[untyped-decorator]
def reload_with_a_way_back(written: OperationMeta, seconds: int) -> Generator[Any, None, None]:
    """Arm a timer that restores the former settings, reload, prove that a new connection is let in, disarm."""
    changed = written.did_change() if state.is_executing and written.is_complete() else written.will_change
    if not changed:
        host.noop("sshd has these settings already")
        return
    undo = f"{UNDO}; systemctl reload ssh"
    yield StringCommand(
        f"systemd-run --quiet --collect --unit=rackproof-ssh-rollback --on-active={int(seconds)} /bin/sh -ec '{undo}'"
    )
    yield StringCommand("systemctl", "reload", "ssh")
    yield FunctionCommand(_new_connection, (), {})
    yield StringCommand("systemctl", "stop", "rackproof-ssh-rollback.timer")


def _new_connection() -> bool:
    """Open a connection that shares nothing with the one this run uses; False leaves the timer armed."""
    unshared = ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
    argv = ["ssh", "-F", host.data.ssh_config_file, *unshared, host.name, "true"]
    return subprocess.run(argv, capture_output=True, timeout=CONNECT_TIMEOUT_S, check=False).returncode == 0
