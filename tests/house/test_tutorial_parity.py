"""The tutorials exist in both languages and show the same commands in the same order."""

import re
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands(name: str) -> list[str]:
    text = "".join(BLOCK.findall((TUTORIALS / name).read_text(encoding="utf-8")))
    return [line.split("#")[0].strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("kind", ["operations", "network", "auditor", "estate"])
def test_same_commands_in_both_languages(kind: str) -> None:
    assert _commands(f"{kind}.en.md") == _commands(f"{kind}.vi.md")
    assert len(_commands(f"{kind}.en.md")) >= 5
