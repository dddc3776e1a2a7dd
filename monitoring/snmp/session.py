"""One conversation with one agent, without any input or output: requests become octets, octets become outcomes.

An outcome never carries a value that was not checked; what is refused is counted by its reason.
"""

from __future__ import annotations

import secrets
from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from monitoring.snmp import message, usm
from monitoring.snmp.ber import BerError, Oid
from monitoring.snmp.message import Pdu

#: Begins the words of a poll that an agent answered and did not accept the user or the password of.
CREDENTIALS_REFUSED = "credentials refused"


class ReplyVerdict(Enum):
    """What a received datagram means for the request under way."""

    ANSWER = "answer"
    IGNORED = "ignored"
    RESEND = "resend"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class ReplyOutcome:
    """A verdict, with the PDU of an answer or the reason of anything else."""

    verdict: ReplyVerdict
    pdu: Pdu | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One PDU to be sent; ``repetitions`` above zero makes it a GETBULK."""

    kind: int
    oids: tuple[Oid, ...]
    repetitions: int = 0


#: The second copy of an answer that is already in: what retransmission brings with it, nobody's forgery.
LATE = ReplyOutcome(ReplyVerdict.IGNORED, reason="late")
PAST = 64


class SnmpSession(Protocol):
    """What a poll needs of a conversation, whatever the version."""

    rejected: Counter[str]

    def request(self, request: Request, now: float) -> bytes:
        """Return the datagram of a new request."""

    def again(self, now: float) -> bytes:
        """Return the datagram that repeats the request under way."""

    def receive(self, data: bytes, now: float) -> ReplyOutcome:
        """Judge a datagram that came from the agent's address, or that ``owns`` has claimed."""

    def owns(self, data: bytes) -> bool:
        """Say whether a datagram from another address claims to answer this conversation."""


def make_id() -> int:
    """Return an unpredictable request or message id: what makes a blind or replayed reply useless."""
    return secrets.randbelow(0x7FFFFFFE) + 1


def encode(request: Request, request_id: int) -> bytes:
    """Encode the request's PDU."""
    return message.encode_pdu(request.kind, request_id, request.oids, 0, request.repetitions)


class CommunitySession:
    """Version 2c: nothing is protected; at least id, community and PDU type must be right."""

    def __init__(self, community: str) -> None:
        self._community = community.encode()
        self._id, self._datagram = 0, b""
        self._past: deque[int] = deque(maxlen=PAST)
        self.rejected: Counter[str] = Counter()

    def request(self, request: Request, now: float) -> bytes:
        """Return the datagram of a new request."""
        self._past.append(self._id)
        self._id = make_id()
        self._datagram = message.encode_v2c(self._community, encode(request, self._id))
        return self._datagram

    def again(self, now: float) -> bytes:
        """Return the same datagram: a late reply to any copy of it counts."""
        return self._datagram

    def receive(self, data: bytes, now: float) -> ReplyOutcome:
        """Judge a datagram."""
        try:
            community, pdu = message.decode_v2c(data)
        except BerError:
            return self._ignore("malformed")
        if community != self._community:
            return self._ignore("wrong community")
        if pdu.kind != message.RESPONSE:
            return self._ignore("wrong PDU type")
        if pdu.request_id in self._past:
            return LATE
        if pdu.request_id == self._id:
            return ReplyOutcome(ReplyVerdict.ANSWER, pdu)
        return self._ignore("wrong request id")

    def owns(self, data: bytes) -> bool:
        """Never: in version 2c the address is all that tells one sender from another."""
        return False

    def _ignore(self, reason: str) -> ReplyOutcome:
        self.rejected[reason] += 1
        return ReplyOutcome(ReplyVerdict.IGNORED, reason=reason)


class UsmSession:
    """Version 3 authPriv. Keeps the engine between polls, so that a healthy agent costs no discovery."""

    #: Reports that mean wrong credentials: an answer, not silence, so nothing is gained by asking again.
    CREDENTIALS = frozenset(("unsupportedSecLevels", "unknownUserNames", "wrongDigests", "decryptionErrors"))

    def __init__(self, user: usm.User) -> None:
        self._user = user
        self.engine = usm.AuthoritativeEngine()
        self._proved = False
        self._request: Request | None = None
        self._request_id = 0
        self._message_ids: set[int] = set()
        self._past: deque[int] = deque(maxlen=PAST)
        self._discovering, self._discoveries, self._resyncs = False, 0, 0
        self.rejected: Counter[str] = Counter()

    def begin(self) -> None:
        """Forget the limits of the poll before: each poll may discover and synchronise anew, a few times."""
        self._discoveries = self._resyncs = 0

    def request(self, request: Request, now: float) -> bytes:
        """Return the datagram of a new request, or of the discovery that has to come first."""
        self._past.extend(self._message_ids)
        self._request, self._request_id, self._message_ids = request, make_id(), set()
        return self.again(now)

    def again(self, now: float) -> bytes:
        """Return a new datagram for the request under way, protected for the present time."""
        assert self._request is not None  # noqa: S101 - request() comes first
        message_id = make_id()
        self._message_ids.add(message_id)
        self._discovering = not self.engine.engine_id
        if self._discovering:
            return usm.make_discovery(message_id, message.encode_pdu(message.GET, self._request_id, ()))
        return usm.protect_request(self._user, self.engine, message_id, encode(self._request, self._request_id), now)

    def receive(self, data: bytes, now: float) -> ReplyOutcome:
        """Judge a datagram."""
        # An engine that has proved nothing yet has no known time either: whatever it says first is within its window,
        # also where it counts its boots from 0 and this machine has been up for longer than it.
        known = self.engine if self._proved else usm.AuthoritativeEngine(self.engine.engine_id, learnt_at=now)
        try:
            # First of all, so that an old or blind datagram can neither cost a digest nor cause a discovery.
            message_id = usm.read_message_id(data)
            if message_id not in self._message_ids:
                if message_id in self._past:
                    return LATE
                return self._ignore("wrong message id")
            secured = usm.open_reply(data, self._user, known, now)
        except BerError:
            return self._ignore("malformed")
        except usm.UsmError as error:
            return self._doubt(str(error))
        if secured.flags & usm.AUTH:
            self._learn(secured, now)
        if secured.pdu.kind == message.REPORT:
            return self._report(secured, now)
        flaw = self._flaw(secured)
        return self._ignore(flaw) if flaw else ReplyOutcome(ReplyVerdict.ANSWER, secured.pdu)

    def owns(self, data: bytes) -> bool:
        """Say whether a datagram carries one of our message ids: routers answer from another of their addresses.

        Nothing is gained by forging that: what is in the message still has to be proved with the user's keys.
        """
        try:
            return usm.read_message_id(data) in self._message_ids
        except (BerError, usm.UsmError):
            return False

    def _flaw(self, secured: usm.Secured) -> str:
        """Return why an otherwise sound message is not the answer to the request under way; empty when it is."""
        if secured.flags & (usm.AUTH | usm.PRIV) != usm.AUTH | usm.PRIV:
            return "downgrade: reply less protected than the request"
        if secured.pdu.kind != message.RESPONSE:
            return "wrong PDU type"
        if secured.pdu.request_id == self._request_id:
            return ""
        return "wrong request id"

    def _learn(self, secured: usm.Secured, now: float) -> None:
        later = secured.boots > self.engine.boots or secured.time > self.engine.time
        if not self._proved or later:
            self.engine = usm.AuthoritativeEngine(secured.engine_id, secured.boots, secured.time, now)
            self._proved = True

    def _doubt(self, reason: str) -> ReplyOutcome:
        """Refuse the reply; where the engine itself may have changed, ask it once more who it is."""
        self.rejected[reason] += 1
        if reason in ("wrong engine", "not in time window") and self._discoveries < 1:
            self._discoveries += 1
            self.engine, self._proved = usm.AuthoritativeEngine(), False
            return ReplyOutcome(ReplyVerdict.RESEND, reason=reason)
        return ReplyOutcome(ReplyVerdict.IGNORED, reason=reason)

    def _report(self, secured: usm.Secured, now: float) -> ReplyOutcome:
        names = [usm.REPORTS.get(varbind.oid, "") for varbind in secured.pdu.varbinds]
        name = next((n for n in names if n), "unknown report")
        if name == "unknownEngineIDs" and self._discovering and secured.engine_id:
            self.engine = usm.AuthoritativeEngine(secured.engine_id, secured.boots, secured.time, now)
            return ReplyOutcome(ReplyVerdict.RESEND, reason="engine discovered")
        if name == "unknownEngineIDs" and secured.engine_id == self.engine.engine_id:
            return LATE
        if name == "notInTimeWindows" and secured.flags & usm.AUTH and self._resyncs < 2:
            self._resyncs += 1
            self.engine = usm.AuthoritativeEngine(secured.engine_id, secured.boots, secured.time, now)
            return ReplyOutcome(ReplyVerdict.RESEND, reason="time synchronised")
        if name in self.CREDENTIALS:
            return ReplyOutcome(ReplyVerdict.FATAL, reason=f"{CREDENTIALS_REFUSED}: {name}")
        return self._ignore(f"report {name}")

    def _ignore(self, reason: str) -> ReplyOutcome:
        self.rejected[reason] += 1
        return ReplyOutcome(ReplyVerdict.IGNORED, reason=reason)
