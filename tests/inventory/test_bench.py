"""The benchmark: the scaled estate is a valid one, figures stand beside goals, a missed goal can be an exit code."""

import json
from types import SimpleNamespace

import pytest

from core.errors import RackproofError
from inventory import bench
from inventory.load import inspect_estate
from inventory.scaled import scaled
from rackproof import run

FIGURES = [bench.Measurement("load", 0.5, 0.4, 0.6, 3.0), bench.Measurement("growth", 0.7, 0.6, 0.9, None)]


@pytest.fixture
def rackproof(capsys, monkeypatch):
    monkeypatch.setenv("RACKPROOF_LANG", "")

    def call(*words, figures=FIGURES):
        monkeypatch.setattr(bench, "estate_figures", lambda runs, say: iter(figures))
        code = run(["--lang", "en", "bench", "estate", *words])
        return SimpleNamespace(returncode=code, stdout=capsys.readouterr().out)

    return call


def test_a_scaled_estate_is_valid(tmp_path):
    found = inspect_estate(scaled(2, tmp_path / "x2"))
    assert (found.errors, found.warnings) == ((), ())
    assert len(found.estate.sites) == 397 + 34 + 355


def test_figures_are_printed_with_the_machine(rackproof):
    said = rackproof("--check")
    assert said.returncode == 0
    assert "processor: " in said.stdout
    assert "goal 3: met" in said.stdout


def test_a_missed_goal_is_said_and_can_fail(rackproof):
    slow = [bench.Measurement("load", 3.5, 3.4, 3.6, 3.0)]
    assert "goal 3: MISSED" in rackproof(figures=slow).stdout
    assert (rackproof(figures=slow).returncode, rackproof("--check", figures=slow).returncode) == (0, 1)
    assert json.loads(rackproof("--json", figures=slow).stdout)["figures"][0]["met"] is False


def test_what_fails_is_not_a_figure(tmp_path):
    with pytest.raises(RackproofError) as caught:
        bench._probe(tmp_path / "nowhere")
    assert caught.value.code == "BEN001"


def test_every_verb_of_the_estate_is_measured():
    words = {" ".join(item) for item in bench.helps()}
    assert {"", "estate", "estate diff", "estate ledger", "estate export", "estate validate"} <= words
