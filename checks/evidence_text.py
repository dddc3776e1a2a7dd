"""How evidence is shown to a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from checks.bundle_read import BundleReader
from checks.model import EvidenceItem, Status, Verdict
from checks.verify import State, Verification
from checks.verify_findings import Finding
from core.console import out
from core.locale import language

MARKS = {Status.PASS: ("✓", "green"), Status.FAIL: ("✗", "red"), Status.ERROR: ("!", "red"),
         Status.UNREACHABLE: ("⌁", "magenta"), Status.STALE: ("◷", "yellow"), Status.NOT_ASSESSED: ("?", "yellow"),
         Status.NOT_APPLICABLE: ("–", "dim"), Status.WAIVED: ("§", "blue")}
HEADLINES = {
    State.VERIFIED: ("green", "VERIFIED", "every byte is as signed, every verdict was found again"),
    State.OTHER_JUDGES: ("yellow", "VERIFIED WITH OTHER JUDGES",
                         "every verdict was found again, but not by the judges that gave it"),
    State.DIFFERENT: ("red", "VERDICTS DIFFER", "every byte is as signed, but judging again gives other verdicts"),
    State.NOT_JUDGED: ("red", "NOT JUDGED AGAIN", "every byte is as signed, but this installation cannot judge it"),
    State.UNTRUSTED: ("red", "UNTRUSTED", "the bundle is whole, but signed by a key that nobody vouched for here"),
    State.BROKEN: ("red", "BROKEN", "the bundle is not what was signed"),
}
SHOWN_BYTES = 4000
SHOWN_CONTROLS = 8


def show_verification(found: Verification) -> None:
    """Print what verifying a bundle came to, every finding with its file, place and requirements."""
    colour, word, meaning = HEADLINES[found.state]
    out.print(f"[bold {colour}]{word}[/] {escape(str(found.path))}: {meaning}")
    known = "trusted" if found.trusted else "UNTRUSTED: give the signer's key with --public-key FILE"
    out.print(f"  signer    {found.signer[:16] or 'none'} ({known})")
    out.print(f"  manifest  sha256 {found.manifest_sha256}, {found.files} files")
    for finding in found.findings:
        _show_finding(finding)
    again = found.rejudged
    if again is None:
        out.print("  verdicts  not judged again: the bytes are broken")
    else:
        if again.impossible:
            out.print(f"  verdicts  could not be judged again: {escape(again.impossible.splitlines()[0])}")
        else:
            out.print(f"  verdicts  {again.verdicts} judged again, {len(again.differences)} differences")
        for item in again.differences:
            place = escape(f"{item.requirement} {item.site} {item.asset or ''}".strip())
            out.print(f"  [red]✗[/] {place}: {item.field}: stored '{escape(item.stored)}', "
                      f"judged again '{escape(item.judged)}'")
        if again.other_judges:
            out.print(f"  judges    differ from those of the bundle: {escape(', '.join(again.other_judges))}")
    out.print(f"  time      {found.seconds:.2f} s")


def printable(raw: bytes) -> str:
    """Return output of a device as text that cannot steer a terminal: control characters become visible signs."""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(sign if sign in "\n\t" or sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def _show_finding(finding: Finding) -> None:
    out.print(f"  [red]✗[/] {escape(finding.file)}: {finding.fault.value.replace('_', ' ')}: {escape(finding.detail)}")
    if finding.controls:
        more = len(finding.controls) - SHOWN_CONTROLS
        names = ", ".join(finding.controls[:SHOWN_CONTROLS]) + (f" and {more} more" if more > 0 else "")
        out.print(f"    requirements that depend on it: {escape(names)}")


def show_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the bundles of a workspace."""
    if not rows:
        out.print("no evidence bundle yet; `rackproof checks run` writes one")
        return
    table = Table("#", "run", "manifest", "chain", box=None)
    for row in rows:
        chain = str(row["chain"])
        table.add_row(str(row["sequence"]), escape(str(row["run"])), str(row["manifest_sha256"])[:16],
                      chain if chain == "whole" else f"[red]{escape(chain)}[/]")
    out.print(table)


def show_run(reader: BundleReader, verdicts: Sequence[Verdict], items: Sequence[EvidenceItem]) -> None:
    """Print verdicts, and the evidence items with the beginning of their raw bytes."""
    run = reader.run
    out.print(f"[bold]{escape(run.id)}[/]  {escape(run.estate)}  judged {run.judged_at}  (shown, not verified)")
    for verdict in verdicts:
        mark, colour = MARKS[verdict.status]
        place = escape(f"{verdict.site} {verdict.asset or ''}".strip())
        out.print(f"[{colour}]{mark} {verdict.status.value:<14}[/] {escape(verdict.requirement)}  {place}: "
                  f"{escape(verdict.reason.text(language()))}")
    for item in items:
        out.print(f"\n[bold]{escape(item.id)}[/] {escape(item.asset)}  {escape(item.source)}  exit {item.exit_code}  "
                  f"{item.ended_at}\n  sha256 {item.sha256}")
        raw = reader.raw(item.sha256)
        out.print(printable(raw[:SHOWN_BYTES]), markup=False)
        if len(raw) > SHOWN_BYTES:
            out.print(f"  … {len(raw) - SHOWN_BYTES} more bytes in {escape(str(reader.path))}")
