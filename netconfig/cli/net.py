"""The network room's commands: render, plan, apply, resume, status, journal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode, RackproofError
from core.files import require_workspace
from core.i18n import N_, _, ngettext
from core.workspace import Workspace, current

if TYPE_CHECKING:
    from inventory.model.estate import Estate
    from netconfig.change.plan import RolloutPlan
    from netconfig.intent.edit import RouterChange
    from netconfig.journal.record import RunRecord
    from netconfig.rollout.rollout import RolloutResult


app = typer.Typer(
    help="Router configuration: planned, applied in waves, rolled back by the device.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ChangeFile = Annotated[
    Path | None,
    typer.Option(
        "--change", help="YAML with lines to add to or remove from some routers, and what they may drop.",
        dir_okay=False,
    ),
]  # fmt: skip
MIN_TIMER_S = 20
NOTHING_RECORDED = N_("no rollout has been recorded in this workspace yet")
_NAMED = 5


@app.command()
def render(
    device: Annotated[str | None, typer.Argument(help="One router; all of them when left out.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write one file per router into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Print the intended configuration of a router, or of all. Reads the estate only; no router is contacted.

    Example: rackproof net render core1
    """
    from inventory.load.loader import load_estate
    from netconfig.intent.design import require_routers
    from netconfig.intent.render import render as render_text
    from netconfig.intent.render import write_files

    estate = load_estate(current().estate_dir)
    names = [device] if device else require_routers(estate)
    texts = {name: render_text(estate, name) for name in names}
    say_left_out(estate, names)
    if to is not None:
        files = write_files(to, texts)
        if as_json:
            emit_json({"folder": str(to), "files": [str(file) for file in files]})
        count = len(files)
        err.print(
            ngettext("{n} configuration in {folder}", "{n} configurations in {folder}", count).format(
                n=count, folder=to
            ),
            markup=False,
        )
    elif as_json:
        emit_json(texts)
    else:
        for name, text in texts.items():
            heading = "" if device else f"! ===== {name} =====\n"
            out.print(heading + text, markup=False, end="")


def say_left_out(estate: Estate, names: list[str]) -> None:
    """Say on standard error what the estate wants and no template writes yet: it must not look complete."""
    from netconfig.intent.coverage import list_left_out

    wanted = {name: list_left_out(estate, name) for name in names}
    short = {name: features for name, features in wanted.items() if features}
    for name, features in list(short.items())[:_NAMED]:
        text = _("{router}: not in the configuration yet: {features}")
        err.print(text.format(router=name, features="; ".join(features)), markup=False)
    more = len(short) - _NAMED
    if more > 0:
        text = ngettext(
            "… and {n} more router of which not everything is written yet",
            "… and {n} more routers of which not everything is written yet",
            more,
        )
        err.print(text.format(n=more))


@app.command()
def plan(
    change: ChangeFile = None,
    commands: Annotated[bool, typer.Option("--commands", help="Show the commands as they would be typed.")] = False,
    as_json: Json = False,
) -> None:
    """Compare every router with what the estate says and print the way there. Changes nothing.

    A plan is refused where a router runs, or a change wants, a line that the platform's data do not know; and where a
    default route, a BGP session or an adjacency would go that the change does not name under `drops:`.

    Example: rackproof net plan
    """
    from netconfig.cli import output as show

    ws, estate = open_estate()
    found = _make_plan(ws, estate, change)
    say_left_out(estate, [item.device for item in found.devices])
    if as_json:
        emit_json(found.as_dict())
        return
    show.show_plan(found, commands)
    if found.todo:
        option = f" --change {change}" if change else ""
        command = f"rackproof net apply{option} --approve {found.id}"
        out.print(_("apply it with: {command}").format(command=command), markup=False)
    else:
        out.print(_("nothing to do"))


@app.command()
def apply(
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="PLAN", help="Id of the plan you approve.")
    ] = None,
    change: ChangeFile = None,
    timer: Annotated[
        int | None,
        typer.Option("--timer", min=MIN_TIMER_S, max=3600, help="Rollback timer in seconds (default: computed)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Apply the plan in waves, the canary first. Exit code 5: rolled back; 6: not approved.

    Every router arms its own rollback before anything is typed and is confirmed only over a new connection, once every
    BGP session, default route and adjacency that was up before is up again. On a terminal you are asked for the plan's
    id; elsewhere give it with --approve (from `net plan`). If a router or the plan has changed since, the id no longer
    fits and nothing is done.

    Example: rackproof net apply --approve 3f9c2a7b10de
    """
    from netconfig.cli import output as show
    from netconfig.rollout.rollout import (
        RolloutResult,
        hold_lock,
        make_context,
        make_run_name,
        refuse_unfinished,
        roll_out,
    )

    ws, estate = open_estate()
    with hold_lock(ws):
        refuse_unfinished(ws)
        found = _make_plan(ws, estate, change)
        if not found.todo:
            _finish(RolloutResult("", found.id), as_json)
        if not as_json:
            show.show_plan(found)
        require_approval(found, approve)
        with progress(_("applying plan {plan}").format(plan=found.id)) as step:
            result = roll_out(
                found, make_context(estate, ws, make_run_name(), lambda device, text: step(f"{device}: {text}"), timer)
            )
    _finish(result, as_json)


@app.command()
def resume(
    close: Annotated[
        str | None, typer.Option("--close", metavar="REASON", help="End the run unproved: for a router that is gone.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a rollout that was interrupted to a proved end: wait for a rollback, or save what was confirmed.

    Example: rackproof net resume
    """
    from netconfig.journal.record import find_unfinished, open_journal
    from netconfig.rollout.resume import resume as settle
    from netconfig.rollout.rollout import hold_lock, make_context

    ws, estate = open_estate()
    require_workspace(ws.root)
    with hold_lock(ws):
        records = list(open_journal(ws).read())
        left = find_unfinished(records)
        if left is None:
            if as_json:
                emit_json({"result": "nothing_to_resume"})
            else:
                text = _("every run in the journal has ended") if records else _(NOTHING_RECORDED)
                out.print(text)
            return
        with progress(_("resuming run {run}").format(run=left.run)) as step:
            tools = make_context(estate, ws, left.run, lambda device, text: step(f"{device}: {text}"))
            result = settle(left, tools)
        if close and result.result == "unproven":
            tools.trail.end("unproven", closed=close, not_started=result.not_started)
    _finish(result, as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Show every router: reached or not, in step with the estate or not, its guard. Exit code 1 unless all are.

    Example: rackproof net status
    """
    from netconfig.cli import output as show
    from netconfig.intent.design import require_routers
    from netconfig.rollout.rollout import make_context
    from netconfig.rollout.status import choose_exit_code, read_status

    ws, estate = open_estate()
    require_routers(estate)
    with progress(_("reading the routers")) as step:
        rows = read_status(estate, make_context(estate, ws, "status", lambda device, text: None), step)
    if as_json:
        emit_json([row.as_dict() for row in rows])
    else:
        show.show_status(rows)
    code = choose_exit_code(rows)
    if code != ExitCode.OK:
        raise typer.Exit(int(code))


@app.command()
def journal(
    run: Annotated[str | None, typer.Option("--run", help="Show every record of one run.")] = None,
    as_json: Json = False,
) -> None:
    """Verify the signed journal and list the rollouts in it, or all records of one.

    Example: rackproof net journal --run 1f2e3d4c --json
    """
    from netconfig.cli import output as show
    from netconfig.journal.record import list_runs, open_journal

    ws = current()
    require_workspace(ws.root)
    found = open_journal(ws)
    count = found.verify()
    records = list(found.read())
    if run is not None:
        chosen = [record for record in records if record.get("run") == run]
        if not chosen:
            raise RackproofError("NET043", actual=run, known=[known.run for known in list_runs(records)])
        if as_json:
            emit_json(chosen)
        else:
            show.show_records(chosen)
    elif as_json:
        emit_json([summarise(record) for record in list_runs(records)])
    elif records:
        show.show_journal(list_runs(records), count)
    else:
        out.print(_(NOTHING_RECORDED))


def open_estate() -> tuple[Workspace, Estate]:
    """Return the workspace and its estate."""
    from inventory.load.loader import load_estate

    ws = current()
    return ws, load_estate(ws.estate_dir)


def _make_plan(ws: Workspace, estate: Estate, file: Path | None) -> RolloutPlan:
    from netconfig.change.plan import make_plan
    from netconfig.intent.design import require_routers
    from netconfig.intent.edit import load_change
    from netconfig.rollout.rollout import make_context

    known = set(require_routers(estate))
    change: RouterChange | None = load_change(file, known) if file else None
    with progress(_("reading the routers")) as step:
        return make_plan(estate, make_context(estate, ws, "plan", lambda device, text: None).open_session, change, step)


def require_approval(found: RolloutPlan, approve: str | None) -> None:
    """Ask for the id of a plan where a person can answer. Raises RackproofError (NET044) unless it is the one."""
    if approve is None and sys.stdin.isatty():
        approve = typer.prompt(_("type the plan's id to approve it"), err=True)
    if approve != found.id:
        raise RackproofError("NET044", actual=approve or _("no approval"), plan=found.id)


def _finish(result: RolloutResult, as_json: bool) -> None:
    from netconfig.cli import output as show

    if as_json:
        emit_json(result.as_dict())
    elif result.run:
        show.show_result(result)
    else:
        out.print(_("nothing to do"))
    raise typer.Exit(int(result.exit_code))


def summarise(run: RunRecord) -> dict[str, Any]:
    """Return one run as plain data."""
    states = {device.device: str(device.reached) for device in run.devices.values()}
    return {"run": run.run, "at": run.at, "plan": run.plan.get("plan_id"), "result": run.result, "devices": states}
