"""Prometheus targets over HTTP (http_sd), always those of the estate as it is now.

``GET /sd/JOB`` is the list of one job, ``GET /sd/`` names the jobs, ``GET /healthz`` says whether the estate is right.
The estate is looked at again for every answer. While it has a mistake the answer is 503 with the text of the mistake:
Prometheus then keeps the targets it has, where an empty or an old list would quietly end or falsify the monitoring.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ErrorGroup, Place, RackproofError
from core.refusals import say_refusal
from inventory.export.prometheus import JOBS, targets
from inventory.load.loader import check_estate
from inventory.model.diagnostics import mistake

Lists = dict[str, list[dict[str, Any]]]


class TargetSource:
    """The lists of an estate folder.

    ``say`` hears what is wrong when the estate stops being right, and an empty text when it is right again.
    """

    def __init__(self, folder: Path, jobs: Iterable[str], say: Callable[[str], None]) -> None:
        self._folder, self._jobs, self._say = folder, tuple(jobs), say
        self._lock = threading.Lock()
        self._wrong = ""

    def lists(self) -> Lists:
        """Return job → targets of the estate as it is now. Raises RackproofError or ErrorGroup when it has mistakes."""
        with self._lock:
            try:
                found = self._now()
            except RackproofError as error:
                self._heard(str(error))
                raise
            self._heard("")
            return found

    def _now(self) -> Lists:
        answer = check_estate(self._folder)
        if answer.estate is None:
            raise ErrorGroup(list(answer.errors))
        every = targets(answer.estate)
        return {job: every[job] for job in self._jobs}

    def _heard(self, wrong: str) -> None:
        if wrong != self._wrong:
            self._say(wrong)
        self._wrong = wrong


def application(source: TargetSource) -> Starlette:
    """Return the web application over a source of lists."""

    def answer(make: Callable[[Lists], Response]) -> Response:
        try:
            return make(source.lists())
        except RackproofError as error:
            return PlainTextResponse(f"{error}\n", 503)

    def one(request: Request) -> Response:
        job = request.path_params["job"]
        missing = PlainTextResponse(f"no such job: {job}\n", 404)
        return answer(lambda lists: JSONResponse(lists[job]) if job in lists else missing)

    def listing(_request: Request) -> Response:
        return answer(lambda lists: JSONResponse({job: f"/sd/{job}" for job in lists}))

    def health(_request: Request) -> Response:
        return answer(lambda _lists: PlainTextResponse("ok\n"))

    return Starlette(routes=[Route("/sd/", listing), Route("/sd/{job}", one), Route("/healthz", health)])


def serve(source: TargetSource, line: socket.socket) -> None:
    """Serve on a bound socket until interrupted (KeyboardInterrupt) or terminated (exit code 0)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn ends its answers first, then passes the signal on
    try:
        uvicorn.Server(uvicorn.Config(application(source), log_level="warning", access_log=False)).run(sockets=[line])
    finally:
        line.close()


def address(text: str, folder: Path) -> tuple[str, int]:
    """Read ADDRESS:PORT, with brackets around an IPv6 address. Raises RackproofError EST080 or EST082."""
    host, _, port = text.rpartition(":")
    try:
        found, number = ip_address(host.removeprefix("[").removesuffix("]")), int(port)
    except ValueError:
        raise mistake("EST080", Place(folder), actual=text) from None
    if not 0 < number < 65536 or found.is_multicast or (found.version == 6) != host.startswith("["):
        raise mistake("EST080", Place(folder), actual=text)
    if found.is_unspecified:
        raise mistake("EST082", Place(folder), actual=text)
    return str(found), number


def listening(host: str, port: int, folder: Path) -> socket.socket:
    """Return a socket bound to exactly this address of this machine. Raises RackproofError EST081."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((host, port))
        line.listen()  # from now on who connects waits; nobody is refused
    except OSError as error:
        line.close()
        raise mistake("EST081", Place(folder), actual=f"{host} {port}", reason=say_refusal(error)) from None
    return line


def chosen(jobs: Iterable[str], folder: Path) -> list[str]:
    """Return the jobs to serve, each once; all of them when none is named. Raises RackproofError EST083."""
    for job in jobs:
        if job not in JOBS:
            raise mistake("EST083", Place(folder), actual=job, known=JOBS)
    return list(dict.fromkeys(jobs)) or list(JOBS)
