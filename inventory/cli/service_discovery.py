"""``estate serve-sd``: Prometheus asks for its targets over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer

from core.console import emit_json_line, end_stream, err
from core.errors import RackproofError
from core.i18n import _
from core.workspace import current


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

    folder = current().estate_dir.resolve()
    jobs = chosen(job or (), folder)
    host, port = address(listen, folder)
    line = listening(host, port, folder)
    tell = emit_json_line if as_json else _print_event
    source = TargetSource(folder, jobs, lambda wrong: tell({"event": "estate", "valid": not wrong, "reason": wrong}))
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}/sd/"
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
