"""The watch: each requirement at its cadence, no slot twice, no gap unexplained, stale when nobody looks any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry
from sqlalchemy import select, update
from sqlalchemy.schema import CreateTable

from checks.model import Measurement, Message, Status, Unit, Verdict
from checks.register.requirement import Requirement
from checks.watch.history import GAPS, RUNS, VERDICTS, History, Latest, find_slot, find_unexplained
from checks.watch.metrics import VerdictCollector
from checks.watch.scheduler import LATE, NOT_RUNNING, SweepResult, Watch, is_changed
from core.errors import RackproofError
from core.json_page import read_contract
from core.store import open_store
from core.workspace import REPOSITORY
from tests.terminal.json_shapes import find_mismatches

START = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)
QUICK, SLOW = "QH-3-DC-NPLUS1", "QH-3-HYBRID"  # every minute, every hour


def verdict(requirement: str, at: datetime, status: Status = Status.PASS, valid_s: int = 900) -> Verdict:
    return Verdict(
        requirement,
        "dc",
        None,
        status,
        Message.of("judge.nothing"),
        (),
        None,
        (),
        at.isoformat(),
        (at + timedelta(seconds=valid_s)).isoformat(),
        "test",
        "0" * 64,
    )


class Clock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(open_store(f"sqlite:///{tmp_path / 'store.sqlite'}"))


@pytest.fixture
def two(requirements: dict[str, Requirement]) -> dict[str, Requirement]:
    return {name: requirements[name] for name in (QUICK, SLOW)}


def make(
    history: History, two: dict[str, Requirement], clock: Clock, *, seconds: float = 1.0, fail: bool = False
) -> tuple[Watch, list[list[str]]]:
    sweeps: list[list[str]] = []

    def sweep(due: Sequence[Requirement]) -> SweepResult:
        if fail:
            raise RuntimeError("the power went")
        sweeps.append([item.id for item in due])
        clock.sleep(seconds)
        return SweepResult(f"run-{clock.now.timestamp()}", tuple(verdict(item.id, clock.now) for item in due))

    return Watch(history, two, sweep, clock=clock, sleep=clock.sleep), sweeps


def run_until(watch: Watch, clock: Clock, end: datetime) -> None:
    while clock.now < end:
        if not watch.tick():
            clock.sleep(1)


def test_each_requirement_keeps_its_own_cadence(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    watch, sweeps = make(history, two, clock)
    run_until(watch, clock, START + timedelta(minutes=10, seconds=30))
    assert sum(QUICK in due for due in sweeps) == 11
    assert sum(SLOW in due for due in sweeps) == 1
    assert find_unexplained(history, QUICK, 60) == []
    assert history.gaps() == []


def test_the_history_keeps_what_was_measured_and_reads_the_text_that_releases_before_kept(history: History) -> None:
    measured = (Measurement("age", 0.4141261111365424, Unit.HOUR), Measurement("cipher", "aes-256-cbc", Unit.STATE))
    for slot in (0.0, 60.0, 120.0):
        said = replace(verdict(QUICK, START), measured=measured if slot else ())
        history.record({QUICK: (slot, 60.0)}, f"run-{slot}", (START, START), [said])
    before = '[{"asset": null, "status": "pass", "measured": "0.4 h, aes-256-cbc"}]'
    with history._engine.begin() as connection:
        connection.execute(update(VERDICTS).where(VERDICTS.c.slot == 60.0).values(detail=before))

    rows, contract = history.verdicts(QUICK, None, 3), read_contract()
    assert find_mismatches(rows, contract.schemas["checks.history"].data["verdicts"], contract.types) == []
    details = [row["detail"][0]["measured"] for row in rows]
    assert details == [
        [
            {"name": "age", "value": 0.4141261111365424, "unit": "h"},
            {"name": "cipher", "value": "aes-256-cbc", "unit": "state"},
        ],
        [{"name": "text", "value": "0.4 h, aes-256-cbc", "unit": "text"}],
        [],
    ]


def test_the_speed_factor_shortens_every_cadence(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    watch, sweeps = make(history, two, clock, seconds=0.1)
    watch._speed = 60
    run_until(watch, clock, START + timedelta(seconds=70))
    assert sum(QUICK in due for due in sweeps) >= 60
    assert sum(SLOW in due for due in sweeps) == 2


def test_a_restart_explains_its_gap_and_writes_nothing_twice(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    watch, _sweeps = make(history, two, clock)
    run_until(watch, clock, START + timedelta(minutes=3))
    clock.sleep(20 * 60)
    again, _more = make(history, two, clock)
    run_until(again, clock, clock.now + timedelta(minutes=3))
    assert find_unexplained(history, QUICK, 60) == []
    gaps = [gap for gap in history.gaps() if gap["requirement"] == QUICK]
    assert [gap["why"] for gap in gaps] == [NOT_RUNNING]
    slots = history.slots(QUICK)
    assert len(slots) == len(set(slots))
    missed = round((gaps[0]["to_slot"] - gaps[0]["from_slot"]) / 60) + 1
    assert len(slots) + missed == round((slots[-1] - slots[0]) / 60) + 1


def test_a_crash_in_mid_sweep_leaves_nothing_half_written(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    broken, _ = make(history, two, clock, fail=True)
    with pytest.raises(RuntimeError):
        broken.tick()
    assert history.slots(QUICK) == []
    whole, _ = make(history, two, clock)
    assert whole.tick()
    assert len(history.slots(QUICK)) == 1


def test_an_estate_that_cannot_be_read_is_a_gap_with_its_code_and_the_watch_goes_on(
    history: History, two: dict[str, Requirement]
) -> None:
    clock = Clock()
    said: list[str] = []

    def sweep(_due: Sequence[Requirement]) -> SweepResult:
        clock.sleep(1)
        raise RackproofError("EST010", tag="x")

    watch = Watch(history, two, sweep, clock=clock, sleep=clock.sleep, on_failure=said.append)
    run_until(watch, clock, START + timedelta(minutes=2, seconds=5))
    whole, _ = make(history, two, clock)
    run_until(whole, clock, START + timedelta(minutes=4))
    gaps = [gap for gap in history.gaps() if gap["requirement"] == QUICK]
    assert [gap["why"] for gap in gaps] == ["failed EST010"] * 3
    assert len(said) == 3
    assert history.slots(QUICK) == [START.timestamp() + 180]


def test_a_slow_sweep_is_written_down_as_late(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    watch, _ = make(history, two, clock, seconds=200)
    run_until(watch, clock, START + timedelta(minutes=20))
    assert find_unexplained(history, QUICK, 60) == []
    assert {gap["why"] for gap in history.gaps()} == {LATE}


def test_a_single_missed_slot_is_explained_too(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    watch, _ = make(history, two, clock, seconds=100)
    run_until(watch, clock, START + timedelta(minutes=10))
    assert find_unexplained(history, QUICK, 60) == []
    assert {(gap["to_slot"] - gap["from_slot"], gap["why"]) for gap in history.gaps()} == {(0.0, LATE)}


def test_two_watches_on_one_store_write_a_slot_once(history: History, two: dict[str, Requirement]) -> None:
    clock = Clock()
    one, _ = make(history, two, clock)
    slots = {QUICK: (find_slot(clock.now, 60), 60.0)}
    assert history.record(slots, "a", (clock.now, clock.now), [verdict(QUICK, clock.now)]) == [QUICK]
    assert history.record(slots, "b", (clock.now, clock.now), [verdict(QUICK, clock.now, Status.FAIL)]) == []
    assert [latest.status for latest in history.latest()] == [Status.PASS]
    assert one.due(clock.now)[0].id == SLOW


@pytest.mark.parametrize(
    ("status", "later_s", "shown"),
    [
        (Status.PASS, 0, Status.PASS),
        (Status.PASS, 900, Status.PASS),
        (Status.PASS, 901, Status.STALE),
        (Status.FAIL, 901, Status.STALE),
        (Status.NOT_APPLICABLE, 901, Status.NOT_APPLICABLE),
    ],
)
def test_a_verdict_past_its_validity_is_stale(history: History, status: Status, later_s: int, shown: Status) -> None:
    history.record({QUICK: (0.0, 60.0)}, "a", (START, START), [verdict(QUICK, START, status)])
    (latest,) = history.latest()
    assert latest.at(START + timedelta(seconds=later_s)) is shown


def test_metrics_show_status_age_and_staleness(history: History) -> None:
    history.record({QUICK: (0.0, 60.0)}, "a", (START, START), [verdict(QUICK, START)])
    clock = Clock(START + timedelta(seconds=30))
    registry = CollectorRegistry()
    registry.register(VerdictCollector(history, lambda: None, clock))
    text = generate_latest(registry).decode()
    assert f'rackproof_verdict{{requirement="{QUICK}",site="dc",status="pass"}} 1.0' in text
    assert f'rackproof_verdict_age_seconds{{requirement="{QUICK}",site="dc"}} 30.0' in text
    clock.sleep(2000)
    text = generate_latest(registry).decode()
    assert f'rackproof_verdict{{requirement="{QUICK}",site="dc",status="pass"}} 0.0' in text
    assert f'rackproof_verdict{{requirement="{QUICK}",site="dc",status="stale"}} 1.0' in text


def test_a_watch_says_when_it_last_judged_something(history: History, requirements: dict[str, Requirement]) -> None:
    """Metrics are served by a thread of their own: they must not hide a loop that stopped, fails, or judges nothing."""
    clock = Clock(START)
    brings: list[list[Verdict] | Exception] = [[], RackproofError("CHK001", actual="x"), [verdict(QUICK, START)]]

    def sweep(_due: Sequence[Requirement]) -> SweepResult:
        found = brings.pop(0)
        if isinstance(found, Exception):
            raise found
        return SweepResult("a", tuple(found))

    loop = Watch(history, {QUICK: requirements[QUICK]}, sweep, clock=clock, sleep=clock.sleep)
    registry = CollectorRegistry()
    registry.register(VerdictCollector(history, lambda: loop.swept, clock))
    told = []
    for _sweep in range(3):
        loop.tick()
        text = generate_latest(registry).decode()
        told += [
            float(line.split()[1])
            for line in text.splitlines()
            if line.startswith("rackproof_watch_sweep_timestamp_seconds ")
        ]
        clock.sleep(3600)
    assert told == [0.0, 0.0, (START + timedelta(seconds=7200)).timestamp()]


def test_the_worst_verdict_of_a_site_is_what_history_keeps(history: History) -> None:
    group = [verdict(QUICK, START), verdict(QUICK, START, Status.UNREACHABLE), verdict(QUICK, START, Status.FAIL)]
    history.record({QUICK: (0.0, 60.0)}, "a", (START, START), group)
    assert [latest.status for latest in history.latest()] == [Status.FAIL]


def test_change_is_noticed() -> None:
    before = {("dc", "a"): Status.PASS}
    assert not is_changed(before, {("dc", "a"): Status.PASS})
    assert is_changed(before, {("dc", "a"): Status.FAIL})
    assert is_changed(before, {("dr", "a"): Status.PASS})
    assert is_changed(before, {("dc", "a"): Status.PASS, ("dr", "a"): Status.PASS}), "one of several is enough"


LOOP = """
import sys, time
from datetime import UTC, datetime, timedelta
from checks.watch.history import History
from checks.model import Message, Status, Verdict
from checks.register.register import load_requirements
from checks.watch.scheduler import SweepResult, Watch
from core.store import open_store
history = History(open_store(sys.argv[1]))
item = load_requirements()["QH-3-DC-NPLUS1"]
def sweep(due):
    time.sleep(0.02)
    now = datetime.now(UTC)
    later = (now + timedelta(seconds=900)).isoformat()
    return SweepResult("r", tuple(Verdict(i.id, "dc", None, Status.PASS, Message.of("judge.nothing"), (), None, (),
                 now.isoformat(), later, "t", "0") for i in due))
print("ready", flush=True)
Watch(history, {item.id: item}, sweep, speed=300).run()
"""


def test_kill_minus_nine_leaves_no_gap_unexplained_and_no_double(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    for pause in (0.5, 0.9):
        process = subprocess.Popen(
            [sys.executable, "-c", LOOP, url],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        try:
            assert process.stdout and process.stdout.readline() == "ready\n"
            time.sleep(pause)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
        time.sleep(0.7)
    history = History(open_store(url))
    slots = history.slots(QUICK)
    assert len(slots) >= 4
    assert len(slots) == len(set(slots))
    assert find_unexplained(history, QUICK, 0.2) == []
    assert NOT_RUNNING in {gap["why"] for gap in history.gaps()}


#: A store outlives the program: what is there already is not made anew, so this must fit what an older one made.
TABLES = """\
CREATE TABLE check_runs (
    requirement VARCHAR(64) NOT NULL,
    slot FLOAT NOT NULL,
    cadence_s FLOAT NOT NULL,
    run_id VARCHAR(64) NOT NULL,
    started_at VARCHAR(40) NOT NULL,
    ended_at VARCHAR(40) NOT NULL,
    PRIMARY KEY (requirement, slot)
)
CREATE TABLE check_verdicts (
    requirement VARCHAR(64) NOT NULL,
    slot FLOAT NOT NULL,
    site VARCHAR(64) NOT NULL,
    status VARCHAR(20) NOT NULL,
    reason TEXT NOT NULL,
    judged_at VARCHAR(40) NOT NULL,
    valid_until VARCHAR(40) NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (requirement, slot, site)
)
CREATE TABLE check_gaps (
    requirement VARCHAR(64) NOT NULL,
    from_slot FLOAT NOT NULL,
    to_slot FLOAT NOT NULL,
    why VARCHAR(40) NOT NULL,
    noted_at VARCHAR(40) NOT NULL,
    PRIMARY KEY (requirement, from_slot)
)
"""


def test_the_tables_are_those_of_the_stores_that_are_out_there() -> None:
    made = [str(CreateTable(table)) for table in (RUNS, VERDICTS, GAPS)]
    lines = [line.strip() for text in made for line in text.splitlines() if line.strip()]
    assert lines == [line.strip() for line in TABLES.splitlines()]


def latest(status: Status = Status.PASS, judged_at: datetime = START) -> Latest:
    return Latest(QUICK, "dc", status, "", judged_at, START + timedelta(seconds=900))


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (900, Status.PASS),
        (901, Status.STALE),
        (-60, Status.PASS),  # clocks may be so far apart
        (-61, Status.STALE),
    ],
)
def test_a_verdict_is_stale_past_its_validity_and_before_it_was_judged(seconds: int, status: Status) -> None:
    assert latest().at(START + timedelta(seconds=seconds)) is status
    assert latest(Status.NOT_APPLICABLE).at(START + timedelta(seconds=seconds)) is Status.NOT_APPLICABLE


def record(history: History, slot: float, *verdicts: Verdict, requirement: str = QUICK) -> list[str]:
    return history.record({requirement: (slot, 60.0)}, "run", (START, START), verdicts)


def test_a_slot_belongs_to_whoever_wrote_it_first(history: History) -> None:
    assert record(history, 60.0, verdict(QUICK, START)) == [QUICK]
    assert record(history, 60.0, verdict(QUICK, START, Status.FAIL)) == []
    assert [row["status"] for row in history.verdicts(QUICK, "dc", 9)] == ["pass"]


def test_the_newest_verdict_of_each_site_is_its_latest(history: History) -> None:
    record(history, 120.0, verdict(QUICK, START, Status.FAIL))
    record(history, 60.0, verdict(QUICK, START), replace(verdict(QUICK, START), site="dr"))
    record(history, 60.0, verdict(SLOW, START, Status.UNREACHABLE), requirement=SLOW)
    found = {(one.requirement, one.site): one.status for one in history.latest()}
    assert found == {(QUICK, "dc"): Status.FAIL, (QUICK, "dr"): Status.PASS, (SLOW, "dc"): Status.UNREACHABLE}


def test_verdicts_come_newest_first_of_whom_was_asked_for_and_no_more_than_that(history: History) -> None:
    for slot in (60.0, 120.0, 180.0):
        record(history, slot, verdict(QUICK, START), replace(verdict(QUICK, START), site="dr"))
    record(history, 120.0, verdict(SLOW, START), requirement=SLOW)
    assert [row["slot"] for row in history.verdicts(QUICK, "dr", 2)] == [180.0, 120.0]
    assert {row["site"] for row in history.verdicts(QUICK, None, 9)} == {"dc", "dr"}
    assert {row["requirement"] for row in history.verdicts(None, "dc", 9)} == {QUICK, SLOW}


def test_a_row_is_the_worst_of_its_site_with_the_shortest_validity_and_every_asset(history: History) -> None:
    one = replace(verdict(QUICK, START, valid_s=900), asset="core1")
    reason = Message.of("judge.failed", trouble="lỗi")
    two = replace(verdict(QUICK, START, Status.FAIL, valid_s=60), asset="tủ", reason=reason)
    record(history, 60.0, one, two)
    (row,) = history.verdicts(QUICK, "dc", 9)
    assert row["status"] == "fail"
    assert json.loads(row["reason"]) == two.reason.as_dict()
    assert [part["asset"] for part in row["detail"]] == ["core1", "tủ"]
    with history._engine.connect() as connection:  # for whoever reads the table without us
        (kept,) = connection.execute(select(VERDICTS)).mappings().all()
    assert "lỗi" in kept["reason"]
    assert "tủ" in kept["detail"]
    assert row["judged_at"] == START.isoformat()
    assert row["valid_until"] == two.valid_until


def test_the_last_slot_is_the_newest_judged_or_explained_one(history: History) -> None:
    assert history.last_slot(QUICK) is None
    record(history, 120.0)
    assert history.last_slot(QUICK) == 120.0
    history.note_gap(QUICK, (180.0, 240.0), LATE, START)
    history.note_gap(QUICK, (180.0, 300.0), NOT_RUNNING, START)
    assert history.last_slot(QUICK) == 240.0
    assert [gap["why"] for gap in history.gaps()] == [LATE]
    assert history.last_slot(SLOW) is None


def test_a_gap_is_unexplained_unless_a_record_covers_each_of_its_slots(history: History) -> None:
    assert find_unexplained(history, QUICK, 60) == []
    for slot in (0.0, 600.0):
        record(history, slot)
    history.note_gap(SLOW, (60.0, 540.0), LATE, START)
    history.note_gap(QUICK, (120.0, 240.0), LATE, START)
    assert find_unexplained(history, QUICK, 60) == [60.0, 300.0, 360.0, 420.0, 480.0, 540.0]


@pytest.mark.parametrize(
    ("judged", "unexplained"),
    [((0.0, 89.0, 240.0), [120.0, 180.0]), ((0.0, 90.0, 240.0), [60.0, 120.0, 180.0]), ((0.0, 60.0, 120.0), [])],
)
def test_a_slot_half_a_cadence_away_is_another_slot(
    history: History, judged: tuple[float, ...], unexplained: list[float]
) -> None:
    for slot in judged:
        record(history, slot)
    assert find_unexplained(history, QUICK, 60) == unexplained


@pytest.mark.parametrize(
    ("gap", "unexplained"),
    [
        ((145.0, 145.0), [60.0, 180.0, 240.0]),
        ((150.0, 150.0), [60.0, 120.0, 180.0, 240.0]),
        ((155.0, 175.0), [60.0, 120.0, 240.0]),
    ],
)
def test_a_gap_explains_the_slots_less_than_half_a_cadence_from_it(
    history: History, gap: tuple[float, float], unexplained: list[float]
) -> None:
    record(history, 0.0)
    record(history, 300.0)
    history.note_gap(QUICK, gap, LATE, START)
    assert find_unexplained(history, QUICK, 60) == unexplained


def test_a_sweep_is_kept_with_when_it_began_and_ended(history: History) -> None:
    history.record({QUICK: (60.0, 60.0)}, "run", (START, START + timedelta(seconds=7)), [])
    with history._engine.connect() as connection:
        (row,) = connection.execute(RUNS.select()).mappings().all()
    assert dict(row) == {
        "requirement": QUICK,
        "slot": 60.0,
        "cadence_s": 60.0,
        "run_id": "run",
        "started_at": "2026-11-22T01:00:00.000+00:00",
        "ended_at": "2026-11-22T01:00:07.000+00:00",
    }
