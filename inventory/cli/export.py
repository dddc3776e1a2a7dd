"""``estate export``, ``draw`` and ``serve-sd``: what other programs read, made from the estate. It contacts nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json_line, end_stream, err
from core.documents import deliver_files, deliver_text
from core.errors import RackproofError
from core.i18n import _
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

    if serial is None:
        serial = int(time.time())
    made = zones(_estate(), domain, serial, name_server or ())
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


def draw(
    what: Annotated[str, typer.Argument(help="A site code, or backbone.")],
    power: Annotated[bool, typer.Option("--power", help="Draw power and cooling, not the network.")] = False,
    network: Annotated[bool, typer.Option("--network", help="Draw the network (when neither is said).")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="File to write; standard output when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Draw a site's network or power chain, or the whole backbone, as SVG that any browser shows.

    Example: rackproof --estate inventory/estate estate draw hph --power --to hph-power.svg
    """
    from core.errors import Place
    from inventory.model.diagnostics import mistake

    estate = _estate()
    if what != "backbone" and what not in estate.sites:
        raise mistake("EST050", Place(estate.root), actual=what, known=["backbone", *estate.sites])
    if power and (network or what == "backbone"):
        raise mistake("EST059", Place(estate.root))
    if what == "backbone":
        from inventory.draw.backbone import backbone

        made = backbone(estate)
    elif power:
        from inventory.draw.power import power as draw_power

        made = draw_power(estate, what)
    else:
        from inventory.draw.network import network as draw_network

        made = draw_network(estate, what)
    deliver_text(made, to, as_json=as_json)


def serve_sd(
    listen: Annotated[str, typer.Option("--listen", help="ADDRESS:PORT of this machine, [ADDRESS]:PORT for IPv6.")],
    job: Annotated[list[str] | None, typer.Option("--job", help="Only this job (may be repeated).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line per event.")] = False,
) -> None:
    """Serve the targets of Prometheus (http_sd) on /sd/JOB, always as the estate is now, until interrupted.

    While the estate has a mistake the answer is 503 with its text, and Prometheus keeps the targets it has.

    Example: rackproof estate serve-sd --listen 127.0.0.1:9781
    """
    from inventory.export.service_discovery import TargetSource, address, chosen, listening, serve
    from inventory.model.ipv6 import bracket_host

    folder = current().estate_dir.resolve()
    jobs = chosen(job or (), folder)
    host, port = address(listen, folder)
    line = listening(host, port, folder)
    tell = emit_json_line if as_json else _print_event
    source = TargetSource(folder, jobs, lambda wrong: tell({"event": "estate", "valid": not wrong, "reason": wrong}))
    url = f"http://{bracket_host(host)}:{port}/sd/"
    with end_stream(tell):
        tell({"event": "listening", "url": url, "jobs": jobs, "estate": str(folder)})
        with suppress(RackproofError):  # it was said; the estate can be mended while we serve
            source.lists()
        serve(source, line)


def _print_event(event: Mapping[str, Any]) -> None:
    if event["event"] == "listening":
        jobs = ", ".join(event["jobs"])
        line = _("{jobs} of {estate}, on {url}").format(jobs=jobs, estate=event["estate"], url=event["url"])
        err.print(line, markup=False)
    elif event["event"] == "estate" and event["valid"]:
        err.print(_("the estate is right again"), markup=False)
    elif event["event"] == "estate":
        err.print(_("the estate is not right, answers are 503:"), markup=False)
        err.print(event["reason"], markup=False)


def _estate() -> Estate:
    from inventory.load.loader import load_estate

    return load_estate(current().estate_dir)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
