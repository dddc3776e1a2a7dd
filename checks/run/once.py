"""``checks run``: load, collect, judge, write the bundle, remember the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.model import Run
from checks.register.register import load_requirements
from checks.register.requirement import Requirement, binds
from checks.run.judge_run import Finished, OnProgress, Selection, choose, choose_sites, run_once
from core import secrets
from core.errors import RackproofError, list_names
from core.files import make_folder
from core.i18n import _
from core.workspace import Workspace
from inventory.load.loader import load_estate
from inventory.model.estate import Estate

#: The collector that needs the secrets of the workspace: users and passwords of the agents.
SNMP = "snmp"


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run: the run, the estate it was judged with, and where its evidence lies."""

    run: Run
    estate: Estate
    bundle: str


def judge_once(ws: Workspace, selection: Selection, on_progress: OnProgress) -> Done:
    """Run the checks once for a workspace and keep what came of it."""
    estate, requirements = load_estate(ws.estate_dir), load_requirements()
    refuse_idle(estate, requirements, selection)
    # What sealing the evidence will need is asked for now, not after all hosts were: a password that does not fit, a
    # key that cannot be read, or a folder that cannot be written is known before anything is collected.
    prepare_bundle(ws)
    require_secrets(ws, choose(requirements, selection).values())
    from checks.collect.last_drill import read_kept_drill

    earlier = [] if selection.drill else read_kept_drill(ws, requirements)
    finished = run_once(estate, ws, requirements, selection, earlier=earlier, on_progress=on_progress)
    on_progress(_("writing the evidence"), 0, 0)
    return Done(finished.run, estate, save_bundle(finished, ws))


def refuse_idle(estate: Estate, requirements: Mapping[str, Requirement], selection: Selection) -> None:
    """Refuse to judge what binds nothing that was asked for: no verdict at all would look like nothing wrong.

    Raises RackproofError (CHK004, CHK006), and what ``choose`` and ``choose_sites`` raise.
    """
    sites = choose_sites(estate, selection)
    for name, item in choose(requirements, selection).items() if selection.requirements else ():
        if not any(binds(item, estate.sites[code]) for code in sites):
            asked = list_names(sorted(sites))
            raise RackproofError("CHK004", requirement=name, tiers=" / ".join(item.tiers), actual=asked)
    for code in selection.sites:
        # No verdict at all would look like nothing wrong, and end with exit code 0.
        if not any(binds(item, estate.sites[code]) for item in choose(requirements, selection).values()):
            raise RackproofError("CHK006", actual=code)


def prepare_bundle(ws: Workspace) -> None:
    """Open what sealing a bundle needs; raises what it would raise then (SEC001, SEC002, SIG001, FIL001, FIL002)."""
    from checks.bundle.secret_scan import SecretGuard
    from core.signing import load_or_create_key

    SecretGuard.of(ws)
    load_or_create_key(ws.signing_key)
    make_folder(ws.evidence_dir)


def require_secrets(ws: Workspace, requirements: Iterable[Requirement]) -> None:
    """Open the secrets when something of these is collected with them; raises what ``secrets.load`` raises."""
    if any(SNMP in item.check.collectors for item in requirements):
        secrets.load(ws)


def save_bundle(finished: Finished, ws: Workspace) -> str:
    """Write the evidence bundle and return its folder."""
    from checks.bundle.writer import write_bundle

    return str(write_bundle(finished.run, finished.raw, ws.estate_dir, ws))
