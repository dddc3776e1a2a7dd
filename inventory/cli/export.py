"""``estate export``: what other programs read, made from the estate. Nothing is contacted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.documents import deliver_files, deliver_text
from core.workspace import current

if TYPE_CHECKING:
    from inventory.model.estate import Estate

app = typer.Typer(help="Write the estate out for other programs.", no_args_is_help=True)
DOMAIN = "rackproof.internal"
To = Annotated[Path | None, typer.Option("--to", help="Write here; standard output when left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Domain = Annotated[str, typer.Option("--domain", help="Domain below which the devices are named.")]


@app.command()
def hosts(domain: Domain = DOMAIN, to: To = None, as_json: Json = False) -> None:
    """Print /etc/hosts: every interface, IPv6 first, by full and by short name.

    Example: rackproof estate export hosts --domain rackproof.internal
    """
    from inventory.queries.naming import addresses

    estate = _estate()
    lines = [f"# {estate.head.name}: made by rackproof, do not edit"]
    lines += [f"{address} {name}.{domain.rstrip('.')} {name}" for name, address in addresses(estate)]
    deliver_text("\n".join(lines) + "\n", to, as_json=as_json)


@app.command()
def zone(
    domain: Domain = DOMAIN,
    name_server: Annotated[
        list[str] | None, typer.Option("--name-server", help="A device that serves the zones; may be repeated.")
    ] = None,
    serial: Annotated[int | None, typer.Option("--serial", help="Serial of the zones; the time now when left out.")] = (
        None
    ),
    to: Annotated[Path | None, typer.Option("--to", help="Folder for one file a zone.")] = None,
    as_json: Json = False,
) -> None:
    """Write the DNS zones: A and AAAA below the domain, PTR for IPv6 and IPv4. Without --to only the forward zone.

    Example: rackproof estate export zone --domain rackproof.internal --to zones
    """
    from inventory.export.dns import zones

    made = zones(_estate(), domain, int(time.time()) if serial is None else serial, name_server or ())
    if to is None:
        deliver_text(made[0].text, None, as_json=as_json)
        return
    deliver_files({to / f"{item.origin}.zone": item.text.encode() for item in made}, as_json=as_json)


@app.command()
def assets(to: To = None, as_json: Json = False) -> None:
    """Write the asset list as CSV: place, owner, serial, depreciation, support and licences of every device.

    Example: rackproof estate export assets --to assets.csv
    """
    import csv
    import io
    from datetime import UTC, datetime

    from inventory.export.assets import rows

    found = rows(_estate(), datetime.now(UTC).date())
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(found[0]) if found else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    # spreadsheets take Vietnamese for something else without the mark at the beginning
    deliver_text(text.getvalue(), to, as_json=as_json, encoding="utf-8-sig")


@app.command()
def prometheus(
    to: Annotated[Path | None, typer.Option("--to", help="Folder for one file a job.")] = None, as_json: Json = False
) -> None:
    """Write Prometheus targets in file_sd form, one list a job.

    Example: rackproof estate export prometheus --to /etc/prometheus/targets
    """
    from inventory.export.prometheus import targets

    made = targets(_estate())
    if to is None:
        deliver_text(_json(made), None, as_json=as_json)
        return
    deliver_files({to / f"{job}.json": _json(entries).encode() for job, entries in made.items()}, as_json=as_json)


@app.command("netbox-json")
def netbox_json(to: To = None, as_json: Json = False) -> None:
    """Write what `estate netbox push` makes: kind, identity and fields, dependencies first, references by identity.

    Example: rackproof estate export netbox-json --to netbox.json
    """
    from inventory.netbox.mapping import objects

    deliver_text(_json(objects(_estate())), to, as_json=as_json)


def _estate() -> Estate:
    from inventory.load.loader import load_estate

    return load_estate(current().estate_dir)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
