"""The monitoring room's commands: poll, serve, targets, rules check."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import emit_json, err, out, progress
from core.errors import ExitCode, RackproofError
from core.workspace import current
from monitoring.readings import Quality

if TYPE_CHECKING:
    from inventory.estate import Estate
    from monitoring.raw import RawPoll
    from monitoring.readings import Reading


app = typer.Typer(help="Poll devices, serve readings as metrics, check the alert rules.", no_args_is_help=True)
rules_app = typer.Typer(help="The alert rules.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
COLOURS = {Quality.GOOD: "green", Quality.NO_DATA: "red", Quality.UNREACHABLE: "red", Quality.ERROR: "red"}


@app.command("poll")
def poll(
    devices: Annotated[list[str] | None, typer.Argument(help="Devices; all with SNMP access when left out.")] = None,
    raw: Annotated[Path | None, typer.Option("--raw", help="Keep each answer as NAME.json in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Poll devices once and show their readings. Read-only.

    Exit code 0: every reading is good; 1: some reading has no data; 4: some device does not answer.

    Example: rackproof monitor poll ups-a env-dc
    """

    from inventory.load import load_estate
    from monitoring.collect import poll_devices
    from monitoring.normalise import readings

    ws = current()
    estate = load_estate(ws.estate_dir)
    with progress("Polling") as step:
        polls = poll_devices(
            estate, ws, devices or None, lambda name, done, total: step(name, done=done, total=total)
        )
    if raw is not None:
        raw.mkdir(parents=True, exist_ok=True)
        for item in polls:
            (raw / f"{item.device}.json").write_bytes(item.to_bytes())
    found = {item.device: readings(item, estate) for item in polls}
    if as_json:
        emit_json([_plain(item, found[item.device]) for item in polls])
    else:
        _show(polls, found, detailed=bool(devices))
    raise typer.Exit(_exit_code(polls, found))


def _exit_code(polls: list[RawPoll], found: dict[str, list[Reading]]) -> int:
    if any(item.error for item in polls):
        return int(ExitCode.UNREACHABLE)
    good = all(reading.good for items in found.values() for reading in items)
    return int(ExitCode.OK if good else ExitCode.NOT_GREEN)


def _plain(raw: RawPoll, items: list[Reading]) -> dict[str, Any]:
    return {
        "device": raw.device,
        "site": raw.site,
        "address": raw.address,
        "version": raw.version,
        "error": raw.error,
        "attempts": [{"address": address, "error": error} for address, error in raw.attempts],
        "rejected": dict(raw.rejected),
        "incomplete": {".".join(map(str, p.oid)): p.status for p in raw.parts if p.status != "complete"},
        "duration_s": round((raw.t1 - raw.t0).total_seconds(), 3),
        "readings": [
            {
                "quantity": item.quantity, "position": item.position, "value": item.value, "unit": item.unit,
                "quality": item.quality, "detail": item.detail, "taken_at": item.taken_at.isoformat(),
            }
            for item in items
        ],
    }  # fmt: skip


def _show(polls: list[RawPoll], found: dict[str, list[Reading]], *, detailed: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("device", "site", "address", "SNMP", "readings", "not good", "time", box=None)
    for item in polls:
        count = Counter(reading.quality for reading in found[item.device])
        bad = ", ".join(f"{number} {quality}" for quality, number in count.items() if quality is not Quality.GOOD)
        took = f"{(item.t1 - item.t0).total_seconds():.2f} s"
        colour = "red" if bad or item.error else "green"
        note = escape(item.error or bad or "-")
        total = str(sum(count.values()))
        table.add_row(item.device, item.site, item.address, item.version, total, f"[{colour}]{note}[/]", took)
    out.print(table)
    for item in polls:
        for reading in found[item.device]:
            if detailed or not (reading.good or item.error):
                out.print(_line(reading))


def _line(reading: Reading) -> str:
    from rich.markup import escape

    colour = COLOURS.get(reading.quality, "yellow")
    place = f"{reading.device} {reading.quantity} {reading.position}".rstrip()
    if reading.good:
        value = f"{reading.value:.6g}" if isinstance(reading.value, float | int) else str(reading.value)
        return f"  {place}: [{colour}]{value}[/]" + ("" if reading.unit in ("state", "count") else f" {reading.unit}")
    return f"  {place}: [{colour}]{reading.quality}[/] {escape(reading.detail)}"


@app.command("serve")
def serve_metrics(
    listen: Annotated[str, typer.Option(help="ADDRESS:PORT ([ADDRESS]:PORT for IPv6); the estate's controller "
                                        "when left out.")] = "",
    interval: Annotated[float, typer.Option(min=1.0, max=3600.0, help="Seconds between two polls of a device.")] = 15.0,
) -> None:
    """Poll every device again and again and serve the latest readings on /metrics, until interrupted.

    Example: rackproof monitor serve --listen 127.0.0.1:9780 --interval 15
    """

    from core import secrets
    from inventory.load import load_estate
    from monitoring.collect import Poller, polled
    from monitoring.exporter import Exporter, serve

    ws = current()
    estate = load_estate(ws.estate_dir)
    host, port = _address(listen, estate)
    devices = polled(estate)
    exporter = Exporter(estate, Poller(estate, secrets.load(ws)), devices, interval)
    shown = f"[{host}]" if ":" in host else host
    err.print(f"{len(devices)} devices, every {interval:g} s, on http://{shown}:{port}/metrics", markup=False)
    serve(exporter, host, port)


def _address(text: str, estate: Estate) -> tuple[str, int]:
    from monitoring import targets

    if not text:
        return targets.exporter_address(estate) or ("127.0.0.1", targets.EXPORTER_PORT)
    host, _, port = text.rpartition(":")
    try:
        address = str(ip_address(host.strip("[]")))
        number = int(port)
    except ValueError:
        number, address = -1, ""
    if not 0 < number < 65536:
        raise RackproofError("MON022", "not an address to listen on", expected="ADDRESS:PORT", actual=text)
    return address, number


@app.command("targets")
def show_targets(
    to: Annotated[Path | None, typer.Option("--to", help="Write one file per job into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Show what Prometheus scrapes (file-based discovery), from the estate.

    Example: rackproof monitor targets --to /etc/prometheus/targets
    """

    from rich.markup import escape
    from rich.table import Table

    from inventory.load import load_estate
    from monitoring import targets

    estate = load_estate(current().estate_dir)
    if to is not None:
        for path in targets.write(estate, to):
            out.print(str(path), markup=False)
    elif as_json:
        emit_json(targets.targets(estate))
    else:
        table = Table("job", "device", "site", "target", box=None)
        for job, entries in targets.targets(estate).items():
            for entry in entries:
                table.add_row(job, entry["labels"]["device"], entry["labels"]["site"], escape(entry["targets"][0]))
        out.print(table)


@rules_app.command("check")
def check_rules(as_json: Json = False) -> None:
    """Check the alert rules: conventions, a unit test for each, promtool's syntax check and unit tests.

    Example: rackproof monitor rules check
    """

    from monitoring import rules

    with progress("Checking the alert rules") as step:
        step(f"{len(rules.alerts())} alerts")
        checks = rules.check()
    if as_json:
        emit_json([{"name": item.name, "ok": item.ok, "output": item.output} for item in checks])
    else:
        for item in checks:
            out.print(f"[{'green' if item.ok else 'red'}]{'ok' if item.ok else 'FAILED':6}[/] {item.name}")
            if not item.ok:
                out.print(item.output, markup=False)
    if not all(item.ok for item in checks):
        raise typer.Exit(int(ExitCode.NOT_GREEN))


@rules_app.command("list")
def list_rules(as_json: Json = False) -> None:
    """List every alert with its severity, the provenance of its threshold (S, R, P) and its runbook.

    Example: rackproof monitor rules list
    """

    from rich.table import Table

    from monitoring import rules

    rows = [
        {
            "alert": rule["alert"], "for": rule.get("for", "0s"), **rule["labels"],
            "runbook": rule["annotations"]["runbook_url"],
        }
        for _, rule in rules.alerts()
    ]  # fmt: skip
    if as_json:
        emit_json(rows)
        return
    table = Table("alert", "severity", "threshold", "for", "runbook", box=None)
    for row in rows:
        table.add_row(row["alert"], row["severity"], row["provenance"], row["for"], row["runbook"])
    out.print(table)
