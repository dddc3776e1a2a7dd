"""`rackproof prove newcomer`: the README's two commands, as written there, on a machine that has nothing yet."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from core.console import err
from core.errors import RackproofError
from core.i18n import _
from core.locks import hold
from core.workspace import REPOSITORY, state_dir
from lab.command import run
from lab.proofs import machine

README = REPOSITORY / "README.md"
SECTION = re.compile(r"^## Two commands$(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LAUNCHER = "./rackproof"
#: The verbs of the two commands, and how long each may take, in seconds.
TIME_LIMITS_S = {"demo": 1800.0, "test": 5400.0}
#: Colours and cursor movements of a terminal.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")
#: pytest's last line: `===== 2 failed, 2848 passed in 12.30s (0:00:12) =====`
CLOSING = re.compile(r"^=+ (?P<counts>\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s.*=$", re.MULTILINE)
GOOD_COUNTS = frozenset({"passed", "skipped", "deselected", "warning", "warnings", "xfailed"})
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
#: Beginning of the folder of a machine that goes with its proof, and of one that stays.
PASSING, KEPT = "machine-", "kept-"
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to prove: the release, the verbs in order, ``fast`` for the tests without lab, the terminal if any."""

    release: str = "bookworm"
    verbs: tuple[str, ...] = ("demo", "test")
    is_fast: bool = False
    terminal: machine.TerminalSize | None = field(default_factory=lambda: machine.TerminalSize(80, 24))


@dataclass(frozen=True, slots=True)
class CommandProof:
    """One command of the README and what came of it; ``faults`` is empty when it kept its promise."""

    line: str
    exit_code: int | None
    seconds: float
    closing: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved, on what; ``faults`` are those of the machine, beside those of each command."""

    release: str
    python: str
    commit: str
    uncommitted: int
    log: str
    machine: str
    commands: tuple[CommandProof, ...]
    faults: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether every command that was asked for ran and kept its promise."""
        has_faults = bool(self.faults) or any(command.faults for command in self.commands)
        return bool(self.commands) and not has_faults


def read_commands(text: str) -> dict[str, str]:
    """Return the two commands of a README as they are written there, verb → line.

    Raises RackproofError (PRF002) unless the section holds one line for each of the two verbs and no other.
    """
    section = SECTION.search(text)
    blocks = BLOCK.findall(section.group(1)) if section else []
    every = chain.from_iterable(block.splitlines() for block in blocks)
    lines = [line.strip() for line in every if line.strip()]
    commands = {_verb_of(line): line for line in lines}
    if len(lines) != len(commands) or set(commands) != set(TIME_LIMITS_S):
        wanted = ", ".join(f"`{LAUNCHER} {verb}`" for verb in TIME_LIMITS_S)
        raise RackproofError("PRF002", actual="; ".join(lines), wanted=wanted)
    return commands


def prove_newcomer(wanted: Wanted, on_step: Callable[[str], None], *, keep: bool = False) -> Proof:
    """Make the machine, clone the commit that is checked out here, and run the commands on it.

    ``on_step`` is told what is being done. Nothing stays on this machine but the log, with ``keep`` the machine too.
    Raises RackproofError: PRF001 no machine, PRF002 other commands in the README, PRF003 no commit, PRF004 release,
    LCK001 somebody else proves it now.
    """
    release = machine.read_release(wanted.release)
    lines = read_commands(README.read_text(encoding="utf-8"))
    folder = state_dir().absolute() / "proofs"
    folder.mkdir(parents=True, exist_ok=True)
    log_file = folder / f"newcomer-{release.release}.log"
    with _make_root(folder, keep=keep) as root, log_file.open("wb") as log:
        on_step(_("making a {release} of nothing but {packages}").format(
            release=release.release, packages=", ".join(release.packages)
        ))  # fmt: skip
        machine.build(release, root)
        settings = machine.hand_settings(root)
        on_step(_("cloning the commit that is checked out here"))
        commit = machine.clone_head(REPOSITORY, root)
        proofs: list[CommandProof] = []
        for verb in wanted.verbs:
            line = lines[verb]
            if verb == "test" and wanted.is_fast:
                line += " --fast"
            proofs.append(_prove_command(root, line, settings, wanted, log, on_step))
        python = read_python(root)
        faults = tuple(find_machine_faults(release, python))
        kept = str(root) if keep else ""
    return Proof(
        release.release, python, commit, _count_uncommitted(), str(log_file), kept, tuple(proofs), faults
    )  # fmt: skip


def find_faults(line: str, done: machine.LineRun) -> Iterator[str]:
    """Yield why a command did not keep its promise: judged by its exit code and by what it showed, each alone."""
    if done.exit_code is None:
        yield _("it was ended after {minutes:.0f} minutes").format(minutes=done.seconds / 60)
    elif done.exit_code != 0:
        yield _("exit code {code}").format(code=done.exit_code)
    text = strip_control(done.text)
    if TRACEBACK in text:
        yield _("it showed a traceback")
    if done.text.rfind(HIDE_CURSOR) > done.text.rfind(SHOW_CURSOR):
        yield _("the cursor stayed hidden")
    if _verb_of(line) == "test":
        yield from _find_test_faults(find_closing(text))


def find_closing(text: str) -> str:
    """Return the counts of pytest's closing line, such as ``2 failed, 2848 passed``; empty when there is none."""
    found = [match["counts"] for match in CLOSING.finditer(text)]
    return "".join(found[-1:])


def strip_control(text: str) -> str:
    """Return what a terminal was shown without its colours and cursor movements."""
    return CONTROL.sub("", text)


def read_python(root: Path) -> str:
    """Return the version of the Python that the launcher chose on the machine; empty when it made no environment."""
    file = root / machine.CLONE / ".rackproof/venv/pyvenv.cfg"
    if not file.exists():
        return ""
    lines = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    values = {name.strip(): value.strip() for name, _equals, value in lines}
    return values.get("version", "")


def _prove_command(
    root: Path, line: str, settings: dict[str, str], wanted: Wanted, log: BinaryIO, on_step: Callable[[str], None]
) -> CommandProof:
    limits = machine.Limits(TIME_LIMITS_S[_verb_of(line)], wanted.terminal)
    log.write(f"\n$ {line}\n".encode())
    on_step(line)

    def show_last_line(text: str) -> None:
        if err.is_terminal:  # elsewhere every second would be a line
            on_step(f"{line}: {strip_control(text)[:60]}")

    done = machine.run_line(root, line, settings, limits, log, show_last_line)
    closing = find_closing(strip_control(done.text))
    return CommandProof(line, done.exit_code, round(done.seconds, 1), closing, tuple(find_faults(line, done)))


def _find_test_faults(closing: str) -> Iterator[str]:
    if not closing:
        yield _("pytest's closing line is missing")
        return
    counts = dict(_split_count(part) for part in closing.split(", "))
    bad = {word: number for word, number in counts.items() if word not in GOOD_COUNTS}
    if bad or not counts.get("passed"):
        yield _("pytest said: {closing}").format(closing=closing)


def _split_count(part: str) -> tuple[str, int]:
    number, word = part.split(" ")
    return word, int(number)


def find_machine_faults(release: machine.Release, python: str) -> Iterator[str]:
    """Yield what speaks against the machine: another Python than that of its own Debian."""
    if python != release.python and not python.startswith(f"{release.python}."):
        yield _("Python {found} was used, Debian's own is {expected}").format(
            found=python or "?", expected=release.python
        )


def _verb_of(line: str) -> str:
    words = line.split()
    if len(words) < 2 or words[0] != LAUNCHER:
        return line
    return words[1]


def _count_uncommitted() -> int:
    status = run(["git", "-C", str(REPOSITORY), "status", "--porcelain"])
    return len(status.splitlines())


@contextmanager
def _make_root(folder: Path, *, keep: bool) -> Iterator[Path]:
    """Make a folder for the machine; what an earlier proof left that was killed goes first. Raises LCK001."""
    with hold(folder / "newcomer.lock", _("proving what a newcomer is promised")):
        machine.remove_dead_groups()
        for left in folder.glob(f"{PASSING}*"):
            shutil.rmtree(left)
        prefix = KEPT if keep else PASSING
        root = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        root.chmod(0o755)
        try:
            yield root
        except BaseException:
            shutil.rmtree(root)
            raise
        if not keep:
            shutil.rmtree(root)


def split_verbs(only: str | None) -> Sequence[str]:
    """Return the verbs to prove: all, or the one of ``--only``."""
    if only is None:
        return tuple(TIME_LIMITS_S)
    return (only,)
