"""Files that mean harm, or are not files: refused in words, with bounded memory and time."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MEMORY = 400 * 1024 * 1024
LOOK = """
import resource, sys
from pathlib import Path
from inventory.load.inspection import inspect_estate
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
found = inspect_estate(Path(sys.argv[1]))
print(",".join(sorted({error.code for error in found.errors})))
"""


def sparse(size: int) -> Callable[[Path], None]:
    def make(file: Path) -> None:
        file.unlink(missing_ok=True)
        with file.open("wb") as stream:
            stream.truncate(size)

    return make


def text(content: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(content)


def pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def device(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to("/dev/zero")


def folder(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


HOSTILE = [
    ("100 MB", "sites/dc.yml", sparse(100 * 1024 * 1024), "EST003"),
    ("100 GB", "sites/dc.yml", sparse(100 * 1024**3), "EST003"),
    ("a ledger of 100 GB", "allocations.jsonl", sparse(100 * 1024**3), "EST003"),
    ("a pipe", "sites/dc.yml", pipe, "EST001"),
    ("a pipe as ledger", "allocations.jsonl", pipe, "EST001"),
    ("an endless device", "sites/dc.yml", device, "EST001"),
    ("a folder", "links.yml", folder, "EST001"),
    ("a bomb of aliases", "sites/dc.yml", text(b"a: &a [x]\n" + b"".join(
        b"b%d: &b%d [*a,*a,*a,*a,*a,*a,*a,*a]\n" % (n, n) for n in range(2000))), "EST006"),
    ("4 MB of brackets", "sites/dc.yml", text(b"a: " + b"[" * 4_000_000), "EST009"),
    ("4 MB of values", "sites/dc.yml", text(b"a: [" + b"1," * 1_900_000 + b"1]\n"), "EST009"),
    ("4 MB in one text", "sites/dc.yml", text(b"site: " + b"x" * 4_000_000 + b"\n"), "EST024"),
    ("a million keys", "sites/dc.yml", text(b"".join(b"k%d: 1\n" % n for n in range(380_000))), "EST009"),
    ("a ledger of one line", "allocations.jsonl", text(b'{"a":' * 100_000), "EST401"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "make", "code"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_refused(name: str, file: str, make: Callable[[Path], object], code: str, tmp_path: Path) -> None:
    estate = tmp_path / "estate"
    shutil.copytree(HERE / "campus", estate)
    make(estate / file)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(estate), str(MEMORY)], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert code in done.stdout.strip().split(",")


def test_the_memory_limit_of_these_tests_bites() -> None:
    greedy = LOOK.replace("found =", "x = bytearray(500 * 1024 * 1024); found =")
    done = subprocess.run(
        [sys.executable, "-c", greedy, str(HERE), str(MEMORY)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "MemoryError" in done.stderr
