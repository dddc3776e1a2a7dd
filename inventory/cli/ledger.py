"""``estate ledger``: the append-only list of plan numbers that were given and retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.console import emit_json, err, out
from core.errors import ErrorGroup
from core.i18n import _, ngettext
from core.workspace import current

if TYPE_CHECKING:
    from pathlib import Path

    from core.errors import RackproofError
    from inventory.source.parsed_estate import Draft

app = typer.Typer(help="The ledger of plan numbers: check it, bring it up to date.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_OWN = "EST40"
_FORM = "EST045"  # codes below: a file or a site that could not be read, so it is not known which numbers are in use


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
    from inventory.model.diagnostics import mistake
    from inventory.numbering.ledger import FILE, lost

    folder = current().estate_dir
    file = folder / FILE
    draft, seen = _inspected(folder)
    if not file.exists():
        raise lost(draft) or mistake("EST409", Place(file))
    found = [*_unread(seen), *(item for item in seen if item.code.startswith(_OWN))]
    is_unread = any(item.place and item.place.file == file for item in _unread(seen))
    content = b"" if is_unread else file.read_bytes()
    if since is not None:
        from inventory.load.revision import Revision

        with Revision(folder, since).files() as old:
            before = (old / FILE).read_bytes() if (old / FILE).exists() else b""
        if not content.startswith(before):
            found.append(mistake("EST408", Place(file), actual=since))
    if as_json:
        listed = [item.as_dict() for item in found]
        emit_json({"ledger": str(file), "valid": not found, "errors": listed}, listed)
    else:
        for item in found:
            err.print(str(item), markup=False)
        number, wrong = len(content.splitlines()), len(found)
        lines = ngettext("{n} line", "{n} lines", number).format(n=number)
        differences = ngettext("{n} difference", "{n} differences", wrong).format(n=wrong)
        out.print(f"{file}: {lines}, {differences}", markup=False)
    if found:
        raise typer.Exit(int(ErrorGroup(found).exit_code))


@app.command()
def append(as_json: Json = False) -> None:
    """Write down what changed: numbers of new things are given, those of things that are gone retired. Commit the file.

    Example: rackproof --estate inventory/estate estate ledger append
    """
    from datetime import UTC, date, datetime

    from core.errors import EstateWarning
    from inventory.numbering.ledger import FILE, GENESIS, Ledger, due, lost, read, used, write

    folder = current().estate_dir
    draft, found = _inspected(folder)
    if any(not item.code.startswith(_OWN) and not isinstance(item, EstateWarning) for item in found):
        from inventory.load.loader import load_estate

        load_estate(folder)  # raises what is wrong
    file, days = folder / FILE, draft.head.addressing.quarantine_days
    gone = lost(draft)
    if gone is not None:
        raise gone  # to begin anew would forget what was retired, and when
    ledger = read(file, days) if file.exists() else Ledger(file, {}, 0, GENESIS, date.min)
    lines = due(ledger, used(draft), datetime.now(UTC).date(), days)
    write(ledger, lines)
    if as_json:
        emit_json([{"kind": e.kind, "id": e.id, "owner": e.owner, "date": e.date, "state": e.state} for e in lines])
        return
    for entry in lines:
        out.print(f"{entry.state} {entry.kind} {entry.id}: {entry.owner}", markup=False)
    number = len(lines)
    appended = ngettext("{n} line appended", "{n} lines appended", number).format(n=number)
    out.print(f"{file}: {appended}", markup=False)
    if draft.head.ledger is None:
        advice = _("say `ledger: {file}` here; then a lost ledger is a mistake").format(file=FILE)
        err.print(f"{folder / 'estate.yml'}: {advice}", markup=False)


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

    from inventory.cli.table_output import show
    from inventory.numbering.free_numbers import vacancies
    from inventory.numbering.ledger import FILE, lost, read

    folder = current().estate_dir
    draft, seen = _inspected(folder)
    file, gone = folder / FILE, lost(draft)
    if gone is not None:
        raise gone
    unread = _unread(seen)
    if unread:
        raise ErrorGroup(unread)
    ledger = read(file, draft.head.addressing.quarantine_days) if file.exists() else None
    found = vacancies(draft, ledger, datetime.now(UTC).date(), region, count)
    if as_json:
        emit_json([asdict(item) for item in found])
        return
    show({"free": [{**asdict(item), "numbers": ", ".join(map(str, item.numbers))} for item in found]}, False)


def _inspected(folder: Path) -> tuple[Draft, list[RackproofError]]:
    """Return the draft of an estate, whatever is wrong in it, and what is; raises that when there is no draft."""
    from inventory.load.inspection import inspect_estate
    from inventory.load.loader import load_estate

    found = inspect_estate(folder)
    if found.draft is None:
        load_estate(folder)  # raises what is wrong
        raise AssertionError(folder)
    return found.draft, [*found.errors, *found.warnings]


def _unread(seen: list[RackproofError]) -> list[RackproofError]:
    """Return what kept a part of the estate from being read: mistakes of form, and what the system refused (FIL…)."""
    from core.errors import EstateWarning

    errors = [item for item in seen if not isinstance(item, EstateWarning)]
    return [item for item in errors if item.code < _FORM or not item.code.startswith("EST")]
