"""What ``--json`` prints while the lab is up is what ``docs/json.yml`` says: what only devices and hosts can answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.workspace import REPOSITORY
from lab.instance import Instance
from tests.conftest import COMMAND_TIMEOUT_S
from tests.terminal.test_json import CONTRACT, MINUTES, Case, add_json, check_answer, check_stream, run_stream
from tests.terminal.test_lab_terminal import DRIVEN, environment_for_lab, fill_words
from tests.terminal.test_terminal import LAUNCH, VERBS

pytestmark = pytest.mark.lab

#: Driven without the lab, with results that are not their own.
ELSEWHERE = MINUTES | {"lab netbox"}
#: Goes on until it is interrupted; the others end by themselves.
ENDLESS = {"monitor serve"}
ONCE = [verb for verb in DRIVEN if verb not in ELSEWHERE | ENDLESS]
ENVIRONMENT = environment_for_lab("en_US.UTF-8")


def argv_of(verb: str, words: list[str]) -> list[str]:
    return [*LAUNCH, *verb.split(), *add_json(words)]


def ask(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv_of(verb, list(words)), env=ENVIRONMENT, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=COMMAND_TIMEOUT_S, check=False,
    )  # fmt: skip


def hold(verb: str, *words: str, exits: tuple[int, ...] = (0,)) -> Any:
    """Run a verb that prints one envelope; fails unless it is as the contract says. Returns its data."""
    done = ask(verb, *words)
    assert check_answer(Case(verb, words, exits), done.returncode, done.stdout) == [], done.stderr[-2000:]
    return json.loads(done.stdout)["data"]


@pytest.fixture(scope="module")
def judged_lab(provisioned_lab: Instance) -> Instance:
    """The lab with a bundle of evidence."""
    hold("checks attest", "--lab")
    hold("checks run", "--no-drill", "--site", "hph-kv01", exits=(0, 1))
    return provisioned_lab


@pytest.mark.parametrize("verb", ONCE)
def test_every_verb_prints_what_the_contract_says(judged_lab: Instance, verb: str, tmp_path: Path) -> None:
    case = VERBS[verb]["lab"]
    words = fill_words(case, tmp_path)
    if CONTRACT.schemas.get(verb.replace(" ", "."), CONTRACT.schemas["error"]).stream:
        done = ask(verb, *words)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert check_stream(verb, lines) == []
        assert (lines[-1]["data"], done.returncode in case["exits"]) == ({"event": "ended"}, True)
    else:
        exits = (2,) if verb in CONTRACT.only_for_people else tuple(case["exits"])
        hold(verb, *words, exits=exits)


def test_the_exporter_tells_each_sweep(provisioned_lab: Instance) -> None:
    argv = argv_of("monitor serve", ["--listen", "127.0.0.1:19785", "--interval", "2"])
    code, lines = run_stream(argv, ENVIRONMENT, "swept")
    assert check_stream("monitor serve", lines) == []
    told = [(line["data"] or {}).get("event") for line in lines]
    assert (told[:2], told[-1], code) == (["listening", "swept"], "ended", 130)


def test_the_records_of_one_rollout(provisioned_lab: Instance) -> None:
    runs = hold("net journal")
    assert runs
    assert hold("net journal", "--run", runs[-1]["run"])


def test_the_evidence_of_one_requirement(judged_lab: Instance) -> None:
    verdicts = hold("evidence show")["verdicts"]
    assert hold("evidence show", "latest", verdicts[0]["requirement"])["verdicts"]


def test_the_services_are_started_and_stopped(provisioned_lab: Instance) -> None:
    assert hold("lab serve")["started"] is not None
    assert hold("lab serve", "--stop")["stopped"] is not None
