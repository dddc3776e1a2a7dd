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


def test_a_password_is_at_least_eight_octets() -> None:
    with pytest.raises(usm.UsmError):
        usm.derive_master_key("SHA-256", "7octets")
    assert len(usm.derive_master_key("SHA-256", "8 octets")) == 32


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "unsupportedSecLevels"),
        (2, "notInTimeWindows"),
        (3, "unknownUserNames"),
        (4, "unknownEngineIDs"),
        (5, "wrongDigests"),
        (6, "decryptionErrors"),
    ],
)
def test_the_reports_are_those_of_the_standard(number: int, name: str) -> None:
    """RFC 3414 section 5: usmStats, each an instance of its own."""
    assert usm.REPORTS[1, 3, 6, 1, 6, 3, 15, 1, 1, number, 0] == name


def test_a_request_says_how_large_an_answer_may_be() -> None:
    """RFC 3412 section 6.3: msgMaxSize; the largest payload of a UDP datagram over IPv4 is 65,507 octets."""
    probe = usm.make_discovery(7, b"")
    at, end = ber.expect(probe, 0, len(probe), ber.SEQUENCE)
    version, at = ber.read_integer(probe, at, end)
    head, head_end = ber.expect(probe, at, end, ber.SEQUENCE)
    message_id, head = ber.read_integer(probe, head, head_end)
    largest, head = ber.read_integer(probe, head, head_end)
    flags, head = ber.read_octets(probe, head, head_end)
    model, head = ber.read_integer(probe, head, head_end)
    assert (version, message_id, largest, flags, model) == (3, 7, 65_507, b"\4", 3)
    assert head == head_end
    assert usm.read_parameters(probe, *ber.expect(probe, head_end, end, ber.OCTET_STRING))[:4] == (b"", 0, 0, b"")


def test_a_request_is_authenticated_encrypted_and_reportable() -> None:
    """And what it claims to be the time of the engine goes on with ours."""
    engine = usm.AuthoritativeEngine(ENGINE_RFC, 5, 1000, 50.0)
    octets = usm.protect_request(USER, engine, 7, b"", 60.9)
    at, end = ber.expect(octets, 0, len(octets), ber.SEQUENCE)
    _version, at = ber.read_integer(octets, at, end)
    head, head_end = ber.expect(octets, at, end, ber.SEQUENCE)
    _message_id, head = ber.read_integer(octets, head, head_end)
    _largest, head = ber.read_integer(octets, head, head_end)
    flags, head = ber.read_octets(octets, head, head_end)
    parameters = usm.read_parameters(octets, *ber.expect(octets, head_end, end, ber.OCTET_STRING))
    assert flags == b"\7"
    assert parameters[:4] == (ENGINE_RFC, 5, 1010, b"monitor")


def wrap_flags(flags: bytes, model: int) -> bytes:
    """A message that says nothing but what protects it."""
    head = ber.encode_integer(7) + ber.encode_integer(65_507) + ber.encode_tlv(ber.OCTET_STRING, flags)
    parameters = usm.encode_parameters(usm.AuthoritativeEngine(), 0, 0, "", b"", b"")
    whole = ber.encode_integer(3) + ber.encode_tlv(ber.SEQUENCE, head + ber.encode_integer(model))
    whole += ber.encode_tlv(ber.OCTET_STRING, parameters) + usm.encode_scoped(b"", encode_response(1, 0, 0, []))
    return ber.encode_tlv(ber.SEQUENCE, whole)


@pytest.mark.parametrize(("flags", "model", "is_readable"), [(b"\0", 3, True), (b"\0\0", 3, False), (b"\0", 2, False)])
def test_one_octet_of_flags_and_the_user_based_model_are_read(flags: bytes, model: int, is_readable: bool) -> None:
    octets = wrap_flags(flags, model)
    if is_readable:
        assert usm.open_reply(octets, USER, usm.AuthoritativeEngine(), 0.0).flags == 0
    else:
        with pytest.raises(ber.BerError, match="flags or security model"):
            usm.open_reply(octets, USER, usm.AuthoritativeEngine(), 0.0)


def test_a_reply_that_claims_encryption_without_a_digest_is_refused() -> None:
    with pytest.raises(usm.UsmError, match="encrypted without authentication"):
        usm.open_reply(wrap_flags(b"\2", 3), USER, usm.AuthoritativeEngine(), 0.0)


def test_a_reply_that_another_key_encrypted_is_no_pdu() -> None:
    other = Agent3(user=usm.User("monitor", "SHA-256", "authpassword", "another-password"))
    octets = other.wrap(7, encode_response(1, 0, 0, []), protect=True)
    with pytest.raises(usm.UsmError, match="decryption error"):
        usm.open_reply(octets, USER, usm.AuthoritativeEngine(), 0.0)


LAST_BOOT = 2**31 - 1
ENGINE_KNOWN = usm.AuthoritativeEngine(engine_id=b"known", boots=5, time=1000, learnt_at=50.0)


@pytest.mark.parametrize(
    ("boots", "time", "is_believed"),
    [
        (5, 1010, True),
        (5, 860, True),  # 150 seconds behind what it must say by now: the edge of the window
        (5, 859, False),
        (5, 999_999, True),
        (4, 1010, False),
        (6, 0, True),
        (LAST_BOOT - 1, 0, True),
    ],
)
def test_the_window_is_as_wide_as_the_standard_says(boots: int, time: int, is_believed: bool) -> None:
    """RFC 3414 section 3.2 step 7b, ten seconds after the engine last told its time."""
    if is_believed:
        usm.check_window(ENGINE_KNOWN, boots, time, 60.0)
    else:
        with pytest.raises(usm.UsmError, match="not in time window"):
            usm.check_window(ENGINE_KNOWN, boots, time, 60.0)


def test_an_engine_that_ran_out_of_boots_is_not_believed_any_more() -> None:
    latched = usm.AuthoritativeEngine(engine_id=b"known", boots=LAST_BOOT, time=1000, learnt_at=50.0)
    with pytest.raises(usm.UsmError, match="not in time window"):
        usm.check_window(latched, LAST_BOOT, 1010, 60.0)


@pytest.mark.parametrize(
    ("boots", "time", "is_readable"),
    [
        (0, 0, True),
        (LAST_BOOT, LAST_BOOT, True),
        (LAST_BOOT + 1, 0, False),
        (0, LAST_BOOT + 1, False),
        (-1, 0, False),
        (0, -1, False),
    ],
)
def test_boots_and_time_are_31_bits(boots: int, time: int, is_readable: bool) -> None:
    octets = usm.encode_parameters(usm.AuthoritativeEngine(b"known"), boots, time, "monitor", b"", b"")
    if is_readable:
        assert usm.read_parameters(octets, 0, len(octets))[1:3] == (boots, time)
    else:
        with pytest.raises(ber.BerError):
            usm.read_parameters(octets, 0, len(octets))


def test_nothing_may_stand_behind_the_security_parameters() -> None:
    octets = usm.encode_parameters(usm.AuthoritativeEngine(b"known"), 1, 2, "monitor", b"", b"")
    with pytest.raises(ber.BerError):
        usm.read_parameters(octets + b"\0", 0, len(octets) + 1)
    inside = octets[2:] + ber.encode_tlv(ber.OCTET_STRING, b"more")
    longer = ber.encode_tlv(ber.SEQUENCE, inside)
    with pytest.raises(ber.BerError):
        usm.read_parameters(longer, 0, len(longer))


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
