"""What was measured is numbers with units: by stable names, one text for people, and nothing that is no number."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.judge.case import Case, Unfit
from checks.judge.device_readings import UNITS, DeviceReadings, measure_reading
from checks.model import Limit, Measurement, Message, Status, Unit, Verdict, measure_known
from checks.register.measured_texts import read_measured_texts, write_measured
from checks.register.register import load_requirements
from core.canonical_json import encode_canonical
from monitoring.profiles import profile
from monitoring.quantities.readings import Quality, Reading

from .conftest import Bench, moment
from .test_unfit_evidence import judge_by


def read_cases(name: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return cases


CASES, TEXTS = read_cases("measured_cases.yml"), read_cases("measured_text_cases.yml")
CHANGES = {"good": [], **{case["name"]: case["changes"] for case in read_cases("judge_cases.yml")}}
NOT_NUMBERS = (math.nan, math.inf, -math.inf)
#: Who hands over a measurement under a name that is written there.
MAKERS = {"Measurement", "measure_known", "measure_part"}


def measure(entries: list[list[Any]]) -> tuple[Measurement, ...]:
    return tuple(Measurement(name, value, Unit(unit)) for name, value, unit in entries)


def find_verdict(verdicts: tuple[Verdict, ...], wanted: dict[str, Any]) -> Verdict:
    """Return the verdict that a case speaks of; of several on one thing the one that measures what the case names."""
    names = [entry[0] for entry in wanted["measured"]]
    for verdict in verdicts:
        of = [verdict.requirement, verdict.site, verdict.asset, verdict.reason.msgid]
        if of == wanted["verdict"] and [item.name for item in verdict.measured] == names:
            return verdict
    raise AssertionError(f"no such verdict: {wanted}")


@pytest.mark.parametrize("name", sorted({case["case"] for case in CASES}))
def test_every_judge_measures_values_in_units_under_stable_names(bench: Bench, name: str) -> None:
    for change in CHANGES[name]:
        bench.change(change)
    cases = [case for case in CASES if case["case"] == name]
    wanted = {case["verdict"][0] for case in cases}
    verdicts = bench.judge(None if "QH-2-60-100" in wanted else frozenset(wanted))

    for case in cases:
        found = find_verdict(verdicts, case)
        assert bench.requirements[found.requirement].check.judge == case["judge"]
        if "en" not in case:
            assert [[item.name, item.unit.value] for item in found.measured] == case["measured"]
            continue
        assert found.measured == measure(case["measured"])
        texts = [write_measured(found.measured, language) for language in ("en", "vi")]
        assert texts == [case["en"], case.get("vi", case["en"])]


def test_no_judge_and_no_name_is_without_a_case() -> None:
    assert {case["judge"] for case in CASES} == {item.check.judge for item in load_requirements().values()}
    known = {entry[0] for case in CASES for entry in case["measured"]}
    assert find_written_names() - known == set()


def find_written_names() -> set[str]:
    """Return the names of measurements that stand as they are in the sources of the judges."""
    folder = Path(__file__).parents[2] / "checks" / "judge"
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                name = node.args[0]
                found |= {str(name.value)} if isinstance(name, ast.Constant) else set()
    return found


@pytest.mark.parametrize("case", TEXTS, ids=[json.dumps(case["measured"])[:60] for case in TEXTS])
def test_people_read_every_unit_rounded_in_both_languages(case: dict[str, Any]) -> None:
    measured = measure(case["measured"])
    texts = [write_measured(measured, language) for language in ("en", "vi")]
    assert texts == [case["en"], case.get("vi", case["en"])]


def test_every_unit_and_every_phrase_has_a_case() -> None:
    assert {entry[2] for case in TEXTS for entry in case["measured"]} == {unit.value for unit in Unit}
    assert set(read_measured_texts().units) == set(Unit)
    sequences = [[entry[0] for entry in case["measured"]] for case in (*CASES, *TEXTS)]
    for phrase in read_measured_texts().phrases:
        assert any(contains(names, list(phrase.names)) for names in sequences), phrase.en
        assert phrase.vi is None or "{" in phrase.vi


def contains(names: list[str], part: list[str]) -> bool:
    return any(names[at : at + len(part)] == part for at in range(len(names)))


def test_a_phrase_names_the_same_in_both_languages() -> None:
    for phrase in read_measured_texts().phrases:
        told = type(phrase)(en=phrase.vi or phrase.en)
        assert sorted(told.names) == sorted(phrase.names)


def test_digits_are_those_of_names_that_are_measured() -> None:
    known = {entry[0] for case in CASES for entry in case["measured"]}
    assert set(read_measured_texts().digits) <= known


def test_every_unit_of_a_reading_is_one_of_a_measurement() -> None:
    assert set(UNITS) == set(profile.UNITS)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_no_number_is_neither_measured_nor_a_limit_nor_written(value: float) -> None:
    with pytest.raises(ValueError, match="no number"):
        Measurement("age", value, Unit.SECOND)
    with pytest.raises(ValueError, match="no number"):
        Limit(value, "s", "P", "operator's policy")
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_canonical({"value": value})


def test_what_has_no_end_or_is_not_known_was_not_measured() -> None:
    assert measure_known("age", math.inf, Unit.SECOND) == measure_known("cipher", None, Unit.STATE) == ()
    assert measure_known("age", 0.0, Unit.SECOND) == (Measurement("age", 0.0, Unit.SECOND),)
    with pytest.raises(ValueError, match="no number"):
        measure_known("age", math.nan, Unit.SECOND)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_a_reading_that_is_no_number_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Else a feed of which nothing is known would carry something, and a UPS have modules to spare."""

    def judge_devices(case: Case) -> Iterator[Verdict]:
        found = case.require("snmp", "pdu-a", "poll")
        reading = Reading("dc", "pdu-a", "pdu_power", "", value, "watt", case.now, Quality.GOOD)
        view = DeviceReadings(case, "pdu-a", found, None, [reading])  # type: ignore[arg-type]
        with pytest.raises(Unfit) as caught:
            view.number("pdu_power")
        yield caught.value.verdict

    verdicts = judge_by(monkeypatch, bench, judge_devices)
    assert [(verdict.status, verdict.reason.msgid) for verdict in verdicts] == [(Status.FAIL, "reading.silent")]


def test_a_reading_without_a_value_is_no_measurement() -> None:
    at = moment("2026-11-22T01:00:00+00:00")
    good = Reading("dc", "core1", "interface_speed", "a1", 1000.0, "megabit_per_second", at, Quality.GOOD)
    assert measure_reading(good) == Measurement("interface_speed", 1000.0, Unit.MEGABIT_PER_SECOND)
    silent = Reading("dc", "core1", "interface_speed", "a1", None, "megabit_per_second", at, Quality.NO_DATA)
    with pytest.raises(ValueError, match="has no value"):
        measure_reading(silent)


@pytest.mark.parametrize(("value", "reached"), [(999.999, False), (1000, True), (1000.0, True), (10000.0, True)])
def test_a_limit_is_reached_by_the_very_number_that_is_shown(value: float, reached: bool) -> None:
    limit = Limit(1000, "Mb/s", "S", "QH l.610")
    assert limit.is_reached_by(Measurement("interface_speed", value, Unit.MEGABIT_PER_SECOND)) is reached


@pytest.mark.parametrize(
    ("limit", "measured"),
    [
        (Limit(1, "Gb/s", "S", "QH l.610"), Measurement("interface_speed", 100.0, Unit.MEGABIT_PER_SECOND)),
        (Limit("1000", "Mb/s", "S", "QH l.610"), Measurement("interface_speed", 1000.0, Unit.MEGABIT_PER_SECOND)),
        (Limit(1000, "state", "S", "QH l.610"), Measurement("interface_state", "up", Unit.STATE)),
    ],
)
def test_only_numbers_of_one_unit_are_compared(limit: Limit, measured: Measurement) -> None:
    """100 is more than 1: a port of 100 Mb/s would reach 1 Gb/s."""
    with pytest.raises(ValueError, match="cannot be compared"):
        limit.is_reached_by(measured)


def test_a_limit_keeps_its_number(bench: Bench) -> None:
    verdicts = bench.judge(frozenset({"QH-3-DC-CORE-10G", "QH-3-DC-ALERT"}))
    limits = {verdict.requirement: verdict.threshold for verdict in verdicts if verdict.threshold}
    assert limits["QH-3-DC-CORE-10G"].value == 10000
    assert isinstance(limits["QH-3-DC-ALERT"].value, str)


def test_a_verdict_reads_back_as_it_was_with_whole_numbers_whole() -> None:
    measured = measure([["age", 0.1, "h"], ["lines", 3, "count"], ["load", 3.0, "W"], ["cipher", "none", "state"]])
    limit = Limit(30, "h", "P", "operator's policy")
    at = "2026-11-22T01:00:00.000+00:00"
    verdict = Verdict(
        "QH-X", "dc", None, Status.FAIL, Message.of("backup.old"), measured, limit, ("e",), at, at, "backups", "0" * 64
    )
    text = json.dumps(verdict.as_dict(), allow_nan=False)
    again = Verdict.from_dict(json.loads(text))
    assert again == verdict
    assert json.dumps(again.as_dict()) == text


@pytest.mark.parametrize(
    "measured",
    ["0.4 h, aes", [{"name": "age", "value": 1.0}], [{"name": "age", "value": 1.0, "unit": "hours"}],
     [{"name": "age", "value": math.nan, "unit": "h"}], [{"name": "age", "value": None, "unit": "h"}]],
)  # fmt: skip
def test_what_is_no_measurement_is_not_read_back(measured: Any) -> None:
    at = "2026-11-22T01:00:00.000+00:00"
    verdict = Verdict(
        "QH-X", "dc", None, Status.FAIL, Message.of("backup.old"), (), None, ("e",), at, at, "backups", "0" * 64
    )
    with pytest.raises((KeyError, TypeError, ValueError)):
        Verdict.from_dict({**verdict.as_dict(), "measured": measured})


PARTS = [
    (100.0, "100 %"),
    (99.999, "99.9 %"),
    (99.7, "99.7 %"),
    (99.4, "99 %"),
    (0.4, "0.4 %"),
    (0.001, "0.1 %"),
    (0.0, "0 %"),
]


@pytest.mark.parametrize(("value", "text"), PARTS)
def test_almost_all_is_never_written_as_all(value: float, text: str) -> None:
    """99.7 % of the hosts answered, and the report said 100 %."""
    assert write_measured([Measurement("share", value, Unit.PERCENT)]).endswith(text)
