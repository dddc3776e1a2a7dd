"""Many read-only commands on one host in one SSH round trip, each answer framed, timed and cut off when too long.

The commands travel on standard input, never in an argument list on the host (there, ``pgrep -f`` would find the very
command that runs it). A frame that is torn is no evidence. The connection is OpenSSH's own, shared through the
ControlPath of the workspace's configuration, with pinned host keys.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MAX_OUTPUT_BYTES = 1024 * 1024
CONNECT_S = 5
KILLED = frozenset({124, 137})
MAGIC = b"RPK1"

_PRELUDE = r"""
umask 077
d=$(mktemp -d) || exit 90
trap 'rm -rf "$d"' EXIT
run() {
  t0=$(date +%s%N)
  timeout -k 1 "$2" /bin/sh "$d/c" >"$d/o" 2>"$d/e" </dev/null
  rc=$?
  t1=$(date +%s%N)
  no=$(wc -c <"$d/o"); ne=$(wc -c <"$d/e")
  printf 'RPK1 %s %s %s %s %s %s\n' "$1" "$rc" "$t0" "$t1" "$no" "$ne"
  head -c LIMIT "$d/o"; head -c LIMIT "$d/e"
}
"""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line for the host's shell and the seconds it may take."""

    text: str
    timeout_s: int = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command answered. ``trouble`` is empty exactly when the host really ran it to its end."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    started: datetime
    ended: datetime
    trouble: str = ""
    unreachable: bool = False

    @property
    def raw(self) -> bytes:
        """Standard output, and standard error below it when there is any."""
        return self.stdout + (b"\n--- stderr ---\n" + self.stderr if self.stderr else b"")


def run_batch(ssh_config: Path, alias: str, commands: Sequence[Command]) -> list[Answer]:
    """Run every command on the host behind ``alias``; always one answer per command, in order."""
    if not commands:
        return []
    limit = CONNECT_S * 3 + sum(command.timeout_s + 1 for command in commands)
    argv = ["ssh", "-F", str(ssh_config), "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}", alias,
            "exec /bin/sh -s"]
    began = datetime.now(UTC)
    try:
        done = subprocess.run(argv, input=script(commands), capture_output=True, timeout=limit, check=False)
        output, trouble = done.stdout, _ssh_trouble(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as late:
        output, trouble = late.stdout or b"", f"no answer within {limit} s"
    answers = parse(output, len(commands))
    missing = Answer(255, b"", b"", began, datetime.now(UTC), trouble or "the connection was lost in mid-answer", True)
    return [answers.get(index, missing) for index in range(len(commands))]


def script(commands: Sequence[Command]) -> bytes:
    """Return the shell script that runs the commands and frames their answers."""
    parts = [_PRELUDE.replace("LIMIT", str(MAX_OUTPUT_BYTES))]
    for index, command in enumerate(commands):
        end = f"END_{secrets.token_hex(8)}"
        parts.append(f"cat >\"$d/c\" <<'{end}'\n{command.text}\n{end}\nrun {index} {command.timeout_s}\n")
    return "".join(parts).encode()


def parse(output: bytes, count: int) -> dict[int, Answer]:
    """Return the complete answers by index; parsing stops at the first frame that is torn or foreign."""
    answers: dict[int, Answer] = {}
    position = 0
    while (end := output.find(b"\n", position)) >= 0:
        words = output[position:end].split()
        if len(words) != 7 or words[0] != MAGIC or not all(word.lstrip(b"-").isdigit() for word in words[1:]):
            break
        index, code, began, ended, length_out, length_err = (int(word) for word in words[1:])
        sizes = min(length_out, MAX_OUTPUT_BYTES), min(length_err, MAX_OUTPUT_BYTES)
        stdout = output[end + 1 : end + 1 + sizes[0]]
        position = end + 1 + sum(sizes)
        stderr = output[end + 1 + sizes[0] : position]
        if index != len(answers) or index >= count or len(stdout) + len(stderr) != sum(sizes):
            break
        trouble = _trouble(code, length_out, length_err)
        answers[index] = Answer(code, stdout, stderr, _moment(began), _moment(ended), trouble)
    return answers


def _trouble(code: int, length_out: int, length_err: int) -> str:
    if code in KILLED:
        return "the command did not end in time"
    if max(length_out, length_err) > MAX_OUTPUT_BYTES:
        return f"the output is longer than {MAX_OUTPUT_BYTES} bytes and was cut"
    return ""


def _ssh_trouble(code: int, stderr: bytes) -> str:
    text = stderr.decode("utf-8", errors="replace").strip().splitlines()
    return (text[-1] if text else f"ssh ended with {code}") if code else ""


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
