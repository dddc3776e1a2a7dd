"""The device's side of the rollback guard, on a system made of nothing: what it refuses, restores and proves."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from netconfig.change.guard import hash_config, read_status_line
from netconfig.platforms.platform import FOLDER

GUARD = FOLDER / "frr" / "guard"
OLD = "frr version 8.4.4\nhostname r\n!\ninterface e0\n ip address 192.0.2.1/24\nexit\n!\nend\n"
BAD = "frr version 8.4.4\nhostname r\n!\ninterface e0\n shutdown\nexit\n!\nend\n"
ADDRESS = ("e0", "192.0.2.1/24")


class System:
    """What the guard's programs would do on a router."""

    def __init__(self, guard: ModuleType) -> None:
        self.guard = guard
        self.running = OLD
        self.addresses = {ADDRESS}
        self.timer = False
        self.timer_starts = True
        self.hung = False
        self.reload_works = self.restart_works = True
        self.scheduled: list[list[str]] = []
        self.calls: list[list[str]] = []

    def run(self, argv: list[str], timeout: float) -> tuple[int, str]:
        self.calls.append(argv)
        name = Path(argv[0]).name.replace("-", "_").replace(".", "_").removesuffix("3")
        program: Callable[[list[str]], tuple[int, str]] = getattr(self, f"_{name}")
        return program(argv)

    def _vtysh(self, argv: list[str]) -> tuple[int, str]:
        return (124, "") if self.hung else (0, self.running)

    def _ip(self, argv: list[str]) -> tuple[int, str]:
        if "del" in argv:
            self.addresses -= {(argv[-1], argv[3])}
            return 0, ""
        links = [
            {
                "ifname": name,
                "addr_info": [{"local": a.split("/")[0], "prefixlen": int(a.split("/")[1]), "scope": "global"}],
            }
            for name, a in self.addresses
        ]
        return 0, json.dumps(links)

    def _systemctl(self, argv: list[str]) -> tuple[int, str]:
        if argv[1] == "is-active":
            return (0 if self.timer else 3), ""
        if argv[1] == "stop":
            self.timer = False
        if argv[1] == "kill":
            self.hung = False
        if argv[1] == "restart" and not self.hung and self.restart_works:
            self.running, self.addresses = self.guard.STARTUP.read_text(), self.addresses | {ADDRESS}
        return (124 if self.hung else 0), ""

    def _systemd_run(self, argv: list[str]) -> tuple[int, str]:
        self.timer = self.timer_starts and any(word.startswith("--on-active=") for word in argv)
        self.scheduled = [argv[argv.index(self.guard.SELF) + 1 :]] if self.timer else []
        return 0, ""

    def expire(self) -> None:
        """Let the timer run out: what it was told to run is run, nothing else."""
        if self.timer:
            self.guard.dispatch(*self.scheduled)

    def _pkill(self, argv: list[str]) -> tuple[int, str]:
        return 1, ""

    def _python(self, argv: list[str]) -> tuple[int, str]:
        assert Path(argv[-1]).name == "frr.conf", "any other name makes frr-reload write the startup file"
        assert argv[argv.index("--confdir") + 1] == str(Path(argv[-1]).parent)
        if self.reload_works:
            self.running = Path(argv[-1]).read_text()
        return 1, ""  # what it returns must not matter

    def did(self, *words: str) -> bool:
        return any(all(word in call for word in words) for call in self.calls)


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return prepare(GUARD / "frr-guard", tmp_path, monkeypatch)


def prepare(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the guard's program with its files in a folder of the test and a clock that never waits."""
    loader = SourceFileLoader("frr_guard", str(program))
    spec = importlib.util.spec_from_loader("frr_guard", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "STATE", tmp_path / "state")
    monkeypatch.setattr(module, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(module, "STARTUP", tmp_path / "frr.conf")
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    ticks = iter(range(0, 10**9, 1))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(ticks)))
    (tmp_path / "frr.conf").write_text(OLD)
    (tmp_path / "frr.conf").chmod(0o640)
    return module


@pytest.fixture
def system(guard: ModuleType, monkeypatch: pytest.MonkeyPatch) -> System:
    found = System(guard)
    monkeypatch.setattr(guard, "run", found.run)
    return found


def say(guard: ModuleType, words: str) -> str:
    try:
        return str(guard.dispatch(words.split()))
    except guard.GuardError as error:
        return f"error {error}"


def break_router(guard: ModuleType, system: System) -> None:
    """A bad change, saved too."""
    system.running, system.addresses = BAD, set()
    guard.STARTUP.write_text(BAD)


def test_arm_reads_back_and_both_ends_hash_alike(guard: ModuleType, system: System) -> None:
    status = read_status_line(say(guard, "arm c1 60"))
    assert status.is_armed_for("c1")
    assert 58 <= status.left <= 60
    assert status.sha256 == status.running == hash_config(OLD)
    assert system.did("--on-active=60s", "--timer-property=AccuracySec=100ms")
    assert read_status_line(say(guard, "disarm c1")).ended("c1") == "disarmed"
    assert not system.timer


@pytest.mark.parametrize(
    ("prepare", "words", "answer"),
    [
        ("", "arm c1 5", "error seconds 10..86400"),
        ("", "arm c1 99999", "error seconds 10..86400"),
        ("", "arm C1 60", "error verb or argument"),
        ("", "arm c1;id 60", "error verb or argument"),
        ("", "arm c1", "error verb or argument"),
        ("", "arm c1 60 more", "error verb or argument"),
        ("", "disarm nope", "error nothing armed"),
        ("", "rollback nope", "error nothing armed"),
        ("", "reboot", "error verb or argument"),
        ("", "", "error verb or argument"),
        ("arm c1 60", "arm c2 60", "error already armed"),
        ("arm c1 60", "disarm c2", "error armed by another change"),
        ("arm c1 60", "rollback c2", "error armed by another change"),
        ("unsaved", "arm c1 60", "error startup differs from running: save or restore first"),
        ("hung", "arm c1 60", "error running-config unreadable rc=124"),
        ("no timer", "arm c1 60", "error timer did not start"),
    ],
)
def test_refusals(guard: ModuleType, system: System, prepare: str, words: str, answer: str) -> None:
    system.hung, system.timer_starts = prepare == "hung", prepare != "no timer"
    if prepare == "unsaved":
        system.running = BAD
    if prepare.startswith("arm"):
        say(guard, prepare)
    assert say(guard, words) == answer
    if not prepare.startswith("arm"):
        assert not (guard.STATE / "armed").exists()


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("", "reload"),
        ("reload fails", "restart"),
        ("address does not come back", "restart"),
        ("a daemon hangs", "restart"),
        ("a stray address", "restart"),
    ],
)
def test_fire_restores_and_proves_it(guard: ModuleType, system: System, fault: str, how: str) -> None:
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.reload_works = fault in ("", "address does not come back")
    system.hung = fault == "a daemon hangs"
    if fault == "":
        system.addresses = {ADDRESS}
    if fault == "a stray address":
        system.addresses = {("e0", "198.51.100.9/24")}
    assert say(guard, "fire") == f"fired:c1:{how}"
    assert guard.STARTUP.read_text() == OLD
    assert guard.STARTUP.stat().st_mode & 0o777 == 0o640
    assert system.running == OLD
    assert system.addresses == {ADDRESS}
    assert not (guard.STATE / "armed").exists()
    assert read_status_line(say(guard, "status")).ended("c1") == "fired"
    assert system.did("systemctl", "kill") == (fault == "a daemon hangs")
    if how == "restart":
        assert system.calls.index(["systemctl", "reset-failed", "frr.service"]) < system.calls.index(
            ["systemctl", "restart", "frr.service"]
        )


def test_what_cannot_be_restored_is_not_called_restored(guard: ModuleType, system: System) -> None:
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.reload_works = system.restart_works = False
    assert say(guard, "fire").startswith("error not restored")
    assert system.did("systemctl", "reboot")
    assert (guard.STATE / "armed").exists(), "the boot unit still needs the record"
    assert guard.STARTUP.read_text() == OLD
    assert say(guard, "boot") == "boot:c1"


def trip_by_the_timer(guard: ModuleType, system: System) -> None:
    """Nobody confirms: what the timer runs must bring the old configuration back."""
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.expire()
    assert (system.running, guard.STARTUP.read_text()) == (OLD, OLD)
    assert read_status_line(say(guard, "status")).ended("c1") == "fired"


def trip_by_a_reboot(guard: ModuleType, system: System) -> None:
    """The timer does not survive a reboot; the boot unit must bring the old startup file."""
    say(guard, "arm c1 60")
    break_router(guard, system)
    system.timer = False
    say(guard, "boot")
    assert guard.STARTUP.read_text() == OLD
    assert read_status_line(say(guard, "status")).ended("c1") == "boot"


def trip_although_another_confirms(guard: ModuleType, system: System) -> None:
    """Only who armed it may confirm: a confirmation of another change stops no timer."""
    say(guard, "arm c1 60")
    break_router(guard, system)
    assert say(guard, "disarm c2") == "error armed by another change"
    system.expire()
    assert system.running == OLD


def trip_on_demand(guard: ModuleType, system: System) -> None:
    """A rollback that was asked for starts a program that restores."""
    say(guard, "arm c1 60")
    break_router(guard, system)
    say(guard, "rollback c1")
    assert system.calls[-1][-2:] == [guard.SELF, "fire"]
    guard.dispatch(system.calls[-1][-1:])
    assert system.running == OLD


TRIPS = (trip_by_the_timer, trip_by_a_reboot, trip_although_another_confirms, trip_on_demand)


@pytest.mark.parametrize("trip", TRIPS)
def test_the_guard_trips(trip: Callable[[ModuleType, System], None], guard: ModuleType, system: System) -> None:
    trip(guard, system)


#: How the guard could be broken: what is replaced in its program, by what, and the trip that must see it.
NEUTERED = {
    "the timer runs something harmless": (
        'AccuracySec=100ms", "--property=Type=oneshot", SELF, "fire"]',
        'AccuracySec=100ms", "--property=Type=oneshot", SELF, "status"]',
        0,
    ),
    "firing restores nothing": ("        how = restore(record)\n", '        how = "reload"\n', 0),
    "firing forgets the startup file": ("        kick_out()\n        put_startup_back(record)\n", "", 0),
    "booting restores nothing": (
        '        put_startup_back(record)\n        finish(f"boot',
        '        finish(f"boot',
        1,
    ),
    "anybody may confirm": ('    if record["id"] != change:', "    if False:", 2),
    "a rollback starts something harmless": ('rollback", SELF, "fire"]', 'rollback", SELF, "status"]', 3),
}


@pytest.mark.parametrize("how", NEUTERED)
def test_a_neutered_guard_is_seen(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trip above goes red when the guard is broken in the way that it is there to see."""
    old, new, number = NEUTERED[how]
    source = (GUARD / "frr-guard").read_text("utf-8")
    assert source.count(old) == 1, "the guard has changed: adapt the mutant"
    (tmp_path / "neutered").write_text(source.replace(old, new), "utf-8")
    guard = prepare(tmp_path / "neutered", tmp_path, monkeypatch)
    system = System(guard)
    monkeypatch.setattr(guard, "run", system.run)
    with pytest.raises((AssertionError, guard.GuardError)):
        TRIPS[number](guard, system)


def test_fire_without_a_record_touches_nothing(guard: ModuleType, system: System) -> None:
    assert say(guard, "fire") == "nothing armed"
    assert system.calls == []


def test_a_boot_in_the_window_brings_the_old_startup(guard: ModuleType, system: System) -> None:
    say(guard, "arm c1 60")
    guard.STARTUP.write_text(BAD)
    (guard.STATE / "armed.new").mkdir()
    assert say(guard, "boot") == "boot:c1"
    assert guard.STARTUP.read_text() == OLD
    assert not (guard.STATE / "armed.new").exists()
    assert say(guard, "boot") == "nothing armed"


def test_a_damaged_record_still_counts_as_armed(guard: ModuleType, system: System) -> None:
    say(guard, "arm c1 60")
    (guard.STATE / "armed" / "meta.json").write_text("{")
    assert say(guard, "arm c2 60") == "error already armed"
    assert read_status_line(say(guard, "status")).change == "unreadable"


def test_a_program_that_hangs_is_cut_off_with_its_children(guard: ModuleType) -> None:
    assert guard.run(["sh", "-c", "sleep 60 & sleep 60"], 0.2) == (124, "")


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("status", ["sudo", "-n", "/usr/local/sbin/frr-guard", "status"]),
        ("arm c1 60", ["sudo", "-n", "/usr/local/sbin/frr-guard", "arm", "c1", "60"]),
        ("disarm c1", ["sudo", "-n", "/usr/local/sbin/frr-guard", "disarm", "c1"]),
        ("rollback c1", ["sudo", "-n", "/usr/local/sbin/frr-guard", "rollback", "c1"]),
        ("arm x;id 20", "error argument"),
        ("arm x 20 30", "error words"),
        ("arm $(id) 20", "error argument"),
        ("arm ../x 20", "error argument"),
        ("fire", "error verb"),
        ("boot", "error verb"),
        ("cat /etc/shadow", "error verb"),
        ("status -x", "error verb"),
        ("disarm\tx", "error verb"),
        ("status\nid", "error verb"),
        ("", "error verb"),
    ],
)
def test_the_forced_command(
    command: str, outcome: list[str] | str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def execve(path: str, argv: list[str], environment: dict[str, str]) -> None:
        assert path == "/usr/bin/sudo"
        assert set(environment) == {"PATH", "LC_ALL"}
        called.append(argv)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", command)
    try:
        runpy.run_path(str(GUARD / "guard-shell"))
        assert called == [outcome]
    except SystemExit as end:
        assert end.code == 2
        assert capsys.readouterr().out.strip() == outcome
        assert called == []
