"""``estate serve-sd``: Prometheus asks for its targets over HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from core.console import err
from core.errors import RackproofError
from core.workspace import current


def serve_sd(
    listen: Annotated[str, typer.Option("--listen", help="ADDRESS:PORT of this machine, [ADDRESS]:PORT for IPv6.")],
    job: Annotated[list[str] | None, typer.Option("--job", help="Only this job (may be repeated).")] = None,
) -> None:
    """Serve the targets of Prometheus (http_sd) on /sd/JOB, always as the estate is now, until interrupted.

    While the estate has a mistake the answer is 503 with its text, and Prometheus keeps the targets it has.

    Example: rackproof estate serve-sd --listen 127.0.0.1:9781
    """
    from inventory.service_discovery import Source, address, chosen, listening, serve

    folder = current().estate_dir.resolve()
    jobs = chosen(job or (), folder)
    host, port = address(listen, folder)
    line = listening(host, port, folder)
    source = Source(folder, jobs, lambda text: err.print(text, markup=False))
    shown = f"[{host}]" if ":" in host else host
    err.print(f"{', '.join(jobs)} of {folder}, on http://{shown}:{port}/sd/", markup=False)
    with suppress(RackproofError):  # it was said; the estate can be mended while we serve
        source.lists()
    serve(source, line)
