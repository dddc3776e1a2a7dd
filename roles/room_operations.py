"""The few pyinfra operations that our roles need and pyinfra does not have: checked files, units, kernel keys."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyinfra import host, state
from pyinfra.api import FactBase, FunctionCommand, StringCommand, operation
from pyinfra.api.operation import OperationMeta

from roles.services import SERVICE_SCRIPT, ServiceUnit

Commands = Generator[Any, None, None]

#: What operations refuse in a plan (operation, reason), by host: a plan runs no command that could fail.
REFUSED: dict[str, list[tuple[str, str]]] = {}
#: What a plan says of an operation, by host and operation.
PLANNED: dict[tuple[str, str], str] = {}
#: The last line of an answer that came whole.
ASKED = "rackproof-asked"
#: A line of the service script: what it does, to which unit, and why.
FINDING = re.compile(r"^(unmask|enable|start|restart|reload|missing) \S+: ")


class ProofError(Exception):
    """Something that an operation has to prove is not so; the operation fails with this reason."""


class FileState(FactBase):  # type: ignore[misc]
    """Mode, owner, group and SHA-256 of a file; empty when there is none."""

    def command(self, path: str) -> str:
        """Return the command that asks for it; a file that is not there is an answer, not an error."""
        quoted = shlex.quote(path)
        return f"if [ -e {quoted} ]; then stat -c '%a %U %G' {quoted}; [ -d {quoted} ] || sha256sum < {quoted}; fi"

    def process(self, output: Iterable[str]) -> list[str]:
        """Return [mode, owner, group, digest]."""
        return " ".join(output).split()[:4]


class ServiceFindings(FactBase):  # type: ignore[misc]
    """What service.sh would do to a unit, one ``verb unit: reason`` a line; empty when all is well."""

    def command(self, service: ServiceUnit) -> StringCommand:
        """Return the command that asks for it."""
        return StringCommand(f"{run_script(SERVICE_SCRIPT, 'ask', *service.arguments(()))} && echo {ASKED}")

    def process(self, output: Iterable[str]) -> list[str]:
        """Return the lines; raises ProofError when the host did not answer to the end."""
        return take_answer(output)


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
def absent_file(path: str) -> Commands:
    """Remove a file that must not be there."""
    if not host.get_fact(FileState, path=path):
        host.noop(f"{path} is not there")
        return
    yield StringCommand("rm", "-f", path)


@operation()  # type: ignore[untyped-decorator]
def folder(path: str, mode: str = "755") -> Commands:
    """Make a folder that belongs to root."""
    if host.get_fact(FileState, path=path) == [mode, "root", "root"]:
        host.noop(f"{path} is as it should be")
        return
    yield StringCommand("install", "-d", "-o", "root", "-g", "root", "-m", mode, path)


def keep_services(services: Iterable[ServiceUnit], written: Mapping[str, OperationMeta]) -> None:
    """Keep every service of a role running with what it reads; ``written`` is as for ``service_runs``."""
    for service in services:
        service_runs(name=title_of(service), service=service, written=written)


def title_of(service: ServiceUnit) -> str:
    """Return what the operation on a service is called in every report."""
    return f"Keep running with what it reads: {service.unit}"


@operation()  # type: ignore[untyped-decorator]
def service_runs(service: ServiceUnit, written: Mapping[str, OperationMeta]) -> Commands:
    """Keep a unit enabled, running with what it reads, listening and answering; fails with its reason otherwise.

    ``written`` are the files that this run writes, with the operation of each: in a plan they are not written yet.
    """
    findings = host.get_fact(ServiceFindings, service=service)
    changed = [path for path, meta in written.items() if is_changing(meta)]
    if not findings and not service.reads_any(changed):
        host.noop(f"{service.unit} runs with what it reads")
        return
    if not state.is_executing:
        PLANNED[host.name, title_of(service)] = "\n".join(findings or [f"restart {service.unit}: its files change"])
    yield StringCommand(run_script(SERVICE_SCRIPT, "mend", *service.arguments(changed)))


def take_answer(output: Iterable[str]) -> list[str]:
    """Return the lines of an answer that came whole; raises ProofError otherwise: nothing said is not "all is well"."""
    lines = [line.strip() for line in output if line.strip()]
    if not lines or lines[-1] != ASKED:
        raise ProofError("the host did not answer to the end: " + " / ".join(lines[-3:]))
    return lines[:-1]


def refuse(title: str, reason: str) -> Commands:
    """Let the operation of the moment, called ``title``, fail with this reason, in a plan too."""
    if not state.is_executing:
        REFUSED.setdefault(host.name, []).append((title, reason))
    yield FunctionCommand(raise_proof_error, (reason,), {})


def raise_proof_error(reason: str) -> None:
    """Raise ProofError: pyinfra ignores what a function returns, only an exception ends an operation."""
    raise ProofError(reason)


def is_changing(meta: OperationMeta) -> bool:
    """Return whether an operation has changed something, or would in a plan."""
    if state.is_executing and meta.is_complete():
        return bool(meta.did_change())
    return bool(meta.will_change)


def run_script(script: Path, *arguments: str) -> str:
    """Return the command that runs one of our scripts with these arguments; the host needs nothing but a shell."""
    return f"sh -c {shlex.quote(script.read_text(encoding='utf-8'))} {script.name} {shlex.join(arguments)}"


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
