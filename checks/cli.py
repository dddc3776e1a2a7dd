"""``rackproof checks``: judge the requirements once or continuously, explain them, sign papers."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from checks.requirement import Requirement
from core.console import emit_json, out, progress
from core.errors import ExitCode, RackproofError
from core.locale import language
from core.workspace import current

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Judge the requirements, once or continuously.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="Only this site (may be given several times).")]
Requirements = Annotated[list[str] | None, typer.Option("--requirement", help="Only this requirement (repeatable).")]


@app.command("run")
def run_command(
    site: Sites = None,
    requirement: Requirements = None,
    drill: Annotated[bool, typer.Option("--drill/--no-drill", help="Restore a backup to a scratch instance.")] = True,
    as_json: Json = False,
) -> None:
    """Collect and judge once, write the evidence bundle, print the scoreboard. Read-only.

    Exit 1 unless every requirement is met, proved not applicable, or waived by a signed paper.
    Example: rackproof checks run --site dc --no-drill
    """
    from checks.once import judge_once
    from checks.running import Selection
    from checks.show import as_data, print_run

    began = time.monotonic()
    selection = Selection(tuple(requirement or ()), tuple(site or ()), drill)
    with progress("checks") as step:
        done = judge_once(current(), selection, lambda text, number, total: step(text, done=number, total=total))
    data = as_data(done.run, done.estate, done.bundle, language())
    if as_json:
        emit_json(data)
    else:
        print_run(done.run, done.estate, done.bundle, time.monotonic() - began, language())
    if data["not_green"]:
        raise typer.Exit(int(ExitCode.NOT_GREEN))


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List every requirement: group, id, tiers, how it is judged, when it is due.

    Example: rackproof checks list --json
    """
    from checks.register import load_requirements

    found = load_requirements()
    if as_json:
        emit_json([item.model_dump(mode="json") for item in found.values()])
        return
    table = Table(title=f"{len(found)} requirements", title_justify="left")
    for column in ("group", "id", "tiers", "method", "due", "meaning"):
        table.add_column(column)
    for item in sorted(found.values(), key=lambda entry: (entry.group, entry.id)):
        table.add_row(item.group, item.id, " ".join(item.tiers), item.method.value, str(item.due.date or "–"),
                      getattr(item.meaning, language()))
    out.print(table)


@app.command("explain")
def explain_command(requirement: str, as_json: Json = False) -> None:
    """Show one requirement: the clause, what it means, thresholds with their provenance, what is collected.

    Example: rackproof checks explain QH-3-DC-NPLUS1
    """
    from checks.register import load_requirements

    found = load_requirements()
    if requirement not in found:
        raise RackproofError("CHK001", f"there is no requirement '{requirement}'",
                             remedy="`rackproof checks list` names them all")
    if as_json:
        emit_json(found[requirement].model_dump(mode="json"))
        return
    _print_requirement(found[requirement])


def _print_requirement(item: Requirement) -> None:
    from checks.collectors import COLLECTORS
    from checks.judging import judges

    said = language()
    out.print(f"[bold]{item.id}[/]  {escape(getattr(item.meaning, said))}")
    out.print(f"  clause      {item.clause.document} {item.clause.ref}, lines {item.clause.lines}")
    out.print(f"  quote       “{escape(item.clause.quote)}”")
    out.print(f"  binds       {' '.join(item.tiers)} {' '.join(item.provinces)}")
    out.print(f"  owner       {getattr(item.owner.unit, said)}; accountable: {getattr(item.owner.accountable, said)}")
    note = getattr(item.due.note, said) if item.due.note else ""
    out.print(f"  due         {item.due.date or ''} {escape(note)}")
    for threshold in item.thresholds:
        out.print(f"  threshold   {threshold.name} = {escape(str(threshold.value))} {threshold.unit} "
                  f"({threshold.provenance.value}: {escape(threshold.source)})")
    told = (judges()[item.check.judge].function.__doc__ or "").strip().splitlines()[0]
    out.print(f"  judge       {item.check.judge}: {escape(told)}")
    for name in item.check.collectors:
        out.print(f"  collects    {name}: {COLLECTORS[name]}")
    out.print(f"  cadence     every {item.cadence_s} s; a verdict is valid for {item.validity_s} s")
    if item.caveat:
        out.print(f"  caveat      {escape(getattr(item.caveat, said))}")


@app.command("signer")
def signer_command(
    name: str,
    title: Annotated[str, typer.Option(help="Who this is.")] = "",
    waivers: Annotated[bool, typer.Option("--waivers", help="May sign waivers too.")] = False,
) -> None:
    """Add somebody to the list of those who may sign; their key is made in this workspace on first use.

    Example: rackproof checks signer cuc2-truong --title "Cục trưởng Cục 2" --waivers
    """
    from checks.attestation import Kind, Signer
    from checks.papers import add_signer, public_hex, signer_key

    ws = current()
    kinds = (Kind.ATTESTATION, Kind.WAIVER) if waivers else (Kind.ATTESTATION,)
    key = signer_key(ws, name)
    file = add_signer(ws, Signer(name=name, title=title, public_key=public_hex(key), kinds=kinds))
    out.print(f"{name} may sign; list: {file}")


@app.command("attest")
def attest_command(  # noqa: PLR0913 - one option per field of the paper
    *,
    requirement: Annotated[str, typer.Argument(help="Requirement id.")] = "",
    document: Annotated[Path | None, typer.Option(help="The document that was signed.")] = None,
    number: Annotated[str, typer.Option(help="Its number.")] = "",
    signer: Annotated[str, typer.Option(help="Who signs (see `checks signer`).")] = "",
    expires: Annotated[str, typer.Option(help="Last day it is valid, YYYY-MM-DD.")] = "",
    statement: Annotated[str, typer.Option(help="What is attested.")] = "",
    edition: Annotated[str, typer.Option(help="Edition of the standard, for certificates.")] = "",
    site: Sites = None,
    lab: Annotated[bool, typer.Option("--lab", help="Sign the lab's samples for every attested requirement.")] = False,
) -> None:
    """Sign that a requirement is met, on the strength of a document.

    Example: rackproof checks attest QH-5-BCP --document plan.pdf --number 12/KH-C2 --signer cuc2 --expires 2027-06-30
    """
    from checks.attestation import Kind

    if lab:
        _attest_lab()
        return
    _write(Kind.ATTESTATION, requirement, document, number, signer, expires, statement or "Đã thực hiện theo văn bản",
           site, edition=edition or None)


@app.command("waive")
def waive_command(  # noqa: PLR0913 - one option per field of the paper
    *,
    requirement: Annotated[str, typer.Argument(help="Requirement id.")],
    document: Annotated[Path, typer.Option(help="The document that was signed.")],
    number: Annotated[str, typer.Option(help="Its number.")],
    signer: Annotated[str, typer.Option(help="Who signs (see `checks signer --waivers`).")],
    approver: Annotated[str, typer.Option(help="Who approved it.")],
    expires: Annotated[str, typer.Option(help="Last day it is valid, YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option(help="Why the failure is accepted.")],
    site: Annotated[list[str], typer.Option("--site", help="Site (repeatable).")],
    asset: Annotated[str, typer.Option(help="Only this device.")] = "",
) -> None:
    """Accept a failure in writing until a date: it turns ``waived``, is counted apart and never green.

    Example: rackproof checks waive KH08-II5-BYDESIGN --site dc --asset pdu-b --reason "…" …
    """
    from checks.attestation import Kind

    _write(Kind.WAIVER, requirement, document, number, signer, expires, reason, site, asset=asset or None,
           approver=approver)


def _attest_lab() -> None:
    from checks.papers import sign_lab_samples
    from checks.register import load_requirements
    from inventory.load import load_estate

    ws = current()
    files = sign_lab_samples(ws, load_estate(ws.estate_dir), load_requirements().values())
    out.print(f"{len(files)} sample papers signed in {ws.attestations_dir}")


def _write(  # noqa: PLR0913 - one argument per field of the paper
    kind: object, /, requirement: str, document: Path | None, number: str, signer: str, expires: str, statement: str,
    sites: list[str] | None, **more: str | None,
) -> None:
    from checks.attestation import EVERY_SITE, Document, Paper
    from checks.papers import digest, signer_key, today, write_paper
    from checks.register import load_requirements

    if requirement not in load_requirements():
        raise RackproofError("CHK001", f"there is no requirement '{requirement}'",
                             remedy="`rackproof checks list` names them all")
    if document is None or not number or not signer:
        raise RackproofError("PAP005", "a paper needs --document, --number and --signer")
    paper = Paper.model_validate({
        "kind": kind, "requirement": requirement, "sites": tuple(sites or (EVERY_SITE,)), "statement": statement,
        "document": Document(number=number, date=today(), sha256=digest(document), title=document.name),
        "signer": signer, "signed_on": today(), "valid_from": today(), "expires": _date(expires), **more,
    })
    ws = current()
    out.print(str(write_paper(ws, paper, signer_key(ws, signer))))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RackproofError("PAP006", "not a date", expected="YYYY-MM-DD", actual=text or "nothing") from None
