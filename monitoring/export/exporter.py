"""The exporter: polls all devices every interval and serves the latest readings on ``/metrics``."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import RackproofError
from core.refusals import say_refusal
from inventory.model.entities import Device
from inventory.model.estate import Estate
from monitoring.export.exposition import CONTENT_TYPE, DeviceState, Exposition, index_specs
from monitoring.poll.collect import Poller
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import load_profiles
from monitoring.quantities.readings import Reading, age_readings
from monitoring.snmp.engine import SnmpEngine, describe_fault, open_engine
from monitoring.snmp.poll import Absence

STALE_AFTER_POLLS = 3
LOGGER = logging.getLogger(__name__)
Clock = Callable[[], datetime]
disable_created_metrics()  # type: ignore[no-untyped-call]


def read_clock() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


class Exporter:
    """Holds the latest poll of each device. A poll older than three intervals makes its readings stale.

    Whatever goes wrong with one device is counted, logged and shown as that device's absence; the others stay.
    """

    def __init__(
        self, estate: Estate, poller: Poller, devices: list[Device], interval_s: float, clock: Clock = read_clock
    ) -> None:
        self.estate, self.poller, self.devices, self.interval_s = estate, poller, devices, interval_s
        self._clock, self._began = clock, clock()
        self._latest: dict[str, tuple[RawPoll, list[Reading]]] = {}
        self._answered: dict[str, float] = {}
        self._errors: Tally[str] = Tally()
        self.failure: BaseException | None = None
        self.has_ended = False
        self.on_failure: Callable[[], None] = lambda: None
        self.on_listening: Callable[[], None] = lambda: None
        self.on_sweep: Callable[[dict[str, Any]], None] | None = None
        self._specs = index_specs(load_profiles().values())
        self.registry = CollectorRegistry()
        self._polls = Counter("rackproof_polls", "Polls made, by outcome", ["outcome"], registry=self.registry)
        self._duration = Histogram("rackproof_poll_duration_seconds", "Time of a poll", registry=self.registry)
        self._started = Gauge("rackproof_exporter_start_timestamp_seconds", "Start", registry=self.registry)
        self._devices = Gauge("rackproof_devices_configured", "Devices that are polled", registry=self.registry)
        self._started.set(self._began.timestamp())
        self._devices.set(len(devices))

    @property
    def valid_for(self) -> timedelta:
        """How old a poll may be and still say something of now."""
        return timedelta(seconds=STALE_AFTER_POLLS * self.interval_s)

    def ended(self, task: asyncio.Task[None]) -> None:
        """End the whole exporter and serve nothing from now on: polling must not stop unnoticed."""
        self.has_ended = True
        if not task.cancelled():
            self.failure = task.exception() or RuntimeError("the loop came to its end")
            self.on_failure()

    async def run(self) -> None:
        """Poll every device for ever, each at its own pace, so that a silent one delays no other."""
        with open_engine() as line:
            async with asyncio.TaskGroup() as group:
                for device in self.devices:
                    group.create_task(self._keep(line, device))
                if self.on_sweep is not None:
                    group.create_task(self._report())

    async def _keep(self, line: SnmpEngine, device: Device) -> None:
        while True:
            began = time.monotonic()
            await self.collect(line, device)
            took = time.monotonic() - began
            self._duration.observe(took)
            await asyncio.sleep(max(0.0, self.interval_s - took))

    async def collect(self, line: SnmpEngine, device: Device) -> None:
        """Poll one device once and take what it gave. Never raises for what a device does."""
        self.take(await self.poller.poll(line, device))
        raw, _readings = self._latest[device.name]
        end = "error" if raw.error else "answered"
        self._polls.labels(end).inc()

    def take(self, raw: RawPoll) -> None:
        """Take a device's latest poll; it is judged once, however often it is scraped.

        Never raises for what a device sent: an answer that cannot be judged is that device's absence.
        """
        try:
            found = readings(raw, self.estate)
        except Exception as error:  # noqa: BLE001 - one device's answer; the others go on
            fault = describe_fault(error)
            LOGGER.error("judging the answer of %s failed: %s", raw.device, fault)
            identity, times = (raw.device, raw.site, raw.profile), (raw.t0.timestamp(), raw.t1.timestamp())
            raw, found = RawPoll.of_fault(identity, raw.version, times, fault), []
        self._latest[raw.device] = (raw, found)
        if raw.absence is Absence.FAULT:
            self._errors[raw.device] += 1
        if not raw.error:
            self._answered[raw.device] = raw.t1.timestamp()

    def waiting(self) -> list[str]:
        """Return the devices that have not been polled yet."""
        return [device.name for device in self.devices if device.name not in self._latest]

    def metrics(self, now: datetime) -> bytes:
        """Return the whole exposition at ``now``: every device of the estate is in it once its time is up."""
        page = Exposition(self._specs)
        for device in self.devices:
            site = self.estate.site_of[device.name]
            self._show(page, site, device.name, now)
            page.add_errors(site, device.name, self._errors[device.name])
        return page.text().encode() + generate_latest(self.registry)

    def _show(self, page: Exposition, site: str, name: str, now: datetime) -> None:
        if name not in self._latest:
            # At first nobody can say; but what is not polled within the time for three polls is not up.
            if abs(now - self._began) > self.valid_for:
                page.add_absent(site, name)
            return
        raw, found = self._latest[name]
        state = DeviceState(raw, self._answered.get(name), fresh=abs(now - raw.t1) <= self.valid_for)
        try:
            page.add_device(state, [age_readings(reading, now, self.valid_for) for reading in found])
        except Exception as error:  # noqa: BLE001 - one device that cannot be shown takes none with it
            self._errors[name] += 1
            LOGGER.error("showing %s failed: %s", name, describe_fault(error))
            page.add_absent(site, name)

    async def _report(self) -> None:
        """Tell ``on_sweep`` once an interval how all devices stand."""
        while True:
            await asyncio.sleep(self.interval_s)
            if self.on_sweep is not None:
                self.on_sweep(self.summary(self._clock()))

    def summary(self, now: datetime) -> dict[str, Any]:
        """Return how all devices stand at ``now``, in plain data: who is absent and why, who was not polled yet."""
        absent: dict[str, str] = {}
        doubtful: dict[str, int] = {}
        for name, (raw, found) in self._latest.items():
            is_fresh = abs(now - raw.t1) <= self.valid_for
            if raw.error or not is_fresh:
                absent[name] = raw.absence.value if is_fresh else "stale"
                continue
            bad = sum(not reading.good for reading in found)
            if bad or not found:
                doubtful[name] = bad
        return {
            "event": "swept",
            "at": now.isoformat(),
            "devices": len(self.devices),
            "up": len(self._latest) - len(absent),
            "absent": absent,
            "not_polled_yet": self.waiting(),
            "readings_not_good": doubtful,
        }


def make_application(exporter: Exporter) -> Starlette:
    """Return the web application.

    ``/metrics`` is 503 once polling has ended: what was read before is no news. ``/healthz`` is 200 once every device
    was polled and while polling goes on.
    """

    async def metrics(_request: Request) -> Response:
        if exporter.has_ended:
            return PlainTextResponse("polling has ended\n", 503)
        return Response(exporter.metrics(read_clock()), media_type=CONTENT_TYPE)

    async def health(_request: Request) -> Response:
        if exporter.has_ended:
            return PlainTextResponse("polling has ended\n", 503)
        if exporter.waiting():
            return PlainTextResponse("not polled yet\n", 503)
        return PlainTextResponse("ok\n", 200)

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


#: What the system says of a socket that cannot be bound → our code; anything else is MON020.
LISTEN_CODES = {errno.EADDRINUSE: "MON024", errno.EACCES: "MON025", errno.EPERM: "MON025"}


def serve(exporter: Exporter, host: str, port: int) -> None:
    """Serve on exactly this address until interrupted. Raises as ``open_listener``, MON021 when polling ends."""
    line = open_listener(host, port)
    exporter.on_listening()
    config = uvicorn.Config(make_application(exporter), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    exporter.on_failure = lambda: setattr(server, "should_exit", True)
    try:
        server.run(sockets=[line])
    finally:
        line.close()
    if exporter.failure is not None:
        raise RackproofError("MON021", reason=describe_fault(find_cause(exporter.failure))) from exporter.failure


def find_cause(error: BaseException) -> BaseException:
    """Return what made a group of tasks fail: the first of its exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket bound to exactly this address.

    Raises RackproofError MON020 (no such address here), MON024 (taken), MON025 (a port that only root may take).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        line.bind((host, port))
        line.listen()  # from now on who connects waits; nobody is refused
    except OSError as error:
        line.close()
        code = LISTEN_CODES.get(error.errno or 0, "MON020")
        raise RackproofError(code, actual=say_refusal(error), host=host, port=port) from None
    return line
