"""``estate transition``: how far every site is on its way to IPv6 alone, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json
from core.errors import ExitCode
from core.workspace import current

if TYPE_CHECKING:
    from inventory.network.transition import Progress

_MANY = 12  # things in the way that are still named one by one


def transition(
    site: Annotated[str | None, typer.Argument(help="One site; every tier when left out.")] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Judge as of this day.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a site is overdue.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say how far sites are on the way from IPv4 to IPv6 alone: what they say, what the plan shows, and what is due.

    Example: rackproof --estate inventory/estate estate transition hph --on 2029-01-01
    """
    from core.errors import Place
    from inventory.cli.table_output import show
    from inventory.load.loader import load_estate
    from inventory.model.diagnostics import mistake
    from inventory.network.transition import progress

    estate = load_estate(current().estate_dir)
    if site is not None and site not in estate.sites:
        raise mistake("EST050", Place(estate.root), actual=site, known=estate.sites)
    day = (on or datetime.now().astimezone()).date()
    found = [item for item in progress(estate, day) if site in (None, item.site)]
    if as_json:
        emit_json({"day": str(day), "sites": [asdict(item) for item in found]})
    elif site is not None:
        show({"site": [_row(item) for item in found], "in the way": _named(found[0].in_the_way)}, False, _MANY)
    else:
        show({"tiers": _tiers(found), "overdue": [_row(item) for item in found if item.overdue]}, False, _MANY)
    if check and any(item.overdue for item in found):
        raise typer.Exit(int(ExitCode.NOT_GREEN))


def _row(item: Progress) -> dict[str, Any]:
    v6, v4 = item.shares
    return {
        "site": item.site,
        "tier": item.tier,
        "says": item.said.value,
        "counted": _name_counted(item),
        "interfaces": item.interfaces,
        "ipv6": f"{v6:.0%}",
        "ipv4": f"{v4:.0%}",
        "next": item.next.value if item.next else "",
        "due": str(item.due or ""),
        "overdue": "yes" if item.overdue else "no",
        "in the way": len(item.in_the_way),
    }


def _name_counted(item: Progress) -> str:
    if item.counted is None:
        return "unknown"
    return item.counted.value


def _named(reasons: Iterable[str]) -> list[dict[str, Any]]:
    return [{"reason": reason} for reason in reasons]


def _tiers(found: list[Progress]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], list[Progress]] = {}
    for item in found:
        rows.setdefault((item.tier, _name_counted(item)), []).append(item)
    return [_tier_row(tier, stage, items) for (tier, stage), items in rows.items()]


def _tier_row(tier: str, stage: str, items: list[Progress]) -> dict[str, Any]:
    interfaces = max(sum(item.interfaces for item in items), 1)
    due = min((item.due for item in items if item.due), default="")
    following = items[0].next
    return {
        "tier": tier,
        "counted": stage,
        "sites": len(items),
        "interfaces": sum(item.interfaces for item in items),
        "ipv6": f"{sum(item.ipv6 for item in items) / interfaces:.0%}",
        "ipv4": f"{sum(item.ipv4 for item in items) / interfaces:.0%}",
        "next": following.value if following else "",
        "due first": str(due),
        "overdue": sum(item.overdue for item in items),
        "held up": sum(bool(item.in_the_way) for item in items),
    }
