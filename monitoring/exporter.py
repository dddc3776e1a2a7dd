"""The exporter: polls all devices every interval and serves the latest readings on ``/metrics``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ExitCode, RackproofError
from inventory.estate import Estate
from inventory.model import Device
from monitoring.collect import Poller
from monitoring.exposition import CONTENT_TYPE, Exposition, specs_of
from monitoring.normalise import readings
from monitoring.profiles import load_profiles
from monitoring.raw import RawPoll
from monitoring.readings import Reading, aged
from monitoring.snmp.engine import Engine, engine

STALE_AFTER_POLLS = 3
disable_created_metrics()  # type: ignore[no-untyped-call]


class Exporter:
    """Holds the latest poll of each device. A poll older than three intervals makes its readings stale."""

    def __init__(self, estate: Estate, poller: Poller, devices: list[Device], interval_s: float) -> None:
        self.estate, self.poller, self.devices, self.interval_s = estate, poller, devices, interval_s
        self._latest: dict[str, tuple[RawPoll, list[Reading]]] = {}
        self._answered: dict[str, float] = {}
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self._specs = specs_of(load_profiles().values())
        self.registry = CollectorRegistry()
        self._polls = Counter("rackproof_polls", "Polls made, by outcome", ["outcome"], registry=self.registry)
        self._duration = Histogram("rackproof_poll_duration_seconds", "Time of a poll", registry=self.registry)
        self._started = Gauge("rackproof_exporter_start_timestamp_seconds", "Start", registry=self.registry)
        self._devices = Gauge("rackproof_devices_configured", "Devices that are polled", registry=self.registry)
        self._started.set_to_current_time()
        self._devices.set(len(devices))

    def ended(self, task: asyncio.Task[None]) -> None:
        """Polling must not stop unnoticed: when it fails, the whole exporter ends and Prometheus sees it down."""
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()
            self.on_failure()

    async def run(self) -> None:
        """Poll every device for ever, each at its own pace, so that a silent one delays no other."""
        with engine() as line:
            async with asyncio.TaskGroup() as group:
                for device in self.devices:
                    group.create_task(self._keep(line, device))

    async def _keep(self, line: Engine, device: Device) -> None:
        while True:
            began = time.monotonic()
            raw = await self.poller.poll(line, device)
            self.take(raw)
            self._polls.labels("error" if raw.error else "answered").inc()
            took = time.monotonic() - began
            self._duration.observe(took)
            await asyncio.sleep(max(0.0, self.interval_s - took))

    def take(self, raw: RawPoll) -> None:
        """Take a device's latest poll; it is judged once, however often it is scraped."""
        self._latest[raw.device] = (raw, readings(raw, self.estate))
        if not raw.error:
            self._answered[raw.device] = raw.t1.timestamp()

    def waiting(self) -> list[str]:
        """Return the devices that have not been polled yet."""
        return [device.name for device in self.devices if device.name not in self._latest]

    def metrics(self, now: datetime) -> bytes:
        """Return the whole exposition at ``now``."""
        valid_for = timedelta(seconds=STALE_AFTER_POLLS * self.interval_s)
        page = Exposition(self._specs)
        for device in self.devices:
            if device.name not in self._latest:
                continue
            raw, found = self._latest[device.name]
            page.add_poll(raw, self._answered.get(device.name), fresh=abs(now - raw.t1) <= valid_for)
            for reading in found:
                page.add_reading(aged(reading, now, valid_for))
        return page.text().encode() + generate_latest(self.registry)


def application(exporter: Exporter) -> Starlette:
    """Return the web application: ``/metrics``, and ``/healthz`` which is 200 once every device was polled."""

    async def metrics(_request: Request) -> Response:
        return Response(exporter.metrics(datetime.now(UTC)), media_type=CONTENT_TYPE)

    async def health(_request: Request) -> Response:
        waiting = exporter.waiting()
        return PlainTextResponse("not polled yet\n" if waiting else "ok\n", 503 if waiting else 200)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(exporter.run())
        task.add_done_callback(exporter.ended)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health)], lifespan=lifespan)


def serve(exporter: Exporter, host: str, port: int) -> None:
    """Serve on exactly this address until interrupted. Raises RackproofError MON020 when it cannot be bound."""
    line = listening(host, port)
    config = uvicorn.Config(application(exporter), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    exporter.on_failure = lambda: setattr(server, "should_exit", True)
    try:
        server.run(sockets=[line])
    finally:
        line.close()
    if exporter.failure is not None:
        raise RackproofError(
            "MON021", "polling stopped", actual=repr(exporter.failure), exit_code=ExitCode.INTERNAL
        ) from exporter.failure


def listening(host: str, port: int) -> socket.socket:
    """Return a socket bound to exactly this address. Raises RackproofError MON020."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        line.bind((host, port))
    except OSError as error:
        line.close()
        raise RackproofError(
            "MON020", f"cannot listen on {host} port {port}", actual=error.strerror or str(error),
            remedy="give a free --listen ADDRESS:PORT of this machine", exit_code=ExitCode.USAGE,
        ) from None  # fmt: skip
    return line
