"""Every verb on a person's terminal: small and large, without colour, a dumb one, none at all, closed, interrupted.

What each verb is given stands in ``verbs.yml``; a verb that is not there fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import yaml

import rackproof
from core.lazy_cli import build_house
from core.manpages import walk_commands
from core.workspace import REPOSITORY
from tests.terminal.conftest import LONG
from tests.terminal.screen import COLOUR, Shown, run_in_terminal, run_without_terminal

VERBS: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("verbs.yml").read_text("utf-8"))
LAUNCH = [sys.executable, "-P", "-m", "rackproof"]
WORKERS = 2


def environment_for(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a person who has just opened a terminal."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RACKPROOF_STATE") if name in os.environ}
    ours = {"PYTHONPATH": str(REPOSITORY), "RACKPROOF_LAB": "nolab", "TERM": "xterm-256color"}
    return {**kept, **ours, "LANG": "en_US.UTF-8", **more}


def make_workspace(folder: Path) -> str:
    """A new workspace: verbs are driven side by side, and what one has locked another rightly refuses to touch."""
    return mkdtemp(prefix="workspace-", dir=folder)


def words_of(verb: str, folder: Path) -> list[str]:
    """The command line of a verb, over the estate in ``folder``."""
    given = {"TOKEN": str(folder / "token"), "NEW": mkdtemp(prefix="new-", dir=folder)}
    words = [given.get(word, word) for word in VERBS[verb].get("words", [])]
    options = ["--estate", str(folder / "lab" / "estate"), "--workspace", make_workspace(folder)]
    return [*LAUNCH, *options, *verb.split(), *words]


def driven_without_lab() -> list[str]:
    return [verb for verb, case in VERBS.items() if "exits" in case]


def look_for_mistakes(verb: str, shown: Shown) -> list[str]:
    found = shown.complaints()
    if shown.code not in VERBS[verb]["exits"]:
        found.append(f"exit {shown.code}, not one of {VERBS[verb]['exits']}")
    if LONG[:40] in shown.text and LONG not in shown.text:
        found.append("a path is broken")
    return [f"{verb}: {complaint}\n{shown.text[-800:]}" for complaint in found]


def drive_all(drive: Callable[[str], list[str]]) -> list[str]:
    """Drive every verb, two at a time; return what is wrong with any."""
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = pool.map(drive, driven_without_lab())
        return [complaint for complaints in answers for complaint in complaints]


def test_every_verb_of_the_house_is_driven() -> None:
    house = build_house(rackproof.FrontDoor, rackproof.apply_options)
    leaves = set()
    for context in walk_commands(house):
        names = getattr(context.command, "list_commands", None)
        if not names or not names(context):
            leaves.add(" ".join(context.command_path.split()[1:]))
    assert leaves == set(VERBS)
    assert all("exits" in case or "lab" in case for case in VERBS.values())


@pytest.mark.parametrize(
    ("size", "more"),
    [
        pytest.param((24, 80), {"LANG": "vi_VN.UTF-8"}, id="80x24-vietnamese"),
        pytest.param((50, 200), {"NO_COLOR": "1"}, id="200x50-no-colour", marks=pytest.mark.long),
        pytest.param((24, 80), {"TERM": "dumb"}, id="dumb", marks=pytest.mark.long),
    ],
)
def test_every_verb_on_a_terminal(folder: Path, size: tuple[int, int], more: dict[str, str]) -> None:
    def drive(verb: str) -> list[str]:
        interrupt = VERBS[verb].get("interrupt")
        shown = run_in_terminal(words_of(verb, folder), environment_for(folder, **more), size, interrupt)
        found = look_for_mistakes(verb, shown)
        if "NO_COLOR" in more and COLOUR.search(shown.raw):
            found.append(f"{verb}: colour, though NO_COLOR is set")
        if more.get("TERM") == "dumb" and "\x1b" in shown.raw:
            found.append(f"{verb}: escapes on a terminal that obeys none: {shown.raw[:200]!r}")
        return found

    complaints = drive_all(drive)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    "closed",
    [
        pytest.param("", id="pipes", marks=pytest.mark.slow),
        pytest.param("2>&- <&-", id="closed", marks=pytest.mark.long),
    ],
)
def test_every_verb_without_a_terminal(folder: Path, closed: str) -> None:
    def drive(verb: str) -> list[str]:
        if "interrupt" in VERBS[verb]:
            return []  # goes on until Ctrl-C, which needs a terminal
        done = run_without_terminal(words_of(verb, folder), environment_for(folder), closed)
        shown = Shown(done.returncode, done.stdout, done.stdout + done.stderr, 10_000, True)
        found = look_for_mistakes(verb, shown)
        if "\x1b" in done.stdout + done.stderr:
            found.append(f"{verb}: escapes in a pipe")
        return found

    complaints = drive_all(drive)
    assert not complaints, "\n".join(complaints)


def test_a_full_disk_behind_standard_output_is_said(folder: Path) -> None:
    done = run_without_terminal(words_of("estate ipam", folder), environment_for(folder), ">/dev/full")
    assert done.returncode == 8, done.stderr
    assert "FIL001" in done.stderr


SLOW_STEPS = """
import time
from core.console import err, out, progress
with progress("a title") as step:
    for number in range(400):
        text = f"device-with-a-long-name-{number} of a site that is far away, and more words than fit into a line"
        step(text, done=number, total=400)
        time.sleep(0.02)
"""


@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["colour", "no-colour", "dumb"])
def test_ctrl_c_during_progress_gives_the_cursor_back(folder: Path, more: dict[str, str]) -> None:
    program = f"import sys; sys.argv[0] = 'x'\n{SLOW_STEPS}"
    argv = [sys.executable, "-c", program]
    text = "device-with-a-long-name-20"
    shown = run_in_terminal(argv, environment_for(folder, **more), (24, 80), text, str(REPOSITORY))
    assert shown.code in (1, 130)
    assert shown.cursor_visible
    if more.get("TERM") == "dumb":
        assert "\x1b" not in shown.raw
        assert "0.4 s" in shown.text or "0.5 s" in shown.text or "0.3 s" in shown.text
    else:
        assert "\x1b[?25l" in shown.raw
        assert "0:00:00" in shown.text


TABLE = """
from core.console import Column, print_table
text = "a text of many words that may be wrapped where there is too little room for it"
rows = [["fd52:5052:1f01:106e::11", "hph-kv01-node1", text]] * 2
print_table(["IPv6", "name", Column("what it says", whole=False)], rows, "a title")
headings = ["address " + str(number) for number in range(4)]
print_table(headings, [["fd52:5052:1f01:106e::11"] * 4], "wide")
"""


def test_tables_wrap_text_and_keep_names_whole(folder: Path) -> None:
    shown = run_in_terminal([sys.executable, "-c", TABLE], environment_for(folder), (24, 80), cwd=str(REPOSITORY))
    assert shown.complaints() == []
    assert shown.text.count("fd52:5052:1f01:106e::11") == 6
    assert shown.text.count("hph-kv01-node1") == 2
    assert "address 3" in shown.text
