"""Documents: every link resolves, and every command line they show exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import rackproof

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)")


def commands(document):
    """Return the `./rackproof …` command lines of a document's shell blocks."""
    lines = "\n".join(BLOCK.findall(document.read_text(encoding="utf-8"))).splitlines()
    found = [line.removeprefix("$ ").removeprefix("sudo ").strip() for line in lines]
    return [line.split(" #")[0].strip() for line in found if "./rackproof" in line]


ALL = sorted({line for document in DOCUMENTS for line in commands(document)})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(REPOSITORY)))
def test_links_resolve(document):
    text = document.read_text(encoding="utf-8")
    assert [link for link in LINK.findall(text) if not (document.parent / link.strip()).exists()] == []


def test_there_are_commands_to_test():
    assert len(ALL) >= 10


@pytest.mark.parametrize("line", ALL)
def test_the_verb_of_every_command_exists(line):
    words = shlex.split(line)
    words = words[words.index("./rackproof") + 1 :]
    verbs = [word for word in words if not word.startswith("-")]
    if not verbs or verbs[0] == "test":
        return
    assert verbs[0] in rackproof.ROOMS
    result = subprocess.run(
        [sys.executable, "-m", "rackproof", *verbs[:2][: 1 if verbs[0] in ("demo", "doctor") else 2], "--help"],
        capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY,
    )
    assert result.returncode == 0, result.stderr
