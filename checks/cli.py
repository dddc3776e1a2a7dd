"""``rackproof checks``: judge the requirements once or continuously, explain them, sign papers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from checks import papers_cli

if TYPE_CHECKING:
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

    from rich.table import Table

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
    from rich.markup import escape

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


@app.command("watch")
def watch_command(
    listen: Annotated[str, typer.Option(help="Serve verdicts and their age as metrics on HOST:PORT.")] = "",
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Shorten every cadence by this factor.")] = 1.0,
    ticks: Annotated[int | None, typer.Option(min=1, help="Stop after so many sweeps.")] = None,
    site: Sites = None,
) -> None:
    """Judge every requirement at its own cadence, for ever; history in the store, verdicts as metrics. Read-only.

    Example: rackproof checks watch --listen 127.0.0.1:9781
    """
    from checks.watching import watch

    watch(current(), speed=speed, listen=listen, sites=tuple(site or ()), ticks=ticks)


@app.command("history")
def history_command(
    requirement: Annotated[str | None, typer.Option(help="Only this requirement.")] = None,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many verdicts.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the verdicts of the watch, newest first, and the gaps with their reason.

    Example: rackproof checks history --requirement QH-3-DC-NPLUS1 --site dc
    """

    from rich.markup import escape

    from checks.model import Message
    from checks.watching import history_of

    history = history_of(current())
    verdicts, gaps = history.verdicts(requirement, site, limit), history.gaps()
    if as_json:
        emit_json({"verdicts": verdicts, "gaps": gaps})
        return
    for row in verdicts:
        reason = Message.from_dict(json.loads(row["reason"])).text(language())
        out.print(f"{row['judged_at']} {row['requirement']} {row['site']} {row['status']}: {escape(reason)}")
    for gap in gaps:
        out.print(f"gap {gap['requirement']} {_clock(gap['from_slot'])} – {_clock(gap['to_slot'])}: {gap['why']}")


def _clock(slot: float) -> str:
    return datetime.fromtimestamp(slot, UTC).isoformat(timespec="seconds")


papers_cli.register(app)
