"""Ways in which something could look met that is not: old, foreign, partial or missing evidence. None may be green."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checks import drills, judging, watching
from checks.attestation import VIETNAM
from checks.collectors import drill as drill_collector
from checks.collectors.ssh import Answer
from checks.collectors.sweep import Sweep
from checks.history import History, Latest
from checks.judging import EvidenceView, Registered
from checks.model import MemoryRawStore, Message, Outcome, Status, Verdict, roll_up, utc_text
from checks.running import Selection, judged
from core.store import open_store

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def status_of(verdicts, requirement, site):
    return roll_up(v.status for v in verdicts if (v.requirement, v.site) == (requirement, site))


UNFIT = {
    "of another day": lambda item: replace(item, ended_at="2026-11-20T00:00:00+00:00"),
    "of the future": lambda item: replace(item, ended_at="2026-11-25T00:00:00+00:00"),
    "not collected": lambda item: replace(item, outcome=Outcome.TIMEOUT),
    "not there": lambda item: None,
}


@pytest.mark.parametrize("claim", [Status.PASS, Status.NOT_APPLICABLE])
@pytest.mark.parametrize("change", UNFIT)
def test_a_claim_on_evidence_that_does_not_count_is_an_error(bench, monkeypatch, claim, change):
    """Whatever a judge forgets to look at, the engine does."""
    real = judging.judges()["services_tagged"]
    item = replace(bench.items[0].item, id="theone", ended_at=utc_text(bench.now))
    changed = UNFIT[change](item)

    def forgetful(case):
        yield case.say(claim, None, "services.tagged", [item])

    monkeypatch.setitem(judging._JUDGES, "services_tagged", Registered(real.name, forgetful, False, real.sha256))

    def judge(items):
        view = EvidenceView(items, lambda _digest: b"")
        return judging.judge_all(bench.requirements, bench.estate, view, bench.now, frozenset({"QH-3-HYBRID"}))

    assert {v.status for v in judge([item])} == {claim}
    assert {v.status for v in judge([changed] if changed else [])} == {Status.ERROR}


def test_a_claim_that_nothing_applies_needs_evidence(bench, monkeypatch):
    real = judging.judges()["services_tagged"]

    def empty(case):
        yield case.say(Status.NOT_APPLICABLE, None, "service.none")

    monkeypatch.setitem(judging._JUDGES, "services_tagged", Registered(real.name, empty, False, real.sha256))
    assert {v.status for v in bench.judge(frozenset({"QH-3-HYBRID"}))} == {Status.ERROR}


def test_a_part_of_the_requirements_says_nothing_of_all_targets(bench):
    verdicts = bench.judge(frozenset({"QH-2-60-100", "QH-5-BCP"}))
    assert {v.status for v in verdicts if v.requirement == "QH-2-60-100"} == {Status.NOT_ASSESSED}
    assert status_of(bench.judge(), "QH-2-60-100", "dc") is Status.PASS


def test_a_run_of_one_requirement_still_looks_at_the_whole_register(bench):
    """``--requirement KH08-I2-QUANT`` must not judge the register by the one file that was asked for."""
    bench.do_register("QH-3-HYBRID", {"thresholds": ()})
    raw, items = MemoryRawStore(), bench.all_items()
    for entry in items:
        raw.put(replace(entry, raw=entry.raw).raw)
    fresh = [replace(e, item=replace(e.item, ended_at=utc_text(datetime.now(UTC)))) for e in items]
    chosen = {"KH08-I2-QUANT": bench.requirements["KH08-I2-QUANT"]}
    run = judged(bench.estate, bench.requirements, chosen, frozenset(bench.estate.sites), fresh,
                 ("run", NOW, Selection(tuple(chosen))), raw)
    assert {v.status for v in run.verdicts} == {Status.FAIL}
    assert {v.requirement for v in run.verdicts} == {"KH08-I2-QUANT"}


def test_a_verdict_on_paper_ends_with_the_paper(bench):
    """The day after a paper expires nothing may stand on it, however long a verdict would be valid."""
    last = bench.now.astimezone(VIETNAM).date()
    bench.do_paper("QH-5-REG", {"valid_from": "2026-01-01", "expires": str(last)})
    bench.do_paper("KH08-II5-BYDESIGN-hph", {"valid_from": "2026-01-01", "expires": str(last)})
    midnight = datetime.combine(last + timedelta(days=1), datetime.min.time(), VIETNAM)
    bench.now = midnight - timedelta(minutes=1)
    bench.items = [replace(e, item=replace(e.item, ended_at=utc_text(bench.now))) for e in bench.items]
    verdicts = bench.judge(frozenset({"QH-5-REG", "KH08-II5-BYDESIGN"}))
    on_paper = [v for v in verdicts if v.requirement == "QH-5-REG" or (v.status is Status.WAIVED and v.site == "hph")]
    assert {v.status for v in on_paper} == {Status.PASS, Status.WAIVED}
    assert {datetime.fromisoformat(v.valid_until) for v in on_paper} == {midnight}


@pytest.mark.parametrize("answer", [b"[]", b"", None], ids=["no backup", "empty answer", "crash"])
def test_a_drill_that_fails_to_begin_leaves_no_older_success(bench, tmp_path, monkeypatch, requirements, answer):
    ws = replace(bench.ws, root=tmp_path / "drilled")
    good = [replace(e, item=replace(e.item, ended_at=utc_text(datetime.now(UTC))))
            for e in bench.items if e.item.collector == "drill"]
    drills.keep_drill(ws, good)
    assert len(drills.kept_drill(ws, requirements)) == 2

    def ask(_config, _alias, _commands):
        if answer is None:
            raise OSError("broken pipe")
        return [Answer(0, answer, b"", datetime.now(UTC), datetime.now(UTC))]

    monkeypatch.setattr(drill_collector, "run_batch", ask)
    sweep = Sweep(bench.estate, ws, "run", frozenset({"drill"}), frozenset(bench.estate.sites))
    try:
        for job in drill_collector.plan_drill(sweep):
            job()
    except OSError:
        pass
    kept = drills.kept_drill(ws, requirements)
    assert [e.item.sha256 for e in kept if e in good] == []
    bench.items = [e for e in bench.items if e.item.collector != "drill"] + kept
    bench.now = datetime.now(UTC) + timedelta(seconds=1)
    assert status_of(bench.judge(frozenset({"QH-5-RECOVER"})), "QH-5-RECOVER", "dc") is not Status.PASS


@pytest.mark.parametrize("drill_due", [False, True])
def test_the_watch_judges_everything_when_a_judge_of_all_is_due(bench, tmp_path, requirements, drill_due):
    ws = replace(bench.ws, root=tmp_path)
    names = ["QH-2-60-100", *(["QH-5-RECOVER"] if drill_due else [])]
    selection, earlier = watching._selection(ws, [requirements[name] for name in names], requirements, ())
    assert (set(selection.requirements), selection.drill, earlier) == (set(requirements), drill_due, [])
    selection, _earlier = watching._selection(ws, [requirements["QH-5-BCP"]], requirements, ("dc",))
    assert (selection.requirements, selection.sites) == (("QH-5-BCP",), ("dc",))


def verdict(site, at):
    return Verdict("QH-5-BCP", site, None, Status.PASS, Message.of("judge.nothing"), "", None, ("e",), utc_text(at),
                   utc_text(at + timedelta(hours=1)), "attested", "0")


def test_a_site_left_out_of_a_sweep_grows_stale_and_does_not_vanish(tmp_path):
    history = History(open_store(f"sqlite:///{tmp_path / 'h.db'}"))
    later = NOW + timedelta(hours=2)
    history.record({"QH-5-BCP": (1.0, 60.0)}, "a", (NOW, NOW), [verdict("dc", NOW), verdict("hph", NOW)])
    history.record({"QH-5-BCP": (2.0, 60.0)}, "b", (later, later), [verdict("dc", later)])
    assert {one.site: one.at(later) for one in history.latest()} == {"dc": Status.PASS, "hph": Status.STALE}


def test_after_the_clock_was_set_back_a_verdict_of_the_future_is_stale():
    later = NOW + timedelta(days=1)
    latest = Latest("QH-5-BCP", "dc", Status.PASS, "", later, later + timedelta(hours=1))
    assert latest.at(later) is Status.PASS
    assert latest.at(NOW) is Status.STALE
