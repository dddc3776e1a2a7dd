"""How plans, rollouts and the journal look to people: coloured on a terminal, plain in a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from core.console import Column, out, print_table, show_boolean
from core.i18n import N_, _, ngettext
from netconfig.change.plan import DevicePlan, RolloutPlan
from netconfig.journal.record import ChangeState, RunRecord, show_state
from netconfig.platforms.redaction import hide
from netconfig.rollout.rollout import RolloutResult
from netconfig.rollout.status import Contact, RouterStatus

COLOURS = {"+": "green", "-": "red", " ": "dim"}
STATES = {
    ChangeState.VERIFIED: "green",
    ChangeState.ROLLED_BACK: "yellow",
    ChangeState.UNPROVEN: "bold red",
    ChangeState.UNCHANGED: "cyan",
}
#: How a rollout ended, for people.
RESULTS = {
    "nothing_to_do": N_("nothing to do"),
    "verified": N_("verified"),
    "incomplete": N_("incomplete: what was done is good, not everything was done"),
    "rolled_back": N_("rolled back"),
    "unchanged": N_("nothing was changed"),
    "unproven": N_("NOT PROVED: run `rackproof net resume`"),
}
CONTACTS = {
    Contact.UNREACHABLE: N_("NO"),
    Contact.LOGIN_REFUSED: N_("log-in refused"),
    Contact.HOST_KEY_CHANGED: N_("host key changed"),
}
#: Fields of a journal record that its reader does not need.
_UNSHOWN = ("prev", "sig", "run", "plan", "commands")


def show_plan(found: RolloutPlan, commands: bool = False) -> None:
    """Print a plan: per wave and router the difference, or the commands as they would be typed."""
    if found.title:
        out.print(f"[bold]{escape(found.title)}[/]")
    for item in found.todo:
        show_router(item, commands)
    same = sorted(found.done)
    if same:
        out.print()
        out.print(_("nothing to do on {routers}").format(routers=", ".join(same)), markup=False)
    if found.todo:
        count = len(found.todo)
        text = ngettext(
            "plan {plan}: {n} router changes", "plan {plan}: {n} routers change, in waves", count
        ).format(plan=f"[bold]{found.id}[/]", n=count)  # fmt: skip
        out.print(f"\n{text}")


def show_router(item: DevicePlan, commands: bool) -> None:
    """Print the plan of one router."""
    role = _("canary") if item.wave == 0 else _("wave {n}").format(n=item.wave)
    number = len(item.commands)
    count = ngettext("{n} command", "{n} commands", number).format(n=number)
    out.print(f"\n[bold]{escape(item.device)}[/]  ({role}, {count})")
    if commands:
        out.print("\n".join(f"  {hide(line)}" for line in item.typed), markup=False)
    else:
        show_difference(item)
    for drop in item.drops:
        text = _("may take away: {line}").format(line=drop.name)
        out.print(f"  [bold red]! {escape(text)}[/]")


def show_difference(item: DevicePlan) -> None:
    """Print the difference of one router, and the addresses that its kernel lost."""
    for line in item.shown:
        colour = COLOURS[line.sign]
        out.print(f"  [{colour}]{line.sign} {'  ' * line.depth}{escape(hide(line.text))}[/]")
    for name, address in item.lost:
        text = _("{name}: {address} (configured, but lost from the kernel)").format(name=name, address=address)
        out.print(f"  [green]+ {escape(text)}[/]")


def show_result(found: RolloutResult) -> None:
    """Print how a rollout ended, router by router."""
    times = [_("armed"), _("confirmed"), _("ended")]
    columns = [Column(_("router")), Column(_("state")), *(Column(heading, right=True) for heading in times)]
    rows = []
    for outcome in found.outcomes:
        seconds = [show_seconds(outcome.seconds.get(name)) for name in ("ARMED", "CONFIRMED", str(outcome.state))]
        colour = STATES.get(outcome.state, "white")
        rows.append([escape(outcome.device), f"[{colour}]{show_state(outcome.state)}[/]", *seconds])
    rows += [[escape(device), f"[dim]{_('not started')}[/]", "", "", ""] for device in found.not_started]
    title = _("run {run}, plan {plan}: {result}")
    print_table(columns, rows, title.format(run=found.run, plan=found.plan, result=_(RESULTS[found.result])))
    for outcome in found.outcomes:
        if outcome.reason:
            out.print(f"{outcome.device}: {outcome.reason}", markup=False)
    if found.not_started:
        text = _("not started, because an earlier router did not succeed: {routers}")
        out.print(text.format(routers=", ".join(found.not_started)), markup=False)


def show_journal(found: list[RunRecord], count: int) -> None:
    """Print the runs of a journal whose ``count`` records were verified."""
    for run in found:
        result = _(RESULTS[run.result]) if run.result else _("NOT ENDED")
        text = _("run {run}, {at}, plan {plan}: {result}")
        line = text.format(run=run.run, at=run.at[:19], plan=run.plan.get("plan_id", ""), result=result)
        out.print(f"[bold]{escape(line)}[/]")
        for device in run.devices.values():
            reason = hide(str(device.fields.get("reason", "")))
            state = show_state(device.reached) if device.reached else "-"
            out.print(f"  {device.device:<18} {state:<12} {reason}", markup=False)
    text = ngettext(
        "{n} record, chain and signatures verified", "{n} records, chain and signatures verified", count
    )  # fmt: skip
    out.print(f"[dim]{text.format(n=count)}[/]")


def show_records(records: list[dict[str, Any]]) -> None:
    """Print every record of one run, one a line."""
    for record in records:
        rest = {key: value for key, value in record.items() if key not in _UNSHOWN}
        event, at = rest.pop("event"), rest.pop("at")
        fields = "  ".join(f"{key}={value}" for key, value in rest.items())
        out.print(hide(f"{at[11:23]}  {event:<10} {fields}"), markup=False)


def show_status(rows: Sequence[RouterStatus]) -> None:
    """Print the state of every router."""
    columns = [
        Column(_("router")),
        Column(_("wave"), right=True),
        Column(_("reached")),
        Column(_("configuration"), whole=False),
        Column(_("guard"), whole=False),
        Column(_("last change"), whole=False),
    ]
    print_table(columns, [show_cells(row) for row in rows], _("Routers"))


def show_cells(row: RouterStatus) -> list[str]:
    """Return the row of one router."""
    colour = "yellow"
    if row.in_sync is None:
        colour = "red"
    elif row.in_sync:
        colour = "green"
    reached = show_boolean(True)
    if row.contact != Contact.REACHED:
        reached = f"[red]{_(CONTACTS[row.contact])}[/]"
    configuration = f"[{colour}]{escape(row.configuration)}[/]"
    return [escape(row.device), str(row.wave), reached, configuration, escape(row.guard), escape(row.last)]


def show_seconds(value: float | None) -> str:
    """Return seconds for people; nothing where there are none."""
    if value is None:
        return ""
    return f"{value:.1f} s"
