"""The monitoring room's commands: poll, serve, targets, rules check, rules list."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import Column, emit_json, emit_json_line, end_stream, err, out, print_table, progress
from core.errors import ExitCode, RackproofError
from core.i18n import N_, _, ngettext
from core.workspace import current
from inventory.model.ipv6 import bracket_host
from monitoring.quantities.readings import Quality

if TYPE_CHECKING:
    from inventory.model.estate import Estate
    from monitoring.poll.raw import RawPoll
    from monitoring.quantities.readings import Reading
    from monitoring.rules.alert_rules import RuleCheck

app = typer.Typer(help=N_("Poll devices, serve readings as metrics, check the alert rules."), no_args_is_help=True)
rules_app = typer.Typer(help=N_("The alert rules."), no_args_is_help=True)
app.add_typer(rules_app, name="rules")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Lines = Annotated[bool, typer.Option("--json", help="Print one JSON line per interval: who is up, who is absent, why.")]
COLOURS = {Quality.GOOD: "green", Quality.STALE: "yellow"}
QUALITIES = {
    Quality.GOOD: N_("good"),
    Quality.NO_DATA: N_("no data"),
    Quality.UNREACHABLE: N_("unreachable"),
    Quality.ERROR: N_("error"),
    Quality.STALE: N_("stale"),
}
#: Why a poll brought nothing → the code that says so.
ABSENCES = {"no_answer": "MON040", "login_refused": "MON041", "not_believed": "MON042", "fault": "MON043"}
#: Which exit code a poll ends with when its devices fail for several reasons: the first of these that occurs. A fault
#: of the program and a refused log-in stay as they are when tried again; silence may not.
GRAVITY = (ExitCode.INTERNAL, ExitCode.NOT_LET_IN, ExitCode.UNREACHABLE)
#: So many of the devices that are still waited for are named while polling.
NAMED_WAITING = 3


@app.command("poll")
def poll(
    devices: Annotated[list[str] | None, typer.Argument(help="Devices; all with SNMP access when left out.")] = None,
    raw: Annotated[Path | None, typer.Option("--raw", help="Keep each answer as NAME.json in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Poll devices once and show their readings. Read-only.

    Exit code 0: every device answered and every reading is good; 1: some reading has no data; 4: some device does not
    answer; 7: some device does not accept our user or keys; 70: the program failed on what some device sent.

    Example: rackproof monitor poll ups-a env-dc
    """
    from core.files import make_folder, write_atomic
    from inventory.load.loader import load_estate
    from monitoring.poll.collect import poll_devices
    from monitoring.poll.normalise import readings

    ws = current()
    estate = load_estate(ws.estate_dir)
    if raw is not None:
        make_folder(raw)
    with progress(_("Polling")) as step:

        def show_waiting(waiting: list[str], done: int, total: int) -> None:
            step(name_waiting(waiting), done=done, total=total)

        polls = poll_devices(estate, ws, devices or None, show_waiting)
    if raw is not None:
        for item in polls:
            write_atomic(raw / f"{item.device}.json", item.to_bytes())
    found = {item.device: readings(item, estate) for item in polls}
    absences = list_absences(polls)
    if as_json:
        emit_json(describe_polls(polls, found, absences), [absence.as_dict() for absence in absences])
    else:
        print_polls(polls, found, detailed=bool(devices))
        for absence in absences:
            out.print()
            out.print(str(absence), markup=False)
    raise typer.Exit(choose_exit_code(absences, found))


def list_absences(polls: list[RawPoll]) -> list[RackproofError]:
    """Return for each device that brought nothing home the error that says why."""
    absent = [item for item in polls if item.error]
    return [RackproofError(ABSENCES[item.absence], device=item.device, actual=item.error) for item in absent]


def choose_exit_code(absences: list[RackproofError], found: dict[str, list[Reading]]) -> int:
    """Return how a poll ends: well only when every device answered and gave readings, all of them good."""
    codes = {absence.exit_code for absence in absences}
    for code in GRAVITY:
        if code in codes:
            return int(code)
    are_good = [_is_good(readings) for readings in found.values()]
    if are_good and all(are_good):
        return int(ExitCode.OK)
    return int(ExitCode.NOT_GREEN)


def _is_good(readings: list[Reading]) -> bool:
    """Tell whether a device gave readings, and only good ones."""
    return bool(readings) and all(reading.good for reading in readings)


def name_waiting(waiting: list[str]) -> str:
    """Say which devices have not answered yet, the first few of many."""
    if not waiting:
        return _("all devices have been asked")
    names = ", ".join(waiting[:NAMED_WAITING])
    more = len(waiting) - NAMED_WAITING
    if more > 0:
        names += " " + _("and {n} more").format(n=more)
    return _("waiting for {names}").format(names=names)


def describe_polls(
    polls: list[RawPoll], found: dict[str, list[Reading]], absences: list[RackproofError]
) -> dict[str, Any]:
    """Return what `--json` prints of a poll: every device, its readings, and what went wrong."""
    absent = [item.device for item in polls if item.error]
    named = [{"device": name, **error.as_dict()} for name, error in zip(absent, absences, strict=True)]
    return {
        "asked": len(polls),
        "answered": len(polls) - len(absent),
        "absent": named,
        "devices": [describe_poll(item, found[item.device]) for item in polls],
    }


def describe_poll(raw: RawPoll, items: list[Reading]) -> dict[str, Any]:
    """Return one poll as plain data."""
    return {
        "device": raw.device,
        "site": raw.site,
        "address": raw.address,
        "version": raw.version,
        "error": raw.error,
        "absence": raw.absence.value,
        "attempts": [{"address": address, "error": error} for address, error in raw.attempts],
        "rejected": dict(raw.rejected),
        "incomplete": {".".join(map(str, p.oid)): p.status for p in raw.parts if p.status != "complete"},
        "duration_s": round((raw.t1 - raw.t0).total_seconds(), 3),
        "readings": [describe_reading(item) for item in items],
    }


def describe_reading(item: Reading) -> dict[str, Any]:
    """Return one reading as plain data."""
    return {
        "quantity": item.quantity,
        "position": item.position,
        "value": item.value,
        "unit": item.unit,
        "quality": item.quality,
        "detail": item.detail,
        "taken_at": item.taken_at.isoformat(),
    }


def print_polls(polls: list[RawPoll], found: dict[str, list[Reading]], *, detailed: bool) -> None:
    """Print the polls for people."""
    columns = (
        Column(_("device")), Column(_("address")), Column(_("readings"), right=True),
        Column(_("not good"), whole=False), Column(_("time"), right=True),
    )  # fmt: skip
    print_table(columns, [show_poll(item, found[item.device]) for item in polls])
    for item in polls:
        for reading in found[item.device]:
            if detailed or not (reading.good or item.error):
                out.print(show_reading(reading))
    answered = sum(not item.error for item in polls)
    text = ngettext("{answered} of {n} device answered", "{answered} of {n} devices answered", len(polls))
    out.print(text.format(answered=answered, n=len(polls)), markup=False)


def show_poll(item: RawPoll, items: list[Reading]) -> tuple[str, ...]:
    """Return the row of one poll."""
    from rich.markup import escape

    count = Counter(reading.quality for reading in items)
    bad = [f"{number} {_(QUALITIES[quality])}" for quality, number in count.items() if quality is not Quality.GOOD]
    note = item.error or ", ".join(bad)
    if not note and not items:
        note = _("no readings")
    colour = "red" if note else "green"
    took = f"{(item.t1 - item.t0).total_seconds():.2f} s"
    return item.device, item.address, str(len(items)), f"[{colour}]{escape(note or '-')}[/]", took


def show_reading(reading: Reading) -> str:
    """Return one reading for people."""
    from rich.markup import escape

    colour = COLOURS.get(reading.quality, "red")
    place = escape(f"{reading.device} {reading.quantity} {reading.position}".rstrip())
    if not reading.good:
        return f"  {place}: [{colour}]{_(QUALITIES[reading.quality])}[/] {escape(reading.detail)}"
    value = f"{reading.value:.6g}" if isinstance(reading.value, float | int) else str(reading.value)
    shown = f"  {place}: [{colour}]{escape(value)}[/]"
    if reading.unit in ("state", "count"):
        return shown
    return f"{shown} {reading.unit}"


@app.command("serve")
def serve_metrics(
    listen: Annotated[
        str, typer.Option(help="ADDRESS:PORT ([ADDRESS]:PORT for IPv6); the estate's controller when left out.")
    ] = "",
    interval: Annotated[float, typer.Option(min=1.0, max=3600.0, help="Seconds between two polls of a device.")] = 15.0,
    as_json: Lines = False,
) -> None:
    """Poll every device again and again and serve the latest readings on /metrics, until interrupted.

    Example: rackproof monitor serve --listen 127.0.0.1:9780 --interval 15
    """
    from core import secrets
    from inventory.load.loader import load_estate
    from monitoring.export.exporter import Exporter, serve
    from monitoring.poll.collect import Poller, choose_devices

    ws = current()
    estate = load_estate(ws.estate_dir)
    host, port = read_address(listen, estate)
    devices = choose_devices(estate)
    poller = Poller(estate, secrets.load(ws))
    poller.prepare(devices)
    exporter = Exporter(estate, poller, devices, interval)
    text = ngettext("{n} device, every {seconds} s, on {url}", "{n} devices, every {seconds} s, on {url}", len(devices))
    url = f"http://{bracket_host(host)}:{port}/metrics"
    err.print(text.format(n=len(devices), seconds=f"{interval:g}", url=url), markup=False)
    if not as_json:
        serve(exporter, host, port)
        return
    exporter.on_sweep = emit_json_line
    exporter.on_listening = lambda: emit_json_line(
        {"event": "listening", "url": url, "devices": len(devices), "interval_s": interval}
    )
    with end_stream(emit_json_line):
        serve(exporter, host, port)


def read_address(text: str, estate: Estate) -> tuple[str, int]:
    """Return the address and the port of ``ADDRESS:PORT``; where the exporter belongs when ``text`` is empty.

    Raises RackproofError MON022; its remedy writes what was probably meant.
    """
    from monitoring.export import targets

    if not text:
        return targets.find_exporter_address(estate) or ("127.0.0.1", targets.EXPORTER_PORT)
    host, _colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    try:
        address = ip_address(bare)
        number = int(port)
    except ValueError:
        raise RackproofError("MON022", actual=text, remedy=guess_address(text)) from None
    if not 0 < number < 65536 or not port.isascii() or (address.version == 6) != (host == f"[{bare}]"):
        raise RackproofError("MON022", actual=text, remedy=guess_address(text))
    return str(address), number


def guess_address(text: str) -> str | None:
    """Return what was probably meant when only the port, or the brackets of IPv6, are missing."""
    from monitoring.export import targets

    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    close = f"{bracket_host(str(address))}:{targets.EXPORTER_PORT}"
    return _("did you mean '{close}'?").format(close=close)


@app.command("targets")
def show_targets(
    to: Annotated[Path | None, typer.Option("--to", help="Write one file per job into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Show what Prometheus scrapes (file-based discovery), from the estate.

    Example: rackproof monitor targets --to /etc/prometheus/targets
    """
    from inventory.load.loader import load_estate
    from monitoring.export import targets

    estate = load_estate(current().estate_dir)
    found = targets.list_targets(estate)
    if to is not None:
        written = [str(path) for path in targets.write(found, to)]
        if as_json:
            emit_json({"files": written})
        else:
            for path in written:
                out.print(path, markup=False)
    elif as_json:
        emit_json(found)
    else:
        print_targets(found)


def print_targets(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the targets of Prometheus for people."""
    from rich.markup import escape

    rows: list[tuple[str, ...]] = []
    for job, entries in found.items():
        for entry in entries:
            labels = entry["labels"]
            rows.append((job, labels["device"], labels["site"], escape(entry["targets"][0])))
    print_table((_("job"), _("device"), _("site"), _("target")), rows)


@rules_app.command("check")
def check_rules(as_json: Json = False) -> None:
    """Check the alert rules: conventions, a unit test for each, promtool's syntax check and unit tests.

    Example: rackproof monitor rules check
    """
    from monitoring.rules import alert_rules as rules

    with progress(_("Checking the alert rules")) as step:
        number = len(rules.list_alerts())
        step(ngettext("{n} alert", "{n} alerts", number).format(n=number))
        checks = rules.check()
    if as_json:
        emit_json([describe_check(item) for item in checks])
    else:
        for item in checks:
            print_check(item)
    if not checks or not all(item.ok for item in checks):
        raise typer.Exit(int(ExitCode.NOT_GREEN))


def describe_check(item: RuleCheck) -> dict[str, Any]:
    """Return one check of the rules as plain data."""
    return {"name": item.name, "ok": item.ok, "output": item.output, "errors": item.errors}


def print_check(item: RuleCheck) -> None:
    """Print one check of the rules for people."""
    colour, word = ("green", _("ok")) if item.ok else ("red", _("FAILED"))
    out.print(f"[{colour}]{word}[/] {_(item.name)}")
    for text in (item.output, item.errors):
        if text and not item.ok:
            out.print(text, markup=False)


@rules_app.command("list")
def list_rules(as_json: Json = False) -> None:
    """List every alert with its severity, the provenance of its threshold (S, R, P) and its runbook.

    Example: rackproof monitor rules list
    """
    from monitoring.rules import alert_rules as rules

    rows = [
        {
            "alert": rule.alert, "for": rule.duration, "severity": rule.labels.severity,
            "provenance": rule.labels.provenance, "runbook": rule.annotations.runbook_url,
        }
        for _path, rule in rules.list_alerts()
    ]  # fmt: skip
    if as_json:
        emit_json(rows)
        return
    columns = (_("alert"), _("severity"), _("threshold"), _("for"), _("runbook"))
    print_table(columns, [(r["alert"], r["severity"], r["provenance"], r["for"], r["runbook"]) for r in rows])
