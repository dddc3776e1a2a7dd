"""A router session by itself: what it asks Netmiko for, and what it makes of every way in which that can end."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from netmiko.exceptions import ConfigInvalidException, NetmikoTimeoutException
from paramiko import AuthenticationException, SSHException

from core.errors import RackproofError
from core.workspace import Workspace
from netconfig.change import session as session_module
from netconfig.change.session import (
    HostKeyChanged,
    LoginRefused,
    Lost,
    NetmikoSession,
    Rejected,
    Target,
    classify_problem,
    find_target,
    make_opener,
    read_first_line,
)
from netconfig.platforms.platform import load

FRR = load("frr")


class Connection:
    """A connection of Netmiko's that answers from a list, and remembers what was asked."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.asked: list[Any] = []
        self.answers: dict[str, str] = {}
        self.problem: Exception | None = None
        self.stuck: Exception | None = None
        self.remote_conn_pre: Any = SimpleNamespace(close=lambda: self.asked.append("close"))

    def send_command(self, command: str, read_timeout: float) -> str:
        self.asked.append((command, read_timeout))
        if self.problem:
            raise self.problem
        return self.answers.get(command, "  answer \n\n")

    def send_config_set(self, lines: list[str], error_pattern: str, read_timeout: float) -> None:
        self.asked.append((lines, error_pattern, read_timeout))
        if self.problem:
            raise self.problem

    def exit_config_mode(self) -> None:
        self.asked.append("exit")
        if self.stuck:
            raise self.stuck


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[NetmikoSession, Connection]:
    monkeypatch.setattr(session_module, "ConnectHandler", Connection)
    session = NetmikoSession(Target("core1", "192.0.2.1", FRR, tmp_path / "id", tmp_path / "known_hosts"))
    return session, session._connection


Opened = tuple[NetmikoSession, Connection]
TROUBLES = [NetmikoTimeoutException("x"), SSHException("x"), OSError("x"), EOFError("x")]


def test_host_keys_are_strict_and_pinned_and_only_the_own_key_is_used(opened: Opened, tmp_path: Path) -> None:
    """An unknown key is never a question; no agent and no key of the account that runs this is offered."""
    options = opened[1].options
    assert options == {
        "device_type": FRR.netmiko,
        "host": "192.0.2.1",
        "username": "netops",
        "use_keys": True,
        "key_file": str(tmp_path / "id"),
        "allow_agent": False,
        "ssh_strict": True,
        "system_host_keys": False,
        "alt_host_keys": True,
        "alt_key_file": str(tmp_path / "known_hosts"),
        "conn_timeout": 6,
        "banner_timeout": 6,
        "auth_timeout": 6,
        "read_timeout_override": None,
    }


def test_an_answer_is_a_text_that_ends_with_one_line_end(opened: Opened) -> None:
    session, connection = opened
    assert session.run("show version") == "answer\n"
    assert connection.asked == [("show version", 10)]


@pytest.mark.parametrize("problem", TROUBLES)
def test_a_connection_that_breaks_is_lost(opened: Opened, problem: Exception) -> None:
    session, connection = opened
    connection.problem = problem
    with pytest.raises(Lost, match=type(problem).__name__):
        session.run("show version")
    with pytest.raises(Lost, match=type(problem).__name__):
        session.push(["a"])


def test_lines_are_typed_with_the_pattern_of_a_refusal(opened: Opened) -> None:
    session, connection = opened
    session.push(("a", "b"))
    assert connection.asked == [(["a", "b"], FRR.error, 5)]


def test_a_refused_line_leaves_configuration_mode(opened: Opened) -> None:
    session, connection = opened
    connection.problem = ConfigInvalidException("% Unknown command")
    with pytest.raises(Rejected, match="Unknown command"):
        session.push(["a"])
    assert connection.asked[-1] == "exit"


@pytest.mark.parametrize("stuck", [*TROUBLES, ValueError("x")])
def test_a_session_that_stays_in_configuration_mode_is_lost(opened: Opened, stuck: Exception) -> None:
    session, connection = opened
    connection.problem, connection.stuck = ConfigInvalidException("% Unknown command"), stuck
    with pytest.raises(Lost, match=type(stuck).__name__):
        session.push(["a"])


def test_saved_is_what_the_device_says_is_saved(opened: Opened) -> None:
    session, connection = opened
    connection.answers[FRR.save] = "[OK]"
    session.save()
    connection.answers[FRR.save] = "x" * 300 + "no space\n"
    with pytest.raises(Rejected) as caught:
        session.save()
    assert str(caught.value) == f"'{FRR.save}' answered: {'x' * 192}no space"


def test_closing_closes_hard_and_never_fails(opened: Opened) -> None:
    session, connection = opened
    session.close()
    assert connection.asked == ["close"]
    connection.remote_conn_pre = None
    session.close()


@pytest.mark.parametrize("problem", TROUBLES)
def test_a_connection_that_never_came_is_classified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, problem: Exception
) -> None:
    def refuse(**_options: Any) -> None:
        raise problem

    monkeypatch.setattr(session_module, "ConnectHandler", refuse)
    with pytest.raises(Lost) as caught:
        NetmikoSession(Target("core1", "192.0.2.1", FRR, tmp_path, tmp_path))
    assert type(caught.value) is Lost


def chain_errors(*errors: Exception) -> Exception:
    """The last error, caused by the one before it, and so on."""
    for cause, error in pairwise(errors):
        error.__cause__ = cause
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (chain_errors(AuthenticationException("no"), OSError("a"), SSHException("b")), LoginRefused),
        (chain_errors(SSHException("Server 'x' not found in known_hosts"), OSError("a")), HostKeyChanged),
        (chain_errors(OSError("a"), SSHException("b")), Lost),
    ],
)
def test_what_became_of_an_attempt_is_read_from_the_whole_chain_of_errors(error: Exception, kind: type[Lost]) -> None:
    assert type(classify_problem(error)) is kind


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "OSError: "),
        ("\n  first \nsecond\n", "OSError: first"),
        ("failed:\n\n why \nmore", "OSError: failed: why"),
        ("x" * 400, f"OSError: {'x' * 291}"),
    ],
)
def test_the_line_of_an_error_that_says_something_is_shown(text: str, shown: str) -> None:
    assert read_first_line(OSError(text)) == shown


def test_sessions_need_keys_and_pins_and_go_to_the_ipv4_loopback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ws = Workspace(tmp_path, tmp_path)
    estate: Any = SimpleNamespace(ipv4=lambda device: f"192.0.2.{len(device)}")
    files = (ws.netops_key, ws.netguard_key, ws.known_hosts)
    for missing in files:
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
        missing.unlink()
        with pytest.raises(RackproofError) as caught:
            make_opener(estate, ws, {"core1": FRR})
        assert caught.value.code == "NET020"
        missing.write_text("")

    assert find_target(estate, ws, "core1", FRR) == Target("core1", "192.0.2.5", FRR, ws.netops_key, ws.known_hosts)
    monkeypatch.setattr(session_module, "ConnectHandler", Connection)
    session: Any = make_opener(estate, ws, {"core1": FRR})("core1")
    assert session._connection.options["host"] == "192.0.2.5"
