"""``checks run``: load, collect, judge, write the bundle, remember the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from checks.judging import binds
from checks.model import Run
from checks.register import load_requirements
from checks.requirement import Requirement
from checks.running import Finished, Selection, Told, choose, choose_sites, run_once
from core.errors import RackproofError
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
    refuse_idle(estate, requirements, selection)
    from checks.drills import kept_drill

    earlier = [] if selection.drill else kept_drill(ws, requirements)
    finished = run_once(estate, ws, requirements, selection, earlier=earlier, told=told)
    told("writing the evidence", 0, 0)
    return Done(finished.run, estate, keep(finished, ws))


def refuse_idle(estate: Estate, requirements: Mapping[str, Requirement], selection: Selection) -> None:
    """Refuse to judge what binds nothing that was asked for: no verdict at all would look like nothing wrong.

    Raises RackproofError (CHK004), and what ``choose`` and ``choose_sites`` raise.
    """
    sites = choose_sites(estate, selection)
    for name, item in choose(requirements, selection).items() if selection.requirements else ():
        if not any(binds(item, estate.sites[code]) for code in sites):
            raise RackproofError("CHK004", f"{name} binds none of these sites, so there is nothing to judge",
                                 expected=f"a site of tier {' or '.join(item.tiers)}", actual=", ".join(sorted(sites)),
                                 remedy=f"`rackproof checks explain {name}` says whom it binds")


def keep(finished: Finished, ws: Workspace) -> str:
    """Write the evidence bundle and return its folder."""
    from checks.bundle import write_bundle

    return str(write_bundle(finished.run, finished.raw, ws.estate_dir, ws))
