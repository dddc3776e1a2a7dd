"""The socket side of polling: one non-blocking UDP socket per address family for all agents, on asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from monitoring.snmp.poll import Budget, Poll, PollPlan, PollResult
from monitoring.snmp.session import SnmpSession

RECEIVE_BYTES = 65_535
DRAIN = 64
RECEIVE_BUFFER = 1 << 20
#: Where an outgoing socket of a family is bound.
ANY_ADDRESS = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104
Address = tuple[str, int]
LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    address: Address
    poll: Poll
    future: asyncio.Future[PollResult]
    timer: asyncio.TimerHandle | None = None


class SnmpEngine:
    """Sends what polls want sent and hands each reply to the poll of the address it came from.

    A version 3 reply from another address of the same agent (a router's, say) is taken by its message id.

    A device has one request in flight; at most ``in_flight`` devices are polled at a time.
    """

    def __init__(self, in_flight: int = 100) -> None:
        self._limit = asyncio.Semaphore(in_flight)
        self._running: dict[Address, _Running] = {}
        self._busy: dict[Address, asyncio.Lock] = {}
        self._sockets: dict[int, socket.socket] = {}
        self.unmatched = 0

    def close(self) -> None:
        """Close the sockets; polls under way end with what they have."""
        loop = asyncio.get_running_loop()
        for line in self._sockets.values():
            loop.remove_reader(line.fileno())
            line.close()
        self._sockets.clear()

    async def poll(self, host: str, port: int, session: SnmpSession, plan: PollPlan, budget: Budget) -> PollResult:
        """Poll one agent at one address (IPv4 or IPv6) and return what it gave."""
        address = (str(ip_address(host)), port)
        lock = self._busy.setdefault(address, asyncio.Lock())
        async with self._limit, lock:
            future: asyncio.Future[PollResult] = asyncio.get_running_loop().create_future()
            running = _Running(address, Poll(session, plan, budget), future)
            self._running[address] = running
            try:
                self._advance(running, running.poll.start, time.monotonic())
                return await future
            finally:
                del self._running[address]
                if running.timer is not None:
                    running.timer.cancel()

    def _socket(self, address: Address) -> socket.socket:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        line = self._sockets.get(family)
        if line is None:
            line = socket.socket(family, socket.SOCK_DGRAM)
            line.setblocking(False)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            line.bind((ANY_ADDRESS[family], 0))
            self._sockets[family] = line
            asyncio.get_running_loop().add_reader(line.fileno(), self._drain, line)
        return line

    def _advance(self, running: _Running, step: Callable[..., bytes | None], *given: object) -> None:
        """Take one step of a poll. Whatever goes wrong in it is the end of that poll and of no other."""
        try:
            self._send(running, step(*given))
        except Exception as error:  # noqa: BLE001 - a step runs on what a stranger sent; the poll names what happened
            running.poll.fail(describe_fault(error))
            if not running.future.done():
                running.future.set_result(running.poll.result)

    def _send(self, running: _Running, datagram: bytes | None) -> None:
        if running.poll.done:
            if not running.future.done():
                running.future.set_result(running.poll.result)
            return
        if datagram is None:
            return
        if running.timer is not None:
            running.timer.cancel()
        loop = asyncio.get_running_loop()
        running.timer = loop.call_later(running.poll.budget.timeout_s, self._expire, running)
        # No route or a full buffer is, to the poll, a lost datagram: it repeats it and says so.
        with suppress(OSError):
            self._socket(running.address).sendto(datagram, running.address)

    def _expire(self, running: _Running) -> None:
        # First whatever waits in the socket: when this process was starved, the reply is there and only unread.
        timer = running.timer
        for line in list(self._sockets.values()):
            while self._drain(line):
                pass
        if running.timer is timer and not running.future.done():
            self._advance(running, running.poll.expire, time.monotonic())

    def _drain(self, line: socket.socket) -> bool:
        """Read a burst; returns whether there may be more."""
        for _ in range(DRAIN):
            try:
                data, source = line.recvfrom(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                continue  # an ICMP error of an earlier datagram; the request that it belongs to will time out
            self._dispatch((source[0].partition("%")[0], source[1]), data)
        return True

    def _dispatch(self, address: Address, data: bytes) -> None:
        running = self._running.get(address) or self._owner(data)
        if running is None:
            self.unmatched += 1
            return
        self._advance(running, running.poll.receive, data, time.monotonic())

    def _owner(self, data: bytes) -> _Running | None:
        """Find the poll that a datagram from an unknown address belongs to; only version 3 can prove that it does."""
        for running in list(self._running.values()):
            try:
                if running.poll.session.owns(data):
                    return running
            except Exception as error:  # noqa: BLE001 - what a stranger sent must not end the polls of the others
                LOGGER.warning("a datagram from an unknown address: %s", describe_fault(error))
        return None


def describe_fault(error: BaseException) -> str:
    """Return in one line what failed and where: type, text, file and line of the innermost frame."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


@contextmanager
def open_engine(in_flight: int = 100) -> Iterator[SnmpEngine]:
    """Provide an engine inside a running event loop and close it afterwards."""
    made = SnmpEngine(in_flight)
    try:
        yield made
    finally:
        made.close()


def sort_addresses(hosts: Sequence[str]) -> list[str]:
    """Return the addresses to try in order: IPv6 first, as the estate's own rule is."""
    return sorted(hosts, key=lambda host: ip_address(host).version, reverse=True)
