"""The network room's commands: render, plan, apply, resume, status, journal."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode, RackproofError
from core.workspace import Workspace, current

if TYPE_CHECKING:
    from inventory.estate import Estate
    from netconfig.edit import Change
    from netconfig.plan import Plan
    from netconfig.record import RunRecord
    from netconfig.rollout import Result


app = typer.Typer(
    help="Router configuration: planned, applied in waves, rolled back by the device.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ChangeFile = Annotated[
    Path | None, typer.Option("--change", help="YAML with lines to add to or remove from some routers.", dir_okay=False)
]
MIN_TIMER_S = 20
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

    from inventory.load import load_estate
    from netconfig.design import managed
    from netconfig.render import render as render_text

    estate = load_estate(current().estate_dir)
    names = [device] if device else [item.name for item in managed(estate)]
    texts = {name: render_text(estate, name) for name in names}
    _say_left_out(estate, names)
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (to / f"{name}.conf").write_text(text, "utf-8")
        err.print(f"{len(texts)} configurations in {to}")
    elif as_json:
        emit_json(texts)
    else:
        for name, text in texts.items():
            out.print(text if device else f"! ===== {name} =====\n{text}", markup=False, end="")


def _say_left_out(estate: Estate, names: list[str]) -> None:
    """Say on standard error what the estate wants and no template writes yet: it must not look complete."""
    from netconfig.coverage import left_out

    wanted = {name: left_out(estate, name) for name in names}
    short = {name: features for name, features in wanted.items() if features}
    for name, features in list(short.items())[:_NAMED]:
        err.print(f"{name}: not in the configuration yet: {'; '.join(features)}", markup=False)
    if len(short) > _NAMED:
        err.print(f"… and {len(short) - _NAMED} more routers of which not everything is written yet")


@app.command()
def plan(
    change: ChangeFile = None,
    commands: Annotated[bool, typer.Option("--commands", help="Show the commands as they would be typed.")] = False,
    as_json: Json = False,
) -> None:
    """Compare every router with what the estate says and print the way there. Changes nothing.

    Example: rackproof net plan
    """

    from netconfig import show

    ws, estate = _context()
    found = _plan(ws, estate, change)
    from netconfig.design import managed

    _say_left_out(estate, [item.name for item in managed(estate)])
    if as_json:
        emit_json(found.as_dict())
        return
    show.plan(found, commands)
    if found.todo:
        out.print(f"apply it with: rackproof net apply --approve {found.id}")
    else:
        out.print("nothing to do")


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

    Every router arms its own rollback before anything is typed and is confirmed only over a new connection. On a
    terminal you are asked for the plan's id; elsewhere give it with --approve (from `net plan`). If a router or the
    plan has changed since, the id no longer fits and nothing is done.

    Example: rackproof net apply --approve 3f9c2a7b10de
    """

    from netconfig import show
    from netconfig.rollout import Result, means, new_run, only_one, refuse_unfinished, roll_out

    ws, estate = _context()
    with only_one(ws):
        refuse_unfinished(ws)
        found = _plan(ws, estate, change)
        if not found.todo:
            _finish(Result("", found.id), as_json)
        if not as_json:
            show.plan(found)
        _require_approval(found, approve)
        with progress(f"applying plan {found.id}") as step:
            result = roll_out(
                found, means(estate, ws, new_run(), lambda device, text: step(f"{device}: {text}"), timer)
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

    from netconfig.record import open_journal, unfinished
    from netconfig.resume import nothing_to_resume
    from netconfig.resume import resume as settle
    from netconfig.rollout import means, only_one

    ws, estate = _context()
    with only_one(ws):
        left = unfinished(open_journal(ws).read())
        if left is None:
            emit_json({"result": "nothing_to_resume"}) if as_json else out.print(nothing_to_resume().message)
            return
        with progress(f"resuming run {left.run}") as step:
            tools = means(estate, ws, left.run, lambda device, text: step(f"{device}: {text}"))
            result = settle(left, tools)
        if close and result.result == "unproven":
            tools.trail.end("unproven", closed=close, not_started=result.not_started)
    _finish(result, as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Show every router: reached or not, in step with the estate or not, its guard. Exit code 1 unless all are.

    Example: rackproof net status
    """

    from netconfig import show
    from netconfig.design import managed
    from netconfig.guard import GuardRefused
    from netconfig.plan import plan_device
    from netconfig.rollout import means
    from netconfig.session import Lost

    ws, estate = _context()
    tools = means(estate, ws, "status", lambda device, text: None)

    def one(name: str) -> dict[str, Any]:
        row: dict[str, Any] = {"device": name, "wave": estate.devices[name].wave, "reachable": False, "in_sync": None,
                               "configuration": "unknown", "guard": "unknown", "last": ""}  # fmt: skip
        try:
            item = plan_device(estate, name, 0, tools.open_session)
            row.update(reachable=True, in_sync=item.is_empty)
            row["configuration"] = "as intended" if item.is_empty else f"{len(item.commands)} commands away"
            guard = tools.guard(name).status()
            row.update(
                guard=guard.state if guard.state == "clear" else f"{guard.state} {guard.left} s", last=guard.last
            )
        except (Lost, GuardRefused) as problem:
            row["configuration"] = row["configuration"] if row["reachable"] else str(problem)
        return row

    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(one, [device.name for device in managed(estate)]))
    emit_json(rows) if as_json else show.status(rows)
    if not all(row["in_sync"] and row["guard"] == "clear" for row in rows):
        reached = all(row["reachable"] for row in rows)
        raise typer.Exit(int(ExitCode.NOT_GREEN if reached else ExitCode.UNREACHABLE))


@app.command()
def journal(
    run: Annotated[str | None, typer.Option("--run", help="Show every record of one run.")] = None,
    as_json: Json = False,
) -> None:
    """Verify the signed journal and list the rollouts in it, or all records of one.

    Example: rackproof net journal --run 1f2e3d4c --json
    """

    from netconfig import show
    from netconfig.record import open_journal, runs

    found = open_journal(current())
    count = found.verify()
    records = list(found.read())
    if run is not None:
        chosen = [record for record in records if record.get("run") == run]
        if not chosen:
            raise RackproofError(
                "NET043", f"no run '{run}' in the journal", remedy="list them with `rackproof net journal`"
            )
        emit_json(chosen) if as_json else _print_records(chosen)
    elif as_json:
        emit_json([_summary(record) for record in runs(records)])
    else:
        show.journal(runs(records), count)


def _context() -> tuple[Workspace, Estate]:
    from inventory.load import load_estate

    ws = current()
    return ws, load_estate(ws.estate_dir)


def _plan(ws: Workspace, estate: Estate, file: Path | None) -> Plan:
    from netconfig.design import managed
    from netconfig.edit import load as load_change
    from netconfig.plan import make
    from netconfig.rollout import means

    change: Change | None = load_change(file, {item.name for item in managed(estate)}) if file else None
    with progress("reading the routers") as step:
        return make(estate, means(estate, ws, "plan", lambda device, text: None).open_session, change, step)


def _require_approval(found: Plan, approve: str | None) -> None:
    if approve is None and sys.stdin.isatty():
        approve = typer.prompt("type the plan's id to approve it", err=True)
    if approve != found.id:
        raise RackproofError(
            "NET044", "not approved: nothing was changed",
            expected=f"the id of this plan, {found.id}", actual=approve or "no approval",
            remedy=f"look at the plan, then run `rackproof net apply --approve {found.id}`", exit_code=ExitCode.REFUSED,
        )  # fmt: skip


def _finish(result: Result, as_json: bool) -> None:
    from netconfig import show

    if as_json:
        emit_json(result.as_dict())
    elif result.run:
        show.result(result)
    else:
        out.print("nothing to do")
    raise typer.Exit(int(result.exit_code))


def _summary(run: RunRecord) -> dict[str, Any]:
    states = {device.device: str(device.reached) for device in run.devices.values()}
    return {"run": run.run, "at": run.at, "plan": run.plan.get("plan_id"), "result": run.result, "devices": states}


def _print_records(records: list[dict[str, Any]]) -> None:
    for record in records:
        rest = {key: value for key, value in record.items() if key not in ("prev", "sig", "run", "plan", "commands")}
        event, at = rest.pop("event"), rest.pop("at")
        out.print(f"{at[11:23]}  {event:<10} " + "  ".join(f"{k}={v}" for k, v in rest.items()), markup=False)
