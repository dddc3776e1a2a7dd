"""The benchmark: the scaled estate is a valid one, figures stand beside goals, a missed goal can be an exit code."""

import importlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from typer.main import get_command

from bench import estate as bench
from bench.estate import FRONT_DOOR, list_help_commands, read_commands
from bench.result import Figure, make_figure
from bench.scaled_estate import scale_estate
from core.errors import RackproofError
from inventory.load.inspection import inspect_estate
from rackproof import ROOMS, run
from tests.support import Answer, Command, json_of, require

ROOT = Path(__file__).resolve().parents[2]

FIGURES = [Figure("load", 0.5, 0.4, 0.6, 3.0), Figure("growth", 0.7, 0.6, 0.9, None)]


@pytest.fixture
def rackproof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("RACKPROOF_LANG", "")

    def call(*words: str, figures: Sequence[Figure] = FIGURES) -> Answer:
        monkeypatch.setattr(bench, "measure_estate", lambda runs, say: iter(figures))
        code = run(["--lang", "en", "bench", "estate", *words])
        said = capsys.readouterr()
        return Answer(returncode=code, stdout=said.out, stderr=said.err)

    return call


def test_a_scaled_estate_is_valid(tmp_path: Path) -> None:
    found = inspect_estate(scale_estate(2, tmp_path / "x2"))
    assert (found.errors, found.warnings) == ((), ())
    assert len(require(found.estate).sites) == 397 + 34 + 355


def test_figures_are_printed_with_the_machine(rackproof: Command) -> None:
    said = rackproof("--check")
    assert said.returncode == 0
    assert "processor: " in said.stdout
    assert "goal 3: met" in said.stdout


def test_a_missed_goal_is_said_and_can_fail(rackproof: Command) -> None:
    slow = [Figure("load", 3.5, 3.4, 3.6, 3.0)]
    assert "goal 3: MISSED" in rackproof(figures=slow).stdout
    assert (rackproof(figures=slow).returncode, rackproof("--check", figures=slow).returncode) == (0, 1)
    assert json_of(rackproof("--json", figures=slow).stdout)["figures"][0]["met"] is False


def test_what_fails_is_not_a_figure(tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        bench.probe_estate(tmp_path / "nowhere")
    assert caught.value.code == "BEN001"


def leaves(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from leaves(child, (*words, name))


def test_every_verb_of_every_room_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def in_this_process(command: list[str]) -> str:
        with suppress(SystemExit):
            run(command[len(FRONT_DOOR) :])
        return capsys.readouterr().out

    monkeypatch.setattr(bench, "run_command", in_this_process)
    wanted: set[tuple[str, ...]] = {("--help",)}
    for room, (module, _text) in ROOMS.items():
        command = get_command(importlib.import_module(module).app)
        wanted |= {(*words, "--help") for words in leaves(command, (room,))}
    found = [tuple(command[len(FRONT_DOOR) :]) for command in list_help_commands(lambda text: None)]
    assert len(found) == len(set(found)) > 50
    assert set(found) == wanted


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Usage: x\n\nCommands:\n  one  First.\n  two-more  Second\n            wraps.\n", ["one", "two-more"]),
        ("verbs:\n  a  text\n\nexample:\n  b\n", ["a"]),
        ("Options:\n  --help  Show this.\n", []),
    ],
)
def test_commands_are_read_from_a_help_text(text: str, names: list[str]) -> None:
    assert read_commands(text) == names


def test_an_estate_that_is_not_remembered_is_no_figure_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(RackproofError) as caught:
        bench.time_cached_loads(ROOT / "lab" / "estate", tmp_path / "state", 1)
    assert caught.value.code == "BEN002"


def test_growth_is_a_ratio_with_a_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {1: 1.0, 2: 2.0, 4: 8.0}  # N-1 grows faster than the estate
    monkeypatch.setattr(bench, "scale_estate", lambda factor, folder: factor)
    monkeypatch.setattr(
        bench, "probe_estate", lambda factor: {"load": factor, "failures": cost[factor], "sites": factor}
    )
    monkeypatch.setattr(bench, "time_cached_loads", lambda factor, state, runs: [factor] * runs)
    found = {item.name: item for item in bench.measure_growth(3, ROOT, lambda text: None)}
    load, cut = (found[f"growth: {what} of a site at x4 over x1, ratio"] for what in ("load", "N-1"))
    assert (load.median, load.met, cut.median, cut.met) == (1.0, True, 2.0, False)
    assert make_figure("mere figure", [1.0]).met is None


@pytest.mark.long
def test_the_whole_benchmark_runs_and_its_figures_are_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Run here, so that its figures stand in every log beside their goals; no time decides whether the test passes."""
    command = [*FRONT_DOOR, "bench", "estate", "--runs", "1"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RACKPROOF_")}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with capsys.disabled():
        print(f"\n{done.stdout}")
    for name in ("load and validate, cold", "load and validate, from cache", "N-1", "peak memory", "Ansible", "x4"):
        assert name in done.stdout
