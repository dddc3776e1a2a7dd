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

from checks.model import CollectOutcome

MAX_OUTPUT_BYTES = 1024 * 1024
#: Also a room behind a slow link, or a host that is busy, gets the time to let us in: it is not unreachable.
CONNECT_S = 15
KILLED = frozenset({124, 137})
MAGIC = b"RPK1"
#: OpenSSH's own exit code; it says nothing where the shared connection ended that the session went over.
LOST_CODE, LOST = 255, "the connection was lost without a word"
#: A connection of one's own, which ends with nobody else's.
UNSHARED = ("-o", "ControlPath=none")
#: What OpenSSH says when the other side answered and we did not get in.
REFUSALS = {
    "Host key verification failed": CollectOutcome.HOST_KEY_CHANGED,
    "Permission denied (": CollectOutcome.LOGIN_REFUSED,
    "Too many authentication failures": CollectOutcome.LOGIN_REFUSED,
}

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
class ShellCommand:
    """One command line for the host's shell and the seconds it may take."""

    text: str
    timeout_s: int = 10


@dataclass(frozen=True, slots=True)
class ShellAnswer:
    """What one command answered. ``trouble`` is empty exactly when the host really ran it to its end.

    ``unreachable``: the command never reached a shell. ``refusal`` then says that somebody did answer and did not let
    us in, which no power and no cable will mend.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    started: datetime
    ended: datetime
    trouble: str = ""
    unreachable: bool = False
    refusal: CollectOutcome | None = None

    @property
    def outcome(self) -> CollectOutcome:
        """What this answer is as evidence."""
        if not self.trouble:
            return CollectOutcome.COLLECTED
        if not self.unreachable:
            return CollectOutcome.TIMEOUT
        return self.refusal or CollectOutcome.UNREACHABLE

    @property
    def raw(self) -> bytes:
        """Standard output, and standard error below it when there is any."""
        return self.stdout + (b"\n--- stderr ---\n" + self.stderr if self.stderr else b"")


def run_batch(ssh_config: Path, alias: str, commands: Sequence[ShellCommand]) -> list[ShellAnswer]:
    """Run every command on the host behind ``alias``; always one answer per command, in order.

    What a connection that was lost without a word left unanswered is asked once more over a connection of its own: the
    first is shared, and may end with whoever opened it. That is no news of the host, and asking changes nothing there.
    """
    if not commands:
        return []
    answers = ask_once(ssh_config, alias, commands)
    unheard = [index for index, answer in enumerate(answers) if answer.trouble == LOST]
    if unheard:
        again = ask_once(ssh_config, alias, [commands[index] for index in unheard], UNSHARED)
        for index, answer in zip(unheard, again, strict=True):
            answers[index] = answer
    return answers


def ask_once(
    ssh_config: Path, alias: str, commands: Sequence[ShellCommand], options: Sequence[str] = ()
) -> list[ShellAnswer]:
    """Run every command over one session; one answer per command, in order."""
    limit = CONNECT_S * 3 + sum(command.timeout_s + 1 for command in commands)
    began = datetime.now(UTC)
    try:
        done = run_ssh(ssh_config, alias, "exec /bin/sh -s", limit, options, make_script(commands))
        output, trouble = done.stdout, explain_failure(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as late:
        output, trouble = late.stdout or b"", f"no answer within {limit} s"
    answers = parse_answers(output, len(commands))
    trouble = trouble or "the connection was lost in mid-answer"
    missing = ShellAnswer(255, b"", b"", began, datetime.now(UTC), trouble, True, name_refusal(trouble))
    return [answers.get(index, missing) for index in range(len(commands))]


def run_line(ssh_config: Path, alias: str, line: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    """Run one line that changes nothing, for a device whose shell is its own command line.

    A connection that was lost without a word is asked once more, as in ``run_batch``. Raises
    ``subprocess.TimeoutExpired`` when either answer takes longer than ``timeout_s`` seconds.
    """
    done = run_ssh(ssh_config, alias, line, timeout_s)
    lost = explain_failure(done.returncode, done.stderr) == LOST
    return run_ssh(ssh_config, alias, line, timeout_s, UNSHARED) if lost else done


def run_ssh(
    ssh_config: Path, alias: str, line: str, timeout_s: float, options: Sequence[str] = (), script: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run one line behind ``alias`` with ``script`` as its standard input; ssh never asks anybody anything."""
    fixed = ("-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}")
    argv = ["ssh", "-F", str(ssh_config), *fixed, *options, alias, line]
    return subprocess.run(argv, input=script, capture_output=True, timeout=timeout_s, check=False)


def name_refusal(trouble: str) -> CollectOutcome | None:
    """Return how OpenSSH was turned away, from its own words (they are English in every locale); None: not at all."""
    return next((outcome for words, outcome in REFUSALS.items() if words in trouble), None)


def make_script(commands: Sequence[ShellCommand]) -> bytes:
    """Return the shell script that runs the commands and frames their answers."""
    parts = [_PRELUDE.replace("LIMIT", str(MAX_OUTPUT_BYTES))]
    for index, command in enumerate(commands):
        end = f"END_{secrets.token_hex(8)}"
        parts.append(f"cat >\"$d/c\" <<'{end}'\n{command.text}\n{end}\nrun {index} {command.timeout_s}\n")
    return "".join(parts).encode()


def parse_answers(output: bytes, count: int) -> dict[int, ShellAnswer]:
    """Return the complete answers by index; parsing stops at the first frame that is torn or foreign."""
    answers: dict[int, ShellAnswer] = {}
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
        trouble = find_trouble(code, length_out, length_err)
        answers[index] = ShellAnswer(code, stdout, stderr, read_moment(began), read_moment(ended), trouble)
    return answers


def find_trouble(code: int, length_out: int, length_err: int) -> str:
    """Return why an answer cannot be used; empty when the command ran to its end and all of its output is here."""
    if code in KILLED:
        return "the command did not end in time"
    if max(length_out, length_err) > MAX_OUTPUT_BYTES:
        return f"the output is longer than {MAX_OUTPUT_BYTES} bytes and was cut"
    return ""


def explain_failure(code: int, stderr: bytes) -> str:
    """Return the last thing that ssh said, which is why it ended; empty when it ended well."""
    if not code:
        return ""
    text = stderr.decode("utf-8", errors="replace").strip().splitlines()
    if text:
        return text[-1]
    return LOST if code == LOST_CODE else f"ssh ended with {code}"


def read_moment(nanoseconds: int) -> datetime:
    """Return a moment that a host stamped, in nanoseconds of Unix time."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
