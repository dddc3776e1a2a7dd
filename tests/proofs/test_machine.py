"""A machine that has nothing yet: made of Debian's packages, used for a moment, and gone without a trace."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from lab import cgroup
from lab.proofs import machine
from lab.proofs.newcomer import read_python
from tests.support import wait_until

Newcomer = tuple[Path, dict[str, str]]

pytestmark = pytest.mark.lab
TERMINAL = machine.TerminalSize(80, 24)
#: Says what a program sees of the machine it is on.
LOOK = """
cat /proc/sys/kernel/hostname
python3 -c 'import platform; print(platform.python_version())'
cat /proc/1/comm
ls /mnt | wc -l
ip link >/dev/null 2>&1 || echo no ip
[ -t 1 ] && stty size
"""


def run_line(
    newcomer: Newcomer,
    line: str,
    seconds: float = 150.0,
    terminal: machine.TerminalSize | None = TERMINAL,
) -> machine.LineRun:
    root, settings = newcomer
    log = io.BytesIO()
    done = machine.run_line(root, line, settings, machine.Limits(seconds, terminal), log, lambda _text: None)
    assert log.getvalue().decode() == done.text
    return done


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    if os.geteuid() != 0:
        pytest.fail("this test needs root: run `sudo ./rackproof test`, or leave it out with --fast")
    root = tmp_path_factory.mktemp("newcomer") / "root"
    release = machine.read_release("bookworm")
    machine.build(release, root)
    settings = machine.hand_settings(root)
    machine.clone_head(REPOSITORY, root)
    return root, settings


def find_groups() -> list[Path]:
    return [group for _kind, point in cgroup.hierarchies() for group in point.glob("rackproof-newcomer-*")]


def test_it_has_what_the_readme_asks_for_and_nothing_else(newcomer: Newcomer) -> None:
    done = run_line(newcomer, LOOK)
    assert done.exit_code == 0, done.text
    assert done.text.split("\r\n") == ["newcomer", "3.11.2", "machine.sh", "0", "no ip", "24 80", ""]
    assert not (newcomer[0] / machine.CLONE / ".rackproof").exists()


def test_without_a_terminal_there_is_none(newcomer: Newcomer) -> None:
    done = run_line(newcomer, "[ -t 0 ] || [ -t 1 ] || echo none", terminal=None)
    assert (done.exit_code, done.text) == (0, "none\n")


def test_what_goes_on_in_the_background_ends_with_the_line(newcomer: Newcomer) -> None:
    done = run_line(newcomer, "nohup sleep 7654321 >/dev/null 2>&1 & mount -t tmpfs newcomers /srv && df /srv")
    assert done.exit_code == 0, done.text
    assert "newcomers" in done.text
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")  # other tests mount and unmount theirs meanwhile
    assert "newcomers" not in mounts
    assert str(newcomer[0]) not in mounts
    assert not [command for command in list_commands() if b"7654321" in command]
    assert find_groups() == []


def test_at_its_limit_everything_is_ended(newcomer: Newcomer) -> None:
    done = run_line(newcomer, "echo begun; sleep 7654322", seconds=10.0)  # time to begin, also on a busy machine
    assert done.exit_code is None
    assert done.text == "begun\r\n"
    assert not [command for command in list_commands() if b"7654322" in command]
    assert find_groups() == []


KILLED = """
import io, sys
from pathlib import Path
from lab.proofs import machine
limits = machine.Limits(100.0, None)
machine.run_line(Path(sys.argv[1]), "echo begun; sleep 7654323", {}, limits, sys.stdout.buffer, lambda _text: None)
"""


def list_commands() -> list[bytes]:
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended since it was listed
            commands.append(file.read_bytes())
    return commands


def test_with_a_killed_proof_its_machine_ends_and_the_next_clears_up(newcomer: Newcomer) -> None:
    command = [sys.executable, "-c", KILLED, str(newcomer[0])]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as proof:
        assert proof.stdout is not None
        assert proof.stdout.readline() == b"begun\n"
        proof.kill()
    wait_until(lambda: not [command for command in list_commands() if b"7654323" in command], 20)
    assert find_groups() != []
    machine.remove_dead_groups()
    assert find_groups() == []


@pytest.mark.long
def test_the_launcher_sets_itself_up_there_with_debians_own_python(newcomer: Newcomer) -> None:
    done = run_line(newcomer, "./rackproof --version && ./rackproof doctor")
    assert "rackproof 0." in done.text, done.text
    assert "mmdebstrap" in done.text, "the doctor names what the machine lacks"
    assert done.exit_code == 1
    assert read_python(newcomer[0]) == "3.11.2"


def test_a_machine_hands_on_the_authorities_it_was_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was made itself: it has no local authorities, only what pip was told."""
    told = tmp_path / "authorities.crt"
    told.write_text("what pip was told")
    monkeypatch.setenv("PIP_CERT", str(told))
    assert machine.find_authorities() == told
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "gone"))
    monkeypatch.setattr(machine, "LOCAL_AUTHORITIES", tmp_path / "none")
    assert machine.find_authorities() is None
    monkeypatch.setattr(machine, "LOCAL_AUTHORITIES", tmp_path)
    assert machine.find_authorities() == machine.AUTHORITIES
