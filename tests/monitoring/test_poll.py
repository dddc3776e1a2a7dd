"""A poll against agents that behave and agents that do not: it ends, keeps what is good and names what is missing."""

from __future__ import annotations

import pytest

from monitoring.snmp import ber, message, usm
from monitoring.snmp.ber import Oid
from monitoring.snmp.message import Pdu, Varbind
from monitoring.snmp.poll import COMPLETE, Absence, Budget, Poll, PollPlan, PollResult
from monitoring.snmp.session import CommunitySession, UsmSession
from tests.monitoring.agents import SYSTEM, TREE, USER, Agent2c, Agent3, Answers, Reply, encode_response, run

TABLE: Oid = (1, 3, 6, 1, 4, 1, 9, 1)
PLAN = PollPlan(((*SYSTEM, 2, 0), (*SYSTEM, 3, 0), (*SYSTEM, 99, 0)), ((*TABLE, 1), (*TABLE, 2)))


def poll_2c(
    reply: Reply, plan: PollPlan = PLAN, budget: Budget | None = None
) -> tuple[PollResult, CommunitySession, int]:
    session = CommunitySession("public")
    poll = Poll(session, plan, budget or Budget())
    sent = run(poll, reply)
    return poll.result, session, sent


def statuses(result: PollResult) -> dict[Oid, str]:
    return {part.oid: part.status for part in result.parts}


def test_a_good_agent_is_read_completely() -> None:
    result, session, sent = poll_2c(Agent2c().reply)
    assert not result.error and set(statuses(result).values()) == {COMPLETE}
    rows = {oid for oid in TREE if oid[: len(TABLE)] == TABLE}
    assert {oid for oid in result.varbinds if oid[: len(TABLE)] == TABLE} == rows
    assert result.varbinds[(*SYSTEM, 99, 0)].tag == ber.NO_SUCH_INSTANCE
    assert not session.rejected and sent == result.sent == 5


class Stubborn(Answers):
    """Gives the first row of a table for ever."""

    def following(self, oid: Oid) -> Varbind:
        if oid[: len(TABLE) + 1] != (*TABLE, 1):
            return super().following(oid)
        return Varbind((*TABLE, 1, 1), ber.INTEGER, b"\x01")


class Backwards(Answers):
    """Goes back after the tenth row."""

    def following(self, oid: Oid) -> Varbind:
        found = super().following(oid)
        return Varbind((*TABLE, 1, 3), ber.INTEGER, b"\x03") if found.oid == (*TABLE, 1, 11) else found


class Endless(Answers):
    """Makes up rows for ever."""

    def following(self, oid: Oid) -> Varbind:
        if oid[: len(TABLE) + 1] == (*TABLE, 1):
            last = oid[-1] if len(oid) > len(TABLE) + 1 else 0
            return Varbind((*TABLE, 1, last + 1), ber.INTEGER, b"\x01")
        return super().following(oid)


class Empty(Answers):
    """Answers walks of the first table with nothing."""

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        first = pdu.varbinds[0].oid
        return (0, 0, []) if first[: len(TABLE) + 1] == (*TABLE, 1) else super().answer(pdu)


class NoBulk(Answers):
    """Knows no GETBULK."""

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        return (message.GEN_ERR, 0, []) if pdu.kind == message.GET_BULK else super().answer(pdu)


class TooBig(Answers):
    """Cannot give more than four variables."""

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        error, index, rows = super().answer(pdu)
        return (message.TOO_BIG, 0, []) if len(rows) > 2 else (error, index, rows)


class SickVariable(Answers):
    """Fails with genErr whenever one of the scalars is asked for."""

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        for place, varbind in enumerate(pdu.varbinds, start=1):
            if pdu.kind == message.GET and varbind.oid == (*SYSTEM, 3, 0):
                return message.GEN_ERR, place, []
        return super().answer(pdu)


class DeafWalk(Answers):
    """Fails with an error for the first table, by GETBULK and by GETNEXT."""

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        if pdu.kind != message.GET and pdu.varbinds[0].oid[: len(TABLE) + 1] == (*TABLE, 1):
            return message.GEN_ERR, 1, []
        return super().answer(pdu)


@pytest.mark.parametrize(
    ("answers", "first", "rows"),
    [
        (Stubborn, "non-increasing OID", 1),
        (Backwards, "non-increasing OID", 10),
        (Endless, "budget: subtree without end", 100),
        (Empty, "empty reply", 0),
        (NoBulk, COMPLETE, 40),
        (TooBig, COMPLETE, 40),
        (DeafWalk, "genErr", 0),
    ],
)
def test_a_bad_subtree_costs_only_itself(answers: type[Answers], first: str, rows: int) -> None:
    budget = Budget(walk_pdus=4 if answers is Endless else 100)
    result, _, _ = poll_2c(Agent2c(answers()).reply, budget=budget)
    told = statuses(result)
    assert told[(*TABLE, 1)] == first
    assert sum(oid[: len(TABLE) + 1] == (*TABLE, 1) for oid in result.varbinds) == rows
    assert told[(*TABLE, 2)] == COMPLETE and not result.error
    assert (*SYSTEM, 2, 0) in result.varbinds


def test_one_sick_variable_costs_only_itself() -> None:
    result, _, _ = poll_2c(Agent2c(SickVariable()).reply)
    assert statuses(result)[(*SYSTEM, 3, 0)] == "genErr"
    assert (*SYSTEM, 2, 0) in result.varbinds and statuses(result)[(*TABLE, 2)] == COMPLETE


def test_silence_is_named_and_ends_in_the_time_of_the_retries() -> None:
    result, _, sent = poll_2c(lambda _datagram: None)
    assert result.error == "no reply" and not result.varbinds
    assert sent == 3
    assert {part.status for part in result.parts} == {"no reply"} and len(result.parts) == 5


def test_an_agent_that_dies_half_way_leaves_what_it_gave() -> None:
    agent, count = Agent2c(), 0

    def reply(datagram: bytes) -> bytes | None:
        nonlocal count
        count += 1
        return agent.reply(datagram) if count <= 3 else None

    result, _, _ = poll_2c(reply)
    told = statuses(result)
    assert not result.error and told[(*TABLE, 1)] == COMPLETE and told[(*TABLE, 2)] == "no reply"


def truncated(datagram: bytes) -> bytes:
    good = Agent2c().reply(datagram)
    assert good is not None
    return good[:-3]


def wrong_id(datagram: bytes) -> bytes:
    _, pdu = message.decode_v2c(datagram)
    return message.encode_v2c(b"public", encode_response(pdu.request_id ^ 1, *Answers().answer(pdu)))


def wrong_type(datagram: bytes) -> bytes:
    _, pdu = message.decode_v2c(datagram)
    return message.encode_v2c(b"public", encode_response(pdu.request_id, *Answers().answer(pdu), message.GET))


def wrong_community(datagram: bytes) -> bytes:
    _, pdu = message.decode_v2c(datagram)
    return message.encode_v2c(b"private", encode_response(pdu.request_id, *Answers().answer(pdu)))


def own_request(datagram: bytes) -> bytes:
    return datagram


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (truncated, "malformed"),
        (wrong_id, "wrong request id"),
        (wrong_type, "wrong PDU type"),
        (wrong_community, "wrong community"),
        (own_request, "wrong PDU type"),
        (lambda _d: b"", "malformed"),
    ],
)
def test_bad_replies_are_refused_counted_and_named(reply: Reply, reason: str) -> None:
    # Each refused reply is followed by silence: the poll has to end by its own clock.
    pending: list[bytes] = []

    def once(datagram: bytes) -> bytes | None:
        pending.append(datagram)
        return reply(datagram)

    session = CommunitySession("public")
    poll = Poll(session, PLAN, Budget())
    now = 0.0
    datagram = poll.start(now)
    while not poll.done:
        if datagram is not None:
            assert poll.receive(once(datagram) or b"", now + 0.1) is None
        now += 1.0
        datagram = poll.expire(now)
    assert poll.result.error == f"no reply (refused: {reason})"
    assert session.rejected == {reason: 3} and not poll.result.varbinds


def test_loss_of_every_third_reply_costs_no_row() -> None:
    agent, count = Agent2c(), 0

    def reply(datagram: bytes) -> bytes | None:
        nonlocal count
        count += 1
        return None if count % 3 == 0 else agent.reply(datagram)

    result, _, _ = poll_2c(reply)
    assert set(statuses(result).values()) == {COMPLETE} and len(result.varbinds) == len(TREE) + 1


@pytest.mark.parametrize("session", [CommunitySession("public"), UsmSession(USER)], ids=["v2c", "v3"])
def test_a_second_copy_of_an_answer_changes_nothing_and_alarms_nobody(session: CommunitySession | UsmSession) -> None:
    agent = Agent2c() if isinstance(session, CommunitySession) else Agent3()
    poll, now = Poll(session, PLAN, Budget()), 1000.0
    datagram = poll.start(now)
    while datagram is not None:
        reply = agent.reply(datagram) or b""
        datagram = poll.receive(reply, now)
        assert poll.receive(reply, now) is None
    assert set(statuses(poll.result).values()) == {COMPLETE} and not session.rejected


@pytest.mark.parametrize(
    ("budget", "reason"),
    [(Budget(pdus=2), "budget: too many requests"), (Budget(total_s=0.015), "budget: too much time")],
)
def test_budgets_end_a_poll_and_name_the_rest(budget: Budget, reason: str) -> None:
    result, _, _ = poll_2c(Agent2c().reply, budget=budget)
    assert statuses(result)[(*TABLE, 2)] == reason and not result.error


def test_a_plan_with_nothing_to_ask_is_done_at_once() -> None:
    poll = Poll(CommunitySession("public"), PollPlan(), Budget())
    assert poll.start(0.0) is None and poll.done


def test_why_there_is_nothing_is_told_apart() -> None:
    """No answer, an answer that refuses our user or keys, answers that cannot be believed: three kinds."""
    other = Agent3()
    number = iter(range(100))

    def ask(reply: Reply, user: usm.User = USER) -> PollResult:
        poll = Poll(UsmSession(user), PLAN, Budget(retries=1))
        run(poll, reply)
        return poll.result

    def answer_as_another(datagram: bytes) -> bytes | None:
        other.engine_id = bytes.fromhex("80001f8880ffffffff001122") + bytes((next(number),))
        return other.report(usm.read_message_id(datagram), 4, protect=False)

    assert ask(lambda _datagram: None).absence is Absence.NO_ANSWER
    for wrong in (
        usm.User("stranger", USER.auth, USER.auth_password, USER.priv_password),
        usm.User(USER.name, USER.auth, "another-password", USER.priv_password),
    ):
        refused = ask(Agent3().reply, wrong)
        assert refused.absence is Absence.LOGIN_REFUSED and refused.error.startswith("credentials refused: ")
    agent = Agent3()
    agent.unprotected = True
    for reply in (answer_as_another, lambda _datagram: b"\x30\x03abc", agent.reply):
        found = ask(reply)
        assert (found.absence, found.answered) == (Absence.NOT_BELIEVED, False), found.error
