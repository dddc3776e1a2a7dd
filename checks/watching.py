"""Putting the watch together for a workspace: the store, the sweeps, the evidence of every change."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from checks.drills import COLLECTOR, kept_drill
from checks.history import History
from checks.judging import judges
from checks.model import Captured, Status
from checks.once import keep
from checks.register import load_requirements
from checks.requirement import Requirement
from checks.running import Finished, Selection, run_once, statuses
from checks.watch import Sweeper, Swept, Watch, changed
from core.console import err
from core.store import open_store
from core.workspace import Workspace
from inventory.load import load_estate


def history_of(ws: Workspace) -> History:
    """Open the history of a workspace."""
    return History(open_store(ws.store_url))


def watch(ws: Workspace, *, speed: float, listen: str, sites: tuple[str, ...], ticks: int | None) -> None:
    """Judge every requirement at its cadence until interrupted (or for ``ticks`` sweeps)."""
    history = history_of(ws)
    if listen:
        from checks.watch_metrics import serve

        serve(history, listen)
        err.print(f"metrics on http://{listen}/metrics")
    loop = Watch(history, load_requirements(), sweeper(ws, sites, history), speed=speed,
                 told=lambda text: err.print(text, markup=False))
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    if ticks is None:
        loop.run()
        return
    done = 0
    while done < ticks:
        done += loop.tick()


def sweeper(ws: Workspace, sites: tuple[str, ...], history: History) -> Sweeper:
    """Return the function that collects and judges what is due; a bundle is written whenever a status changes."""
    before: dict[tuple[str, str], Status] = {(one.site, one.requirement): one.status for one in history.latest()}

    def sweep(due: Sequence[Requirement]) -> Swept:
        began = datetime.now(UTC)
        estate, requirements = load_estate(ws.estate_dir), load_requirements()
        selection, earlier = _selection(ws, due, requirements, sites)
        finished: Finished = run_once(estate, ws, requirements, selection, earlier=earlier)
        now = statuses(finished.run.verdicts)
        bundle = keep(finished, ws) if changed(before, now) else ""
        before.update(now)
        _tell(finished, began, bundle)
        return Swept(finished.run.id, finished.run.verdicts)

    return sweep


def _selection(
    ws: Workspace, due: Sequence[Requirement], requirements: Mapping[str, Requirement], sites: tuple[str, ...]
) -> tuple[Selection, list[Captured]]:
    """Return what to judge, and the last drill's evidence where it may stand in.

    A judge that looks at the verdicts of the others is due: then all of them are judged, and only those due recorded.
    """
    names = tuple(item.id for item in due)
    if not any(judges()[item.check.judge].derived for item in due):
        return Selection(names, sites), []
    drill = any(COLLECTOR in item.check.collectors for item in due)
    return Selection(tuple(requirements), sites, drill), [] if drill else kept_drill(ws, requirements)


def _tell(finished: Finished, began: datetime, bundle: str) -> None:
    score = finished.run.coverage
    seconds = (datetime.now(UTC) - began).total_seconds()
    news = f", changed: {bundle}" if bundle else ""
    err.print(f"{finished.run.judged_at} {len(finished.run.requirements)} requirements, "
              f"{score.passed}/{score.in_scope} met, {seconds:.1f} s{news}", markup=False)
