"""One run: collect from everything at once, judge once, count what was covered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime

from checks.collect import ALWAYS, list_plans
from checks.collect.capture import capture_evidence
from checks.collect.sweep import Job, Plan, Sweep
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.judge.registry import judges
from checks.model import (
    Captured,
    CollectOutcome,
    Coverage,
    MemoryRawStore,
    RawStore,
    Run,
    Status,
    Verdict,
    format_utc,
    roll_up,
)
from checks.register.requirement import EVERY_TIER, Requirement, binds
from core import version
from core.errors import RackproofError
from core.i18n import _
from core.workspace import Workspace
from inventory.model.entities import Device, Site
from inventory.model.estate import Estate

#: The collector that a selection may leave out.
DRILL = "drill"
WORKERS = 24  # they wait for other machines, not for this one
ASSESSED = frozenset({Status.PASS, Status.FAIL, Status.WAIVED})
OnProgress = Callable[[str, int, int], None]


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


def make_run_id(now: datetime, by: str = "") -> str:
    """Return an id that sorts by time: ``20261122T010203Z-ab12``, and ``…-ab12-watch`` of a run of the watch."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}{by}"


def choose(requirements: Mapping[str, Requirement], selection: Selection) -> dict[str, Requirement]:
    """Return the requirements of a selection. Raises RackproofError (CHK001) for an id that does not exist."""
    unknown = sorted(set(selection.requirements) - set(requirements))
    if unknown:
        raise RackproofError("CHK001", actual=unknown[0], known=requirements)
    wanted = selection.requirements or tuple(requirements)
    return {name: item for name, item in requirements.items() if name in wanted}


def choose_sites(estate: Estate, selection: Selection) -> frozenset[str]:
    """Return the sites of a selection. Raises RackproofError (CHK002) for a site that does not exist."""
    unknown = sorted(set(selection.sites) - set(estate.sites))
    if unknown:
        raise RackproofError("CHK002", actual=unknown[0], known=estate.sites)
    return frozenset(selection.sites or estate.sites)


def choose_bound(
    estate: Estate, requirements: Mapping[str, Requirement], sites: Iterable[str]
) -> dict[str, Requirement]:
    """Return the requirements that bind at least one of some sites."""
    places = [estate.sites[code] for code in sites]
    return {name: item for name, item in requirements.items() if is_binding(item, places)}


def is_binding(requirement: Requirement, sites: Iterable[Site]) -> bool:
    """Tell whether a requirement binds at least one of some sites."""
    return any(binds(requirement, site) for site in sites)


def choose_collectors(requirements: Iterable[Requirement], selection: Selection) -> frozenset[str]:
    """Return the collectors that some requirements need, without the drill where the selection leaves it out."""
    wanted = set(ALWAYS)
    for item in requirements:
        wanted.update(item.check.collectors)
    if not selection.drill:
        wanted.discard(DRILL)
    return frozenset(wanted)


def run_once(
    estate: Estate,
    ws: Workspace,
    requirements: Mapping[str, Requirement],
    selection: Selection,
    *,
    earlier: Sequence[Captured] = (),
    on_progress: OnProgress = lambda *_: None,
    run_id: str | None = None,
) -> Finished:
    """Collect and judge once. ``earlier`` is still valid evidence of an earlier run (the last drill's).

    Raises RackproofError: CHK001 and CHK002 for what does not exist, CHK003 for a requirement of an unknown tier.
    """
    refuse_unknown_tiers(estate, requirements)
    started = datetime.now(UTC)
    run_id = run_id or make_run_id(started)
    sites = choose_sites(estate, selection)
    bound = choose_bound(estate, choose(requirements, selection), sites)
    sweep = Sweep(estate, ws, run_id, choose_collectors(bound.values(), selection), sites)

    found = [*earlier, *collect(sweep, on_progress)]
    raw = MemoryRawStore()
    for entry in found:
        raw.put(entry.raw)
    on_progress(_("judging"), 0, 0)
    return Finished(judge_collected(sweep, requirements, bound, found, (started, selection), raw), raw)


def refuse_unknown_tiers(estate: Estate, requirements: Mapping[str, Requirement]) -> None:
    """Refuse a tier that no site has: it binds none, and its requirement would vanish from every score."""
    for item in requirements.values():
        unknown = sorted(set(item.tiers) - {EVERY_TIER} - set(estate.tiers))
        if unknown:
            raise RackproofError("CHK003", requirement=item.id, actual=unknown[0], known=[EVERY_TIER, *estate.tiers])


def judge_collected(
    sweep: Sweep,
    requirements: Mapping[str, Requirement],
    asked: Mapping[str, Requirement],
    found: Sequence[Captured],
    head: tuple[datetime, Selection],
    raw: RawStore,
) -> Run:
    """Judge what a sweep collected and make the run of it. ``head`` is when it began and what was selected."""
    items = tuple(sorted((entry.item for entry in found), key=lambda i: (i.site, i.asset, i.collector, i.key, i.id)))
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # exactly what ``judged_at`` can hold
    # The whole register, not the part that was asked for: some judges say how complete it is, or how much is met.
    view = EvidenceView(items, raw.get)
    judged = judge_all(requirements, sweep.estate, view, now, frozenset(asked))
    verdicts = tuple(verdict for verdict in judged if verdict.site in sweep.sites)

    started, selection = head
    sites = sorted(sweep.sites)
    return Run(
        id=sweep.run_id,
        estate=sweep.estate.head.name,
        started_at=format_utc(started),
        ended_at=format_utc(datetime.now(UTC)),
        judged_at=format_utc(now),
        selection={"requirements": list(selection.requirements), "sites": sites, "drill": selection.drill},
        requirements=tuple(asked),
        verdicts=verdicts,
        evidence=items,
        coverage=count_coverage(verdicts),
    )


def collect(sweep: Sweep, on_progress: OnProgress = lambda *_: None) -> list[Captured]:
    """Run every collector of the sweep, side by side; a collector that fails leaves evidence of that."""
    first, second = list_plans()
    # The judges are loaded while the collectors wait for their answers.
    found = run_side_by_side([*list_jobs(first, sweep), load_judges], on_progress)
    return found + run_side_by_side(list_jobs(second, sweep), on_progress)


def list_jobs(plans: Iterable[Plan], sweep: Sweep) -> list[Job]:
    """Return the jobs that some plans have for a sweep."""
    jobs: list[Job] = []
    for plan in plans:
        jobs += plan(sweep)
    return jobs


def load_judges() -> list[Captured]:
    """Load the judges, which takes seconds; a job that collects nothing."""
    judges()
    return []


def run_side_by_side(jobs: list[Job], on_progress: OnProgress) -> list[Captured]:
    """Run jobs in threads, as many at once as WORKERS; return what all of them collected."""
    found: list[Captured] = []
    if not jobs:
        return found
    with ThreadPoolExecutor(min(WORKERS, len(jobs))) as pool:
        names = {pool.submit(job): name_job(job) for job in jobs}
        waiting = set(names)
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    found += read_result(future.result, names[future])
                on_progress(_("collecting"), len(jobs) - len(waiting), len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def read_result(get: Callable[[], list[Captured]], name: str) -> list[Captured]:
    """Return what a job collected, or the evidence of what it stumbled over. Raises RackproofError."""
    try:
        return get()
    except RackproofError:
        raise
    except Exception as error:  # noqa: BLE001 - one broken collector must not hide what the others found
        now = datetime.now(UTC)
        text = f"{type(error).__name__}: {error}".encode()
        return [
            capture_evidence(
                ("estate", "estate"),
                ("trouble", type(error).__name__),
                name,
                text,
                (now, now),
                outcome=CollectOutcome.ERROR,
                tool="rackproof",
                tool_version=version.read_version(),
            )
        ]


def name_job(job: Job) -> str:
    """Return what a job is about, for people: the collecting function and the device it was given."""
    function = getattr(job, "func", job)
    devices = [argument.name for argument in getattr(job, "args", ()) if isinstance(argument, Device)]
    return " ".join([getattr(function, "__qualname__", "collector"), *devices])


def group_by_requirement(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], list[Verdict]]:
    """Group verdicts by (site, requirement)."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault((verdict.site, verdict.requirement), []).append(verdict)
    return groups


def roll_up_verdicts(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Status]:
    """Return the rolled-up status of each (site, requirement)."""
    statuses = {}
    for key, group in group_by_requirement(verdicts).items():
        statuses[key] = roll_up(verdict.status for verdict in group)
    return statuses


def count_coverage(verdicts: Iterable[Verdict]) -> Coverage:
    """Count (requirement, site) pairs: in scope, really assessed, passed, waived."""
    states = [state for state in roll_up_verdicts(verdicts).values() if state is not Status.NOT_APPLICABLE]
    assessed = [state for state in states if state in ASSESSED]
    return Coverage(len(states), len(assessed), states.count(Status.PASS), states.count(Status.WAIVED))
