"""The socket side: many agents at once over IPv4 and IPv6, dead ones, late ones, and a loop that was held up."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitoring.snmp.engine import SnmpEngine, open_engine, sort_addresses
from monitoring.snmp.poll import Budget, PollPlan
from monitoring.snmp.session import CommunitySession, UsmSession
from tests.monitoring.agents import SYSTEM, TREE, USER, Agent2c, Agent3, Reply

PLAN = PollPlan(((*SYSTEM, 2, 0),), ((1, 3, 6, 1, 4, 1, 9, 1),))
QUICK = Budget(timeout_s=0.2, retries=1)


@contextmanager
def server(reply: Reply, *hosts: str, delay_s: float = 0.0, line_out: socket.socket | None = None) -> Iterator[int]:
    """Serve an agent on one port of one or more loopback addresses from a thread; yields the port."""
    lines: list[socket.socket] = []
    for host in hosts or ("127.0.0.1",):
        line = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        line.bind((host, lines[0].getsockname()[1] if lines else 0))
        lines.append(line)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            for line in select.select(lines, [], [], 0.05)[0]:
                data, source = line.recvfrom(65_535)
                answer = reply(data)
                time.sleep(delay_s)
                if answer is not None:
                    (line_out or line).sendto(answer, source)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield lines[0].getsockname()[1]
    finally:
        stop.set()
        thread.join()
        for line in lines:
            line.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as line:
            line.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]
)
def test_both_versions_over_both_families(host: str) -> None:
    async def main(first: int, second: int) -> None:
        with open_engine() as line:
            results = await asyncio.gather(
                line.poll(host, first, CommunitySession("public"), PLAN, Budget()),
                line.poll(host, second, UsmSession(USER), PLAN, Budget()),
            )
        assert all(not r.error and len(r.varbinds) == len(TREE) - 1 for r in results)

    with server(Agent2c().reply, host) as first, server(Agent3().reply, host) as second:
        asyncio.run(main(first, second))


def test_a_dead_agent_is_reported_alone_and_in_time() -> None:
    async def main(alive: int, dead: int) -> None:
        with open_engine() as line:
            began = time.monotonic()
            good, bad = await asyncio.gather(
                line.poll("127.0.0.1", alive, CommunitySession("public"), PLAN, QUICK),
                line.poll("127.0.0.1", dead, CommunitySession("public"), PLAN, QUICK),
            )
            assert not good.error and bad.error == "no reply"
            assert time.monotonic() - began < 2.0

    with server(Agent2c().reply) as alive, server(lambda _d: None) as dead:
        asyncio.run(main(alive, dead))


def test_a_reply_that_waits_in_the_socket_is_never_a_timeout() -> None:
    """The loop is held up for longer than all retries; the reply arrived meanwhile and must be found."""

    async def main(port: int) -> None:
        with open_engine() as line:
            task = asyncio.create_task(line.poll("127.0.0.1", port, CommunitySession("public"), PLAN, QUICK))
            await asyncio.sleep(0)
            for _ in range(8):
                time.sleep(0.45)
                await asyncio.sleep(0.01)
                if task.done():
                    break
            result = await task
        assert not result.error and len(result.varbinds) == len(TREE) - 1

    with server(Agent2c().reply) as port:
        asyncio.run(main(port))


def test_a_slow_agent_is_waited_for_across_retries() -> None:
    """Each answer takes longer than the timeout: the reply to the first copy must still count."""

    async def main(port: int) -> None:
        with open_engine() as line:
            plan, budget = PollPlan(((*SYSTEM, 2, 0),)), Budget(timeout_s=0.2, retries=3)
            result = await line.poll("127.0.0.1", port, CommunitySession("public"), plan, budget)
        assert not result.error and len(result.varbinds) == 1

    with server(Agent2c().reply, delay_s=0.3) as port:
        asyncio.run(main(port))


def test_a_reply_from_another_address_is_not_taken() -> None:
    agent = Agent2c()

    async def main(port: int, spoof: socket.socket) -> None:
        with open_engine() as line:
            task = asyncio.create_task(line.poll("127.0.0.1", port, CommunitySession("public"), PLAN, QUICK))
            await asyncio.sleep(0.1)
            for target in [s.getsockname()[1] for s in line._sockets.values()]:
                for request in requests:
                    spoof.sendto(agent.reply(request) or b"", ("127.0.0.1", target))
            result = await task
            assert result.error == "no reply" and line.unmatched >= 1

    requests: list[bytes] = []
    with server(requests.append) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spoof:
        spoof.bind(("127.0.0.2", 0))
        asyncio.run(main(port, spoof))


def test_an_authenticated_reply_from_another_address_of_the_agent_is_taken() -> None:
    """net-snmp on a wildcard IPv6 socket answers from the address of the outgoing interface."""
    agent = Agent3()

    async def main(port: int) -> None:
        with open_engine() as line:
            result = await line.poll("127.0.0.1", port, UsmSession(USER), PLAN, QUICK)
        assert not result.error and len(result.varbinds) == len(TREE) - 1

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.3", 0))
        with server(agent.reply, line_out=other) as port:
            asyncio.run(main(port))


def test_exactly_the_dead_of_many_agents_are_reported() -> None:
    hosts = [f"127.0.1.{n}" for n in range(1, 61)]
    alive = [host for n, host in enumerate(hosts) if n % 10]

    async def main(port: int) -> list[str]:
        budget = Budget(timeout_s=1.0, retries=1)
        with open_engine(in_flight=50) as line:
            jobs = [line.poll(host, port, CommunitySession("public"), PLAN, budget) for host in hosts]
            results = await asyncio.gather(*jobs)
        assert all(len(r.varbinds) == len(TREE) - 1 for r in results if not r.error)
        return [host for host, result in zip(hosts, results, strict=True) if not result.error]

    with server(Agent2c().reply, *alive) as port:
        assert asyncio.run(main(port)) == alive


def test_no_route_is_silence_not_an_exception() -> None:
    async def main() -> None:
        made = SnmpEngine()
        try:
            budget = Budget(timeout_s=0.05, retries=1)
            result = await made.poll("240.0.0.1", 161, CommunitySession("public"), PLAN, budget)
            assert result.error == "no reply"
        finally:
            made.close()

    asyncio.run(main())


def test_ipv6_is_tried_first() -> None:
    assert sort_addresses(["192.0.2.1", "2001:db8::1"]) == ["2001:db8::1", "192.0.2.1"]
