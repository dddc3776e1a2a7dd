"""How evidence is shown to a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from checks.bundle.reader import BundleReader
from checks.model import EvidenceItem, Status, Verdict
from checks.verify.findings import FileFault, FileFinding
from checks.verify.verdicts import Rejudged
from checks.verify.verification import Verification, VerificationState
from core.console import Column, out, print_table
from core.i18n import N_, _, language, ngettext

MARKS = {
    Status.PASS: ("✓", "green"),
    Status.FAIL: ("✗", "red"),
    Status.ERROR: ("!", "red"),
    Status.UNREACHABLE: ("⌁", "magenta"),
    Status.STALE: ("◷", "yellow"),
    Status.NOT_ASSESSED: ("?", "yellow"),
    Status.NOT_APPLICABLE: ("–", "dim"),
    Status.WAIVED: ("§", "blue"),
}
HEADLINES = {
    VerificationState.VERIFIED: ("green", N_("VERIFIED"), N_("every byte is as signed, every verdict was found again")),
    VerificationState.OTHER_JUDGES: (
        "yellow",
        N_("VERIFIED WITH OTHER JUDGES"),
        N_("every verdict was found again, but not by the judges that gave it"),
    ),
    VerificationState.DIFFERENT: (
        "red",
        N_("VERDICTS DIFFER"),
        N_("every byte is as signed, but judging again gives other verdicts"),
    ),
    VerificationState.NOT_JUDGED: (
        "red",
        N_("NOT JUDGED AGAIN"),
        N_("every byte is as signed, but this installation cannot judge it"),
    ),
    VerificationState.UNTRUSTED: (
        "red",
        N_("UNTRUSTED"),
        N_("the bundle is whole, but signed by a key that nobody vouched for here"),
    ),
    VerificationState.BROKEN: ("red", N_("BROKEN"), N_("the bundle is not what was signed")),
}
FAULTS = {
    FileFault.ALTERED: N_("altered"),
    FileFault.MISSING: N_("missing"),
    FileFault.UNEXPECTED: N_("unexpected"),
    FileFault.NOT_A_FILE: N_("not a file"),
    FileFault.SIGNATURE: N_("signature"),
    FileFault.FOREIGN_KEY: N_("foreign key"),
    FileFault.CONTRADICTION: N_("contradiction"),
}
SHOWN_BYTES = 4000
SHOWN_CONTROLS = 8


def show_verification(found: Verification) -> None:
    """Print what verifying a bundle came to, every finding with its file, place and requirements."""
    colour, word, meaning = HEADLINES[found.state]
    out.print(f"[bold {colour}]{_(word)}[/] {escape(str(found.path))}: {_(meaning)}")
    known = _("trusted") if found.trusted else _("UNTRUSTED: give the signer's key with --public-key FILE")
    show_part(_("signer"), f"{found.signer[:16] or '–'} ({known})")
    files = ngettext("{n} file", "{n} files", found.files).format(n=found.files)
    show_part(_("manifest"), f"sha256 {found.manifest_sha256 or '–'}, {files}")
    for finding in found.findings:
        show_finding(finding)
    again = found.rejudged
    if again is None:
        show_part(_("verdicts"), _("not judged again: the bytes are broken"))
    else:
        show_rejudged(again)
    show_part(_("time"), f"{found.seconds:.2f} s")


def show_rejudged(again: Rejudged) -> None:
    """Print what judging again came to."""
    if again.impossible:
        show_part(_("verdicts"), _("could not be judged again: {why}").format(why=again.impossible.splitlines()[0]))
    else:
        counts = {"n": again.verdicts, "differences": len(again.differences)}
        show_part(_("verdicts"), _("{n} judged again, {differences} differences").format(**counts))
    for item in again.differences:
        place = f"{item.requirement} {item.site} {item.asset or ''}".strip()
        both = _("stored '{stored}', judged again '{judged}'").format(stored=item.stored, judged=item.judged)
        out.print(f"  [red]✗[/] {escape(f'{place}: {item.field}: {both}')}")
    if again.other_judges:
        text = _("differ from those of the bundle: {names}").format(names=", ".join(again.other_judges))
        show_part(_("judges"), text)


def show_part(label: str, text: str) -> None:
    """Print one labelled line."""
    out.print(f"  {label:<12}  {escape(text)}")


def make_printable(raw: bytes) -> str:
    """Return output of a device as text that cannot steer a terminal: control characters become visible signs."""
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(sign if sign in "\n\t" or sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def show_finding(finding: FileFinding) -> None:
    """Print one finding with the requirements that depend on its file."""
    fault = _(FAULTS[finding.fault])
    said = fault if finding.detail == finding.fault.value else f"{fault}: {finding.detail}"
    out.print(f"  [red]✗[/] {escape(finding.file)}: {escape(said)}")
    if finding.controls:
        more = len(finding.controls) - SHOWN_CONTROLS
        names = ", ".join(finding.controls[:SHOWN_CONTROLS])
        if more > 0:
            names = _("{names} and {n} more").format(names=names, n=more)
        out.print(escape(_("    requirements that depend on it: {names}").format(names=names)))


def show_list(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the bundles of a workspace."""
    if not rows:
        out.print(_("no evidence bundle yet; `rackproof checks run` writes one"))
        return
    columns = (Column("#", right=True), Column(_("run")), Column(_("manifest")), Column(_("chain"), whole=False))
    print_table(columns, [describe_link(row) for row in rows])


def describe_link(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of one bundle."""
    chain = str(row["chain"])
    shown = _("whole") if chain == "whole" else f"[red]{escape(chain)}[/]"
    return (str(row["sequence"]), escape(str(row["run"])), str(row["manifest_sha256"])[:16], shown)


def say_shown(judged_at: str) -> str:
    """Say when a run was judged, and that showing it is not verifying it."""
    return _("judged {at} (shown, not verified)").format(at=judged_at)


def show_run(reader: BundleReader, verdicts: Sequence[Verdict], items: Sequence[EvidenceItem]) -> None:
    """Print verdicts, and the evidence items with the beginning of their raw bytes."""
    run = reader.run
    out.print(f"[bold]{escape(run.id)}[/]  {escape(run.estate)}  {escape(say_shown(run.judged_at))}")
    for verdict in verdicts:
        mark, colour = MARKS[verdict.status]
        place = escape(f"{verdict.site} {verdict.asset or ''}".strip())
        out.print(
            f"[{colour}]{mark} {verdict.status.value:<14}[/] {escape(verdict.requirement)}  {place}: "
            f"{escape(verdict.reason.text(language()))}"
        )
    for item in items:
        out.print(
            f"\n[bold]{escape(item.id)}[/] {escape(item.asset)}  {escape(item.source)}  exit {item.exit_code}  "
            f"{item.ended_at}\n  sha256 {item.sha256}"
        )
        raw = reader.raw(item.sha256)
        out.print(make_printable(raw[:SHOWN_BYTES]), markup=False)
        if len(raw) > SHOWN_BYTES:
            more = _("… {n} more bytes in {folder}").format(n=len(raw) - SHOWN_BYTES, folder=reader.path)
            out.print(f"  {escape(more)}")
