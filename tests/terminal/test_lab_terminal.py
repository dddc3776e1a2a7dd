"""Every verb on a person's terminal while the lab is up: with progress, tables and devices that answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.workspace import REPOSITORY
from lab.instance import Instance
from tests.conftest import NAME
from tests.support import leave_long
from tests.terminal.screen import run_in_terminal
from tests.terminal.test_terminal import LAUNCH, VERBS

pytestmark = pytest.mark.lab

DRIVEN = [verb for verb, case in VERBS.items() if "lab" in case]
#: Those that change something or take minutes are driven once; the others also on a large terminal.
MINUTES = {"demo", "lab netbox"}
ONCE = MINUTES | {"lab up", "lab break", "lab mend", "provision apply", "net apply", "checks run"}


def environment_for_lab(language: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RACKPROOF_STATE") if name in os.environ}
    ours = {"PYTHONPATH": str(REPOSITORY), "RACKPROOF_LAB": NAME, "TERM": "xterm-256color", "LC_ALL": language}
    return {**kept, **ours}


def fill_words(case: dict[str, Any], folder: Path) -> list[str]:
    """Return the arguments of a verb, with a file in ``folder`` for each NEW."""
    return [str(folder / "new.png") if word == "NEW" else word for word in case.get("words", [])]


def drive(verb: str, size: tuple[int, int], language: str, folder: Path) -> None:
    case = VERBS[verb]["lab"]
    argv = [*LAUNCH, *verb.split(), *fill_words(case, folder)]
    environment = environment_for_lab(language)
    if verb == "demo":
        environment.pop("RACKPROOF_LAB")  # it raises a lab of its own
    shown = run_in_terminal(argv, environment, size, case.get("interrupt"), str(REPOSITORY), case.get("type"))
    assert shown.code in case["exits"], shown.text[-3000:]
    assert shown.complaints() == [], shown.text[-3000:]


@pytest.mark.parametrize("verb", leave_long(DRIVEN, [verb for verb in DRIVEN if verb not in MINUTES]))
def test_every_verb_on_a_small_terminal_in_vietnamese(provisioned_lab: Instance, verb: str, tmp_path: Path) -> None:
    drive(verb, (24, 80), "vi_VN.UTF-8", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("verb", [verb for verb in DRIVEN if verb not in ONCE])
def test_every_verb_on_a_large_terminal_in_english(provisioned_lab: Instance, verb: str, tmp_path: Path) -> None:
    drive(verb, (50, 200), "en_US.UTF-8", tmp_path)


def test_ctrl_c_while_devices_are_asked_gives_the_cursor_back(provisioned_lab: Instance) -> None:
    shown = run_in_terminal(
        [*LAUNCH, "checks", "run", "--no-drill"], environment_for_lab("en_US.UTF-8"), (24, 80), r"\d+:\d\d:\d\d",
        str(REPOSITORY),
    )  # fmt: skip
    assert shown.code == 130
    assert shown.cursor_visible
    assert shown.complaints() == []


def test_standard_error_may_be_closed_while_devices_are_asked(provisioned_lab: Instance) -> None:
    command = f'"{sys.executable}" -P -m rackproof monitor poll ups-a --json 2>&-'
    done = subprocess.run(
        ["sh", "-c", command], env=environment_for_lab("en_US.UTF-8"), cwd=REPOSITORY, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert '"schema": "monitor.poll"' in done.stdout
