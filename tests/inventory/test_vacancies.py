"""Free plan numbers: whatever is proposed may be given today, and nothing that may not is proposed."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Place
from inventory.load.draft_reader import read_draft
from inventory.numbering.free_numbers import vacancies
from inventory.numbering.ledger import GENESIS, Ledger, LedgerEntry, due, used
from tests.support import require

CAMPUS = Path(__file__).parent / "campus"
DRAFT = require(read_draft(CAMPUS, []))
TODAY = date(2026, 11, 25)


def ledger(*entries: LedgerEntry) -> Ledger:
    return Ledger(CAMPUS / "allocations.jsonl", {(e.kind, e.id): e for e in entries}, len(entries), GENESIS, TODAY)


def numbers(kind: str, region: int | None = None, held: Ledger | None = None, count: int = 3) -> tuple[int, ...]:
    return next(v.numbers for v in vacancies(DRAFT, held, TODAY, region, count) if v.kind == kind)


@pytest.mark.parametrize(
    ("kind", "region", "expected"),
    [
        ("region", None, (128, 64, 192)),
        ("anycast", None, (3, 4, 5)),
        ("site", 2, (0, 3, 4)),
        ("loopback", 2, (3, 4, 5)),
        ("link", 2, (23, 24, 25)),
        ("link", 7, (701, 702, 703)),
    ],
)
def test_first_free(kind: str, region: int | None, expected: tuple[int, int, int]) -> None:
    assert numbers(kind, region) == expected


@pytest.mark.parametrize(
    ("days", "state", "expected"),
    [
        (10, "retired", (0, 4, 5)),
        (364, "retired", (0, 4, 5)),
        (365, "retired", (0, 3, 4)),  # the quarantine ends today
        (366, "given", (0, 4, 5)),
    ],
)
def test_a_number_in_quarantine_or_held_is_not_proposed(days: int, state: str, expected: tuple[int, int, int]) -> None:
    entry = LedgerEntry("site", "2.3", "old-room", TODAY - timedelta(days=days), state)
    assert numbers("site", 2, ledger(entry)) == expected


@given(st.sets(st.integers(0, 20), max_size=10), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_what_is_proposed_can_be_given(retired: set[int], count: int) -> None:
    held = ledger(*(LedgerEntry("site", f"9.{n}", "gone", TODAY - timedelta(days=1), "retired") for n in retired))
    for number in numbers("site", 9, held, count):
        wanted = {**used(DRAFT), ("site", f"9.{number}"): ("new", lambda: Place(CAMPUS))}
        assert LedgerEntry("site", f"9.{number}", "new", TODAY, "given") in due(held, wanted, TODAY, 365)
