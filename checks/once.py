"""``checks run``: load, collect, judge, write the bundle, remember the verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from checks.model import Run
from checks.register import load_requirements
from checks.running import Finished, Selection, Told, run_once
from core.workspace import Workspace
from inventory.estate import Estate
from inventory.load import load_estate


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run: the run, the estate it was judged with, and where its evidence lies."""

    run: Run
    estate: Estate
    bundle: str


def judge_once(ws: Workspace, selection: Selection, told: Told) -> Done:
    """Run the checks once for a workspace and keep what came of it."""
    estate, requirements = load_estate(ws.estate_dir), load_requirements()
    from checks.drills import kept_drill

    earlier = [] if selection.drill else kept_drill(ws, requirements)
    finished = run_once(estate, ws, requirements, selection, earlier=earlier, told=told)
    told("writing the evidence", 0, 0)
    return Done(finished.run, estate, keep(finished, ws))


def keep(finished: Finished, ws: Workspace) -> str:
    """Write the evidence bundle and return its folder."""
    from checks.bundle import write_bundle

    return str(write_bundle(finished.run, finished.raw, ws.estate_dir, ws))
