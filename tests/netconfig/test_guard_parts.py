"""The parts of the guard's program, each by itself: deadlines, locks, files, and what it takes for proof."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.netconfig.test_guard_device import ADDRESS, BAD, GUARD, OLD, System, break_router, prepare, say

#: What the program runs, by its first telling words → the seconds that it may take. A client waits for the sum of them
#: (netconfig/change/change.py, RESTORE_S).
DEADLINES = {
    "vtysh": {10, 4},
    "ip -json": {5},
    "ip address": {5},
    "systemctl is-active": {5},
    "systemctl stop": {10},
    "systemctl reset-failed": {5},
    "systemctl kill": {10},
    "systemctl restart": {40},
    "systemctl --no-block": {10},
    "systemd-run --quiet": {10},
    "pkill -KILL": {5},
    "python3 /usr/lib/frr/frr-reload.py": {20},
}


class Recorded(System):
    """A router that also keeps how long each program might have taken; some programs fail on demand."""

    def __init__(self, guard: ModuleType) -> None:
        super().__init__(guard)
        self.deadlines: dict[str, set[float]] = {}
        self.failing: dict[str, int] = {}

    def run(self, argv: list[str], timeout: float) -> tuple[int, str]:
        name = Path(argv[0]).name
        what = name if name == "vtysh" else f"{name} {argv[1]}"
        self.deadlines.setdefault(what, set()).add(timeout)
        if self.failing.get(what, 0) > 0:
            self.failing[what] -= 1
            self.calls.append(argv)
            return 1, ""
        return super().run(argv, timeout)

    def count(self, *words: str) -> int:
        return sum(all(word in call for word in words) for call in self.calls)


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = prepare(GUARD / "frr-guard", tmp_path, monkeypatch)
    monkeypatch.setattr(module, "CLI_USER", "root")
    return module


@pytest.fixture
def system(guard: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    found = Recorded(guard)
    monkeypatch.setattr(guard, "run", found.run)
    return found


def refused(guard: ModuleType, words: str) -> str:
    answer = say(guard, words)
    assert answer.startswith("error "), answer
    return answer.removeprefix("error ")


def test_every_program_has_its_deadline(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    say(guard, "disarm c1")
    say(guard, "arm c2 60")
    say(guard, "rollback c2")
    say(guard, "fire")
    say(guard, "arm c3 60")
    break_router(guard, system)
    system.reload_works = system.restart_works = False
    system.addresses = {("e0", "198.51.100.9/24")}
    say(guard, "fire")
    system.hung = True
    say(guard, "fire")
    assert system.deadlines == DEADLINES


def test_a_restore_tries_twice_gently_and_twice_by_restart_and_then_reboots(
    guard: ModuleType, system: Recorded
) -> None:
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.reload_works = system.restart_works = False
    assert refused(guard, "fire").startswith("not restored")
    assert (system.count("--reload"), system.count("restart"), system.count("reboot")) == (2, 2, 1)
    assert system.count("pkill", "-u", "root", "vtysh") == 5  # once at the start, and before each try
    assert (guard.STATE / "last").read_text() == "fired:c1:failed\n"


def test_a_daemon_that_hangs_is_not_asked_twice_to_reload(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.hung = True
    assert say(guard, "fire") == "fired:c1:restart"
    assert (system.count("--reload"), system.count("pkill")) == (0, 3)


def test_a_daemon_that_would_not_stop_is_killed_and_started_again(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.reload_works = False
    system.failing["systemctl restart"] = 1
    assert say(guard, "fire") == "fired:c1:restart"
    assert (system.count("systemctl", "kill"), system.count("systemctl", "restart")) == (1, 2)


def test_a_device_without_the_account_of_changes_has_nobody_to_kick_out(
    guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "CLI_USER", "no-such-account")
    guard.kick_out()
    assert system.calls == []


def test_a_program_gives_its_code_and_its_words(real: ModuleType) -> None:
    assert real.run(["sh", "-c", "echo said; echo wrong >&2; exit 3"], 10) == (3, "said\n")
    assert real.run(["cat"], 10) == (0, "")  # nothing to read, and nothing to wait for
    assert real.run(["/no/such/program"], 10) == (127, "")
    assert real.run(["printf", r"\377"], 10) == (0, "\ufffd")
    assert real.run(["sh", "-c", "echo $HOME$LC_ALL"], 10) == (0, "/rootC\n")


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The guard with the machine's own clock and programs."""
    with monkeypatch.context() as patch:
        module = prepare(GUARD / "frr-guard", tmp_path, patch)
        clock = time.monotonic
        patch.undo()
        assert module.time.monotonic is not clock
        yield module


@contextmanager
def hold(lock: Path) -> Iterator[None]:
    """Somebody else holds the lock."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(("words", "waits"), [("arm c2 60", 10), ("disarm c1", 10), ("boot", 10), ("fire", 60)])
def test_whoever_holds_the_lock_is_waited_for(
    guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch, words: str, waits: int
) -> None:
    say(guard, "arm c1 60")
    slept: list[float] = []
    monkeypatch.setattr(guard.time, "sleep", slept.append)
    with hold(guard.LOCK):
        assert refused(guard, words) == "busy"
    # The clock of these tests goes on by one second each time somebody looks at it.
    assert slept == [0.1] * (waits - 1)


def test_a_status_waits_for_nobody_and_says_busy(
    guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    halves = iter(range(1000))
    monkeypatch.setattr(guard.time, "sleep", slept.append)
    monkeypatch.setattr(guard.time, "monotonic", lambda: next(halves) / 2)
    with hold(guard.LOCK):
        assert say(guard, "status").startswith("busy timer=inactive last=none running=")
    say(guard, "arm c1 60")
    with hold(guard.LOCK):
        assert say(guard, "status").startswith("busy id=c1 timer=active left=")
    assert say(guard, "status").startswith("armed id=c1 ")
    assert slept == []


def test_the_state_is_for_root_alone(
    guard: ModuleType, system: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "STATE", tmp_path / "deep" / "state")
    say(guard, "arm c1 60")
    assert guard.STATE.stat().st_mode & 0o777 == 0o700
    assert (guard.STATE / "armed").stat().st_mode & 0o777 == 0o700
    for name in ("running", "startup", "meta.json"):
        assert (guard.STATE / "armed" / name).stat().st_mode & 0o777 == 0o600


def test_a_record_holds_what_a_restore_needs(guard: ModuleType, system: Recorded) -> None:
    began = time.time()
    (guard.STATE / "armed.new").mkdir(parents=True)  # left by a crash
    (guard.STATE / "armed.new" / "rubbish").write_text("x")
    guard.STARTUP.chmod(0o605)
    system.addresses |= {("e1", "2001:db8::1/64")}
    say(guard, "arm c1 60")
    folder = guard.STATE / "armed"
    assert sorted(file.name for file in folder.iterdir()) == ["meta.json", "running", "startup"]
    meta = json.loads((folder / "meta.json").read_text())
    assert began + 60 <= meta.pop("deadline") <= time.time() + 60
    assert meta == {
        "id": "c1",
        "sha256": guard.sha256(OLD),
        "mode": 0o605,
        "owner": [os.getuid(), os.getgid()],
        "addresses": [list(ADDRESS), ["e1", "2001:db8::1/64"]],
    }
    assert ((folder / "running").read_text(), (folder / "startup").read_text()) == (OLD, OLD)


def test_a_file_is_replaced_whole_with_its_mode_and_owner(guard: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("longer than what comes")
    guard.write(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)
    guard.write(file, b"newer", 0o644, (os.getuid(), os.getgid()))
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"newer", 0o644)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("file")] == ["file"]


def test_the_owner_of_the_startup_file_comes_back(
    guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(guard.os, "fchown", lambda _handle, user, group: owners.append((user, group)))
    say(guard, "arm c1 60")
    guard.put_startup_back({"owner": [101, 102], "mode": 0o600})
    assert owners == [(101, 102)]
    assert guard.STARTUP.stat().st_mode & 0o777 == 0o600
    guard.put_startup_back({"id": "unreadable"})
    assert owners == [(101, 102)]
    assert guard.STARTUP.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("code", "text", "is_readable"),
    [(0, "x" * 20, True), (0, "x" * 19, False), (1, "x" * 20, False), (-1, "x" * 20, False)],
)
def test_an_empty_answer_is_no_configuration(
    guard: ModuleType, monkeypatch: pytest.MonkeyPatch, code: int, text: str, is_readable: bool
) -> None:
    monkeypatch.setattr(guard, "run", lambda _argv, _timeout: (code, text))
    if is_readable:
        assert guard.running() == f"{text}\n"
    else:
        with pytest.raises(guard.GuardError, match=f"rc={code}"):
            guard.running()


SECTIONS = """\
frr version 8.4.4
Building configuration...
hostname  r
!
interface e0
 ip address 192.0.2.1/24
 ipv6 address 2001:DB8::1/64
exit
interface e1
 ip address 192.0.2.129/25 secondary
 shutdown
exit
router bgp 1
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8::/32
 exit-address-family
 timers bgp 1 3
end
"""


def test_a_line_counts_with_the_sections_it_stands_in(guard: ModuleType) -> None:
    assert guard.statements(SECTIONS) == {
        ("hostname r",),
        ("interface e0",),
        ("interface e0", "ip address 192.0.2.1/24"),
        ("interface e0", "ipv6 address 2001:DB8::1/64"),
        ("interface e1",),
        ("interface e1", "ip address 192.0.2.129/25 secondary"),
        ("interface e1", "shutdown"),
        ("router bgp 1",),
        ("router bgp 1", "address-family ipv4 unicast"),
        ("router bgp 1", "address-family ipv4 unicast", "network 192.0.2.0/24"),
        ("router bgp 1", "address-family ipv6 unicast"),
        ("router bgp 1", "address-family ipv6 unicast", "network 2001:db8::/32"),
        ("router bgp 1", "timers bgp 1 3"),
    }


def test_addresses_are_asked_for_where_the_interface_is_not_shut_down(guard: ModuleType) -> None:
    assert guard.configured_addresses(SECTIONS) == {("e0", "192.0.2.1/24"), ("e0", "2001:db8::1/64")}
    other = "interface e2\n vrf x\n  ip address 192.0.2.5/24\nrouter e3\n ip address 192.0.2.6/24\n"
    assert guard.configured_addresses(other) == set()


def test_the_kernel_has_what_is_of_global_scope(guard: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    links = [
        {"ifname": "lo"},
        {
            "ifname": "e0",
            "addr_info": [
                {"local": "192.0.2.1", "prefixlen": 24, "scope": "global"},
                {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
                {"scope": "global"},
            ],
        },
    ]
    monkeypatch.setattr(guard, "run", lambda _argv, _timeout: (0, json.dumps(links)))
    assert guard.kernel_addresses() == {ADDRESS}
    for code in (1, -1):
        monkeypatch.setattr(guard, "run", lambda _argv, _timeout, code=code: (code, json.dumps(links)))
        with pytest.raises(guard.GuardError, match="kernel addresses unreadable"):
            guard.kernel_addresses()


@pytest.mark.parametrize("fault", ["systemd-run fails", "the timer is not there"])
def test_without_a_running_timer_nothing_stays_armed(guard: ModuleType, system: Recorded, fault: str) -> None:
    if fault == "systemd-run fails":
        system.failing["systemd-run --quiet"] = 1
        system._systemctl = lambda argv: (0, "")  # type: ignore[method-assign] # whatever it is that runs there
    else:
        system.timer_starts = False
    assert refused(guard, "arm c1 60") == "timer did not start"
    assert not (guard.STATE / "armed").exists()
    assert system.calls[-1][:2] == ["systemctl", "reset-failed"]


def test_a_status_counts_down_to_nought_and_says_what_it_cannot_read(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    meta: dict[str, Any] = json.loads((guard.STATE / "armed" / "meta.json").read_text())
    (guard.STATE / "armed" / "meta.json").write_text(json.dumps(meta | {"deadline": time.time() - 5}))
    system.hung = True
    assert say(guard, "status") == f"armed id=c1 timer=active left=0 sha256={guard.sha256(OLD)} running=unreadable"
    (guard.STATE / "armed" / "meta.json").write_text("{")
    system.timer = False
    assert say(guard, "status") == "armed id=unreadable timer=inactive left=0 sha256=none running=unreadable"


def test_a_rollback_that_does_not_start_says_so_and_the_timer_still_runs(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    system.failing["systemd-run --quiet"] = 1
    assert refused(guard, "rollback c1") == "could not start the rollback; the timer still runs"
    assert system.timer
    assert say(guard, "rollback c1") == "started id=c1"


def test_proved_is_the_configuration_and_its_addresses(guard: ModuleType, system: Recorded) -> None:
    say(guard, "arm c1 60")
    record = guard.armed()
    assert guard.is_back(record)
    system.addresses = set()
    assert not guard.is_back(record)
    assert guard.is_back({"id": "c1"})  # an address that was not there at arm is none that must come back
    system.addresses, system.running = {ADDRESS}, BAD
    assert not guard.is_back(record)
    system.running, system.hung = OLD, True
    assert not guard.is_back(record)


@pytest.mark.parametrize(("wait", "looks"), [(1.5, 2), (15, 15)])
def test_addresses_may_come_back_a_moment_later(
    guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch, wait: float, looks: int
) -> None:
    say(guard, "arm c1 60")
    slept: list[float] = []
    monkeypatch.setattr(guard.time, "sleep", slept.append)
    system.running = BAD
    assert not guard.settled(guard.armed(), wait)
    assert slept == [0.2] * (looks - 1)


def test_how_long_a_try_is_given(guard: ModuleType, system: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(guard, "settled", lambda _record, wait: given.append(wait))
    say(guard, "arm c1 60")
    refused(guard, "fire")
    assert given == [1.5, 1.5, 15, 15]


def test_strays_are_removed_only_where_it_is_known_what_was_there(guard: ModuleType, system: Recorded) -> None:
    stray = ("e0", "198.51.100.9/24")
    system.addresses = {ADDRESS, stray}
    guard.drop_strays({"id": "unreadable"})
    guard.drop_strays({"addresses": []})
    assert system.addresses == {ADDRESS, stray}
    guard.drop_strays({"addresses": [list(ADDRESS)]})
    assert system.addresses == {ADDRESS}


@pytest.mark.parametrize("seconds", ["10", "86400"])
def test_a_window_may_be_as_short_and_as_long_as_that(guard: ModuleType, system: Recorded, seconds: str) -> None:
    assert say(guard, f"arm c1 {seconds}").startswith("armed ")
    assert system.did(f"--on-active={seconds}s")


@pytest.mark.parametrize(
    "words",
    ["arm c1 9", "arm c1 86401", "arm c1 010", "arm c1 1e3", "status x", "disarm", "disarm a b", "rollback", "arm"],
)
def test_other_words_are_refused(guard: ModuleType, system: Recorded, words: str) -> None:
    refused(guard, words)
    assert system.calls == []


@pytest.mark.parametrize(
    ("problem", "code", "printed"),
    [
        (None, 0, "done\n"),
        ("refused", 1, "error why\n"),
        ("broken", 1, "error system No space left on device\n"),
    ],
)
def test_one_line_and_a_code_come_of_it(
    guard: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: str | None,
    code: int,
    printed: str,
) -> None:
    problems = {"refused": guard.GuardError("why"), "broken": OSError(28, "No space left on device")}
    masks: list[int] = []

    def dispatch(_words: list[str]) -> str:
        if problem:
            raise problems[problem]
        return "done"

    monkeypatch.setattr(guard, "dispatch", dispatch)
    monkeypatch.setattr(guard.os, "umask", masks.append)
    assert guard.main(["status"]) == code
    assert capsys.readouterr().out == printed
    assert masks == [0o077]
