"""The engine, a case and its evidence by themselves: every edge at which a verdict turns, with no real judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from checks.collect.capture import capture_evidence
from checks.judge.case import Case, JudgeContext, JudgeId, Unfit, end_verdict, read_first_line
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView, FitEvidence, measure_age
from checks.judge.registry import RegisteredJudge
from checks.model import Captured, CollectOutcome, MemoryRawStore, Status, Verdict, format_utc
from checks.register.requirement import Method, Provenance, Requirement

NOW = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)
VALIDITY_S = 900
TEXT = {"vi": "phải như vậy", "en": "it must be so"}
JUDGE = JudgeId("mine", "1" * 64)


def make_requirement(name: str, judge: str = "mine") -> Requirement:
    return Requirement.model_validate(
        {
            "id": name,
            "group": "1.1",
            "clause": {"document": "QH", "ref": "3", "lines": "1", "quote": "a sentence"},
            "meaning": TEXT,
            "tiers": ("dc",),
            "owner": {"unit": TEXT, "accountable": TEXT},
            "due": {"note": TEXT},
            "method": Method.MEASURED,
            "thresholds": (
                {"name": "words", "value": "ssh  snmp", "unit": "", "provenance": Provenance.SEED, "source": "QH"},
                {"name": "nothing", "value": " ", "unit": "", "provenance": Provenance.SEED, "source": "QH"},
                {"name": "load", "value": 80, "unit": "%", "provenance": Provenance.POLICY, "source": "ours"},
            ),
            "check": {"judge": judge, "collectors": ("snmp",)},
            "validity_s": VALIDITY_S,
            "cadence_s": 60,
        }
    )


def make_device(name: str, kind: str, role: str = "") -> Any:
    return SimpleNamespace(name=name, kind=SimpleNamespace(value=kind), role=role)


SITE: Any = SimpleNamespace(
    site="dc",
    tier="dc",
    province="hanoi",
    devices=[make_device("core1", "router"), make_device("db1", "host", "db"), make_device("web1", "host", "web")],
)
OTHER_SITE: Any = SimpleNamespace(site="room", tier="room", province="hanoi", devices=[])
ESTATE: Any = SimpleNamespace(sites={"dc": SITE, "room": OTHER_SITE})


def seconds(count: float) -> datetime:
    return NOW + timedelta(seconds=count)


def collect(
    at: datetime = NOW, raw: bytes = b"answer", asset: str = "core1", key: str = "poll", **more: Any
) -> Captured:
    return capture_evidence(("dc", asset), (more.pop("collector", "snmp"), key), "asked", raw, (at, at), **more)


def view(*found: Captured) -> EvidenceView:
    store = MemoryRawStore()
    for entry in found:
        store.put(entry.raw)
    return EvidenceView([entry.item for entry in found], store.get)


def case(*found: Captured) -> Case:
    requirement = make_requirement("QH-MINE")
    return Case(requirement, SITE, view(*found), JudgeContext(ESTATE, NOW, {"QH-MINE": requirement}), JUDGE)


def refuse(one: Case, **more: Any) -> Verdict:
    with pytest.raises(Unfit) as caught:
        one.require("snmp", "core1", "poll", **more)
    return caught.value.verdict


@pytest.mark.parametrize("age_s", [0, VALIDITY_S, -60])
def test_evidence_is_fit_up_to_the_edges_of_its_time(age_s: int) -> None:
    found = case(collect(seconds(-age_s))).require("snmp", "core1", "poll")
    assert (found.raw, found.text) == (b"answer", "answer")


@pytest.mark.parametrize(
    ("age_s", "status", "msgid"),
    [
        (VALIDITY_S + 0.001, Status.STALE, "evidence.stale"),
        (-60.001, Status.ERROR, "evidence.future"),
    ],
)
def test_evidence_is_unfit_beyond_them(age_s: float, status: Status, msgid: str) -> None:
    found = collect(seconds(-age_s))
    verdict = refuse(case(found))
    assert (verdict.status, verdict.reason.msgid, verdict.asset) == (status, msgid, "core1")
    assert verdict.evidence == (found.item.id,)
    assert dict(verdict.reason.params) == {"what": "poll", "asset": "core1", "at": found.item.ended_at}


@pytest.mark.parametrize(
    ("outcome", "status", "msgid"),
    [
        (CollectOutcome.UNREACHABLE, Status.UNREACHABLE, "evidence.trouble"),
        (CollectOutcome.TIMEOUT, Status.UNREACHABLE, "evidence.trouble"),
        (CollectOutcome.ERROR, Status.ERROR, "evidence.trouble"),
        (CollectOutcome.LOGIN_REFUSED, Status.ERROR, "evidence.login_refused"),
        (CollectOutcome.HOST_KEY_CHANGED, Status.ERROR, "evidence.host_key_changed"),
    ],
)
def test_trouble_is_said_as_what_it_was(outcome: CollectOutcome, status: Status, msgid: str) -> None:
    verdict = refuse(case(collect(raw=b"no route\nmore", outcome=outcome)))
    assert (verdict.status, verdict.reason.msgid) == (status, msgid)
    assert dict(verdict.reason.params) == {"what": "poll", "asset": "core1", "trouble": "no route"}


def test_what_was_not_collected_was_not_assessed() -> None:
    verdict = refuse(case(collect(key="other")))
    assert (verdict.status, verdict.reason.msgid, verdict.evidence) == (Status.NOT_ASSESSED, "evidence.missing", ())


@pytest.mark.parametrize(
    ("exit_code", "codes", "is_fit"),
    [(None, (0,), True), (0, (0,), True), (1, (0,), False), (1, (0, 1), True), (0, (1,), False)],
)
def test_only_the_exit_codes_that_were_allowed_are_fit(
    exit_code: int | None, codes: tuple[int, ...], is_fit: bool
) -> None:
    one = case(collect(exit_code=exit_code))
    if is_fit:
        assert one.require("snmp", "core1", "poll", codes=codes).item.exit_code == exit_code
        return
    verdict = refuse(one, codes=codes)
    assert (verdict.status, verdict.reason.msgid) == (Status.ERROR, "evidence.exit_code")
    assert dict(verdict.reason.params)["code"] == str(exit_code)
    assert dict(verdict.reason.params)["trouble"] == "answer"


def test_the_exit_code_that_is_allowed_unasked_is_nought() -> None:
    for code in (1, -1):
        assert refuse(case(collect(exit_code=code))).reason.msgid == "evidence.exit_code"
    assert case(collect(exit_code=0)).find_fit("snmp", "core1", "poll") is not None
    assert case(collect(exit_code=1)).find_fit("snmp", "core1", "poll") is None


def test_what_is_unfit_to_judge_one_thing_hides_none_of_the_others() -> None:
    found = collect(asset="core1"), collect(asset="web1")

    def judge_one(one: Case, name: str) -> Iterator[Verdict]:
        yield one.verdict(Status.FAIL, name, "judge.nothing", [one.require("snmp", name, "poll")])

    said = [(verdict.asset, verdict.status) for verdict in case(*found).judge_each(["core1", "db1", "web1"], judge_one)]
    assert said == [("core1", Status.FAIL), ("db1", Status.NOT_ASSESSED), ("web1", Status.FAIL)]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"", "no output"),
        (b"\n--- stderr ---\n- -\n", "no output"),
        (b"--- stderr ---\nrefused\nlater", "refused"),
        (b"x" * 201, "x" * 200),
        (b"bad \xff", "bad �"),
    ],
)
def test_of_a_failed_command_the_first_line_that_says_something_is_shown(raw: bytes, shown: str) -> None:
    assert read_first_line(raw) == shown


def test_octets_that_are_no_text_become_marks() -> None:
    found = collect(raw=b"\xff!")
    assert FitEvidence(found.item, found.raw).text == "�!"


def test_a_verdict_lives_as_long_as_the_oldest_evidence_under_it() -> None:
    old, new = collect(seconds(-100)), collect(seconds(-1), asset="db1")
    one = case(old, new)
    made = one.verdict(Status.PASS, "core1", "judge.nothing", [new.item, old.item, FitEvidence(old.item, old.raw)])
    assert made.evidence == tuple(sorted({old.item.id, new.item.id}))
    assert (made.judged_at, made.valid_until) == (format_utc(NOW), format_utc(seconds(VALIDITY_S - 100)))
    assert (made.requirement, made.site, made.judge, made.judge_sha256) == ("QH-MINE", "dc", "mine", "1" * 64)
    ahead = collect(seconds(30))
    assert case(ahead).verdict(Status.PASS, None, "judge.nothing", [ahead.item]).valid_until == format_utc(
        seconds(VALIDITY_S)
    )


def test_a_verdict_ends_when_what_it_stands_on_ends() -> None:
    made = case().verdict(Status.FAIL, None, "judge.nothing")
    assert end_verdict(made, seconds(5)).valid_until == format_utc(seconds(5))
    assert end_verdict(made, seconds(VALIDITY_S + 5)).valid_until == made.valid_until


def test_good_passes_with_the_first_reason_and_bad_fails_with_the_second() -> None:
    reasons = ("services.tagged", "services.untagged")
    limit = case().limit("load")
    good = case().pass_or_fail(True, "core1", reasons, [], limit=limit, bad="x")
    bad = case().pass_or_fail(False, "core1", reasons, [], bad="x")
    assert (good.status, good.reason.msgid, good.threshold) == (Status.PASS, "services.tagged", limit)
    assert (bad.status, bad.reason.msgid, bad.threshold) == (Status.FAIL, "services.untagged", None)
    assert bad.reason.params == (("bad", "x"),)


def test_a_threshold_is_a_limit_a_number_or_words() -> None:
    limit = case().limit("load")
    assert limit.as_dict() == {"value": 80, "unit": "%", "provenance": Provenance.POLICY, "source": "ours"}
    assert case().number("load") == 80.0
    assert case().words("words") == ["ssh", "snmp"]
    with pytest.raises(ValueError, match="names nothing"):
        case().words("nothing")


def test_a_site_has_its_devices_by_kind_and_its_hosts_by_role() -> None:
    assert [device.name for device in case().devices()] == ["core1", "db1", "web1"]
    assert [device.name for device in case().devices("router")] == ["core1"]
    assert [device.name for device in case().devices("router", "host")] == ["core1", "db1", "web1"]
    assert [device.name for device in case().hosts("db")] == ["db1"]


def test_the_files_of_the_estate_are_evidence_of_the_site_or_of_all() -> None:
    own = collect(asset="dc", collector="estate", key="sites/dc.yml")
    shared = collect(asset="estate", collector="estate", key="tiers.yml")
    one = case(own, shared, collect(asset="room", collector="estate"))
    assert (one.site_evidence, one.estate_evidence) == ([own.item], [shared.item])


def test_the_newest_of_what_was_collected_twice_wins_whatever_the_order() -> None:
    old, new = collect(seconds(-10), b"old"), collect(seconds(-5), b"new")
    for found in (view(old, new), view(new, old)):
        assert found.one("snmp", "core1", "poll") == new.item
        assert found.named(old.item.id) is None
        assert found.named(new.item.id) == new.item
        assert found.raw(new.item) == b"new"
    assert view().one("snmp", "core1", "poll") is None


def test_all_of_a_collector_come_by_asset_and_key() -> None:
    entries = [collect(asset=asset, key=key) for asset, key in (("b", "1"), ("a", "2"), ("a", "1"))]
    found = view(*entries, collect(asset="a", collector="hosts"))
    assert [(item.asset, item.key) for item in found.all("snmp")] == [("a", "1"), ("a", "2"), ("b", "1")]
    assert [(item.asset, item.key) for item in found.all("snmp", "a")] == [("a", "1"), ("a", "2")]
    assert found.all("snmp", "c") == []


@pytest.mark.parametrize(
    ("then_s", "age_s"),
    [(-90, 90.0), (0, 0.0), (0.5, 0.0), (1, 0.0), (5, 0.0), (5.001, float("inf")), (-0.5, 0.5)],
)
def test_what_lies_further_ahead_than_clocks_may_differ_is_endlessly_old(then_s: float, age_s: float) -> None:
    assert measure_age(format_utc(NOW), format_utc(seconds(then_s))) == age_s


@pytest.mark.parametrize("then", [None, ""])
def test_what_never_was_is_endlessly_old(then: str | None) -> None:
    assert measure_age(format_utc(NOW), then) == float("inf")


JudgeOne = Callable[[Case], Iterator[Verdict]]


@pytest.fixture
def judge_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Verdict, ...]]:
    """Judge by judges of the test's own; two names at most: "mine", and "derived", which sees what mine said."""

    def judge(
        mine: JudgeOne, *found: Captured, derived: JudgeOne | None = None, wanted: frozenset[str] | None = None
    ) -> tuple[Verdict, ...]:
        made = {"mine": RegisteredJudge(JUDGE, mine, False)}
        requirements = {"QH-MINE": make_requirement("QH-MINE")}
        if derived is not None:
            made["derived"] = RegisteredJudge(JudgeId("derived", "2" * 64), derived, True)
            requirements = {"QH-ALL": make_requirement("QH-ALL", "derived"), **requirements}
        monkeypatch.setattr("checks.judge.engine.judges", lambda: made)
        return judge_all(requirements, ESTATE, view(*found), NOW, wanted)

    return judge


def claim(*found: Captured, status: Status = Status.PASS) -> JudgeOne:
    def judge(one: Case) -> Iterator[Verdict]:
        yield one.verdict(status, "core1", "judge.nothing", [entry.item for entry in found])

    return judge


def name_outcome(verdicts: tuple[Verdict, ...]) -> list[tuple[str, str]]:
    return [(verdict.status.value, verdict.reason.msgid) for verdict in verdicts]


@pytest.mark.parametrize("status", [Status.PASS, Status.NOT_APPLICABLE])
def test_a_claim_needs_evidence(judge_with: Any, status: Status) -> None:
    assert name_outcome(judge_with(claim(status=status))) == [("error", "judge.no_evidence")]


def test_what_is_no_claim_needs_none(judge_with: Any) -> None:
    assert name_outcome(judge_with(claim(status=Status.FAIL))) == [("fail", "judge.nothing")]


@pytest.mark.parametrize(
    ("age_s", "is_good"), [(0, True), (VALIDITY_S, True), (VALIDITY_S + 0.001, False), (-60, True), (-60.001, False)]
)
def test_a_claim_stands_on_evidence_of_its_time(judge_with: Any, age_s: float, is_good: bool) -> None:
    found = collect(seconds(-age_s))
    expected = ("pass", "judge.nothing") if is_good else ("error", "judge.unfit_evidence")
    assert name_outcome(judge_with(claim(found), found)) == [expected]


def test_one_unfit_piece_among_good_ones_ends_a_claim(judge_with: Any) -> None:
    good, bad = collect(), collect(asset="db1", outcome=CollectOutcome.TIMEOUT)
    (verdict,) = judge_with(claim(good, bad), good, bad)
    assert (verdict.status, dict(verdict.reason.params)) == (Status.ERROR, {"what": "snmp poll of db1"})


def test_a_claim_on_evidence_that_is_not_of_this_run_is_none(judge_with: Any) -> None:
    missing = collect()
    (verdict,) = judge_with(claim(missing))
    assert (verdict.status, dict(verdict.reason.params)) == (Status.ERROR, {"what": missing.item.id})


def test_a_judge_that_says_nothing_is_not_green(judge_with: Any) -> None:
    assert name_outcome(judge_with(lambda _case: iter(()))) == [("not_assessed", "judge.nothing")]


def test_a_judge_that_stumbles_is_an_error_with_its_words(judge_with: Any) -> None:
    def stumble(_case: Case) -> Iterator[Verdict]:
        raise LookupError("no such thing")
        yield

    (verdict,) = judge_with(stumble)
    assert (verdict.status, verdict.reason.msgid, verdict.asset) == (Status.ERROR, "judge.failed", None)
    assert dict(verdict.reason.params) == {"trouble": "LookupError: no such thing"}


def test_what_is_derived_sees_every_verdict_and_is_judged_after_it(judge_with: Any) -> None:
    seen: list[tuple[str, ...]] = []

    def derive(one: Case) -> Iterator[Verdict]:
        seen.append(tuple(verdict.requirement for verdict in one.context.verdicts))
        yield one.verdict(Status.FAIL, None, "judge.nothing")

    verdicts = judge_with(claim(status=Status.FAIL), derived=derive)
    assert seen == [("QH-MINE",)]
    assert [verdict.requirement for verdict in verdicts] == ["QH-ALL", "QH-MINE"]


def test_only_what_is_wanted_is_judged_and_only_where_it_binds(judge_with: Any) -> None:
    both = judge_with(claim(status=Status.FAIL), derived=claim(status=Status.FAIL))
    assert [(verdict.requirement, verdict.site) for verdict in both] == [("QH-ALL", "dc"), ("QH-MINE", "dc")]
    one = judge_with(claim(status=Status.FAIL), derived=claim(status=Status.FAIL), wanted=frozenset({"QH-ALL"}))
    assert [verdict.requirement for verdict in one] == ["QH-ALL"]


def test_verdicts_come_by_requirement_site_asset_and_reason(judge_with: Any) -> None:
    def say(one: Case) -> Iterator[Verdict]:
        for asset, msgid in (("b", "judge.nothing"), ("a", "judge.nothing"), ("a", "judge.failed"), (None, "x")):
            yield one.verdict(Status.FAIL, asset, msgid)

    found = [(verdict.asset, verdict.reason.msgid) for verdict in judge_with(say)]
    assert found == [(None, "x"), ("a", "judge.failed"), ("a", "judge.nothing"), ("b", "judge.nothing")]
