"""Ways in which something could look met that is not: old, foreign, partial or missing evidence. None may be green."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from checks.attest.attestation import VIETNAM
from checks.collect import drill as drill_collector
from checks.collect import last_drill as drills
from checks.collect.files import collect_estate
from checks.collect.sweep import Sweep
from checks.judge import registry
from checks.judge.case import Case
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.judge.registry import RegisteredJudge
from checks.model import CollectOutcome, EvidenceItem, MemoryRawStore, Message, Status, Verdict, format_utc, roll_up
from checks.register.requirement import Requirement, binds
from checks.run.judge_run import Selection, judge_collected, run_once
from checks.run.once import refuse_idle
from checks.ssh import ShellAnswer, ShellCommand
from checks.watch import service as watching
from checks.watch.history import History, Latest
from core.errors import RackproofError
from core.store import open_store
from core.workspace import REPOSITORY
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from tests.checks.conftest import Bench

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def status_of(verdicts: tuple[Verdict, ...], requirement: str, site: str) -> Status:
    return roll_up(v.status for v in verdicts if (v.requirement, v.site) == (requirement, site))


UNFIT: dict[str, Callable[[EvidenceItem], EvidenceItem | None]] = {
    "of another day": lambda item: replace(item, ended_at="2026-11-20T00:00:00+00:00"),
    "of the future": lambda item: replace(item, ended_at="2026-11-25T00:00:00+00:00"),
    "not collected": lambda item: replace(item, outcome=CollectOutcome.TIMEOUT),
    "not there": lambda item: None,
}


@pytest.mark.parametrize("claim", [Status.PASS, Status.NOT_APPLICABLE])
@pytest.mark.parametrize("change", UNFIT)
def test_a_claim_on_evidence_that_does_not_count_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, claim: Status, change: str
) -> None:
    """Whatever a judge forgets to look at, the engine does."""
    real = registry.judges()["services_tagged"]
    item = replace(bench.items[0].item, id="theone", ended_at=format_utc(bench.now))
    changed = UNFIT[change](item)

    def forgetful(case: Case) -> Iterator[Verdict]:
        yield case.verdict(claim, None, "services.tagged", [item])

    monkeypatch.setitem(registry._JUDGES, "services_tagged", RegisteredJudge(real.id, forgetful, False))

    def judge(items: list[EvidenceItem]) -> tuple[Verdict, ...]:
        view = EvidenceView(items, lambda _digest: b"")
        return judge_all(bench.requirements, bench.estate, view, bench.now, frozenset({"QH-3-HYBRID"}))

    assert {v.status for v in judge([item])} == {claim}
    assert {v.status for v in judge([changed] if changed else [])} == {Status.ERROR}


def test_a_claim_that_nothing_applies_needs_evidence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry.judges()["services_tagged"]

    def empty(case: Case) -> Iterator[Verdict]:
        yield case.verdict(Status.NOT_APPLICABLE, None, "service.none")

    monkeypatch.setitem(registry._JUDGES, "services_tagged", RegisteredJudge(real.id, empty, False))
    assert {v.status for v in bench.judge(frozenset({"QH-3-HYBRID"}))} == {Status.ERROR}


def test_a_part_of_the_requirements_says_nothing_of_all_targets(bench: Bench) -> None:
    verdicts = bench.judge(frozenset({"QH-2-60-100", "QH-5-BCP"}))
    assert {v.status for v in verdicts if v.requirement == "QH-2-60-100"} == {Status.NOT_ASSESSED}
    assert status_of(bench.judge(), "QH-2-60-100", "dc") is Status.PASS


def test_a_run_of_one_requirement_still_looks_at_the_whole_register(bench: Bench) -> None:
    """``--requirement KH08-I2-QUANT`` must not judge the register by the one file that was asked for."""
    bench.do_register("QH-3-HYBRID", {"thresholds": ()})
    raw, items = MemoryRawStore(), bench.all_items()
    for entry in items:
        raw.put(replace(entry, raw=entry.raw).raw)
    fresh = [replace(e, item=replace(e.item, ended_at=format_utc(datetime.now(UTC)))) for e in items]
    chosen = {"KH08-I2-QUANT": bench.requirements["KH08-I2-QUANT"]}
    sweep = Sweep(bench.estate, bench.ws, "run", frozenset(), frozenset(bench.estate.sites))
    run = judge_collected(sweep, bench.requirements, chosen, fresh, (NOW, Selection(tuple(chosen))), raw)
    assert {v.status for v in run.verdicts} == {Status.FAIL}
    assert {v.requirement for v in run.verdicts} == {"KH08-I2-QUANT"}


def test_a_verdict_on_paper_ends_with_the_paper(bench: Bench) -> None:
    """The day after a paper expires nothing may stand on it, however long a verdict would be valid."""
    last = bench.now.astimezone(VIETNAM).date()
    bench.do_paper("QH-5-REG", {"valid_from": "2026-01-01", "expires": str(last)})
    bench.do_paper("KH08-II5-BYDESIGN-hph", {"valid_from": "2026-01-01", "expires": str(last)})
    midnight = datetime.combine(last + timedelta(days=1), datetime.min.time(), VIETNAM)
    bench.now = midnight - timedelta(minutes=1)
    bench.items = [replace(e, item=replace(e.item, ended_at=format_utc(bench.now))) for e in bench.items]
    verdicts = bench.judge(frozenset({"QH-5-REG", "KH08-II5-BYDESIGN"}))
    on_paper = [v for v in verdicts if v.requirement == "QH-5-REG" or (v.status is Status.WAIVED and v.site == "hph")]
    assert {v.status for v in on_paper} == {Status.PASS, Status.WAIVED}
    assert {datetime.fromisoformat(v.valid_until) for v in on_paper} == {midnight}


@pytest.mark.parametrize("answer", [b"[]", b"", None], ids=["no backup", "empty answer", "crash"])
def test_a_drill_that_fails_to_begin_leaves_no_older_success(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requirements: dict[str, Requirement],
    answer: bytes | None,
) -> None:
    ws = replace(bench.ws, root=tmp_path / "drilled")
    good = [
        replace(e, item=replace(e.item, ended_at=format_utc(datetime.now(UTC))))
        for e in bench.items
        if e.item.collector == "drill"
    ]
    drills.keep_drill(ws, good)
    assert len(drills.read_kept_drill(ws, requirements)) == 2

    def ask(_config: Path, _alias: str, asked: Sequence[ShellCommand]) -> list[ShellAnswer]:
        if answer is None:
            raise OSError("broken pipe")
        now = datetime.now(UTC)
        return [ShellAnswer(0, answer, b"", now, now) for _command in asked]

    monkeypatch.setattr(drill_collector, "run_batch", ask)
    sweep = Sweep(bench.estate, ws, "run", frozenset({"drill"}), frozenset(bench.estate.sites))
    try:
        for job in drill_collector.plan_drill(sweep):
            job()
    except OSError:
        pass
    kept = drills.read_kept_drill(ws, requirements)
    assert [e.item.sha256 for e in kept if e in good] == []
    bench.items = [e for e in bench.items if e.item.collector != "drill"] + kept
    bench.now = datetime.now(UTC) + timedelta(seconds=1)
    assert status_of(bench.judge(frozenset({"QH-5-RECOVER"})), "QH-5-RECOVER", "dc") is not Status.PASS


@pytest.mark.parametrize(
    ("ages_h", "kept"),
    [
        pytest.param((1, 1), 2, id="accepted by both requirements"),
        pytest.param((30, 30), 2, id="accepted by one of two"),
        pytest.param((48, 48), 2, id="at its last moment"),
        pytest.param((1, 50), 0, id="one half too old"),
        pytest.param((50, 50), 0, id="too old for all"),
    ],
)
def test_a_drill_is_kept_as_a_whole_while_some_requirement_accepts_it(
    bench: Bench, tmp_path: Path, requirements: dict[str, Requirement], ages_h: tuple[int, int], kept: int
) -> None:
    ws = replace(bench.ws, root=tmp_path / "drilled")
    both = [e for e in bench.items if e.item.collector == "drill"]
    ended = [format_utc(NOW - timedelta(hours=hours)) for hours in ages_h]
    drills.keep_drill(ws, [replace(e, item=replace(e.item, ended_at=at)) for e, at in zip(both, ended, strict=True)])
    item = requirements["QH-5-RECOVER"]
    accepting = {f"within {h} h": item.model_copy(update={"validity_s": 3600 * h}) for h in (24, 48)}
    with time_machine.travel(NOW, tick=False):
        assert len(drills.read_kept_drill(ws, accepting)) == kept


@pytest.mark.parametrize("drill_due", [False, True])
def test_the_watch_judges_everything_when_a_judge_of_all_is_due(
    bench: Bench, tmp_path: Path, requirements: dict[str, Requirement], drill_due: bool
) -> None:
    ws = replace(bench.ws, root=tmp_path)
    names = ["QH-2-60-100", *(["QH-5-RECOVER"] if drill_due else [])]
    selection, earlier = watching.select_due(ws, [requirements[name] for name in names], requirements, ())
    assert (set(selection.requirements), selection.drill, earlier) == (set(requirements), drill_due, [])
    selection, _earlier = watching.select_due(ws, [requirements["QH-5-BCP"]], requirements, ("dc",))
    assert (selection.requirements, selection.sites) == (("QH-5-BCP",), ("dc",))


def verdict(site: str, at: datetime) -> Verdict:
    return Verdict(
        "QH-5-BCP",
        site,
        None,
        Status.PASS,
        Message.of("judge.nothing"),
        (),
        None,
        ("e",),
        format_utc(at),
        format_utc(at + timedelta(hours=1)),
        "attested",
        "0",
    )


def test_a_site_left_out_of_a_sweep_grows_stale_and_does_not_vanish(tmp_path: Path) -> None:
    history = History(open_store(f"sqlite:///{tmp_path / 'h.db'}"))
    later = NOW + timedelta(hours=2)
    history.record({"QH-5-BCP": (1.0, 60.0)}, "a", (NOW, NOW), [verdict("dc", NOW), verdict("hph", NOW)])
    history.record({"QH-5-BCP": (2.0, 60.0)}, "b", (later, later), [verdict("dc", later)])
    assert {one.site: one.at(later) for one in history.latest()} == {"dc": Status.PASS, "hph": Status.STALE}


def test_after_the_clock_was_set_back_a_verdict_of_the_future_is_stale() -> None:
    later = NOW + timedelta(days=1)
    latest = Latest("QH-5-BCP", "dc", Status.PASS, "", later, later + timedelta(hours=1))
    assert latest.at(later) is Status.PASS
    assert latest.at(NOW) is Status.STALE


@pytest.mark.parametrize(
    ("requirements_asked", "sites", "says"),
    [
        (("QH-3-DC-TIER3",), ("dr",), "QH-3-DC-TIER3 binds none"),
        (("QH-5-BCP", "QH-5-BACKUP"), ("hph",), "QH-5-BACKUP binds none"),
        (("HP-5-COORD",), ("dc", "dr"), "HP-5-COORD binds none"),
    ],
)
def test_asking_for_what_binds_nothing_is_refused(
    requirements: dict[str, Requirement],
    estate: Estate,
    requirements_asked: tuple[str, ...],
    sites: tuple[str, ...],
    says: str,
) -> None:
    """No verdict would be no red one, and the exit code would be that of success."""
    with pytest.raises(RackproofError, match=says) as refused:
        refuse_idle(estate, requirements, Selection(requirements_asked, sites))
    assert refused.value.code == "CHK004"
    refuse_idle(estate, requirements, Selection(("QH-5-BCP",), sites))
    refuse_idle(estate, requirements, Selection((), sites))


def test_a_misspelt_tier_does_not_make_a_requirement_vanish(bench: Bench) -> None:
    wrong = bench.requirements["QH-5-BACKUP"].model_copy(update={"tiers": ("DC1",)})
    with pytest.raises(RackproofError, match="QH-5-BACKUP binds the tier 'DC1'"):
        run_once(bench.estate, bench.ws, {**bench.requirements, "QH-5-BACKUP": wrong}, Selection(("QH-5-BCP",)))


def test_every_requirement_binds_somebody_of_the_real_estate(requirements: dict[str, Requirement]) -> None:
    real = load_estate(REPOSITORY / "inventory" / "estate")
    idle = [name for name, item in requirements.items() if not any(binds(item, site) for site in real.sites.values())]
    provinces = {site.province for site in real.sites.values()}
    assert idle == []
    assert {name for item in requirements.values() for name in item.provinces} <= provinces
    assert {name for item in requirements.values() for name in item.tiers} - {"ALL"} <= set(real.tiers)


@pytest.mark.parametrize("root", [REPOSITORY / "inventory" / "estate", REPOSITORY / "lab" / "estate"])
def test_every_site_has_the_file_that_defines_it_as_evidence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    """Also the hundreds of rooms that share one file a province, and when the estate is named by a relative path."""
    monkeypatch.chdir(REPOSITORY)
    whole = load_estate(root.relative_to(REPOSITORY))
    found = collect_estate(Sweep(whole, bench.ws, "run", frozenset(), frozenset(whole.sites)))
    assert {e.item.asset for e in found} == {*whole.sites, "estate"}
    for entry in found:
        assert entry.item.asset == "estate" or f"site: {entry.item.asset}".encode() in entry.raw


def test_who_signs_a_waiver_cannot_approve_it(bench: Bench) -> None:
    bench.do_paper("KH08-II5-BYDESIGN-hph", {"approver": "Lab-Sample "})
    assert status_of(bench.judge(frozenset({"KH08-II5-BYDESIGN"})), "KH08-II5-BYDESIGN", "hph") is Status.FAIL


def test_without_assertions_no_host_test_passes() -> None:
    """``python -O`` takes every assert out: each test would end without a complaint."""
    code = (
        "from checks.replay import suite; from checks.replay.live import start_recording;"
        "print({r.verdict for r in suite.run_suite(start_recording('n'), 'site-node')[0]})"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "{'error'}"
