"""Talking to a router: open, run, push, save, close. Netmiko behind a narrow door, with pinned host keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from netmiko import ConnectHandler
from netmiko.exceptions import ConfigInvalidException, NetmikoBaseException
from paramiko import AuthenticationException, BadHostKeyException, SSHException

from core.errors import RackproofError
from core.workspace import Workspace
from inventory.model.estate import Estate
from netconfig.platforms.platform import Platform

USER = "netops"
#: What the libraries say of a host whose key nobody pinned.
_NOT_PINNED = "not found in known_hosts"


class Lost(Exception):
    """The connection is gone or never came; says nothing about what the device did. ``code`` is the error's."""

    code = "NET021"


class LoginRefused(Lost):
    """The device answered and did not accept the account or its key: it is up, and asking again changes nothing."""

    code = "NET022"


class HostKeyChanged(Lost):
    """The device answered with a host key that is not the pinned one: rebuilt, or somebody else."""

    code = "NET023"


class Rejected(Exception):
    """The device refused a line; the lines before it are applied."""


class RouterSession(Protocol):
    """One connection to one router's command line."""

    def run(self, command: str) -> str:
        """Return what the device prints for a ``show`` command. Raises Lost."""

    def push(self, lines: Sequence[str]) -> None:
        """Type lines in configuration mode; a clean return does not prove that the device is still reachable.

        Raises Rejected, after which earlier lines are applied, and Lost.
        """

    def save(self) -> None:
        """Make the running configuration the startup one. Raises Rejected, Lost."""

    def close(self) -> None:
        """End the connection; never raises."""


class Opener(Protocol):
    """Opens a new connection to a device by name. Raises Lost."""

    def __call__(self, device: str) -> RouterSession:
        """Open it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom to reach a router."""

    name: str
    address: str
    platform: Platform
    key: Path
    known_hosts: Path


def find_target(estate: Estate, ws: Workspace, device: str, platform: Platform) -> Target:
    """Return a router's target: its IPv4 loopback, which the rollout of IPv6 does not touch."""
    return Target(device, str(estate.ipv4(device)), platform, ws.netops_key, ws.known_hosts)


class NetmikoSession:
    """A Session over SSH with strict host keys: an unknown or changed key is a refusal, never a question."""

    def __init__(self, where: Target, timeout_s: float = 6) -> None:
        self._platform = where.platform
        try:
            self._connection: Any = ConnectHandler(
                device_type=where.platform.netmiko,
                host=where.address,
                username=USER,
                use_keys=True,
                key_file=str(where.key),
                allow_agent=False,
                ssh_strict=True,
                system_host_keys=False,
                alt_host_keys=True,
                alt_key_file=str(where.known_hosts),
                conn_timeout=timeout_s,
                banner_timeout=timeout_s,
                auth_timeout=timeout_s,
                read_timeout_override=None,
            )
        except (NetmikoBaseException, SSHException, OSError, EOFError) as error:
            raise classify_problem(error) from error

    def run(self, command: str) -> str:
        """See Session.run."""
        try:
            return str(self._connection.send_command(command, read_timeout=10)).strip() + "\n"
        except (NetmikoBaseException, SSHException, OSError, EOFError) as error:
            raise Lost(read_first_line(error)) from error

    def push(self, lines: Sequence[str]) -> None:
        """See Session.push. Without an error pattern Netmiko would take every refusal for success."""
        try:
            self._connection.send_config_set(list(lines), error_pattern=self._platform.error, read_timeout=5)
        except ConfigInvalidException as error:
            self._leave_configuration()
            raise Rejected(read_first_line(error)) from error
        except (NetmikoBaseException, SSHException, OSError, EOFError) as error:
            raise Lost(read_first_line(error)) from error

    def _leave_configuration(self) -> None:
        """Go back to the prompt where a refused line left the session in configuration mode."""
        try:
            self._connection.exit_config_mode()
        except (NetmikoBaseException, SSHException, OSError, EOFError, ValueError) as error:
            raise Lost(read_first_line(error)) from error

    def save(self) -> None:
        """See Session.save."""
        answer = self.run(self._platform.save)
        if not re.search(self._platform.saved, answer):
            raise Rejected(f"'{self._platform.save}' answered: {answer.strip()[-200:]}")

    def close(self) -> None:
        """See Session.close. The socket is closed hard: a polite goodbye would wait on a dead path."""
        connection = self._connection.remote_conn_pre
        if connection is not None:
            connection.close()


def make_opener(estate: Estate, ws: Workspace, platforms: dict[str, Platform]) -> Opener:
    """Return what opens sessions to the routers of an estate.

    Raises RackproofError (NET020) when the workspace lacks a key or the pinned host keys.
    """
    for file in (ws.netops_key, ws.netguard_key, ws.known_hosts):
        if not file.is_file():
            raise RackproofError("NET020", file=file)

    def open_session(device: str) -> RouterSession:
        return NetmikoSession(find_target(estate, ws, device, platforms[device]))

    return open_session


def explain_unreached(device: str, problem: Lost) -> RackproofError:
    """Return the error for a router that could not be spoken to: a dead link, a refused log-in, a changed host key."""
    return RackproofError(problem.code, device=device, actual=problem)


def classify_problem(error: BaseException) -> Lost:
    """Return what became of an attempt to connect, from what the libraries raised: they wrap one another."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BadHostKeyException) or _NOT_PINNED in str(seen):
            return HostKeyChanged(read_first_line(seen))
        if isinstance(seen, AuthenticationException):
            return LoginRefused(read_first_line(seen))
        seen = seen.__cause__ or seen.__context__
    return Lost(read_first_line(error))


def read_first_line(error: BaseException) -> str:
    """Return the first line of an error that says something, with the type of the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    text = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"{type(error).__name__}: {text}"[:300]
