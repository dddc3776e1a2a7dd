"""The shell blocks of a document: what a reader would type, line by line, and the exit code that the line promises."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TUTORIALS = REPOSITORY / "docs" / "tutorials"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXITS = re.compile(r"#.*exits? (\d+)")


def steps(document: Path) -> Iterator[tuple[str, int]]:
    """Return (command, expected exit code) for every line of the document's shell blocks."""
    text = "".join(BLOCK.findall(document.read_text(encoding="utf-8"))).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            promised = EXITS.search(line)
            yield line, int(promised.group(1)) if promised else 0


def type_in(document: Path, env: dict[str, str], timeout_s: int) -> dict[str, subprocess.CompletedProcess[str]]:
    """Type every line of a document from the repository; the first that does not do what it says fails.

    Returns what came of each line.
    """
    said = {}
    for line, code in steps(document):
        result = subprocess.run(
            ["bash", "-c", line], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=timeout_s,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert result.returncode == code, f"{line}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}"
        said[line] = result
    return said
