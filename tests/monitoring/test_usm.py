"""The User-based Security Model: known answers, and every way in which a reply can lie."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from monitoring.snmp import ber, message, usm
from monitoring.snmp.poll import COMPLETE, Budget, Poll, PollPlan, PollResult
from monitoring.snmp.session import Request, UsmSession
from tests.monitoring.agents import SYSTEM, TREE, USER, Agent3, Answers, encode_response, run
from tests.support import require

PLAN = PollPlan(((*SYSTEM, 2, 0),), ((1, 3, 6, 1, 4, 1, 9, 1),))
ENGINE_RFC = bytes.fromhex("000000000000000000000002")


@pytest.mark.parametrize(
    ("digest", "master", "localised"),
    [
        # RFC 3414 appendix A.3.2, and RFC 7860's algorithms over the same password and engine.
        ("SHA", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
        (
            "SHA-256",
            "ab51014d1e077f6017df2b12bee5f5aa72993177e9bb569c4dff5a4ca0b4afac",
            "8982e0e549e866db361a6b625d84cccc11162d453ee8ce3a6445c2d6776f0f8b",
        ),
    ],
)
def test_keys_of_the_standard(digest: str, master: str, localised: str) -> None:
    assert usm.derive_master_key(digest, "maplesyrup").hex() == master
    keys = usm.localise_keys(usm.User("x", digest, "maplesyrup", "maplesyrup"), ENGINE_RFC)
    assert keys.auth.hex() == localised and keys.priv.hex() == localised[:32]


def test_a_short_password_is_refused() -> None:
    with pytest.raises(usm.UsmError):
        usm.derive_master_key("SHA-256", "short")


def poll_3(
    agent: Agent3, reply: Callable[[bytes], bytes | None] | None = None, session: UsmSession | None = None
) -> tuple[PollResult, UsmSession, int]:
    session = session or UsmSession(USER)
    poll = Poll(session, PLAN, Budget())
    sent = run(poll, reply or agent.reply)
    return poll.result, session, sent


@pytest.mark.parametrize("digest", ["SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"])
def test_discovery_and_a_whole_poll(digest: str) -> None:
    user = usm.User("monitor", digest, "authpassword", "privpassword")
    agent = Agent3(user=user)
    result, session, sent = poll_3(agent, session=UsmSession(user))
    assert not result.error and len(result.varbinds) == len(TREE) - 1
    assert all(part.status == COMPLETE for part in result.parts) and not session.rejected
    _, _, again = poll_3(agent, session=session)
    assert again == sent - 1  # no discovery any more


def flip(at_end: int) -> Callable[[bytes], bytes]:
    return lambda good: (
        good[:-at_end] + bytes((good[-at_end] ^ 1,)) + good[-at_end + 1 :]
        if at_end > 1
        else (good[:-1] + bytes((good[-1] ^ 1,)))
    )


def with_digest(digest: bytes) -> Callable[[bytes], bytes]:
    def forge(good: bytes) -> bytes:
        at = _digest_at(good)
        return good[:at] + digest + good[at + len(digest) :]

    return forge


def _digest_at(good: bytes) -> int:
    from monitoring.snmp import ber

    at, end = ber.expect(good, 0, len(good), ber.SEQUENCE)
    _, at = ber.read_integer(good, at, end)
    _, at = ber.expect(good, at, end, ber.SEQUENCE)
    start, stop = ber.expect(good, at, end, ber.OCTET_STRING)
    return usm.read_parameters(good, start, stop)[4][0]


def no_security(good: bytes) -> bytes:
    """The same answer, but in the clear: what a downgrade would look like."""
    agent = Agent3()
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    pdu = encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds))
    return agent.wrap(secured.message_id, pdu, protect=False)


def only_authenticated(good: bytes) -> bytes:
    agent = Agent3()
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    pdu = encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds))
    return agent.wrap(secured.message_id, pdu, protect=True, encrypt=False)


def octets_after_the_encrypted_pdu(good: bytes) -> bytes:
    """A whole and authentic message of the device's own, with something after its end."""
    agent = Agent3()
    agent.appended = ber.encode_tlv(ber.OCTET_STRING, b"more")
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    pdu = encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds))
    return agent.wrap(secured.message_id, pdu, protect=True)


def version_2c(good: bytes) -> bytes:
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    return message.encode_v2c(b"public", encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds)))


def other_engine(good: bytes) -> bytes:
    agent = Agent3()
    agent.engine_id = bytes.fromhex("80001f88dead")
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    pdu = encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds))
    return agent.wrap(secured.message_id, pdu, protect=True)


def other_password(good: bytes) -> bytes:
    agent = Agent3(user=usm.User("monitor", "SHA-256", "guessed-password", "privpassword"))
    secured = usm.open_reply(good, USER, usm.AuthoritativeEngine(), 0.0)
    pdu = encode_response(secured.pdu.request_id, 0, 0, list(secured.pdu.varbinds))
    return agent.wrap(secured.message_id, pdu, protect=True)


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (flip(1), "wrong digest"),
        (flip(40), "wrong digest"),
        (with_digest(bytes(24)), "wrong digest"),
        (with_digest(os.urandom(24)), "wrong digest"),
        (lambda good: good[:-5], "malformed"),
        (lambda good: good + b"\0", "malformed"),
        (no_security, "downgrade: reply less protected than the request"),
        (only_authenticated, "downgrade: reply less protected than the request"),
        (octets_after_the_encrypted_pdu, "malformed"),
        (version_2c, "downgrade: reply in another version"),
        (other_engine, "wrong engine"),
        (other_password, "wrong digest"),
    ],
)
def test_a_forged_reply_never_becomes_a_value(forge: Callable[[bytes], bytes], reason: str) -> None:
    agent, session = Agent3(), UsmSession(USER)
    poll = Poll(session, PLAN, Budget())
    now, sent = 100.0, 0
    datagram = poll.start(now)
    while not poll.done:
        if datagram is not None:
            sent += 1
            reply = agent.reply(datagram)
            assert reply is not None
            discovery = session._discovering
            datagram = poll.receive(reply if discovery else forge(reply), now)
            if datagram is not None:
                continue
        now += 1.0
        datagram = poll.expire(now)
    assert not poll.result.varbinds and poll.result.error.startswith("no reply")
    assert session.rejected[reason] >= 1, session.rejected
    assert sent < 12


def test_every_single_bit_of_a_reply_is_covered() -> None:
    agent, session = Agent3(), UsmSession(USER)
    poll = Poll(session, PLAN, Budget())
    first = require(poll.start(0.0))
    request = require(poll.receive(require(agent.reply(first)), 0.0))
    good = require(agent.reply(request))
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        probe = UsmSession(USER)
        probe.engine, probe._proved = session.engine, True
        probe._request, probe._request_id = session._request, session._request_id
        probe._message_ids = session._message_ids
        assert probe.receive(bytes(bad), 0.0).pdu is None, f"bit {bit} is not covered"
    assert session.receive(good, 0.0).pdu is not None


def test_a_replayed_reply_is_refused() -> None:
    agent, session = Agent3(), UsmSession(USER)
    kept: list[bytes] = []

    def remember(datagram: bytes) -> bytes | None:
        reply = agent.reply(datagram)
        kept.append(reply or b"")
        return reply

    poll_3(agent, remember, session)
    old = kept[-1]
    poll = Poll(session, PLAN, Budget())
    poll.start(2000.0)
    assert poll.receive(old, 2000.1) is None and not poll.result.varbinds
    assert not session.rejected  # a late copy, as far as one can tell: ignored, and nothing to be alarmed about
    for _ in range(80):
        session.request(Request(message.GET, ()), 2000.2)
    assert session.receive(old, 2000.3).pdu is None and session.rejected == {"wrong message id": 1}


def test_a_reply_from_before_the_last_reboot_is_refused_even_with_the_right_ids() -> None:
    agent, session = Agent3(), UsmSession(USER)
    poll_3(agent, session=session)
    poll = Poll(session, PLAN, Budget())
    request = poll.start(1001.0)
    agent.boots -= 1
    agent_reply = agent.wrap(usm.read_message_id(request or b""), encode_response(session._request_id, 0, 0, []), True)
    again = poll.receive(agent_reply, 1001.1)
    assert session.rejected == {"not in time window": 1} and not poll.result.varbinds
    assert again is not None and not session.engine.engine_id  # it asks who the engine is, and believes nothing


def restart(agent: Agent3) -> None:
    agent.boots += 1
    agent.time = 0


@pytest.mark.parametrize(
    "change",
    [
        lambda agent: setattr(agent, "boots", agent.boots + 1),
        restart,
        lambda agent: setattr(agent, "time", agent.time + 3600),
        lambda agent: setattr(agent, "time", 5),
        lambda agent: setattr(agent, "boots", 1),
        lambda agent: setattr(agent, "engine_id", bytes.fromhex("80001f88cafe01")),
    ],
    ids=["reboot", "reboot and clock", "clock forward", "clock back", "boots back", "new engine"],
)
def test_the_same_poll_recovers_from_an_agent_that_changed(change: Callable[[Agent3], object]) -> None:
    agent = Agent3()
    _, session, _ = poll_3(agent)
    change(agent)
    result, _, sent = poll_3(agent, session=session)
    assert not result.error and len(result.varbinds) == len(TREE) - 1, (result.error, session.rejected)
    assert sent <= 9


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (usm.User("monitor", "SHA-256", "wrong-password", "privpassword"), "credentials refused: wrongDigests"),
        (usm.User("nobody", "SHA-256", "authpassword", "privpassword"), "credentials refused: unknownUserNames"),
    ],
)
def test_wrong_credentials_are_an_error_at_once_not_silence(user: usm.User, reason: str) -> None:
    result, _, sent = poll_3(Agent3(), session=UsmSession(user))
    assert result.error == reason and sent == 2


def test_two_agents_with_one_engine_id_do_not_disturb_each_other() -> None:
    one, two = Agent3(), Agent3(Answers())
    two.boots, two.time = 9, 77_000
    first, second = UsmSession(USER), UsmSession(USER)
    for _ in range(2):
        assert not poll_3(one, session=first)[0].error
        assert not poll_3(two, session=second)[0].error


def test_a_user_does_not_show_its_passwords() -> None:
    assert "authpassword" not in repr(USER) and "privpassword" not in repr(USER)


@pytest.mark.parametrize(("boots", "time"), [(0, 0), (0, 100), (0, 1_000_000), (1, 0)])
def test_an_engine_that_counts_its_boots_from_nought_is_believed(boots: int, time: int) -> None:
    """The poller's own machine is up for longer (1,000 s here) than the engine: its first answer is no old one."""
    agent = Agent3()
    agent.boots, agent.time = boots, time
    poll = Poll(UsmSession(USER), PLAN, Budget())
    run(poll, agent.reply)
    assert not poll.result.error and len(poll.result.varbinds) == len(TREE) - 1
