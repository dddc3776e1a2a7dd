"""JUnit: what is not green is never skipped or passed there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from checks.model import Measurement, Message, Run, Status, Unit
from checks.report.junit import write_junit
from tests.evidence.sample import papers, sample
from tests.support import require


def parsed(run: Run) -> ET.Element:
    return ET.fromstring(write_junit(run))  # noqa: S314 - our own output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = sample(tmp_path_factory.mktemp("junit"), 14, signed=papers()).run
    first = made.verdicts[0]
    evil = Message.of("judge.failed", trouble="\x07<script>")
    told = (Measurement("cipher", "\x00]]>", Unit.STATE),)
    extra = (
        replace(first, asset="error", status=Status.ERROR),
        replace(first, asset="na", status=Status.NOT_APPLICABLE),
        replace(first, asset="evil\x1b<&>", status=Status.FAIL, measured=told, reason=evil),
    )
    return replace(made, verdicts=(*made.verdicts, *extra))


def test_every_status_lands_where_a_machine_sees_it(run: Run) -> None:
    root = parsed(run)
    found: Counter[tuple[str, str | None]] = Counter()
    for case in root.iter("testcase"):
        children = [(child.tag, child.get("type")) for child in case]
        assert len(children) <= 1
        found[children[0] if children else ("passed", "pass")] += 1
    statuses = Counter(verdict.status for verdict in run.verdicts)
    expected = {
        ("passed", "pass"): Status.PASS,
        ("failure", "fail"): Status.FAIL,
        ("failure", "waived"): Status.WAIVED,
        ("error", "error"): Status.ERROR,
        ("error", "unreachable"): Status.UNREACHABLE,
        ("error", "stale"): Status.STALE,
        ("error", "not_assessed"): Status.NOT_ASSESSED,
    }
    assert found == Counter({key: statuses[status] for key, status in expected.items()})
    assert all(found.values())


def test_counts_add_up(run: Run) -> None:
    root = parsed(run)
    for element in (root, *root.iter("testsuite")):
        assert int(require(element.get("tests"))) == len(list(element.iter("testcase")))
        assert int(require(element.get("failures"))) == len(list(element.iter("failure")))
        assert int(require(element.get("errors"))) == len(list(element.iter("error")))
        assert element.get("skipped") == "0"
    assert list(root.iter("skipped")) == []


def test_an_empty_run_is_an_empty_report(run: Run) -> None:
    root = parsed(replace(run, verdicts=()))
    assert root.get("tests") == "0" and len(root) == 0
