"""Every judge on captures: the good estate is green, each change turns exactly what it must, with the thing named."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.judge.registry import judges
from checks.model import NOT_MET, Status, Verdict, roll_up
from checks.register.requirement import Requirement
from tests.checks.conftest import Bench

CASES = yaml.load((Path(__file__).parent / "judge_cases.yml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def roll_ups(verdicts: tuple[Verdict, ...]) -> dict[tuple[str, str], Status]:
    groups: dict[tuple[str, str], list[Status]] = {}
    for verdict in verdicts:
        groups.setdefault((verdict.requirement, verdict.site), []).append(verdict.status)
    return {key: roll_up(group) for key, group in groups.items()}


def test_the_good_capture_is_green(bench: Bench) -> None:
    verdicts = bench.judge()
    assert [(v.requirement, v.site, v.asset, v.reason.text()) for v in verdicts if v.status in NOT_MET] == []
    assert {v.status for v in verdicts} == {Status.PASS, Status.NOT_APPLICABLE, Status.WAIVED}
    assert all(v.evidence for v in verdicts if v.status is Status.PASS)


def test_a_verdict_is_valid_as_long_as_its_oldest_evidence(bench: Bench) -> None:
    """Evidence is collected before it is judged, the oldest of it long before."""
    bench.change({"age": ["snmp", "ups-a", 60]})
    verdicts = bench.judge()
    ended = {entry.item.id: datetime.fromisoformat(entry.item.ended_at) for entry in bench.items}
    later = []
    for verdict in verdicts:
        oldest = min([bench.now, *(ended[item] for item in verdict.evidence if item in ended)])
        accepted = timedelta(seconds=bench.requirements[verdict.requirement].validity_s)
        if datetime.fromisoformat(verdict.valid_until) > oldest + accepted:
            later.append((verdict.requirement, verdict.site, verdict.valid_until))
    assert later == []


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_change_turns_what_it_must(bench: Bench, case: dict[str, Any]) -> None:
    for change in case["changes"]:
        bench.change(change)
    everything = "only" in case or case["requirement"] == "QH-2-60-100"
    verdicts = bench.judge(None if everything else frozenset({case["requirement"]}))
    status, worst = bench.status(verdicts, case["requirement"], case["site"])
    reasons = [verdict.reason.text("en") for verdict in worst]
    assert status.value == case["status"], reasons
    assert any(case["says"] in reason for reason in reasons), reasons
    assert all(verdict.reason.text("vi") != verdict.reason.text("en") for verdict in worst)
    if "only" in case:
        red = {(v.requirement, v.site) for v in verdicts if v.status in NOT_MET}
        assert red == {tuple(pair.split()) for pair in case["only"]}


def test_every_judge_has_two_known_bad_cases(requirements: dict[str, Requirement]) -> None:
    judge_of = {item.id: item.check.judge for item in requirements.values()}
    bad = Counter(judge_of[case["requirement"]] for case in CASES if case["status"] not in ("pass", "not_applicable"))
    used = {item.check.judge for item in requirements.values()}
    ours = {name for name, one in judges().items() if one.function.__module__.startswith("checks.judge.judges.")}
    assert used == ours, "a judge that no requirement uses"
    assert {name for name in used if bad[name] < 2} == set()


def test_judging_twice_gives_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = bench.all_items()
    monkeypatch.setattr(bench, "all_items", lambda: fixed)
    first, second = bench.judge(), bench.judge()
    assert [v.as_dict() for v in first] == [v.as_dict() for v in second]


def test_nothing_collected_is_never_green(bench: Bench) -> None:
    """Take every piece of device evidence away: whatever stood on it must leave green."""
    bench.items = []
    states = roll_ups(bench.judge())
    green = {requirement for (requirement, _site), state in states.items() if state is Status.PASS}
    on_paper = {
        item.id
        for item in bench.requirements.values()
        if set(item.check.collectors) <= {"estate", "register", "attestations", "rules"}
    }
    assert green <= on_paper


def test_everything_unreachable_is_never_green(bench: Bench) -> None:
    for collector, asset in {(e.item.collector, e.item.asset) for e in bench.items}:
        bench.do_trouble(collector, asset, "unreachable", "connect: no route to host")
    groups = roll_ups(bench.judge())
    measured = {
        item.id
        for item in bench.requirements.values()
        if set(item.check.collectors) - {"estate", "register", "attestations", "rules"}
    }
    states = {state for (requirement, _site), state in groups.items() if requirement in measured}
    # A fact that the estate alone proves (no such port here) may stand; nothing else may.
    assert Status.PASS not in states
    assert Status.UNREACHABLE in states


def test_a_week_later_device_evidence_is_stale(bench: Bench) -> None:
    from datetime import timedelta

    bench.now += timedelta(days=7)
    states = roll_ups(bench.judge())
    for item in bench.requirements.values():
        if set(item.check.collectors) - {"estate", "register", "attestations", "rules"}:
            assert Status.PASS not in {state for (name, _site), state in states.items() if name == item.id}, item.id
