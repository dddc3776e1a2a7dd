"""The commands of provisioning: ``plan`` shows what would change, ``apply`` changes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import Column, emit_json, err, out, print_table, progress
from core.errors import ExitCode
from core.i18n import N_, _
from core.workspace import current
from inventory.model.enums import ProvisioningEngine

if TYPE_CHECKING:
    from core.journal import Journal
    from playbooks.engines import EngineCommand, Mode
    from playbooks.events import EngineResult, TaskEvent


app = typer.Typer(help="Provision hosts: DC and DR with Ansible, the server rooms with pyinfra.", no_args_is_help=True)

Engines = Annotated[
    list[ProvisioningEngine] | None, typer.Option("--engine", help="Only this engine (may be repeated).")
]
Limit = Annotated[list[str] | None, typer.Option("--limit", help="Only this host or site (may be repeated).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Ansible's own strategy instead of the faster Mitogen.")]
#: How a task went, and how the work on a host ended: words for people.
STATUS_WORDS = {
    "ok": N_("ok"),
    "changed": N_("changed"),
    "failed": N_("failed"),
    "unreachable": N_("no answer"),
    "skipped": N_("skipped"),
}
ENDING_WORDS = {
    "done": N_("done"),
    "failed": N_("failed"),
    "unreachable": N_("no answer"),
    "stopped": N_("stopped"),
    "silent": N_("unknown"),
}
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
    mode: Mode,
    engines: list[ProvisioningEngine] | None,
    limit: list[str] | None,
    as_json: bool,
    plain: bool,
    timeout: float,
) -> None:
    from core import secrets
    from core.journal import Journal
    from inventory.load.loader import load_estate
    from playbooks.engines import Mode, commands, resolve_limit
    from playbooks.failures import choose_exit_code
    from playbooks.running import start_results

    ws = current()
    estate = load_estate(ws.estate_dir)
    known = secrets.load(ws)
    hosts = resolve_limit(estate, limit or [])
    with secrets.lend_to_ansible(ws) as lent:
        work = commands(estate, ws, mode, engines or list(ProvisioningEngine), hosts, plain, lent)
        results = start_results(work)
        if mode is Mode.APPLY:
            with _journaled(Journal(ws.journal, ws.signing_key), results):
                _run(mode, work, results, known, timeout)
        else:
            _run(mode, work, results, known, timeout)
    if as_json:
        _emit(mode, results)
    else:
        _show(mode, results)
    raise typer.Exit(choose_exit_code(results))


def _run(
    mode: Mode, work: list[EngineCommand], results: list[EngineResult], known: Mapping[str, str], timeout: float
) -> None:
    from playbooks.engines import Mode
    from playbooks.events import TaskStatus
    from playbooks.running import run_all

    title = _("planning what would change on {n} hosts") if mode is Mode.PLAN else _("provisioning {n} hosts")
    with progress(title.format(n=sum(len(command.hosts) for command in work))) as step:

        def show_event(command: EngineCommand, event: TaskEvent) -> None:
            if event.status is not TaskStatus.SKIPPED:
                step(f"{command.engine.value}: {event.host}: {event.task} – {_(STATUS_WORDS[event.status.value])}")

        run_all(work, results, known, timeout, show_event)


@contextmanager
def _journaled(journal: Journal, results: list[EngineResult]) -> Iterator[None]:
    """Write into the journal before anything is changed and after the end, whichever end it is."""
    asked = list(chain.from_iterable(result.asked for result in results))
    journal.append("provision.started", hosts=asked)
    try:
        yield
    except BaseException as error:
        summaries = [_summarize(result) for result in results]
        journal.append("provision.interrupted", why=type(error).__name__, results=summaries)
        raise
    journal.append("provision.ended", results=[_summarize(result) for result in results])


def _summarize(result: EngineResult) -> dict[str, Any]:
    hosts = {host: {**result.counts(host), "ending": result.ending(host).value} for host in result.all_hosts}
    return {
        "engine": result.engine,
        "exit_code": result.exit_code,
        "seconds": result.seconds,
        "stopped": result.stopped,
        "hosts": hosts,
    }


def _emit(mode: Mode, results: list[EngineResult]) -> None:
    from playbooks.failures import choose_exit_code, explain_failures

    data = {
        "mode": mode.value,
        "good": choose_exit_code(results) == ExitCode.OK,
        "engines": [_as_dict(result) for result in results],
    }
    emit_json(data, [failure.as_dict() for failure in explain_failures(results)])


def _as_dict(result: EngineResult) -> dict[str, Any]:
    from playbooks.events import TaskStatus
    from playbooks.failures import explain_event

    changes = [{"host": e.host, "task": e.task, "detail": e.detail} for e in result.of(TaskStatus.CHANGED)]
    failures = [
        {"host": e.host, "task": e.task, "detail": e.detail, "code": explain_event(result.engine, e).code}
        for e in result.of(TaskStatus.FAILED, TaskStatus.UNREACHABLE)
    ]
    noise = [] if result.is_good else result.noise[-20:]
    return {**_summarize(result), "good": result.is_good, "changes": changes, "failures": failures, "noise": noise}


def _show(mode: Mode, results: list[EngineResult]) -> None:
    from playbooks.engines import Mode
    from playbooks.events import TaskStatus
    from playbooks.failures import explain_failures

    changed = _("would change") if mode is Mode.PLAN else _("changed")
    numbers = [Column(heading, right=True) for heading in (_("ok"), changed, _("failed"), _("seconds"))]
    rows: list[list[str]] = []
    for result in results:
        rows.extend(_row(result, host) for host in result.all_hosts)
    print_table([_("host"), _("engine"), _("end"), *numbers], rows)
    if mode is Mode.PLAN:
        for event in chain.from_iterable(result.of(TaskStatus.CHANGED) for result in results):
            out.print(f"{event.host}: {event.task}", markup=False)
            for line in event.detail.splitlines():
                out.print(f"    {line}", markup=False)
    for failure in explain_failures(results):
        err.print(str(failure), markup=False)


def _row(result: EngineResult, host: str) -> list[str]:
    count = result.counts(host)
    failed = count["failed"] + count["unreachable"]
    ending = _(ENDING_WORDS[result.ending(host).value])
    return [host, result.engine, ending, str(count["ok"]), str(count["changed"]), str(failed), str(result.seconds)]
