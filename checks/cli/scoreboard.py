"""What a run looks like: the scoreboard for people, the same as data for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.markup import escape

from checks.model import NOT_MET, Run, Status, Verdict, roll_up
from checks.run.judge_run import ASSESSED, group_by_requirement, roll_up_verdicts
from core.console import Column, out, print_table
from core.i18n import _
from inventory.model.estate import Estate

COLOURS = {Status.PASS: "green", Status.WAIVED: "yellow", Status.NOT_APPLICABLE: "dim"}


def scoreboard(run: Run, estate: Estate) -> list[dict[str, Any]]:
    """Return one row per site: passed, in scope, coverage (share really assessed), and what else there was."""
    states = roll_up_verdicts(run.verdicts)
    rows = []
    for code, site in estate.sites.items():
        mine = [state for (where, _id), state in states.items() if where == code and state is not Status.NOT_APPLICABLE]
        if mine:
            rows.append(
                {
                    "site": code,
                    "tier": site.tier,
                    "passed": mine.count(Status.PASS),
                    "total": len(mine),
                    "coverage": round(sum(state in ASSESSED for state in mine) / len(mine), 4),
                    "waived": mine.count(Status.WAIVED),
                    "not_met": sum(state in NOT_MET for state in mine),
                }
            )
    return rows


def not_green(run: Run, language: str) -> list[dict[str, Any]]:
    """Return every verdict that keeps the run from being green, the worst of each requirement first."""
    found = []
    for (site, requirement), group in sorted(group_by_requirement(run.verdicts).items()):
        if roll_up(verdict.status for verdict in group) in NOT_MET:
            found += [_row(site, requirement, verdict, language) for verdict in group if verdict.status in NOT_MET]
    return found


def as_data(run: Run, estate: Estate, bundle: str, language: str) -> dict[str, Any]:
    """Return the whole outcome for ``--json``."""
    return {
        "run_id": run.id,
        "bundle": bundle,
        "judged_at": run.judged_at,
        "coverage": run.coverage.as_dict(),
        "troubles": troubles(run),
        "scoreboard": scoreboard(run, estate),
        "not_green": not_green(run, language),
        "waived": [_row(v.site, v.requirement, v, language) for v in run.verdicts if v.status is Status.WAIVED],
    }


def troubles(run: Run) -> list[str]:
    """Return what went wrong with collectors themselves; what they should have brought is not assessed."""
    return [f"{item.source}: {item.key} ({item.sha256[:12]})" for item in run.evidence if item.collector == "trouble"]


def print_run(run: Run, estate: Estate, bundle: str, seconds: float, language: str) -> None:
    """Print the scoreboard, then what is not green and why."""
    headings = (_("site"), _("tier"), _("pass"), _("waived"), _("not met"), _("in scope"), _("coverage"))
    columns = [Column(heading, right=number > 1) for number, heading in enumerate(headings)]
    print_table(columns, [_scores(row) for row in scoreboard(run, estate)], _("Scoreboard"))
    for row in not_green(run, language):
        what = f" {row['asset']}" if row["asset"] else ""
        status = escape(f"[{row['status']}]")
        out.print(f"[red]✘ {row['requirement']}[/] {row['site']}{escape(what)} {status} {escape(row['reason'])}")
    _print_waived(run.verdicts, language)
    for text in troubles(run):
        out.print("[red]!", escape(_("a collector failed: {text}").format(text=text)) + "[/]")
    score = run.coverage
    total = _("{passed}/{in_scope} met, {waived} waived, coverage {assessed}/{in_scope}; run {run}, {seconds} s")
    out.print(total.format(**score.as_dict(), run=run.id, seconds=f"{seconds:.1f}"))
    if bundle:
        out.print(escape(_("evidence: {bundle}").format(bundle=bundle)))


def _scores(row: dict[str, Any]) -> tuple[str, ...]:
    colour = "red" if row["not_met"] else "green"
    # Never rounded up to 100 %: one requirement that was not judged must show.
    coverage = f"{int(row['coverage'] * 100)}%"
    return (
        row["site"],
        row["tier"],
        f"[{colour}]{row['passed']}[/]",
        str(row["waived"]),
        str(row["not_met"]),
        str(row["total"]),
        coverage,
    )


def _print_waived(verdicts: Iterable[Verdict], language: str) -> None:
    for verdict in verdicts:
        if verdict.status is Status.WAIVED:
            out.print(
                f"[yellow]~ {verdict.requirement}[/] {verdict.site} {escape(verdict.asset or '')} "
                f"{escape(verdict.reason.text(language))}"
            )


def _row(site: str, requirement: str, verdict: Verdict, language: str) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "site": site,
        "asset": verdict.asset,
        "status": verdict.status.value,
        "reason": verdict.reason.text(language),
        "measured": [item.as_dict() for item in verdict.measured],
    }
