"""The few pyinfra operations that our roles need and pyinfra does not have: checked files, units, kernel keys."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Generator, Iterable, Sequence
from typing import Any

from pyinfra import host, state
from pyinfra.api import FactBase, StringCommand, operation
from pyinfra.api.operation import OperationMeta

Commands = Generator[Any, None, None]


class FileState(FactBase):  # type: ignore[misc]
    """Mode, owner, group and SHA-256 of a file; empty when there is none."""

    def command(self, path: str) -> str:
        """Return the command that asks for it; a file that is not there is an answer, not an error."""
        quoted = shlex.quote(path)
        return f"if [ -e {quoted} ]; then stat -c '%a %U %G' {quoted}; [ -d {quoted} ] || sha256sum < {quoted}; fi"

    def process(self, output: Iterable[str]) -> list[str]:
        """Return [mode, owner, group, digest]."""
        return " ".join(output).split()[:4]


class UnitState(FactBase):  # type: ignore[misc]
    """ActiveState and UnitFileState of a systemd unit."""

    def command(self, unit: str) -> str:
        """Return the command that asks for both."""
        return f"systemctl show --property=ActiveState,UnitFileState --value -- {shlex.quote(unit)}"

    def process(self, output: Iterable[str]) -> tuple[str, ...]:
        """Return both words."""
        return tuple(output)


class KernelKeys(FactBase):  # type: ignore[misc]
    """Values of the kernel keys that this host may set, by path under /proc/sys."""

    def command(self, paths: Sequence[str]) -> str:
        """Return the command that asks for all of them at once; keys that are not there are left out."""
        return f"find {shlex.join(paths)} -writable -printf '%p ' -exec cat '{{}}' ';' 2>/dev/null || true"

    def process(self, output: Iterable[str]) -> dict[str, str]:
        """Return path → value."""
        return dict(line.split(maxsplit=1) for line in output if " " in line)


class ClockRight(FactBase):  # type: ignore[misc]
    """Whether this host may set its clock (bit 25 of the capability bounding set is CAP_SYS_TIME)."""

    def command(self) -> str:
        """Return the command that shows the bounding set of PID 1."""
        return "grep CapBnd /proc/1/status"

    def process(self, output: Iterable[str]) -> bool:
        """Return True when the bit is set."""
        return bool(int("".join(output).split()[-1], 16) >> 25 & 1)


@operation()  # type: ignore[untyped-decorator]
def checked_file(
    text: str, path: str, mode: str = "644", group: str = "root", validate: str = "", backup: bool = False
) -> Commands:
    """Put ``text`` at ``path``; ``validate`` is a command with ``%s`` for the new file, run before it is used."""
    wanted = [mode, "root", group, hashlib.sha256(text.encode()).hexdigest()]
    present = host.get_fact(FileState, path=path)
    if present == wanted:
        host.noop(f"{path} is as it should be")
        return
    new = f"{path}.rackproof-new"
    if present and present[3:] == wanted[3:]:
        yield StringCommand("chown", f"root:{shlex.quote(group)}", path)
        yield StringCommand("chmod", mode, path)
        return
    target = shlex.quote(new)
    # Through standard input, not through a file in /tmp: a secret is never readable by others, not for a moment.
    yield StringCommand(
        f"umask 077; cat > {target} && chown root:{shlex.quote(group)} {target} && chmod {mode} {target}", _stdin=text
    )
    if validate:
        check = validate.replace("%s", shlex.quote(new))
        yield StringCommand(f"{check} || {{ rm -f {shlex.quote(new)}; exit 1; }}")
    if backup and present:
        yield StringCommand("cp", "-p", path, f"{path}.rackproof-old")
    yield StringCommand("mv", "-f", new, path)


@operation()  # type: ignore[untyped-decorator]
def folder(path: str, mode: str = "755") -> Commands:
    """Make a folder that belongs to root."""
    if host.get_fact(FileState, path=path) == [mode, "root", "root"]:
        host.noop(f"{path} is as it should be")
        return
    yield StringCommand("install", "-d", "-o", "root", "-g", "root", "-m", mode, path)


@operation()  # type: ignore[untyped-decorator]
def unit_runs(unit: str, verb: str = "restart", because: Sequence[OperationMeta] = ()) -> Commands:
    """Keep a unit enabled and running; use ``verb`` on it when an operation in ``because`` changed something."""
    changed = any(m.did_change() if state.is_executing and m.is_complete() else m.will_change for m in because)
    active, enabled = (*host.get_fact(UnitState, unit=unit), "", "")[:2]
    if enabled != "enabled":
        yield StringCommand("systemctl", "enable", "--quiet", unit)
    if changed:
        yield StringCommand("systemctl", "daemon-reload")
        yield StringCommand("systemctl", verb if active == "active" else "restart", unit)
    elif active != "active":
        yield StringCommand("systemctl", "start", unit)
    elif enabled == "enabled":
        host.noop(f"{unit} runs")


@operation()  # type: ignore[untyped-decorator]
def kernel_keys(wanted: dict[str, str]) -> Commands:
    """Set the live kernel keys that hold something else; ``wanted`` is path under /proc/sys → value."""
    live = host.get_fact(KernelKeys, paths=tuple(wanted))
    differing = [
        f"{path.removeprefix('/proc/sys/')}={value}"
        for path, value in wanted.items()
        if path in live and live[path] != value
    ]
    if differing:
        yield StringCommand("sysctl", "--quiet", "--write", *differing)
    else:
        host.noop("every kernel key holds its value")
