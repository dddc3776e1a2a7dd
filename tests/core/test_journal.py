"""The journal: what was written is found again, and whatever was changed afterwards is named."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import RackproofError
from core.journal import Journal
from tests.support import require


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "journal.jsonl", tmp_path / "keys" / "signing.pem")
    for number in range(4):
        made.append("step", number=number)
    return made


def test_reads_back_what_was_written(journal: Journal) -> None:
    assert [record["number"] for record in journal.read()] == [0, 1, 2, 3]
    assert journal.verify() == 4


def _drop_line(lines: list[bytes]) -> None:
    del lines[1]


def _swap(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def _edit(lines: list[bytes]) -> None:
    record = json.loads(lines[2])
    record["number"] = 7
    lines[2] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _strip_signature(lines: list[bytes]) -> None:
    record = json.loads(lines[0])
    del record["sig"]
    lines[0] = json.dumps(record).encode() + b"\n"


def _tear(lines: list[bytes]) -> None:
    lines[3] = lines[3][:-10]


def _not_json(lines: list[bytes]) -> None:
    lines[1] = b"[]\n"


@pytest.mark.parametrize(
    ("damage", "line"),
    [(_drop_line, 2), (_swap, 2), (_edit, 3), (_strip_signature, 1), (_tear, 4), (_not_json, 2)],
)
def test_names_the_first_broken_line(journal: Journal, damage: Callable[[list[bytes]], None], line: int) -> None:
    lines = journal.path.read_bytes().splitlines(keepends=True)
    damage(lines)
    journal.path.write_bytes(b"".join(lines))
    with pytest.raises(RackproofError) as caught:
        journal.verify()
    assert caught.value.code == "JRN001"
    assert require(caught.value.place).line == line


def test_a_first_line_in_mid_journal_is_found(journal: Journal, tmp_path: Path) -> None:
    """One that names no line before it begins a journal: signed by the same key, it still begins no journal here."""
    other = Journal(tmp_path / "other.jsonl", tmp_path / "keys" / "signing.pem")
    other.append("step", number=99)
    journal.path.write_bytes(journal.path.read_bytes() + other.path.read_bytes())
    with pytest.raises(RackproofError) as caught:
        journal.verify()
    assert (caught.value.code, require(caught.value.place).line) == ("JRN001", 5)


def test_every_single_flipped_byte_is_found(journal: Journal) -> None:
    whole = journal.path.read_bytes()
    for offset in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[offset] ^= 0x01
        journal.path.write_bytes(bytes(broken))
        with pytest.raises(RackproofError):
            journal.verify()


def test_a_torn_tail_is_cut_off_by_the_next_append(journal: Journal) -> None:
    journal.path.write_bytes(journal.path.read_bytes() + b'{"event":"half')
    journal.append("after")
    assert journal.verify() == 5


def test_kill_9_while_writing_loses_no_acknowledged_line(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from core.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "n = 0\n"
        "while True:\n    j.append('n', number=n); print(n, flush=True); n += 1\n"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "j"), str(tmp_path / "k.pem")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        while int(require(process.stdout).readline()) < 20:
            time.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = [int(line) for line in require(process.stdout).read().split() if line]
    journal = Journal(tmp_path / "j", tmp_path / "k.pem")
    journal.append("after the crash")
    numbers = [record["number"] for record in journal.read() if "number" in record]
    assert numbers == list(range(len(numbers)))
    assert numbers[-1] >= max([20, *acknowledged])
    assert journal.verify() == len(numbers) + 1
