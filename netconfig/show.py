"""How plans, rollouts and the journal look to people: coloured on a terminal, plain in a file."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from core.console import out
from netconfig.plan import DevicePlan, Plan
from netconfig.record import RunRecord
from netconfig.rollout import Result

COLOURS = {"+": "green", "-": "red", " ": "dim"}
STATES = {"verified": "green", "ROLLED_BACK": "yellow", "UNPROVEN": "bold red", "unchanged": "cyan"}


def plan(found: Plan, commands: bool = False) -> None:
    """Print a plan: per wave and router the difference, or the commands as they would be typed."""
    if found.title:
        out.print(f"[bold]{escape(found.title)}[/]")
    for item in found.todo:
        role = "canary" if item.wave == 0 else f"wave {item.wave}"
        out.print(f"\n[bold]{item.device}[/]  ({role}, {len(item.commands)} commands)")
        if commands:
            out.print("\n".join(f"  {line}" for line in item.typed), markup=False)
        else:
            _difference(item)
    same = sorted(found.done)
    if same:
        out.print(f"\n[dim]nothing to do on {', '.join(same)}[/]")
    if found.todo:
        out.print(f"\nplan [bold]{found.id}[/]: {len(found.todo)} routers change, in waves")


def result(found: Result) -> None:
    """Print how a rollout ended, router by router."""
    table = Table(title=f"run {found.run}, plan {found.plan}: {found.result}", title_justify="left")
    for column in ("router", "state", "armed", "confirmed", "ended"):
        table.add_column(column)
    for outcome in found.outcomes:
        seconds = [_seconds(outcome.seconds.get(name)) for name in ("ARMED", "CONFIRMED", str(outcome.state))]
        state = str(outcome.state)
        table.add_row(outcome.device, f"[{STATES.get(state, 'white')}]{state}[/]", *seconds)
    for device in found.not_started:
        table.add_row(device, "[dim]not started[/]", "", "", "")
    out.print(table)
    for outcome in found.outcomes:
        if outcome.reason:
            out.print(f"{outcome.device}: {outcome.reason}", markup=False)
    if found.not_started:
        out.print(f"not started, because an earlier router did not succeed: {', '.join(found.not_started)}")


def journal(found: list[RunRecord], count: int) -> None:
    """Print the runs of a journal whose ``count`` records were verified."""
    for run in found:
        out.print(
            f"[bold]run {run.run}[/]  {run.at[:19]}  plan {run.plan.get('plan_id', '')}  {run.result or 'NOT ENDED'}"
        )
        for device in run.devices.values():
            reason = escape(str(device.fields.get("reason", "")))
            out.print(f"  {device.device:<18} {device.reached or '-'!s:<12} {reason}")
    out.print(f"[dim]{count} records, chain and signatures verified[/]")


def status(rows: list[dict[str, Any]]) -> None:
    """Print the state of every router."""
    table = Table(title="Routers", title_justify="left")
    for column in ("router", "wave", "reached", "configuration", "guard", "last change"):
        table.add_column(column, overflow="fold")
    for row in rows:
        colour = "green" if row["in_sync"] else "red" if row["in_sync"] is None else "yellow"
        table.add_row(
            row["device"], str(row["wave"]), "yes" if row["reachable"] else "[red]NO[/]",
            f"[{colour}]{escape(row['configuration'])}[/]", row["guard"], row["last"],
        )  # fmt: skip
    out.print(table)


def _difference(item: DevicePlan) -> None:
    for line in item.shown:
        colour = COLOURS[line.sign]
        out.print(f"  [{colour}]{line.sign} {'  ' * line.depth}{escape(line.text)}[/]")
    for name, address in item.lost:
        out.print(f"  [green]+ {name}: {address}  (configured, but lost from the kernel)[/]")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
