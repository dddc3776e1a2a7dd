"""The guard's four words over SSH: as whom, with which keys, and what is made of the answer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from core.workspace import Workspace
from netconfig.change.guard import GuardRefused, GuardStatus, SshGuard, read_status_line, wait_until_clear
from netconfig.change.session import Lost

ARMED = "armed id=c1 timer=active left=20 sha256=ab running=cd"


class Client:
    """A client of paramiko's that only remembers, and answers or fails as the test wants."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.sizes: list[int] = []
        self.answer = ARMED
        self.problem: Exception | None = None

    def load_host_keys(self, file: str) -> None:
        self.said.append(("host keys", Path(file).name))

    def set_missing_host_key_policy(self, policy: object) -> None:
        self.said.append(policy)

    def connect(self, address: str, **options: Any) -> None:
        self.said.append((address, options))
        if self.problem:
            raise self.problem

    def exec_command(self, words: str, timeout: float) -> tuple[None, Any, None]:
        self.said.append((words, timeout))
        return None, SimpleNamespace(read=self.read), None

    def read(self, size: int) -> bytes:
        self.sizes.append(size)
        return self.answer.encode("latin-1")[:size]

    def close(self) -> None:
        self.said.append("closed")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(paramiko, "SSHClient", lambda: made)
    return made


@pytest.fixture
def guard(client: Client, tmp_path: Path) -> SshGuard:
    estate: Any = SimpleNamespace(ipv4=lambda device: f"192.0.2.{len(device)}")
    return SshGuard(estate, Workspace(tmp_path, tmp_path), "core1")


def test_it_is_asked_as_netguard_with_pinned_keys_and_no_other_key(
    guard: SshGuard, client: Client, tmp_path: Path
) -> None:
    assert guard.status() == read_status_line(ARMED)
    ws = Workspace(tmp_path, tmp_path)
    assert client.said[0] == ("host keys", ws.known_hosts.name)
    assert client.said[1] is paramiko.RejectPolicy or isinstance(client.said[1], paramiko.RejectPolicy)
    assert client.said[2] == (
        "192.0.2.5",
        {
            "username": "netguard",
            "key_filename": str(ws.netguard_key),
            "allow_agent": False,
            "look_for_keys": False,
            "timeout": 6.0,
            "banner_timeout": 6.0,
            "auth_timeout": 6.0,
        },
    )
    assert client.said[3:] == [("status", 30.0), "closed"]


def test_the_four_words(guard: SshGuard, client: Client) -> None:
    assert guard.arm("c1", 60).is_armed_for("c1")
    assert guard.disarm("c1").change == "c1"
    guard.rollback("c1")
    assert [entry for entry in client.said if isinstance(entry, tuple) and entry[1] == 30.0] == [
        ("arm c1 60", 30.0),
        ("disarm c1", 30.0),
        ("rollback c1", 30.0),
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [("error busy", "^busy$"), ("", "^no answer$"), (" \n", "^no answer$"), ("error ", "^unexpected answer: error$")],
)
def test_no_is_refused_with_its_reason(guard: SshGuard, client: Client, answer: str, why: str) -> None:
    client.answer = answer
    with pytest.raises(GuardRefused, match=why):
        guard.status()
    assert client.said[-1] == "closed"


def test_of_an_endless_answer_the_beginning_is_read(guard: SshGuard, client: Client) -> None:
    client.answer = "x" * 5000 + "\xff"
    with pytest.raises(GuardRefused) as caught:
        guard.status()
    assert str(caught.value) == f"unexpected answer: {'x' * 200}"
    assert client.sizes == [4096]


@pytest.mark.parametrize("problem", [paramiko.SSHException("x"), OSError("x"), EOFError("x")])
def test_a_connection_that_fails_is_lost_and_closed(guard: SshGuard, client: Client, problem: Exception) -> None:
    client.problem = problem
    with pytest.raises(Lost, match=type(problem).__name__):
        guard.status()
    assert client.said[-1] == "closed"


def test_a_status_is_read_field_by_field() -> None:
    assert read_status_line(ARMED) == GuardStatus("armed", True, "c1", 20, "ab", "", "cd")
    assert read_status_line("clear") == GuardStatus("clear", False, "", 0, "", "", "")
    assert read_status_line("clear last=fired:c1:x=y") == GuardStatus("clear", False, last="fired:c1:x=y")
    with pytest.raises(GuardRefused, match="unexpected answer: yes"):
        read_status_line("yes")


def test_a_guard_that_is_not_clear_has_ended_nothing() -> None:
    assert GuardStatus("armed", False, last="fired:c1:reload").ended("c1") == ""
    assert GuardStatus("clear", False).left == 0


@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 1), (0.5, 2), (0.6, 3), (2.0, 5)])
def test_it_is_asked_twice_a_second_until_the_time_is_up(seconds: float, asked: int) -> None:
    times: list[float] = []
    now = [100.0]

    def ask() -> GuardStatus:
        times.append(now[0])
        return GuardStatus("busy", True)

    def sleep(wait: float) -> None:
        now[0] += wait

    deaf: Any = SimpleNamespace(status=ask)
    assert wait_until_clear(deaf, seconds, lambda: now[0], sleep) is None
    assert times == [100.0 + 0.5 * number for number in range(asked)]
