"""The records of decisions: short, of one form, in the index, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.workspace import REPOSITORY

FOLDER = REPOSITORY / "docs" / "adr"
INDEX = FOLDER / "README.md"
SECTIONS = ["Context", "Decision", "Consequences", "What would change it"]
MOST_LINES = 60
ROW = re.compile(r"^\| (?P<number>\d{4}) \| \[(?P<title>.+)\]\((?P<file>\S+)\) \|$", re.MULTILINE)
#: What is in code marks and has a folder or an ending is a path of the repository.
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:lock|md|py|yml))`")
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))


def read_sections(text: str) -> dict[str, str]:
    """Return the sections of a record in their order: heading → text."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def test_the_records_are_numbered_without_a_gap() -> None:
    assert [record.name[:5] for record in RECORDS] == [f"{number:04}-" for number in range(1, len(RECORDS) + 1)]
    assert len(RECORDS) >= 10


def test_the_index_holds_every_record_under_its_title() -> None:
    rows = [(row["number"], row["title"], row["file"]) for row in ROW.finditer(INDEX.read_text(encoding="utf-8"))]
    titles = [record.read_text(encoding="utf-8").splitlines()[0] for record in RECORDS]
    expected = [
        (record.name[:4], title.removeprefix(f"# {record.name[:4]}: "), record.name)
        for record, title in zip(RECORDS, titles, strict=True)
    ]
    assert rows == expected


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_says_why_what_and_until_when(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    sections = read_sections(text)
    assert list(sections) == SECTIONS
    assert all(sections.values()), "a section is empty"
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_what_a_record_names_is_there(record: Path) -> None:
    named = PATH.findall(record.read_text(encoding="utf-8"))
    assert [name for name in named if not find(name)] == []


def find(name: str) -> list[Path]:
    """Return the files and folders of a name: as a path from the root, or a plain name anywhere in the rooms."""
    if "/" in name:
        return list(REPOSITORY.glob(name.replace("<room>", "*").rstrip("/")))
    return [*REPOSITORY.glob(name), *REPOSITORY.glob(f"*/{name}"), *REPOSITORY.glob(f"*/*/{name}")]


def test_a_name_that_is_gone_would_be_seen() -> None:
    assert PATH.findall("see `core/yaml.py`, `requirements.lock`, `docs/adr/` and `net plan`") == [
        "core/yaml.py",
        "requirements.lock",
        "docs/adr/",
    ]
    assert find("core/no_such.py") == []
