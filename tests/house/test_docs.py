"""Documents: every link resolves, and every command line they show exists."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import rackproof

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TAKES_VALUE = ("--estate", "--workspace", "--lang")
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)")


def commands(document: Path) -> list[str]:
    """Return the `./rackproof …` command lines of a document's shell blocks."""
    lines = "\n".join(BLOCK.findall(document.read_text(encoding="utf-8"))).splitlines()
    found = [line.removeprefix("$ ").removeprefix("sudo ").strip() for line in lines]
    return [line.split(" #")[0].strip() for line in found if "./rackproof" in line]


def verb(line: str) -> tuple[str, ...]:
    """Return the verb and sub-verb of a command line, as a tuple."""
    words = shlex.split(line[line.index("./rackproof") :].split("$(", maxsplit=1)[0].replace('"', ""))[1:]
    values = {words.index(option) + 1 for option in TAKES_VALUE if option in words}
    plain = [word for number, word in enumerate(words) if not word.startswith("-") and number not in values]
    return tuple(plain[: 1 if plain[0] in ("demo", "doctor", "test") else 2])


ALL = [line for document in DOCUMENTS for line in commands(document)]
VERBS = sorted({verb(line) for line in ALL} - {("test",)})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(REPOSITORY)))
def test_links_resolve(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [link for link in LINK.findall(text) if not (document.parent / link.strip()).exists()] == []


def test_there_are_commands_to_test() -> None:
    assert len(ALL) >= 30
    assert len(VERBS) >= 15


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_in_the_documents_exists(words: tuple[str, ...]) -> None:
    assert words[0] in rackproof.ROOMS
    command = get_command(importlib.import_module(rackproof.ROOMS[words[0]][0]).app)
    for word in words[1:]:
        assert word in getattr(command, "commands", {})
