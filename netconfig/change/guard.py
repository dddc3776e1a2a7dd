"""The other end of the rollback guard on a router: four words over SSH, as an account that can do nothing else."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import paramiko

from core.workspace import Workspace
from inventory.model.estate import Estate
from netconfig.change.session import Lost, classify_problem

USER = "netguard"
TIMEOUT_S = 6.0
VERB_TIMEOUT_S = 30.0


class GuardRefused(Exception):
    """The guard answered and said no; the text is its reason."""


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """What the guard says. ``state`` is armed, busy or clear; ``last`` tells how the last change ended.

    ``sha256`` is of the snapshot taken at arm, ``running`` of what the device runs now; ``left`` is in seconds.
    """

    state: str
    timer: bool
    change: str = ""
    left: int = 0
    sha256: str = ""
    last: str = ""
    running: str = ""

    def is_armed_for(self, change: str) -> bool:
        """Tell whether the net really hangs for this change: the record and a running timer."""
        return self.state == "armed" and self.timer and self.change == change

    def ended(self, change: str) -> str:
        """Return how this change ended (``disarmed``, ``fired``, ``boot``), empty when it is not the last one."""
        how, _, rest = self.last.partition(":")
        if self.state == "clear" and rest.split(":")[0] == change:
            return how
        return ""


class Guard(Protocol):
    """The guard of one device. Every call is a new connection; raises Lost and GuardRefused."""

    def arm(self, change: str, seconds: int) -> GuardStatus:
        """Snapshot on the device and start its timer."""

    def status(self) -> GuardStatus:
        """Ask, change nothing."""

    def disarm(self, change: str) -> GuardStatus:
        """Confirm the change."""

    def rollback(self, change: str) -> None:
        """Start the rollback now; it goes on without the connection."""


class SshGuard:
    """The guard over SSH, with pinned host keys."""

    def __init__(self, estate: Estate, ws: Workspace, device: str) -> None:
        self._address = str(estate.ipv4(device))
        self._ws = ws

    def arm(self, change: str, seconds: int) -> GuardStatus:
        """See Guard.arm."""
        return read_status_line(self._say(f"arm {change} {seconds}"))

    def status(self) -> GuardStatus:
        """See Guard.status."""
        return read_status_line(self._say("status"))

    def disarm(self, change: str) -> GuardStatus:
        """See Guard.disarm."""
        return read_status_line(self._say(f"disarm {change}"))

    def rollback(self, change: str) -> None:
        """See Guard.rollback."""
        self._say(f"rollback {change}")

    def _say(self, words: str) -> str:
        client = paramiko.SSHClient()
        client.load_host_keys(str(self._ws.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(
                self._address,
                username=USER,
                key_filename=str(self._ws.netguard_key),
                allow_agent=False,
                look_for_keys=False,
                timeout=TIMEOUT_S,
                banner_timeout=TIMEOUT_S,
                auth_timeout=TIMEOUT_S,
            )
            # Four fixed verbs with checked words; the far end takes nothing else.
            _, stdout, _ = client.exec_command(words, timeout=VERB_TIMEOUT_S)
            answer = stdout.read(4096).decode("ascii", "replace").strip()
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise classify_problem(error) from error
        finally:
            client.close()
        if answer.startswith("error ") or not answer:
            raise GuardRefused(answer.removeprefix("error ") or "no answer")
        return answer


def read_status_line(answer: str) -> GuardStatus:
    """Read the guard's one line. Raises GuardRefused when it is not one."""
    match = re.fullmatch(r"(armed|busy|clear)((?: [a-z0-9]+=\S+)*)", answer)
    if not match:
        raise GuardRefused(f"unexpected answer: {answer[:200]}")
    fields = dict(item.split("=", 1) for item in match[2].split())
    return GuardStatus(
        state=match[1],
        timer=fields.get("timer") == "active",
        change=fields.get("id", ""),
        left=int(fields.get("left", "0")),
        sha256=fields.get("sha256", ""),
        last=fields.get("last", ""),
        running=fields.get("running", ""),
    )


def normalise_config(text: str) -> str:
    """Return a configuration with line ends as a terminal cannot change them; the device does the same."""
    return "\n".join(line.rstrip() for line in text.replace("\r", "").strip().split("\n")) + "\n"


def hash_config(text: str) -> str:
    """Return the hash of a configuration as ``normalise_config`` writes it."""
    return hashlib.sha256(normalise_config(text).encode()).hexdigest()


def wait_until_clear(
    guard: Guard, seconds: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> GuardStatus | None:
    """Wait until the guard is clear again; None when the device did not say so in time.

    A device that is cut off answers nothing until its own timer has put the old configuration back.
    """
    deadline = now() + seconds
    while True:
        try:
            status = guard.status()
            if status.state == "clear":
                return status
        except (Lost, GuardRefused):
            pass
        if now() >= deadline:
            return None
        sleep(0.5)
