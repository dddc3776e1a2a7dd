"""``rackproof checks``: judge the requirements once or continuously, explain them, sign papers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from checks.cli import signed_statements as papers_cli

if TYPE_CHECKING:
    from checks.register.requirement import Requirement, Threshold

from core.console import Column, emit_json, out, print_table, progress
from core.errors import ExitCode, RackproofError
from core.files import require_workspace
from core.i18n import _, language, ngettext
from core.workspace import Workspace, current

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
    from checks.cli.scoreboard import as_data, print_run
    from checks.run.judge_run import Selection
    from checks.run.once import judge_once

    began = time.monotonic()
    selection = Selection(tuple(requirement or ()), tuple(site or ()), drill)
    with progress(_("checks")) as step:
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
    """List every requirement: group, id, the tiers that it binds, what it means.

    Example: rackproof checks list --json
    """
    from rich.markup import escape

    from checks.register.register import load_requirements

    found = load_requirements()
    if as_json:
        emit_json([item.model_dump(mode="json") for item in found.values()])
        return
    texts = [Column(heading, whole=False) for heading in (_("tiers"), _("meaning"))]
    columns: list[Column | str] = [_("group"), _("id"), *texts]
    rows = [
        (item.group, item.id, " ".join(item.tiers), escape(getattr(item.meaning, language())))
        for item in sorted(found.values(), key=lambda entry: (entry.group, entry.id))
    ]
    title = ngettext("{n} requirement", "{n} requirements", len(rows)).format(n=len(rows))
    print_table(columns, rows, title)


@app.command("explain")
def explain_command(requirement: str, as_json: Json = False) -> None:
    """Show one requirement: the clause, what it means, thresholds with their provenance, what is collected.

    Example: rackproof checks explain QH-3-DC-NPLUS1
    """
    from checks.register.register import load_requirements

    found = load_requirements()
    if requirement not in found:
        raise RackproofError("CHK001", actual=requirement, known=found)
    if as_json:
        emit_json(found[requirement].model_dump(mode="json"))
        return
    print_requirement(found[requirement])


def print_requirement(item: Requirement) -> None:
    """Print one requirement for people: clause, meaning, owner, thresholds, judge."""
    from rich.markup import escape

    from checks.judge.registry import judges
    from checks.register.collectors import COLLECTORS
    from checks.register.services import read_services
    from checks.register.threshold_texts import say_judge, say_value

    said = language()
    out.print(f"[bold]{item.id}[/]  {escape(getattr(item.meaning, said))}")
    lines = _("{document} {ref}, lines {lines}")
    clause = lines.format(document=item.clause.document, ref=say_value(item.clause.ref, said), lines=item.clause.lines)
    accountable = _("{unit}; accountable: {head}")
    owner = accountable.format(unit=getattr(item.owner.unit, said), head=getattr(item.owner.accountable, said))
    note = getattr(item.due.note, said) if item.due.note else ""
    told = (judges()[item.check.judge].function.__doc__ or "").strip().splitlines()[0]
    told = say_judge(item.check.judge, told, said)
    cadence = _("every {every} s; a verdict is valid for {valid} s")
    parts = [
        (_("clause"), clause),
        (_("quote"), f"“{item.clause.quote}”"),
        (_("binds"), " ".join([*item.tiers, *item.provinces])),
        (_("owner"), owner),
        (_("due"), f"{item.due.date or ''} {note}".strip()),
        *((_("threshold"), describe_threshold(threshold, said)) for threshold in item.thresholds),
        (_("judge"), f"{item.check.judge}: {told}"),
        *((_("service"), getattr(read_services().services[name].title, said)) for name in item.check.services),
        *((_("collects"), f"{name}: {_(COLLECTORS[name])}") for name in item.check.collectors),
        (_("cadence"), cadence.format(every=item.cadence_s, valid=item.validity_s)),
        (_("caveat"), getattr(item.caveat, said) if item.caveat else ""),
    ]
    width = max(len(label) for label, _text in parts)
    for label, text in parts:
        if text:
            out.print(f"  {label:<{width}}  {escape(text)}")


def describe_threshold(threshold: Threshold, said: str) -> str:
    """Return a threshold with where it comes from, as its reader reads it."""
    from checks.register.threshold_texts import say_name, say_source, say_unit, say_value

    value = f"{say_value(str(threshold.value), said)} {say_unit(threshold.unit, said)}".strip()
    source = f"{threshold.provenance.value}: {say_source(threshold.source, said)}"
    return f"{say_name(threshold.name, said)} = {value} ({source})"


@app.command("watch")
def watch_command(
    listen: Annotated[str, typer.Option(help="Serve verdicts and their age as metrics on HOST:PORT.")] = "",
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="Shorten every cadence by this factor.")] = 1.0,
    ticks: Annotated[int | None, typer.Option(min=1, help="Stop after so many sweeps.")] = None,
    site: Sites = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per sweep.")] = False,
) -> None:
    """Judge every requirement at its own cadence, for ever; history in the store, verdicts as metrics. Read-only.

    Example: rackproof checks watch --listen 127.0.0.1:9781
    """
    from checks.watch.service import WatchOptions, watch

    watch(current(), WatchOptions(speed, listen, tuple(site or ()), ticks), as_json=as_json)


@app.command("history")
def history_command(
    requirement: Annotated[str | None, typer.Option(help="Only this requirement.")] = None,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many verdicts, and gaps.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the verdicts of the watch, newest first, and the gaps with their reason.

    Example: rackproof checks history --requirement QH-3-DC-NPLUS1 --site dc
    """
    from rich.markup import escape

    from checks.model import Message
    from checks.watch.service import open_history

    ws = current()
    require_workspace(ws.root)
    history = open_history(ws)
    verdicts = history.verdicts(requirement, site, limit)
    gaps = [gap for gap in history.gaps() if requirement in (None, gap["requirement"])][:limit]
    if not verdicts:
        refuse_unknown(ws, requirement, site)
    if as_json:
        emit_json({"verdicts": verdicts, "gaps": gaps})
        return
    if not verdicts and not gaps:
        out.print(_("the watch has judged nothing yet"))
    for row in verdicts:
        reason = Message.from_dict(json.loads(row["reason"])).text(language())
        out.print(f"{row['judged_at']} {row['requirement']} {row['site']} {row['status']}: {escape(reason)}")
    for gap in gaps:
        span = f"{show_clock(gap['from_slot'])} – {show_clock(gap['to_slot'])}"
        gap_text = _("gap {requirement} {span}: {why}")
        out.print(escape(gap_text.format(requirement=gap["requirement"], span=span, why=gap["why"])))


def refuse_unknown(ws: Workspace, requirement: str | None, site: str | None) -> None:
    """Refuse a name that does not exist: it has no history either, and that would read as nothing having happened."""
    from checks.register.register import load_requirements
    from checks.run.judge_run import Selection, choose, choose_sites
    from inventory.load.loader import load_estate

    if requirement:
        choose(load_requirements(), Selection((requirement,)))
    if site:
        choose_sites(load_estate(ws.estate_dir), Selection((), (site,)))


def show_clock(slot: float) -> str:
    """Return the moment at which a slot begins, in UTC."""
    return datetime.fromtimestamp(slot, UTC).isoformat(timespec="seconds")


papers_cli.register(app)
