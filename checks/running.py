"""One run: collect from everything at once, judge once, count what was covered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime

from checks.capture import captured
from checks.collectors import ALWAYS, plans
from checks.collectors.sweep import Job, Sweep
from checks.judging import EVERY_TIER, EvidenceView, binds, judge_all, judges
from checks.model import (
    Captured,
    Coverage,
    MemoryRawStore,
    Outcome,
    RawStore,
    Run,
    Status,
    Verdict,
    roll_up,
    utc_text,
)
from checks.requirement import Requirement
from core.errors import ExitCode, RackproofError
from core.workspace import Workspace
from inventory.estate import Estate
from inventory.model import Device

WORKERS = 24  # they wait for other machines, not for this one
ASSESSED = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run is about: requirements (all when empty), sites (all when empty), and whether to do the drill."""

    requirements: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    drill: bool = True


@dataclass(frozen=True, slots=True)
class Finished:
    """A run with the raw bytes its evidence points at."""

    run: Run
    raw: RawStore


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time: ``20261122T010203Z-ab12``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def choose(requirements: Mapping[str, Requirement], selection: Selection) -> dict[str, Requirement]:
    """Return the requirements of a selection. Raises RackproofError (CHK001) for an id that does not exist."""
    unknown = sorted(set(selection.requirements) - set(requirements))
    if unknown:
        raise RackproofError("CHK001", f"there is no requirement '{unknown[0]}'",
                             remedy="`rackproof checks list` names them all")
    wanted = selection.requirements or tuple(requirements)
    return {name: requirements[name] for name in requirements if name in wanted}


def choose_sites(estate: Estate, selection: Selection) -> frozenset[str]:
    """Return the sites of a selection. Raises RackproofError (CHK002) for a site that does not exist."""
    unknown = sorted(set(selection.sites) - set(estate.sites))
    if unknown:
        raise RackproofError("CHK002", f"there is no site '{unknown[0]}'", expected=", ".join(sorted(estate.sites)))
    return frozenset(selection.sites or estate.sites)


def run_once(
    estate: Estate, ws: Workspace, requirements: Mapping[str, Requirement], selection: Selection, *,
    earlier: Sequence[Captured] = (), told: Told = lambda *_: None, run_id: str | None = None,
) -> Finished:
    """Collect and judge once. ``earlier`` is still valid evidence of an earlier run (the last drill's).

    Raises RackproofError: CHK001 and CHK002 for what does not exist, CHK003 for a requirement of an unknown tier.
    """
    _refuse_unknown_tiers(estate, requirements)
    started = datetime.now(UTC)
    run_id = run_id or new_run_id(started)
    sites = choose_sites(estate, selection)
    chosen = choose(requirements, selection)
    bound = {name: item for name, item in chosen.items() if any(binds(item, estate.sites[code]) for code in sites)}
    wanted = ALWAYS | {name for item in bound.values() for name in item.check.collectors}
    sweep = Sweep(estate, ws, run_id, frozenset(wanted if selection.drill else wanted - {"drill"}), sites)
    found = [*earlier, *collect(sweep, told)]
    raw = MemoryRawStore()
    for entry in found:
        raw.put(entry.raw)
    told("judging", 0, 0)
    return Finished(judged(estate, requirements, bound, sites, found, (run_id, started, selection), raw), raw)


def _refuse_unknown_tiers(estate: Estate, requirements: Mapping[str, Requirement]) -> None:
    """A tier that is misspelt binds no site, and its requirement would vanish from every score."""
    for item in requirements.values():
        unknown = sorted(set(item.tiers) - {EVERY_TIER} - set(estate.tiers))
        if unknown:
            raise RackproofError("CHK003", f"{item.id} binds the tier '{unknown[0]}', which does not exist",
                                 expected=", ".join([EVERY_TIER, *sorted(estate.tiers)]), exit_code=ExitCode.INVALID)


def judged(
    estate: Estate, requirements: Mapping[str, Requirement], chosen: Mapping[str, Requirement], sites: frozenset[str],
    found: Sequence[Captured], head: tuple[str, datetime, Selection], raw: RawStore,
) -> Run:
    """Judge what was collected and make the run of it."""
    items = tuple(sorted((entry.item for entry in found), key=lambda i: (i.site, i.asset, i.collector, i.key, i.id)))
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # exactly what ``judged_at`` can hold
    # The whole register, not the part that was asked for: some judges say how complete it is, or how much is met.
    verdicts = selected(judge_all(requirements, estate, EvidenceView(items, raw.get), now, frozenset(chosen)), sites)
    run_id, started, selection = head
    return Run(
        id=run_id, estate=estate.head.name, started_at=utc_text(started), ended_at=utc_text(datetime.now(UTC)),
        judged_at=utc_text(now),
        selection={"requirements": list(selection.requirements), "sites": sorted(sites), "drill": selection.drill},
        requirements=tuple(chosen), verdicts=verdicts, evidence=items, coverage=coverage(verdicts),
    )


def selected(verdicts: Iterable[Verdict], sites: frozenset[str]) -> tuple[Verdict, ...]:
    """Return the verdicts of the selected sites."""
    return tuple(verdict for verdict in verdicts if verdict.site in sites)


def collect(sweep: Sweep, told: Told = lambda *_: None) -> list[Captured]:
    """Run every collector of the sweep, side by side; a collector that fails leaves evidence of that."""
    found: list[Captured] = []
    first, second = plans()
    for phase in (first, second):
        jobs = [job for plan in phase for job in plan(sweep)]
        if phase is first:
            jobs.append(_get_ready)
        found += _side_by_side(jobs, told)
    return found


def _get_ready() -> list[Captured]:
    """Load the judges while the collectors wait for their answers."""
    judges()
    return []


def _side_by_side(jobs: list[Job], told: Told) -> list[Captured]:
    found: list[Captured] = []
    if not jobs:
        return found
    with ThreadPoolExecutor(min(WORKERS, len(jobs))) as pool:
        names = {pool.submit(job): _job_name(job) for job in jobs}
        waiting = set(names)
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                found += [entry for future in done for entry in _result(future.result, names[future])]
                told("collecting", len(jobs) - len(waiting), len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _result(get: Callable[[], list[Captured]], name: str) -> list[Captured]:
    try:
        return get()
    except RackproofError:
        raise
    except Exception as error:  # noqa: BLE001 - one broken collector must not hide what the others found
        now = datetime.now(UTC)
        text = f"{type(error).__name__}: {error}".encode()
        return [captured(("estate", "estate"), ("trouble", type(error).__name__), name, text, (now, now),
                         outcome=Outcome.ERROR, tool="rackproof", tool_version="0")]


def _job_name(job: Job) -> str:
    """Return what a job is about, for people: the collecting function and the device it was given."""
    function = getattr(job, "func", job)
    devices = [argument.name for argument in getattr(job, "args", ()) if isinstance(argument, Device)]
    return " ".join([getattr(function, "__qualname__", "collector"), *devices])


def by_requirement(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], list[Verdict]]:
    """Group verdicts by (site, requirement)."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault((verdict.site, verdict.requirement), []).append(verdict)
    return groups


def statuses(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Status]:
    """Return the rolled-up status of each (site, requirement)."""
    return {key: roll_up(v.status for v in group) for key, group in by_requirement(verdicts).items()}


def coverage(verdicts: Iterable[Verdict]) -> Coverage:
    """Count (requirement, site) pairs: in scope, really assessed, passed, waived."""
    states = [state for state in statuses(verdicts).values() if state is not Status.NOT_APPLICABLE]
    return Coverage(len(states), sum(state in ASSESSED for state in states),
                    sum(state is Status.PASS for state in states), sum(state is Status.WAIVED for state in states))
