"""``estate facility``: the static verdict on power and cooling, and a room with components taken out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from core.console import emit_json, out
from core.errors import ExitCode, Place
from core.i18n import language
from core.workspace import current
from inventory.cli.table_output import show

if TYPE_CHECKING:
    from inventory.facility.verdict import FacilityVerdict
    from inventory.model.estate import Estate

_SHOWN = 50


def facility(
    site: Annotated[str | None, typer.Argument(help="A site code; the whole estate when left out.")] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="A component that is taken out; may stand several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Judge power and cooling by rating: N+1, two paths, cords, what can be taken out. Not the live load.

    Exit code 0, or 1 when a verdict that binds fails or is unknown; with --without, when a load is dropped, a component
    is overloaded, or that is not known.

    Example: rackproof --estate inventory/estate estate facility dc --without dc-ups-a
    """
    from inventory.facility.rules import verdict
    from inventory.facility.verdict import OPEN
    from inventory.load.loader import load_estate
    from inventory.model.diagnostics import mistake

    estate = load_estate(current().estate_dir)
    if site is not None and site not in estate.sites:
        raise mistake("EST050", Place(estate.root), actual=site, known=estate.sites)
    if without and site is None:
        raise mistake("EST185", Place(estate.root))
    if without and site is not None:
        is_open = _taken_out(estate, site, without, as_json)
    else:
        rows = list(verdict(estate, site))
        if site:
            _site(estate, site, rows, as_json)
        else:
            _estate(rows, as_json)
        is_open = any(row.verdict in OPEN for row in rows)
    if is_open:
        raise typer.Exit(int(ExitCode.NOT_GREEN))


def _estate(rows: list[FacilityVerdict], as_json: bool) -> None:
    from inventory.facility import tables

    if as_json:
        found = [tables.as_data(row) for row in tables.worst_first(rows)]
        emit_json({"basis": "rating", "tiers": tables.per_tier(rows), "verdicts": found})
        return
    lang = language()
    show({tables.word("tiers", lang): tables.tiers(rows, lang)}, False)
    listed = tables.open_ones(rows, lang)
    show({tables.word("open", lang): listed}, False, _SHOWN)
    out.print(tables.word("basis", lang), markup=False)


def _site(estate: Estate, site: str, rows: list[FacilityVerdict], as_json: bool) -> None:
    from inventory.facility import tables
    from inventory.facility.graph import Facility
    from inventory.facility.verdict import FacilityCase

    case = FacilityCase(Facility(estate.sites[site], estate.hardware))
    loads = tables.loads(case, case.normal)
    if as_json:
        found = [tables.as_data(row) for row in tables.worst_first(rows)]
        emit_json({"site": site, "basis": "rating", "verdicts": found, "loads": loads})
        return
    lang = language()
    parts = {"verdict": tables.verdicts(rows, lang), "loads": tables.shown_loads(loads, lang)}
    show({f"{site}: {tables.word(key, lang)}": found for key, found in parts.items()}, False)
    out.print(tables.word("basis", lang), markup=False)


def _taken_out(estate: Estate, site: str, names: list[str], as_json: bool) -> bool:
    """Show a site without some components; tell whether a load is dropped or overloaded, or that is not known."""
    from inventory.facility import tables
    from inventory.facility.flow import flow
    from inventory.facility.graph import Facility
    from inventory.facility.removal import effect
    from inventory.facility.verdict import OPEN, FacilityCase, FacilityOutcome
    from inventory.model.diagnostics import mistake

    case = FacilityCase(Facility(estate.sites[site], estate.hardware))
    known = [*case.facility.nodes, *case.facility.cooling]
    for name in names:
        if name not in known:
            raise mistake("EST186", Place(estate.root), actual=name, known=known, site=site)
    state = flow(case.facility, names)
    found = effect(case, state)
    is_open = found.verdict in OPEN or bool(found.for_itself)
    loads = tables.loads(case, state)
    if as_json:
        verdict = FacilityOutcome.FAIL if found.for_itself else found.verdict
        shown = asdict(found) | {"dropped": found.dropped + found.for_itself, "stopped": state.stopped}
        head = {"site": site, "without": names, "basis": "rating", "verdict": verdict.value}
        emit_json({**head, **shown, "loads": loads})
        return is_open
    lang = language()
    out.print(tables.word("without", lang, site=site, names=", ".join(names)) + ":", markup=False)
    for line in tables.said(found, lang):
        out.print(f"  {line}", markup=False)
    out.print()
    show({tables.word("loads", lang): tables.shown_loads(loads, lang)}, False)
    out.print(tables.word("basis", lang), markup=False)
    return is_open
