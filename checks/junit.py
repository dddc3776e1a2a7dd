"""JUnit XML of a run, for machines that know nothing else. Whatever is not green is a failure or an error there.

Such machines show a skipped test as green, so nothing is ever ``skipped``: what was proved not applicable is left out
and counted in a property.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as ET

from checks.model import Run, Status, Verdict
from checks.report_raw import plain

ELEMENT = {
    Status.FAIL: "failure", Status.WAIVED: "failure", Status.ERROR: "error", Status.UNREACHABLE: "error",
    Status.STALE: "error", Status.NOT_ASSESSED: "error",
}


def junit_xml(run: Run) -> bytes:
    """Return the run as JUnit XML: one suite per site, one case per verdict."""
    root = ET.Element("testsuites", name=plain(run.id), timestamp=run.judged_at)
    ordered = sorted(run.verdicts, key=lambda verdict: (verdict.site, verdict.requirement, verdict.asset or ""))
    for site, verdicts in groupby(ordered, key=lambda verdict: verdict.site):
        root.append(_suite(site, list(verdicts), run))
    _count(root, [verdict for verdict in ordered if verdict.status is not Status.NOT_APPLICABLE])
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(site: str, verdicts: list[Verdict], run: Run) -> ET.Element:
    suite = ET.Element("testsuite", name=plain(site), timestamp=run.judged_at)
    judged = [verdict for verdict in verdicts if verdict.status is not Status.NOT_APPLICABLE]
    _count(suite, judged)
    properties = ET.SubElement(suite, "properties")
    for name, value in (("run", run.id), ("not_applicable", str(len(verdicts) - len(judged)))):
        ET.SubElement(properties, "property", name=name, value=plain(value))
    for verdict in judged:
        suite.append(_case(verdict))
    return suite


def _case(verdict: Verdict) -> ET.Element:
    case = ET.Element("testcase", classname=verdict.requirement, name=plain(verdict.asset or verdict.site), time="0")
    if verdict.status is Status.PASS:
        return case
    reason = plain(verdict.reason.text("en"))
    trouble = ET.SubElement(case, ELEMENT[verdict.status], type=verdict.status.value, message=reason)
    limit = verdict.threshold
    wanted = f"{limit.value} {limit.unit} ({limit.provenance}: {limit.source})" if limit else "-"
    trouble.text = plain(f"measured: {verdict.measured or '-'}; threshold: {wanted}; evidence: "
                         f"{', '.join(verdict.evidence) or 'none'}")
    return case


def _count(element: ET.Element, verdicts: Iterable[Verdict]) -> None:
    kinds = [ELEMENT.get(verdict.status, "") for verdict in verdicts]
    element.set("tests", str(len(kinds)))
    element.set("failures", str(kinds.count("failure")))
    element.set("errors", str(kinds.count("error")))
    element.set("skipped", "0")
