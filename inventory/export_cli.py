"""``estate export``: what other programs read, made from the estate. Nothing is contacted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import err
from core.workspace import current

if TYPE_CHECKING:
    from core.errors import RackproofError
    from inventory.estate import Estate

app = typer.Typer(help="Write the estate out for other programs.", no_args_is_help=True)
DOMAIN = "rackproof.internal"
To = Annotated[Path | None, typer.Option("--to", help="Write here; standard output when left out.")]
Domain = Annotated[str, typer.Option("--domain", help="Domain below which the devices are named.")]


@app.command()
def hosts(domain: Domain = DOMAIN, to: To = None) -> None:
    """Print /etc/hosts: every interface, IPv6 first, by full and by short name.

    Example: rackproof estate export hosts --domain rackproof.internal
    """
    from inventory.naming import addresses

    estate = _estate()
    lines = [f"# {estate.head.name}: made by rackproof, do not edit"]
    lines += [f"{address} {name}.{domain.rstrip('.')} {name}" for name, address in addresses(estate)]
    _write("\n".join(lines) + "\n", to)


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
) -> None:
    """Write the DNS zones: A and AAAA below the domain, PTR for IPv6 and IPv4. Without --to only the forward zone.

    Example: rackproof estate export zone --domain rackproof.internal --to zones
    """
    from inventory.dns import zones

    made = zones(_estate(), domain, int(time.time()) if serial is None else serial, name_server or ())
    if to is None:
        _write(made[0].text, None)
        return
    _folder(to)
    for item in made:
        _write(item.text, to / f"{item.origin}.zone")


@app.command()
def assets(to: To = None) -> None:
    """Write the asset list as CSV: place, owner, serial, depreciation, support and licences of every device.

    Example: rackproof estate export assets --to assets.csv
    """
    import csv
    import io
    from datetime import UTC, datetime

    from inventory.assets import rows

    found = rows(_estate(), datetime.now(UTC).date())
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(found[0]) if found else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    _write(text.getvalue(), to, encoding="utf-8-sig")  # spreadsheets take Vietnamese for something else without it


@app.command()
def prometheus(to: Annotated[Path | None, typer.Option("--to", help="Folder for one file a job.")] = None) -> None:
    """Write Prometheus targets in file_sd form, one list a job.

    Example: rackproof estate export prometheus --to /etc/prometheus/targets
    """
    from inventory.prometheus import targets

    made = targets(_estate())
    if to is None:
        _write(_json(made), None)
        return
    _folder(to)
    for job, entries in made.items():
        _write(_json(entries), to / f"{job}.json")


@app.command("netbox-json")
def netbox_json(to: To = None) -> None:
    """Write what `estate netbox push` makes: kind, identity and fields, dependencies first, references by identity.

    Example: rackproof estate export netbox-json --to netbox.json
    """
    from inventory.netbox.mapping import objects

    _write(_json(objects(_estate())), to)


def _estate() -> Estate:
    from inventory.load import load_estate

    return load_estate(current().estate_dir)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _folder(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(to, error) from error


def _write(text: str, to: Path | None, encoding: str = "utf-8") -> None:
    if to is None:
        print(text, end="")
        return
    try:
        to.write_text(text, encoding)
    except OSError as error:
        raise _unwritable(to, error) from error
    err.print(str(to), markup=False)


def _unwritable(to: Path, error: OSError) -> RackproofError:
    from core.errors import Place
    from inventory.mistakes import mistake

    return mistake("EST058", Place(to), reason=error.strerror)
