"""The tutorials, typed by a test: every command block, in order, in the shared lab, with the exit code it promises."""

import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).resolve().parents[2]
TUTORIALS = REPOSITORY / "docs" / "tutorials"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
EXITS = re.compile(r"#.*exits? (\d+)")
KINDS = ("operations", "network", "auditor")


def steps(document):
    """Return (command, expected exit code) for every line of the document's shell blocks."""
    text = "".join(BLOCK.findall(document.read_text(encoding="utf-8"))).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            promised = EXITS.search(line)
            yield line, int(promised.group(1)) if promised else 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_of_the_tutorial_does_what_it_says(kind, provisioned_lab, tmp_path):
    env = {**os.environ, "RACKPROOF_LAB": provisioned_lab.name, "TMPDIR": str(tmp_path)}
    for line, code in steps(TUTORIALS / f"{kind}.en.md"):
        result = subprocess.run(
            ["bash", "-c", line], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL, check=False,
        )
        assert result.returncode == code, f"{line}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"
