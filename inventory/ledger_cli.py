"""``estate ledger``: the append-only list of plan numbers that were given and retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.console import emit_json, err, out
from core.errors import ExitCode
from core.workspace import current

if TYPE_CHECKING:
    from inventory.load import Inspection

app = typer.Typer(help="The ledger of plan numbers: check it, bring it up to date.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_OWN = "EST40"


@app.command()
def check(
    since: Annotated[
        str | None, typer.Option("--since", help="A git revision: its ledger must be the beginning of today's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the chain and that the estate uses its numbers as the ledger says. Exit code 3 when anything differs.

    Example: rackproof --estate inventory/estate estate ledger check --since main
    """
    from core.errors import Place
    from inventory.ledger import FILE
    from inventory.load import load_estate
    from inventory.mistakes import mistake

    folder = current().estate_dir
    file = folder / FILE
    if not file.exists():
        raise mistake("EST409", Place(file))
    seen = _inspect()
    if seen.draft is None:
        load_estate(folder)  # raises what is wrong
    found = [item for item in (*seen.errors, *seen.warnings) if item.code.startswith(_OWN)]
    if since is not None:
        from inventory.revision import Revision

        with Revision(folder, since).files() as old:
            before = (old / FILE).read_bytes() if (old / FILE).exists() else b""
        if not file.read_bytes().startswith(before):
            found.append(mistake("EST408", Place(file), actual=since))
    if as_json:
        emit_json({"ledger": str(file), "valid": not found, "errors": [item.as_dict() for item in found]})
    else:
        for item in found:
            err.print(str(item), markup=False)
        lines = len(file.read_bytes().splitlines())
        out.print(f"{file}: {lines} lines, {len(found)} differences", markup=False)
    if found:
        raise typer.Exit(int(ExitCode.INVALID))


@app.command()
def append(as_json: Json = False) -> None:
    """Write down what changed: numbers of new things are given, those of things that are gone retired. Commit the file.

    Example: rackproof --estate inventory/estate estate ledger append
    """
    from datetime import UTC, date, datetime

    from inventory.ledger import FILE, GENESIS, Ledger, due, read, used, write

    folder = current().estate_dir
    found = _inspect()
    draft = found.draft
    if draft is None or any(not item.code.startswith(_OWN) for item in found.errors):
        from inventory.load import load_estate

        load_estate(folder)  # raises what is wrong
        return
    file, days = folder / FILE, draft.head.addressing.quarantine_days
    ledger = read(file, days) if file.exists() else Ledger(file, {}, 0, GENESIS, date.min)
    lines = due(ledger, used(draft), datetime.now(UTC).date(), days)
    write(ledger, lines)
    if as_json:
        emit_json([{"kind": e.kind, "id": e.id, "owner": e.owner, "date": e.date, "state": e.state} for e in lines])
        return
    for entry in lines:
        out.print(f"{entry.state} {entry.kind} {entry.id}: {entry.owner}", markup=False)
    out.print(f"{file}: {len(lines)} lines appended", markup=False)


@app.command()
def free(
    region: Annotated[
        int | None, typer.Option("--region", min=1, max=253, help="For a new site of this region; else a new region.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=50, help="How many numbers of each kind.")] = 5,
    as_json: Json = False,
) -> None:
    """Propose plan numbers that nobody has and that are in no quarantine. Nothing is written.

    Example: rackproof --estate inventory/estate estate ledger free --region 31
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from core.errors import Place
    from inventory.ledger import FILE, read
    from inventory.mistakes import mistake
    from inventory.shown import show
    from inventory.vacancies import vacancies

    folder = current().estate_dir
    draft = _inspect().draft
    if draft is None:
        raise mistake("EST030", Place(folder))
    file = folder / FILE
    ledger = read(file, draft.head.addressing.quarantine_days) if file.exists() else None
    found = vacancies(draft, ledger, datetime.now(UTC).date(), region, count)
    if as_json:
        emit_json([asdict(item) for item in found])
        return
    show({"free": [{**asdict(item), "numbers": ", ".join(map(str, item.numbers))} for item in found]}, False)


def _inspect() -> Inspection:
    from inventory.load import inspect_estate

    return inspect_estate(current().estate_dir)
