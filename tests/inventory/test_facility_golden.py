"""What the rules of power and cooling find, whole: every number, name and word, not only the outcome.

``RACKPROOF_GOLDEN=write`` writes the golden files anew; what changed in them is then read line by line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inventory.facility.rules import RULES
from inventory.facility.verdict import FacilityFinding
from inventory.load import loader as load
from rackproof import run
from tests.inventory.facility_cases import CASES
from tests.inventory.test_facility import case_of

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "inventory" / "estate"
GOLDEN = Path(__file__).parent / "golden"
LOADED = cache(load.load_estate)  # the real one, once: it is only read

ASKED = {
    "site": ("dc",),
    "room": ("hph-kv01",),
    "without-one-ups": ("dc", "--without", "dc-ups-a"),
    "without-cooling": ("hph-kv01", "--without", "hph-kv01-ac1"),
    "without-everything": ("dc", "--without", "dc-ats-1", "--without", "dc-ats-2"),
}


def write_finding(found: FacilityFinding) -> str:
    """Return a finding on one line, with everything that it says."""
    amount = f"{found.measured} of {found.limit} {found.unit}".strip()
    parts = "".join(f" + {key} {sorted(facts.items())}" for key, facts in found.parts)
    return f"  {found.subject}: {found.verdict.value} {amount} {list(found.names)} {found.text}{parts}".rstrip()


def list_findings() -> Iterator[str]:
    """Yield the findings of the untouched site by every rule, then those of every case by its own rule."""
    untouched = case_of([])
    for rule, judge in RULES.items():
        yield f"{rule}:"
        yield from (write_finding(found) for found in judge(untouched))
    for number, (rule, changes, *_wanted) in enumerate(CASES):
        changed = "; ".join(f"{old.strip()} → {new.strip()}" for old, new in changes)
        yield f"case {number}, {rule}: {changed}".replace("\n", " ").rstrip()
        yield from (write_finding(found) for found in RULES[rule](case_of(changes)))


def hold_golden(name: str, text: str) -> None:
    """Compare a text with its golden file, or write that."""
    file = GOLDEN / name
    if os.environ.get("RACKPROOF_GOLDEN") == "write":
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def test_every_finding_is_whole() -> None:
    hold_golden("facility_findings.txt", "\n".join(list_findings()) + "\n")


@pytest.mark.parametrize("name", ASKED)
def test_programs_are_told_every_load_and_verdict(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ask(ASKED[name], "en", ["--json"], monkeypatch, capsys)
    rows: Any = json.loads(data)["data"]
    hold_golden(f"facility_{name}.json", json.dumps(rows, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_people_read_the_whole_estate_a_room_and_a_removal(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ((), ASKED["room"], ASKED["without-cooling"])
    said = [ask(words, language, [], monkeypatch, capsys) for words in asked]
    hold_golden(f"facility.{language}.txt", "\n".join(line.rstrip() for line in "\n".join(said).splitlines()) + "\n")


def ask(
    words: tuple[str, ...],
    language: str,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Return what ``estate facility`` answers on a wide terminal."""
    monkeypatch.setattr(load, "load_estate", LOADED)
    for name, value in {"RACKPROOF_ESTATE": "", "RACKPROOF_LANG": "", "NO_COLOR": "1", "COLUMNS": "180"}.items():
        monkeypatch.setenv(name, value)
    run(["--estate", str(REFERENCE), "--lang", language, "estate", "facility", *words, *options])
    return capsys.readouterr().out
