"""A person's terminal for tests: runs a command line in a pty of a given size and keeps everything it showed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pexpect
import pyte
from wcwidth import wcswidth

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")
TABLE_LINE = re.compile("[│┃┌┏└┡├]")
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run left: its exit code, the raw stream, the text without escapes, and whether the cursor is visible."""

    code: int
    raw: str
    text: str
    columns: int
    cursor_visible: bool

    def complaints(self) -> list[str]:
        """Return what is wrong with it for whoever looks at the terminal; [] when nothing is."""
        found = []
        if not self.cursor_visible:
            found.append("the cursor stays hidden")
        if "Traceback (most recent call last)" in self.text or "RPK000" in self.text:
            found.append("an internal error")
        if "lost sys.stderr" in self.text:
            found.append("the interpreter lost standard error")
        for line in self.text.splitlines():
            if not TABLE_LINE.search(line):
                continue
            if wcswidth(line) > self.columns:
                found.append(f"a line of a table is wider than the terminal: {line!r}")
            if re.search(r"\S…\s*[│┃]", line):
                found.append(f"a cell is cut off: {line!r}")
        return found


def run_in_terminal(
    argv: Sequence[str],
    environment: Mapping[str, str],
    size: tuple[int, int] = (24, 80),
    interrupt_at: str | None = None,
    cwd: str | None = None,
    then: str | None = None,
) -> Shown:
    """Run ``argv`` in a pty of ``size`` (rows, columns); press Ctrl-C once the text ``interrupt_at`` is shown.

    ``then`` is typed after it, for a program that goes on.
    """
    rows, columns = size
    child = pexpect.spawn(
        argv[0], list(argv[1:]), env=dict(environment), dimensions=size, encoding="utf-8", codec_errors="replace",
        timeout=TIMEOUT_S, cwd=cwd, echo=False,
    )  # fmt: skip
    child.delaybeforeclose = child.delayafterclose = child.delayafterterminate = None
    parts = []
    if interrupt_at is not None:
        child.expect(interrupt_at)
        parts += [child.before or "", child.after or ""]
        child.sendintr()
        if then is not None:
            child.expect(interrupt_at)
            parts += [child.before or "", child.after or ""]
            child.sendline(then)
    child.expect(pexpect.EOF)
    parts.append(child.before or "")
    child.wait()
    raw = "".join(parts)
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(raw)
    code = child.exitstatus if child.exitstatus is not None else 128 + int(child.signalstatus or 0)
    return Shown(code, raw, ESCAPE.sub("", raw), columns, not screen.cursor.hidden)


def run_without_terminal(
    argv: Sequence[str], environment: Mapping[str, str], closed: str = "", cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` with pipes instead of a terminal; ``closed`` is a redirection such as ``2>&-``."""
    command = [*argv]
    if closed:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *argv]
    return subprocess.run(
        command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False, cwd=cwd,
    )  # fmt: skip
