"""A whole poll of one agent as a state machine without input or output: GET of scalars, then walks, within budgets.

Whatever the agent does, the poll ends, keeps what it has and names what is missing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from monitoring.snmp import ber, message
from monitoring.snmp.ber import Oid
from monitoring.snmp.message import Pdu, Varbind
from monitoring.snmp.session import ReplyOutcome, ReplyVerdict, Request, SnmpSession, UsmSession

COMPLETE, SILENT = "complete", "no reply"
MAX_GET = 24


class Absence(StrEnum):
    """Why a poll brought nothing home; ``NONE`` when it brought something."""

    NONE = ""
    NO_ANSWER = "no_answer"  #: nothing came back from any address
    NOT_BELIEVED = "not_believed"  #: replies came, and each was refused: wrong engine, forged, replayed, malformed
    LOGIN_REFUSED = "login_refused"  #: the agent itself said that user, key or level of security are not accepted
    FAULT = "fault"  #: this program failed on what the agent sent


@dataclass(frozen=True, slots=True)
class Budget:
    """What one poll of one agent may cost: ``timeout_s`` a transmission, ``total_s`` and ``pdus`` everything.

    ``first_retries`` replaces ``retries`` until the agent has answered once (None: it does not).
    ``walk_pdus`` limits one subtree, so that an endless one leaves time for the others.
    """

    timeout_s: float = 1.0
    retries: int = 2
    first_retries: int | None = None
    total_s: float = 20.0
    pdus: int = 400
    walk_pdus: int = 100
    repetitions: int = 25


@dataclass(frozen=True, slots=True)
class PollPlan:
    """What to ask: single instances, and subtrees to walk."""

    gets: tuple[Oid, ...] = ()
    walks: tuple[Oid, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the plan and how it ended: ``complete``, or why not."""

    kind: str
    oid: Oid
    status: str


@dataclass(slots=True)
class PollResult:
    """What a poll brought home. ``error`` and ``absence`` are set when nothing at all can be believed."""

    varbinds: dict[Oid, Varbind] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    error: str = ""
    absence: Absence = Absence.NONE
    answered: bool = False
    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class _Walk:
    root: Oid
    last: Oid
    pdus: int = 0


class Poll:
    """The machine: ``start`` gives the first datagram, ``receive`` and ``expire`` the next one or None."""

    def __init__(self, session: SnmpSession, plan: PollPlan, budget: Budget) -> None:
        self.session, self.budget, self.result = session, budget, PollResult()
        self.done = False
        self._gets = deque(plan.gets[at : at + MAX_GET] for at in range(0, len(plan.gets), MAX_GET))
        self._walks = deque(_Walk(root, root) for root in plan.walks)
        self._get: tuple[Oid, ...] = ()
        self._walk: _Walk | None = None
        self._bulk, self._repetitions = True, budget.repetitions
        self._tries, self._deadline = 0, 0.0

    def start(self, now: float) -> bytes | None:
        """Begin; returns the first datagram (None when there is nothing to ask)."""
        self._deadline = now + self.budget.total_s
        if isinstance(self.session, UsmSession):
            self.session.begin()
        return self._next(now)

    def receive(self, data: bytes, now: float) -> bytes | None:
        """Take a datagram from the agent's address; returns the next datagram to send, if any."""
        if self.done:
            return None
        outcome = self.session.receive(data, now)
        if outcome.verdict is ReplyVerdict.IGNORED:
            return None
        self.result.received += 1
        if outcome.verdict is ReplyVerdict.RESEND:
            return self._send(self.session.again(now), now)
        if outcome.verdict is ReplyVerdict.FATAL:
            return self._abort(outcome.reason, Absence.LOGIN_REFUSED)
        return self._answer(outcome, now)

    def expire(self, now: float) -> bytes | None:
        """Repeat the request under way, which had no acceptable reply in time, or give its part up."""
        if self.done:
            return None
        quick = self.budget.first_retries
        retries = self.budget.retries if quick is None or self.result.answered else quick
        if self._tries < retries and now < self._deadline:
            self._tries += 1
            if self._walk is not None and self._bulk and self._repetitions > 1 and self._tries > 1:
                self._repetitions = max(1, self._repetitions // 4)  # a long reply may be what gets lost
                return self._send(self._request_walk(now), now)
            return self._send(self.session.again(now), now)
        if not self.result.answered:
            reasons = ", ".join(sorted(self.session.rejected))
            if reasons:
                return self._abort(f"{SILENT} (refused: {reasons})", Absence.NOT_BELIEVED)
            return self._abort(SILENT)
        return self._give_up(SILENT, now)

    def _answer(self, outcome: ReplyOutcome, now: float) -> bytes | None:
        pdu = outcome.pdu
        assert pdu is not None  # noqa: S101 - an answer has a PDU
        self.result.answered, self._tries = True, 0
        if self._walk is not None:
            return self._walked(pdu, now)
        return self._got(pdu, now)

    def _next(self, now: float) -> bytes | None:
        self._tries = 0
        if self._gets:
            self._get, self._walk = self._gets.popleft(), None
            return self._send(self.session.request(Request(message.GET, self._get), now), now)
        if self._walks:
            self._get, self._walk = (), self._walks.popleft()
            return self._send(self._request_walk(now), now)
        self.done = True
        return None

    def _request_walk(self, now: float) -> bytes:
        assert self._walk is not None  # noqa: S101 - only called while walking
        last = (self._walk.last,)
        if self._bulk:
            return self.session.request(Request(message.GET_BULK, last, self._repetitions), now)
        return self.session.request(Request(message.GET_NEXT, last, 0), now)

    def _send(self, datagram: bytes, now: float) -> bytes | None:
        if self.result.sent >= self.budget.pdus:
            return self._abort("budget: too many requests")
        if now > self._deadline:
            return self._abort("budget: too much time")
        self.result.sent += 1
        return datagram

    def _got(self, pdu: Pdu, now: float) -> bytes | None:
        if pdu.error:
            return self._get_failed(pdu, now)
        answered = {varbind.oid for varbind in pdu.varbinds}
        for varbind in pdu.varbinds:
            if varbind.oid in self._get:
                self.result.varbinds[varbind.oid] = varbind
        for oid in self._get:
            end = COMPLETE if oid in answered else "not in the reply"
            self._part("get", oid, end)
        return self._next(now)

    def _get_failed(self, pdu: Pdu, now: float) -> bytes | None:
        """Split what is too big; leave out the one variable that the agent cannot give and ask for the others."""
        asked = list(self._get)
        if pdu.error == message.TOO_BIG and len(asked) > 1:
            middle = len(asked) // 2
            self._gets.extendleft((tuple(asked[middle:]), tuple(asked[:middle])))
            return self._next(now)
        if 1 <= pdu.error_index <= len(asked) and len(asked) > 1:
            self._part("get", asked.pop(pdu.error_index - 1), message.name_error(pdu.error))
            self._gets.appendleft(tuple(asked))
            return self._next(now)
        return self._give_up(message.name_error(pdu.error), now)

    def _walked(self, pdu: Pdu, now: float) -> bytes | None:
        walk = self._walk
        assert walk is not None  # noqa: S101 - the caller has checked
        if pdu.error:
            return self._walk_failed(pdu, now)
        status = self._take_rows(walk, pdu) if pdu.varbinds else "empty reply"
        walk.pdus += 1
        if not status and walk.pdus >= self.budget.walk_pdus:
            status = "budget: subtree without end"
        if status:
            return self._end_walk(status, now)
        return self._send(self._request_walk(now), now)

    def _walk_failed(self, pdu: Pdu, now: float) -> bytes | None:
        if pdu.error == message.TOO_BIG and self._repetitions > 1:
            self._repetitions = max(1, self._repetitions // 2)
        elif self._bulk:
            self._bulk = False  # an agent that cannot GETBULK may still know GETNEXT
        else:
            return self._give_up(message.name_error(pdu.error), now)
        return self._send(self._request_walk(now), now)

    def _take_rows(self, walk: _Walk, pdu: Pdu) -> str:
        """Keep the rows of the subtree; returns how the walk ended, empty when it goes on."""
        for varbind in pdu.varbinds:
            if varbind.tag == ber.END_OF_MIB_VIEW or varbind.oid[: len(walk.root)] != walk.root:
                if varbind.oid >= walk.last:
                    return COMPLETE
                return "non-increasing OID"
            if varbind.oid <= walk.last:
                return "non-increasing OID"
            self.result.varbinds[varbind.oid] = varbind
            walk.last = varbind.oid
        return ""

    def _end_walk(self, status: str, now: float) -> bytes | None:
        assert self._walk is not None  # noqa: S101 - only called while walking
        self._part("walk", self._walk.root, status)
        return self._next(now)

    def _give_up(self, reason: str, now: float) -> bytes | None:
        if self._walk is not None:
            self._part("walk", self._walk.root, reason)
        for oid in self._get:
            self._part("get", oid, reason)
        return self._next(now)

    def fail(self, reason: str) -> None:
        """End the poll because this program failed on what came back; nothing that it brought is to be believed."""
        self.result.answered = False
        self.result.varbinds.clear()
        self._abort(reason, Absence.FAULT)

    def _abort(self, reason: str, absence: Absence = Absence.NO_ANSWER) -> bytes | None:
        """Stop here: whatever has not been asked yet is named with the reason. There is nothing more to send."""
        if not self.result.answered:
            self.result.error, self.result.absence = reason, absence
        for oid in chain(self._get, *self._gets):
            self._part("get", oid, reason)
        for walk in (self._walk, *self._walks):
            if walk is not None:
                self._part("walk", walk.root, reason)
        self._gets.clear()
        self._walks.clear()
        self.done = True
        return None

    def _part(self, kind: str, oid: Oid, status: str) -> None:
        self.result.parts.append(Part(kind, oid, status))
