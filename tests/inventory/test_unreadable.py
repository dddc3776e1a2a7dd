"""What a person may not read or write is a text and an exit code, never an internal error. Seen with real rights."""

import os
import shutil
import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from inventory.load.draft_reader import read_draft
from inventory.numbering.ledger import FILE, GENESIS, Ledger, LedgerEntry, used, write
from tests.support import require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Root may read everything: its processes do without that right here. For anybody else the mode holds anyway.
PLAIN = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def rackproof(estate: Path, *words: str, plain: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a verb in a process of its own; ``plain``: the mode of a file holds for it."""
    environment = {**os.environ, "RACKPROOF_NO_CACHE": "1", "RACKPROOF_LANG": "en"}
    argv = [*(PLAIN if plain else ()), sys.executable, "-m", "rackproof", "--estate", str(estate), "estate", *words]
    return subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """A copy of the base estate, with a ledger."""
    shutil.copytree(HERE / "base", tmp_path / "estate")
    write(Ledger(tmp_path / "estate" / FILE, {}, 0, GENESIS, date.min), numbers())
    return tmp_path / "estate"


@cache
def numbers() -> list[LedgerEntry]:
    draft = require(read_draft(HERE / "base", []))
    return [LedgerEntry(*number, owner, date(2026, 1, 1), "given") for number, (owner, _where) in used(draft).items()]


@pytest.mark.parametrize(
    ("words", "part"),
    [(("validate",), "sites"), (("facility",), "archetypes"), (("explain", "x"), "sites"), (("show",), "sites/dc.yml")],
)
def test_a_part_that_may_not_be_read(estate: Path, words: tuple[str, ...], part: str) -> None:
    (estate / part).chmod(0)
    answer = rackproof(estate, *words, plain=True)
    assert (answer.returncode, "[FIL002]" in answer.stderr) == (6, True), answer.stderr


@pytest.mark.parametrize(
    ("words", "part"),
    [(("check",), "sites"), (("check", "--json"), "allocations.jsonl"), (("append",), "allocations.jsonl"),
     (("free",), "sites"), (("free",), "allocations.jsonl")],
)  # fmt: skip
def test_a_ledger_that_may_not_be_read(estate: Path, words: tuple[str, ...], part: str) -> None:
    (estate / part).chmod(0)
    answer = rackproof(estate, "ledger", *words, plain=True)
    for_programs = "--json" in words
    said = answer.stdout if for_programs else answer.stderr
    assert (answer.returncode, "FIL002" in said) == (6, True), said


def test_a_ledger_that_may_not_be_written(estate: Path) -> None:
    text = (estate / "services.yml").read_text("utf-8")
    (estate / "services.yml").write_text(text.replace("name: nodes", "name: nodes\n    anycast: 7"), "utf-8")
    (estate / "allocations.jsonl").chmod(0o444)
    answer = rackproof(estate, "ledger", "append", plain=True)
    assert (answer.returncode, "[FIL002]" in answer.stderr) == (6, True), answer.stderr


@pytest.mark.parametrize("verb", ["zone", "prometheus", "hosts"])
def test_a_place_that_may_not_be_written_to(estate: Path, verb: str) -> None:
    estate.chmod(0o555)
    answer = rackproof(estate, "export", verb, "--to", str(estate / "made"), plain=True)
    assert (answer.returncode, "[FIL002]" in answer.stderr) == (6, True), answer.stderr


@pytest.mark.parametrize("verb", ["zone", "prometheus"])
def test_a_file_where_a_folder_is_wanted(estate: Path, verb: str) -> None:
    answer = rackproof(estate, "export", verb, "--to", str(estate / "links.yml"))
    assert (answer.returncode, "[FIL003]" in answer.stderr) == (2, True), answer.stderr
