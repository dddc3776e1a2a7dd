"""The commands of provisioning: ``plan`` shows what would change, ``apply`` changes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode
from core.workspace import current
from inventory.kinds import Engine

if TYPE_CHECKING:
    from core.journal import Journal
    from playbooks.engines import Command, Mode
    from playbooks.events import EngineResult, Status, TaskEvent


app = typer.Typer(help="Provision hosts: DC and DR with Ansible, the server rooms with pyinfra.", no_args_is_help=True)

Engines = Annotated[list[Engine] | None, typer.Option("--engine", help="Only this engine (may be repeated).")]
Limit = Annotated[list[str] | None, typer.Option("--limit", help="Only this host or site (may be repeated).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Ansible's own strategy instead of the faster Mitogen.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Stop after this many seconds.", min=1)]


@app.command()
def plan(
    engine: Engines = None, limit: Limit = None, as_json: Json = False, plain: Plain = False, timeout: Timeout = 900
) -> None:
    """Show what `apply` would change; changes nothing.

    Example: ./rackproof provision plan --limit dr
    """

    from playbooks.engines import Mode

    _provision(Mode.PLAN, engine, limit, as_json, plain, timeout)


@app.command()
def apply(
    engine: Engines = None, limit: Limit = None, as_json: Json = False, plain: Plain = False, timeout: Timeout = 900
) -> None:
    """Bring hosts to what the roles say; a second run changes nothing. One silent host stops its whole wave.

    Example: ./rackproof provision apply --engine pyinfra
    """

    from playbooks.engines import Mode

    _provision(Mode.APPLY, engine, limit, as_json, plain, timeout)


def _provision(
    mode: Mode, engines: list[Engine] | None, limit: list[str] | None, as_json: bool, plain: bool, timeout: float
) -> None:
    from core import secrets
    from core.journal import Journal
    from inventory.load import load_estate
    from playbooks.engines import Mode, commands
    from playbooks.limits import resolve_limit

    ws = current()
    estate = load_estate(ws.estate_dir)
    known = secrets.load(ws)
    work = commands(estate, ws, mode, engines or list(Engine), resolve_limit(estate, limit or []), plain)
    if mode is Mode.APPLY:
        with _journaled(Journal(ws.journal, ws.signing_key), work) as results:
            results.extend(_run(mode, work, known, timeout))
    else:
        results = _run(mode, work, known, timeout)
    if as_json:
        emit_json({"mode": mode.value, "good": _code(results) == 0, "engines": [_as_dict(r) for r in results]})
    else:
        _show(mode, results)
    raise typer.Exit(_code(results))


def _run(mode: Mode, work: list[Command], known: Mapping[str, str], timeout: float) -> list[EngineResult]:
    from playbooks.events import Status
    from playbooks.running import run_all

    with progress(f"provision {mode}") as step:
        def told(command: Command, event: TaskEvent) -> None:
            if event.status is not Status.SKIPPED:
                step(f"{command.engine.value}: {event.host}: {event.task} – {event.status.value}")

        return run_all(work, known, timeout, told)


@contextmanager
def _journaled(journal: Journal, work: list[Command]) -> Iterator[list[EngineResult]]:
    """Write into the journal before anything is changed and after the end, whichever end it is."""
    journal.append("provision.started", hosts=[host for command in work for host in command.hosts])
    results: list[EngineResult] = []
    try:
        yield results
    except BaseException as error:
        journal.append("provision.interrupted", why=type(error).__name__)
        raise
    journal.append("provision.ended", results=[_summary(result) for result in results])


def _code(results: list[EngineResult]) -> ExitCode:
    """Return OK only when every engine did work and all of it went well."""
    if results and all(result.is_good for result in results):
        return ExitCode.OK
    if any(result.is_unreachable for result in results):
        return ExitCode.UNREACHABLE
    return ExitCode.NOT_GREEN


def _summary(result: EngineResult) -> dict[str, Any]:
    return {
        "engine": result.engine, "exit_code": result.exit_code, "seconds": result.seconds, "stopped": result.stopped,
        "hosts": {host: result.counts(host) for host in result.hosts},
    }


def _as_dict(result: EngineResult) -> dict[str, Any]:
    from playbooks.events import Status

    def listed(*wanted: Status) -> list[dict[str, str]]:
        return [{"host": e.host, "task": e.task, "detail": e.detail} for e in result.of(*wanted)]

    return {
        **_summary(result), "good": result.is_good, "changes": listed(Status.CHANGED),
        "failures": listed(Status.FAILED, Status.UNREACHABLE), "noise": [] if result.is_good else result.noise[-20:],
    }


def _show(mode: Mode, results: list[EngineResult]) -> None:
    from rich.table import Table

    from playbooks.engines import Mode
    from playbooks.events import Status

    table = Table("Host", "Engine", "Ok", "Would change" if mode is Mode.PLAN else "Changed", "Failed", "Seconds")
    for result in results:
        for host in result.hosts:
            count = result.counts(host)
            numbers = (count["ok"], count["changed"], count["failed"] + count["unreachable"], result.seconds)
            table.add_row(host, result.engine, *map(str, numbers))
    out.print(table)
    for result in results:
        if mode is Mode.PLAN:
            for event in result.of(Status.CHANGED):
                out.print(f"{event.host}: {event.task}", markup=False)
                for line in event.detail.splitlines():
                    out.print(f"    {line}", markup=False)
        _complain(result)
    if not results:
        err.print("no host is meant: nothing was done")


def _complain(result: EngineResult) -> None:
    from playbooks.events import Status

    for event in result.of(Status.FAILED, Status.UNREACHABLE):
        err.print(f"{event.host}: {event.task}: {event.status.value}\n    {event.detail}", markup=False)
    if result.stopped:
        err.print(f"{result.engine}: the wave was stopped: {result.stopped}", markup=False)
    if not result.is_good:
        for line in result.noise[-20:]:
            err.print(f"{result.engine}: {line}", markup=False)
