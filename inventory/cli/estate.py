"""The estate's commands: validate, diff, show, explain, ipam, schema. They read files only; nothing is contacted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out, say_rest
from core.documents import deliver_files, deliver_text
from core.errors import ErrorGroup, ExitCode, raise_all
from core.i18n import _, ngettext
from core.workspace import current
from inventory.cli.export import app as export
from inventory.cli.export import draw, serve_sd
from inventory.cli.facility import facility
from inventory.cli.ledger import app as ledger
from inventory.cli.netbox import app as netbox
from inventory.cli.table_output import show as show_rows
from inventory.cli.transition import transition

if TYPE_CHECKING:
    from core.errors import RackproofError
    from inventory.model.estate import Estate

# plain help: the decorated one imports a Markdown reader and costs every --help 0.13 s
app = typer.Typer(
    help="The estate: validate it, show it, explain it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command()(draw)
app.command()(transition)
app.command()(facility)
app.command()(serve_sd)
app.add_typer(export, name="export")
app.add_typer(ledger, name="ledger")
app.add_typer(netbox, name="netbox")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_SHOWN = 50


@app.command()
def validate(
    path: Annotated[Path | None, typer.Argument(help="Estate folder; that of the workspace when left out.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Check anew even when nothing changed.")] = False,
    as_json: Json = False,
) -> None:
    """Check every file, value and reference of an estate; all mistakes at once.

    Exit code 0, or that of the first mistake: 3, or 2 where there is no estate, 6 where it may not be read.

    Example: rackproof estate validate inventory/estate
    """
    from inventory.load.loader import check_estate
    from inventory.queries.tables import count_objects

    folder = path or current().estate_dir
    found = check_estate(folder, cached=not no_cache)
    counts = count_objects(found.estate) if found.estate is not None else {}
    if as_json:
        emit_json(
            {
                "estate": str(folder),
                "valid": not found.errors,
                **counts,
                "errors": [error.as_dict() for error in found.errors],
                "warnings": [warning.as_dict() for warning in found.warnings],
            },
            [error.as_dict() for error in found.errors],
        )
    else:
        _print_findings(folder, [*found.warnings, *found.errors], len(found.errors), counts)
    if found.errors:
        raise typer.Exit(int(ErrorGroup(list(found.errors)).exit_code))


def _print_findings(folder: Path, findings: list[Any], errors: int, counts: dict[str, int]) -> None:
    for item in findings[-_SHOWN:]:
        label = _("error") if item in findings[len(findings) - errors :] else _("warning")
        err.print(f"{label}: {item}", markup=False)
    if len(findings) > _SHOWN:
        err.print(say_rest(len(findings) - _SHOWN))
    number = len(findings) - errors
    doubtful = ngettext("{n} warning", "{n} warnings", number).format(n=number)
    if errors:
        wrong = ngettext("{n} error", "{n} errors", errors).format(n=errors)
        err.print(f"{folder}: {wrong}, {doubtful}", markup=False)
    else:
        counted = ", ".join(f"{count} {_(what)}" for what, count in counts.items())
        text = _("{folder}: valid, {warnings} ({counted})")
        out.print(text.format(folder=folder, warnings=doubtful, counted=counted), markup=False)


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(help="A site code or a device name; the whole estate when left out.")
    ] = None,
    tier: Annotated[str | None, typer.Option("--tier", help="Only sites of this tier, for example TINH.")] = None,
    as_json: Json = False,
) -> None:
    """Show the estate, one site, or one device.

    Example: rackproof estate show hph
    """
    from inventory.model.diagnostics import mistake
    from inventory.queries import tables

    estate = _estate()
    if tier is not None and tier not in estate.tiers:
        raise mistake("EST046", _place(estate), actual=tier, known=estate.tiers)
    if name is None:
        listed = [row for row in tables.list_sites(estate) if tier in (None, row["tier"])]
        parts: dict[str, list[dict[str, Any]]] = {"tiers": tables.list_tiers(estate)}
        if as_json or tier is not None or len(listed) <= _SHOWN:
            parts["sites"] = listed
    elif name in estate.sites:
        parts = {
            "site": [row for row in tables.list_sites(estate) if row["site"] == name],
            **tables.describe_site(estate, name),
        }
    elif name in estate.devices:
        parts = tables.describe_device(estate, name)
    else:
        raise mistake("EST050", _place(estate), actual=name, known=[*estate.sites, *estate.devices])
    show_rows(parts, as_json)


@app.command()
def diff(
    revision: Annotated[str, typer.Argument(help="A git revision: a commit, a branch, a tag, HEAD~1.")] = "HEAD",
    to: Annotated[str | None, typer.Option("--to", help="Compare with this revision, not the working tree.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something differs.")] = False,
    as_json: Json = False,
) -> None:
    """Say in words what changed in the estate since a git revision, and who is affected. Both states are validated.

    Example: rackproof --estate inventory/estate estate diff HEAD~1
    """
    from inventory.change.diff import find_changes
    from inventory.change.diff_words import count_changes, describe_changes
    from inventory.change.impact import find_impact
    from inventory.load.loader import load_estate
    from inventory.load.revision import Revision

    folder = current().estate_dir
    source = Revision(folder, revision)
    target = Revision(folder, to) if to is not None else None
    old = source.load()
    new = target.load() if target else load_estate(folder)
    found = find_changes(old, new)
    felt = find_impact(old, new, found)
    if as_json:
        emit_json(
            {
                "from": {"revision": revision, "commit": source.commit},
                "to": {"revision": to, "commit": target.commit} if target else None,
                **count_changes(found),
                "changes": [asdict(change) for change in found],
                "impact": asdict(felt),
            }
        )
    else:
        for line in describe_changes(found, felt):
            out.print(line, markup=False)
    if exit_code and found:
        raise typer.Exit(int(ExitCode.NOT_GREEN))


@app.command()
def explain(
    site: Annotated[str, typer.Argument(help="A site code.")],
    path: Annotated[
        str, typer.Argument(help="A path in the site, as devices.hph-edge1.wave; all of it when left out.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say where values of a site come from: file, line and layer, and which layers they cover.

    Example: rackproof --estate inventory/estate estate explain hph devices.hph-edge1.wave
    """
    from inventory.load.draft_reader import read_draft
    from inventory.model.diagnostics import mistake
    from inventory.queries.derived import derived
    from inventory.queries.explain import explain as sayings

    folder = current().estate_dir
    errors: list[RackproofError] = []
    draft = read_draft(folder, errors)
    places = {place.site.site: place for place in draft.sites} if draft else {}
    if draft is None or site not in places:
        from core.errors import EstateWarning, Place

        wrong = [error for error in errors if not isinstance(error, EstateWarning)]
        raise_all(wrong)  # the site may be missing only because of them
        raise mistake("EST050", Place(folder), actual=site, known=places)
    rows = [
        {
            "path": s.path,
            "value": str(s.value),
            "layer": s.layer,
            "file": str(s.place.file),
            "line": s.place.line,
            "holds": s.wins,
        }
        for s in derived(draft, places[site], path) or sayings(places[site].source, path)
    ]
    if as_json:
        emit_json(rows)
        return
    shown = [
        {
            "path": r["path"],
            "value": r["value"] if r["holds"] else f"({r['value']})",
            "layer": r["layer"],
            "written": f"{_relative(Path(str(r['file'])))}:{r['line']}",
        }
        for r in rows
    ]
    show_rows({f"{site} (a value in brackets is covered by the one below it)": shown}, False)


@app.command()
def failures(
    site: Annotated[str | None, typer.Argument(help="One site; the whole estate when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Say what one lost router, link, circuit, route or power component cuts, from the estate alone (N-1).

    Example: rackproof estate failures hph
    """
    from inventory.model.diagnostics import mistake
    from inventory.network import failure_tables as outages

    estate = _estate()
    if site is not None and site not in estate.sites:
        raise mistake("EST050", _place(estate), actual=site, known=estate.sites)
    found = outages.of_site(estate, site) if site else outages.of_estate(estate)
    show_rows(found, as_json, _SHOWN)


@app.command()
def ipam(
    query: Annotated[str | None, typer.Argument(help="An address, a prefix, a device, a site or a link id.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: Json = False,
) -> None:
    """Print the address plan, or say who has an address or a prefix. IPv4 of today stands beside IPv6.

    Example: rackproof estate ipam fd52:5052:1f00:106e::11
    """
    from dataclasses import asdict

    from inventory.model.diagnostics import mistake
    from inventory.queries import ipam as plan

    estate = _estate()
    found = list(plan.rows(estate)) if query is None else plan.who_has(estate, query)
    if not found:
        raise mistake("EST052", _place(estate), actual=query)
    rows = [asdict(row) for row in found]
    if as_csv and not as_json:
        _print_csv(rows)
    else:
        show_rows({"addresses": rows}, as_json)


@app.command()
def schema(
    kind: Annotated[
        str, typer.Argument(help="site, archetype, estate, tiers, links, services, hardware or policies.")
    ] = "site",
    to: Annotated[Path | None, typer.Option("--to", help="Write the schemas of all kinds into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON Schema of a kind of file, for editors that complete and check YAML.

    Example: rackproof estate schema site
    """
    from inventory.export.json_schema import make_files, make_text

    if to is None:
        deliver_text(make_text(kind), None, as_json=as_json)
    else:
        deliver_files(make_files(to), as_json=as_json)


def _estate() -> Estate:
    from inventory.load.loader import load_estate

    return load_estate(current().estate_dir)


def _place(estate: Estate) -> Any:
    from core.errors import Place

    return Place(estate.root)


def _print_csv(rows: list[dict[str, Any]]) -> None:
    import csv
    import sys

    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _relative(file: Path) -> Path:
    if file.is_relative_to(Path.cwd()):
        return file.relative_to(Path.cwd())
    return file
