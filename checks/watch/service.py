"""Putting the watch together for a workspace: the store, the sweeps, the evidence of every change."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checks.bundle.names import BY_WATCH
from checks.collect.last_drill import COLLECTOR, read_kept_drill
from checks.judge.registry import judges
from checks.model import Captured, Status
from checks.register.register import load_requirements
from checks.register.requirement import Requirement
from checks.run.judge_run import Finished, Selection, choose_sites, make_run_id, roll_up_verdicts, run_once
from checks.run.once import prepare_bundle, require_secrets, save_bundle
from checks.watch.history import History
from checks.watch.metrics import serve, split_address
from checks.watch.scheduler import Sweeper, SweepResult, Watch, is_changed
from core.console import emit_json_line, end_stream, err
from core.i18n import _
from core.store import open_store
from core.workspace import Workspace
from inventory.load.loader import load_estate

#: Who hears what the watch did.
Tell = Callable[[Mapping[str, Any]], None]


def open_history(ws: Workspace) -> History:
    """Open the history of a workspace."""
    return History(open_store(ws.store_url))


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch: faster by ``speed``, with metrics on ``listen``, only ``sites``, and for ``ticks`` sweeps."""

    speed: float = 1.0
    listen: str = ""
    sites: tuple[str, ...] = ()
    ticks: int | None = None


def watch(ws: Workspace, options: WatchOptions, *, as_json: bool = False) -> None:
    """Judge every requirement at its cadence until interrupted (or for ``ticks`` sweeps).

    Raises RackproofError: CHK002 for a site that does not exist, CHK007 for no address to listen on.
    """
    choose_sites(load_estate(ws.estate_dir), Selection((), options.sites))
    if options.listen:
        split_address(options.listen)
    prepare_bundle(ws)
    require_secrets(ws, load_requirements().values())
    history, ticks = open_history(ws), options.ticks
    tell = emit_json_line if as_json else print_event
    sweep = make_sweeper(ws, options.sites, history, tell)
    loop = Watch(
        history,
        load_requirements(),
        sweep,
        speed=options.speed,
        on_failure=lambda text: tell({"event": "failed", "reason": text}),
    )
    with end_stream(tell):
        if options.listen:
            serve(history, options.listen, lambda: loop.swept)
            tell({"event": "listening", "url": f"http://{options.listen}/metrics"})
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())
        run_loop(loop, ticks)


def run_loop(loop: Watch, ticks: int | None) -> None:
    """Run a watch until it is stopped, or for a number of sweeps that judged something."""
    if ticks is None:
        loop.run()
        return
    done = 0
    while done < ticks:
        done += loop.tick()


def make_sweeper(ws: Workspace, sites: tuple[str, ...], history: History, tell: Tell) -> Sweeper:
    """Return the function that collects and judges what is due; a bundle is written whenever a status changes."""
    before: dict[tuple[str, str], Status] = {(one.site, one.requirement): one.status for one in history.latest()}

    def sweep(due: Sequence[Requirement]) -> SweepResult:
        began = datetime.now(UTC)
        estate, requirements = load_estate(ws.estate_dir), load_requirements()
        selection, earlier = select_due(ws, due, requirements, sites)
        run_id = make_run_id(began, BY_WATCH)
        finished: Finished = run_once(estate, ws, requirements, selection, earlier=earlier, run_id=run_id)
        now = roll_up_verdicts(finished.run.verdicts)
        bundle = save_bundle(finished, ws) if is_changed(before, now) else ""
        before.update(now)
        tell(describe_sweep(finished, began, bundle))
        return SweepResult(finished.run.id, finished.run.verdicts)

    return sweep


def select_due(
    ws: Workspace, due: Sequence[Requirement], requirements: Mapping[str, Requirement], sites: tuple[str, ...]
) -> tuple[Selection, list[Captured]]:
    """Return what to judge, and the last drill's evidence where it may stand in.

    A judge that looks at the verdicts of the others is due: then all of them are judged, and only those due recorded.
    """
    names = tuple(item.id for item in due)
    if not any(judges()[item.check.judge].derived for item in due):
        return Selection(names, sites), []
    drill = any(COLLECTOR in item.check.collectors for item in due)
    return Selection(tuple(requirements), sites, drill), [] if drill else read_kept_drill(ws, requirements)


def describe_sweep(finished: Finished, began: datetime, bundle: str) -> dict[str, Any]:
    """Return the event that a sweep is done, as ``--json`` prints it."""
    score = finished.run.coverage
    return {
        "event": "swept",
        "run_id": finished.run.id,
        "judged_at": finished.run.judged_at,
        "requirements": len(finished.run.requirements),
        "passed": score.passed,
        "in_scope": score.in_scope,
        "seconds": round((datetime.now(UTC) - began).total_seconds(), 1),
        "bundle": bundle,
    }


def print_event(event: Mapping[str, Any]) -> None:
    """Print an event for people; one that only programs read is left out."""
    if event["event"] in EVENTS:
        err.print(EVENTS[event["event"]](event), markup=False)


def say_swept(event: Mapping[str, Any]) -> str:
    """Say in one line what a sweep came to."""
    text = _("{judged_at} {requirements} requirements, {passed}/{in_scope} met, {seconds} s").format(**event)
    return text + _(", changed: {bundle}").format(**event) if event["bundle"] else text


#: How an event of the watch is told to a person; that it ended, he sees.
EVENTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "swept": say_swept,
    "failed": lambda event: str(event["reason"]),
    "listening": lambda event: _("metrics on {url}").format(**event),
}
