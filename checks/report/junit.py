"""JUnit XML of a run, for machines that know nothing else. Whatever is not green is a failure or an error there.

Such machines show a skipped test as green, so nothing is ever ``skipped``: what was proved not applicable is left out
and counted in a property.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as ET

from checks.model import Run, Status, Verdict
from checks.register.measured_texts import write_measured
from checks.report.raw import clean_text

ELEMENT = {
    Status.FAIL: "failure",
    Status.WAIVED: "failure",
    Status.ERROR: "error",
    Status.UNREACHABLE: "error",
    Status.STALE: "error",
    Status.NOT_ASSESSED: "error",
}


def write_junit(run: Run) -> bytes:
    """Return the run as JUnit XML: one suite per site, one case per verdict."""
    root = ET.Element("testsuites", name=clean_text(run.id), timestamp=run.judged_at)
    ordered = sorted(run.verdicts, key=lambda verdict: (verdict.site, verdict.requirement, verdict.asset or ""))
    for site, verdicts in groupby(ordered, key=lambda verdict: verdict.site):
        root.append(make_suite(site, list(verdicts), run))
    count_cases(root, [verdict for verdict in ordered if verdict.status is not Status.NOT_APPLICABLE])
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def make_suite(site: str, verdicts: list[Verdict], run: Run) -> ET.Element:
    """Return the suite of one site."""
    suite = ET.Element("testsuite", name=clean_text(site), timestamp=run.judged_at)
    judged = [verdict for verdict in verdicts if verdict.status is not Status.NOT_APPLICABLE]
    count_cases(suite, judged)
    properties = ET.SubElement(suite, "properties")
    for name, value in (("run", run.id), ("not_applicable", str(len(verdicts) - len(judged)))):
        ET.SubElement(properties, "property", name=name, value=clean_text(value))
    for verdict in judged:
        suite.append(make_case(verdict))
    return suite


def make_case(verdict: Verdict) -> ET.Element:
    """Return the case of one verdict."""
    case = ET.Element(
        "testcase", classname=verdict.requirement, name=clean_text(verdict.asset or verdict.site), time="0"
    )
    if verdict.status is Status.PASS:
        return case
    reason = clean_text(verdict.reason.text("en"))
    trouble = ET.SubElement(case, ELEMENT[verdict.status], type=verdict.status.value, message=reason)
    limit = verdict.threshold
    wanted = f"{limit.value} {limit.unit} ({limit.provenance}: {limit.source})" if limit else "-"
    measured = write_measured(verdict.measured) or "-"
    trouble.text = clean_text(
        f"measured: {measured}; threshold: {wanted}; evidence: {', '.join(verdict.evidence) or 'none'}"
    )
    return case


def count_cases(element: ET.Element, verdicts: Iterable[Verdict]) -> None:
    """Write down how many cases there are of each kind."""
    kinds = [ELEMENT.get(verdict.status, "") for verdict in verdicts]
    element.set("tests", str(len(kinds)))
    element.set("failures", str(kinds.count("failure")))
    element.set("errors", str(kinds.count("error")))
    element.set("skipped", "0")
