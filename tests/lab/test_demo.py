"""The demo interrupted: whenever Ctrl-C comes, nothing stays behind and the next run can start clean."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from lab import sweep
from lab.instance import instance
from tests.support import require

pytestmark = pytest.mark.lab
NAME = "demot"


def _start(results: Path) -> subprocess.Popen[str]:
    """Start the demo; its results go to the file ``results``, its progress to a pipe."""
    chosen = ("RACKPROOF_ESTATE", "RACKPROOF_WORKSPACE")
    kept = {key: value for key, value in os.environ.items() if key not in chosen}
    with results.open("wb") as stream:
        return subprocess.Popen(
            [str(REPOSITORY / "rackproof"), "demo"], env=kept | {"RACKPROOF_LAB": NAME}, text=True,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip


def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    seen = []
    for line in require(process.stderr):
        seen.append(line)
        if text in line:
            return
    pytest.fail("".join(seen))


@pytest.mark.parametrize(
    ("moment", "after_s", "number"),
    [
        pytest.param("Raise the estate", 0.3, signal.SIGINT, marks=pytest.mark.long),
        ("Raise the estate", 3.0, signal.SIGINT),
        pytest.param("Apply it in waves", 4.0, signal.SIGINT, marks=pytest.mark.long),
        pytest.param("Raise the estate", 2.0, signal.SIGTERM, marks=pytest.mark.long),
    ],
)
def test_an_interrupted_demo_leaves_nothing(
    moment: str, after_s: float, number: signal.Signals, tmp_path: Path
) -> None:
    process = _start(tmp_path / "results")
    _wait_for(process, moment)
    time.sleep(after_s)
    os.killpg(process.pid, number)
    progress = process.communicate(timeout=120)[1]
    assert process.returncode == 130, progress
    assert "Traceback" not in progress
    assert "Traceback" not in (tmp_path / "results").read_text(encoding="utf-8")
    assert not sweep.leftovers(instance(NAME))


def test_a_killed_demo_is_cleared_away_by_lab_down(tmp_path: Path) -> None:
    process = _start(tmp_path / "results")
    _wait_for(process, "Raise the estate")
    time.sleep(3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    argv = [str(REPOSITORY / "rackproof"), "lab", "down"]
    environment = os.environ | {"RACKPROOF_LAB": NAME}
    deadline = time.monotonic() + 30
    while subprocess.run(argv, env=environment, check=False, capture_output=True, timeout=120).returncode != 0:
        assert time.monotonic() < deadline, "the killed demo's step still runs"
        time.sleep(1)
    assert not sweep.leftovers(instance(NAME))
