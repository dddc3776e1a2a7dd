"""A lock names its holder, and a dead holder blocks nobody."""

import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import RackproofError
from core.locks import Holder, hold, read_holder
from tests.support import require

HOLD = """
import signal, sys
from pathlib import Path
from core.locks import hold
with hold(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


class OtherProcess:
    """Another process that holds the lock until it is let go or killed."""

    def __init__(self, path: Path, what: str) -> None:
        argv = [sys.executable, "-c", HOLD, str(path), what]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert require(self.process.stdout).readline() == "held\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.let_go()

    def let_go(self) -> None:
        self.process.communicate(timeout=20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lock"


@pytest.fixture
def other(path: Path) -> Iterator[OtherProcess]:
    made = OtherProcess(path, "raising the lab 'demo'")
    yield made
    made.let_go()


def test_who_comes_second_is_told_who_is_there_and_what_they_do(
    path: Path, other: OtherProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    with pytest.raises(RackproofError) as caught, hold(path, "taking it down"):
        pytest.fail("two at once")
    error = caught.value
    assert (error.code, error.kind, error.exit_code) == ("LCK001", "busy", 6)
    assert "raising the lab 'demo'" in error.message
    assert getpass.getuser() in error.actual
    assert str(other.process.pid) in error.actual
    assert socket.gethostname() in error.actual
    assert require(read_holder(path)).since in error.message


def test_a_killed_holder_blocks_nobody(path: Path, other: OtherProcess) -> None:
    other.kill()
    assert read_holder(path) is None
    assert path.read_text()  # its name is still written there
    with hold(path, "next"):
        assert require(read_holder(path)).what == "next"
    assert read_holder(path) is None


def test_a_dead_holders_name_is_not_given_for_the_living_one(path: Path, other: OtherProcess) -> None:
    """Its number may be another process's by now, and who took the lock after it has not signed yet."""
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"started": written["started"] - 1}))
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert "raising" not in str(caught.value)
    assert caught.value.actual == "not known"


@pytest.mark.parametrize("text", ["", "half a li", "[]", "{}", '{"pid": "x"}', "\x00\xff"])
def test_a_holder_that_cannot_be_read_still_holds(path: Path, other: OtherProcess, text: str) -> None:
    path.write_text(text)
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "LCK001"


@pytest.mark.parametrize("text", ["", "half a li", "[]", "{}", "\x00"])
def test_rubbish_in_the_file_blocks_nobody(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with hold(path, "next"):
        assert require(read_holder(path)).pid == os.getpid()


def test_waiting_tells_for_whom(path: Path, other: OtherProcess) -> None:
    told: list[Holder | str | None] = []
    got = threading.Event()

    def tell(holder: Holder | None) -> None:
        told.append(holder)
        got.set()

    def take() -> None:
        with hold(path, "next", wait=True, on_wait=tell):
            told.append("mine")

    waiting = threading.Thread(target=take)
    waiting.start()
    assert got.wait(20)
    assert isinstance(told[0], Holder)
    assert told[0].pid == other.process.pid
    other.let_go()
    waiting.join(20)
    assert told[1:] == ["mine"]


def test_an_error_inside_lets_go(path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), hold(path, "one"):
        raise ValueError("boom")
    with hold(path, "two"):
        pass


def test_a_child_that_is_started_meanwhile_does_not_keep_it(path: Path) -> None:
    with hold(path, "one"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with hold(path, "two"):
            pass
    finally:
        child.kill()
        child.wait()


def test_the_person_behind_sudo_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "lan")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with hold(path, "x"):
        assert require(read_holder(path)).user == "lan (root)"


def test_an_account_without_a_name_is_a_number(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(getpass, "getuser", fail)
    with hold(path, "x"):
        assert require(read_holder(path)).user == str(os.geteuid())


def test_a_lock_of_somebody_else_that_may_not_be_written(
    path: Path, other: OtherProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def refuse(name: str, flags: int, *more: Any, **options: Any) -> int:
        if str(name) == str(path) and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(name))
        return really(name, flags, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "LCK001"
    assert str(other.process.pid) in caught.value.actual
    other.kill()
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "FIL002"
