"""What cannot be judged is said of that one thing: it hides no other, and it never becomes green."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks.judge import registry
from checks.judge.case import Case, Unfit
from checks.judge.registry import RegisteredJudge
from checks.model import CollectOutcome, Status, Verdict
from tests.checks.conftest import Bench

from .conftest import read_capture

#: Everything that was collected from devices and hosts, each of which may be out of reach.
ASKED = sorted({(entry.item.collector, entry.item.asset) for entry in read_capture()})
#: They judge many things as one: what they say of the rest may change with each of them.
OF_MANY = {"targets_met", "coverage", "units_visible", "dr_site"}
#: That a rack has two paths stands on the estate, and is said only where both of its feeds were read.
NEEDS_MORE = "rack.dual"


def describe(verdict: Verdict) -> tuple[object, ...]:
    return (verdict.requirement, verdict.site, verdict.asset, verdict.status, verdict.reason, verdict.measured)


@pytest.mark.parametrize(("collector", "asset"), ASKED, ids=[" ".join(pair) for pair in ASKED])
def test_one_thing_out_of_reach_hides_no_other(bench: Bench, collector: str, asset: str) -> None:
    """Whatever is said without its evidence is said just so when it is gone; and nothing on it is green."""
    lost = {entry.item.id for entry in bench.items if (entry.item.collector, entry.item.asset) == (collector, asset)}
    single = frozenset(name for name, item in bench.requirements.items() if item.check.judge not in OF_MANY)
    others = [verdict for verdict in bench.judge(single) if lost.isdisjoint(verdict.evidence)]
    elsewhere = [describe(verdict) for verdict in others if verdict.reason.msgid != NEEDS_MORE]

    bench.change({"trouble": [collector, asset, "unreachable", "no reply"]})
    verdicts = bench.judge()
    there = [describe(verdict) for verdict in verdicts]
    unreached = {entry.item.id for entry in bench.items if entry.item.outcome is not CollectOutcome.COLLECTED}
    assert [entry for entry in elsewhere if entry not in there] == []
    assert unreached
    assert [v for v in verdicts if v.status is Status.PASS and not unreached.isdisjoint(v.evidence)] == []


def judge_by(monkeypatch: pytest.MonkeyPatch, bench: Bench, function: registry.Judge) -> list[Verdict]:
    """Return the verdicts at one site of a requirement that is judged by a judge of the test's own."""
    real = registry.judges()["services_tagged"]
    monkeypatch.setitem(registry._JUDGES, "services_tagged", RegisteredJudge(real.id, function, False))
    name = next(name for name, item in bench.requirements.items() if item.check.judge == "services_tagged")
    return [verdict for verdict in bench.judge(frozenset({name})) if verdict.site == "dc"]


def make_judge_of_devices(*, one_by_one: bool) -> registry.Judge:
    """Make a judge: pdu-a is out of reach, what follows it fails, what stands before it passes."""

    def judge_one(case: Case, name: str) -> Iterator[Verdict]:
        found = case.require("snmp", name, "poll")
        yield case.pass_or_fail(name < "pdu-a", name, ("services.tagged", "services.untagged"), [found])

    def judge_devices(case: Case) -> Iterator[Verdict]:
        names = ["core1", "pdu-a", "pdu-b"]
        if one_by_one:
            yield from case.judge_each(names, judge_one)
            return
        for name in names:
            yield from judge_one(case, name)

    return judge_devices


def test_the_first_is_out_of_reach_and_the_second_fails_and_both_are_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.change({"trouble": ["snmp", "pdu-a", "unreachable", "no reply"]})
    verdicts = judge_by(monkeypatch, bench, make_judge_of_devices(one_by_one=True))
    assert {verdict.asset: verdict.status for verdict in verdicts} == {
        "core1": Status.PASS,
        "pdu-a": Status.UNREACHABLE,
        "pdu-b": Status.FAIL,
    }


def test_a_judge_that_does_not_go_one_by_one_is_red_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine ends it with what was unfit: what was said before stays, and the requirement is not met."""
    bench.change({"trouble": ["snmp", "pdu-a", "unreachable", "no reply"]})
    verdicts = judge_by(monkeypatch, bench, make_judge_of_devices(one_by_one=False))
    assert {verdict.asset: verdict.status for verdict in verdicts} == {
        "core1": Status.PASS,
        "pdu-a": Status.UNREACHABLE,
    }


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [(ValueError("seven"), Status.ERROR, "judge.failed"), (None, Status.NOT_ASSESSED, "evidence.missing")],
)
def test_what_was_said_before_an_error_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: ValueError | None, status: Status, reason: str
) -> None:
    def judge_half(case: Case) -> Iterator[Verdict]:
        yield case.verdict(Status.FAIL, "first", "services.untagged", bad="x")
        if error is not None:
            raise error
        case.require("snmp", "nothing", "poll")

    verdicts = judge_by(monkeypatch, bench, judge_half)
    assert [(verdict.status, verdict.reason.msgid) for verdict in verdicts if verdict.asset == "first"] == [
        (Status.FAIL, "services.untagged")
    ]
    assert [(v.status, v.reason.msgid) for v in verdicts if v.asset != "first"] == [(status, reason)]


def test_unfit_says_what_it_carries(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge_none(case: Case) -> Iterator[Verdict]:
        with pytest.raises(Unfit, match=r"not_assessed: evidence\.missing") as caught:
            case.require("snmp", "nothing", "poll")
        assert case.find_fit("snmp", "nothing", "poll") is None
        assert case.find_fit("snmp", "core1", "poll") is not None
        yield caught.value.verdict

    (verdict,) = judge_by(monkeypatch, bench, judge_none)
    assert verdict.status is Status.NOT_ASSESSED
