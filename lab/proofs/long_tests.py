"""`rackproof prove long`: the tests that take minutes each, which `rackproof test` leaves out.

``tests/long.yml`` gives each proof its name, its tests and the slice of it that every run of the tests holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from core.errors import RackproofError
from core.models import read_model
from core.workspace import REPOSITORY, state_dir
from lab.proofs.newcomer import find_closing, find_faults, strip_control
from lab.proofs.pythons import run_tests

TABLE = REPOSITORY / "tests/long.yml"
LINE = "./rackproof test -m long"


class LongTests(BaseModel):
    """One proof: files of tests, of which those marked ``long`` are run; ``slice`` says what every run holds of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    proves: str
    minutes: int
    tests: tuple[str, ...]
    slice: str


class LongTable(RootModel[dict[str, LongTests]]):
    """``tests/long.yml``: the proofs by name."""


@dataclass(frozen=True, slots=True)
class LongProof:
    """What came of one proof; ``faults`` is empty when all of its tests passed."""

    name: str
    seconds: float
    closing: str
    log: str
    faults: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether its tests ran and all passed."""
        return not self.faults and bool(self.closing)


def prove_long(names: Sequence[str], on_step: Callable[[str], None]) -> list[LongProof]:
    """Run the tests of the named proofs, all of them where none is named; one proof after the other.

    They run in the working tree, as `rackproof test` does, and share its image. Raises RackproofError (PRF010) for a
    name that is not in the table.
    """
    table = read_model(TABLE, LongTable).root
    for name in names:
        if name not in table:
            raise RackproofError("PRF010", actual=name, known=table)
    return [prove_one(name, table[name], on_step) for name in names or table]


def prove_one(name: str, tests: LongTests, on_step: Callable[[str], None]) -> LongProof:
    """Run the tests of one proof; what they print goes to a log of its own."""
    on_step(f"{name}: {tests.proves} ({tests.minutes} min)")
    log = state_dir().absolute() / "proofs" / f"long-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    done = run_tests(REPOSITORY, [*LINE.split(), *tests.tests])
    log.write_text(done.text, encoding="utf-8")
    closing = find_closing(strip_control(done.text))
    return LongProof(name, round(done.seconds, 1), closing, str(log), tuple(find_faults(LINE, done)))


def list_files() -> dict[str, list[Path]]:
    """Return the files of tests of every proof, by its name."""
    table = read_model(TABLE, LongTable).root
    return {name: [REPOSITORY / file for file in tests.tests] for name, tests in table.items()}
