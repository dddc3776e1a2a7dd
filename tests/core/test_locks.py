"""A lock names its holder, and a dead holder blocks nobody."""

import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from core import locks
from core.errors import RackproofError
from core.locks import hold, read_holder

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

    def __init__(self, path, what):
        argv = [sys.executable, "-c", HOLD, str(path), what]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.let_go()

    def let_go(self):
        self.process.communicate(timeout=20)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "lock"


@pytest.fixture
def other(path):
    made = OtherProcess(path, "raising the lab 'demo'")
    yield made
    made.let_go()


def test_who_comes_second_is_told_who_is_there_and_what_they_do(path, other, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    with pytest.raises(RackproofError) as caught, hold(path, "taking it down"):
        pytest.fail("two at once")
    error = caught.value
    assert (error.code, error.kind, error.exit_code) == ("LCK001", "busy", 6)
    assert "raising the lab 'demo'" in error.message
    assert getpass.getuser() in error.actual
    assert str(other.process.pid) in error.actual
    assert socket.gethostname() in error.actual
    assert read_holder(path).since in error.message


def test_a_killed_holder_blocks_nobody(path, other):
    other.kill()
    assert read_holder(path) is None
    assert path.read_text()  # its name is still written there
    with hold(path, "next"):
        assert read_holder(path).what == "next"
    assert read_holder(path) is None


def test_a_dead_holders_name_is_not_given_for_the_living_one(path, other):
    """Its number may be another process's by now, and who took the lock after it has not signed yet."""
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"started": written["started"] - 1}))
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert "raising" not in str(caught.value)
    assert caught.value.actual == "not known"


@pytest.mark.parametrize("text", ["", "half a li", "[]", "{}", '{"pid": "x"}', "\x00\xff"])
def test_a_holder_that_cannot_be_read_still_holds(path, other, text):
    path.write_text(text)
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "LCK001"


@pytest.mark.parametrize("text", ["", "half a li", "[]", "{}", "\x00"])
def test_rubbish_in_the_file_blocks_nobody(path, text):
    path.parent.mkdir()
    path.write_text(text)
    with hold(path, "next"):
        assert read_holder(path).pid == os.getpid()


def test_waiting_tells_for_whom(path, other):
    told, got = [], threading.Event()

    def take():
        with hold(path, "next", wait=True, on_wait=lambda holder: (told.append(holder), got.set())):
            told.append("mine")

    waiting = threading.Thread(target=take)
    waiting.start()
    assert got.wait(20)
    assert told[0].pid == other.process.pid
    other.let_go()
    waiting.join(20)
    assert told[1:] == ["mine"]


def test_an_error_inside_lets_go(path):
    with pytest.raises(ValueError, match="boom"), hold(path, "one"):
        raise ValueError("boom")
    with hold(path, "two"):
        pass


def test_a_child_that_is_started_meanwhile_does_not_keep_it(path):
    with hold(path, "one"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with hold(path, "two"):
            pass
    finally:
        child.kill()
        child.wait()


def test_the_person_behind_sudo_is_named(path, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "lan")
    monkeypatch.setattr(locks.os, "geteuid", lambda: 0)
    with hold(path, "x"):
        assert read_holder(path).user == "lan (root)"


def test_an_account_without_a_name_is_a_number(path, monkeypatch):
    def fail():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(locks.getpass, "getuser", fail)
    with hold(path, "x"):
        assert read_holder(path).user == str(os.geteuid())


def test_a_lock_of_somebody_else_that_may_not_be_written(path, other, monkeypatch):
    really = os.open

    def refuse(name, flags, *more, **options):
        if str(name) == str(path) and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(name))
        return really(name, flags, *more, **options)

    monkeypatch.setattr(locks.os, "open", refuse)
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "LCK001"
    assert str(other.process.pid) in caught.value.actual
    other.kill()
    with pytest.raises(RackproofError) as caught, hold(path, "next"):
        pass
    assert caught.value.code == "FIL002"
