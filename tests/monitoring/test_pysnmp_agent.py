"""The whole path against an independent agent: pysnmp's engine over loopback, version 3 authPriv and version 2c."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

from monitoring.snmp import usm
from monitoring.snmp.engine import open_engine as line_engine
from monitoring.snmp.message import decode_value
from monitoring.snmp.poll import COMPLETE, Budget, PollPlan, PollResult
from monitoring.snmp.session import CommunitySession, SnmpSession, UsmSession

SYSTEM = (1, 3, 6, 1, 2, 1, 1)
PROTOCOLS = {"SHA": config.USM_AUTH_HMAC96_SHA, "SHA-256": config.USM_AUTH_HMAC192_SHA256,
             "SHA-512": config.USM_AUTH_HMAC384_SHA512}  # fmt: skip
AUTH, PRIV = "independent-auth", "independent-priv"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run pysnmp's command responder in a thread; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    loop, ready = asyncio.new_event_loop(), threading.Event()
    agents: list[engine.SnmpEngine] = []

    def run() -> None:
        asyncio.set_event_loop(loop)
        agent = engine.SnmpEngine()
        agents.append(agent)
        config.add_transport(agent, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", number)))
        config.add_v1_system(agent, "area", "public")
        config.add_vacm_user(agent, 2, "area", "noAuthNoPriv", (1, 3, 6), ())
        for name, protocol in PROTOCOLS.items():
            config.add_v3_user(agent, f"user-{name}", protocol, AUTH, config.USM_PRIV_CFB128_AES, PRIV)
            config.add_vacm_user(agent, 3, f"user-{name}", "authPriv", (1, 3, 6), ())
        place = context.SnmpContext(agent)
        for responder in (cmdrsp.GetCommandResponder, cmdrsp.NextCommandResponder, cmdrsp.BulkCommandResponder):
            responder(agent, place)
        loop.call_soon(ready.set)
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    yield number
    loop.call_soon_threadsafe(agents[0].close_dispatcher)
    loop.call_soon_threadsafe(lambda: loop.call_later(0.1, loop.stop))
    thread.join(5)


def ask(
    port: int, session: SnmpSession
) -> tuple[str, dict[tuple[int, ...], int | bytes | tuple[int, ...] | None], set[str]]:
    async def main() -> PollResult:
        with line_engine() as line:
            plan = PollPlan(((*SYSTEM, 1, 0), (*SYSTEM, 250, 0)), ((*SYSTEM,),))
            return await line.poll("127.0.0.1", port, session, plan, Budget(timeout_s=5.0))

    result = asyncio.run(main())
    values = {oid: decode_value(v.tag, v.content) for oid, v in result.varbinds.items()}
    return result.error, values, {part.status for part in result.parts}


def names_itself(description: int | bytes | tuple[int, ...] | None) -> bool:
    return isinstance(description, bytes) and b"PySNMP" in description


@pytest.mark.parametrize("digest", list(PROTOCOLS))
def test_version_3_with_an_independent_engine(port: int, digest: str) -> None:
    error, values, statuses = ask(port, UsmSession(usm.User(f"user-{digest}", digest, AUTH, PRIV)))
    assert not error and statuses == {COMPLETE}
    assert names_itself(values[(*SYSTEM, 1, 0)]) and values[(*SYSTEM, 250, 0)] is None


def test_version_2c_with_an_independent_engine(port: int) -> None:
    error, values, _ = ask(port, CommunitySession("public"))
    assert not error and names_itself(values[(*SYSTEM, 1, 0)])


def test_a_wrong_password_is_told_by_an_independent_engine(port: int) -> None:
    error, values, _ = ask(port, UsmSession(usm.User("user-SHA-256", "SHA-256", "not-the-password", PRIV)))
    assert error == "credentials refused: wrongDigests" and not values
