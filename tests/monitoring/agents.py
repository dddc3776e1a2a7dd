"""Agents for tests, without sockets: they answer one datagram with one datagram, well or badly.

The version 3 agent is written from RFC 3414 with the standard library's hashes, apart from the code under test.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from bisect import bisect_right
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from monitoring.snmp import ber, message, usm
from monitoring.snmp.ber import Oid
from monitoring.snmp.message import Pdu, Varbind
from monitoring.snmp.poll import Poll

SYSTEM = (1, 3, 6, 1, 2, 1, 1)
USER = usm.User("monitor", "SHA-256", "authpassword", "privpassword")
ENGINE = bytes.fromhex("80001f8880aabbccdd00112233")
#: RFC 3414 section 6.3.1 and RFC 7860 section 4, written down once more: an agent that shared the poller's table would
#: share its mistakes.
DIGESTS = {
    "SHA": ("sha1", 12),
    "SHA-224": ("sha224", 16),
    "SHA-256": ("sha256", 24),
    "SHA-384": ("sha384", 32),
    "SHA-512": ("sha512", 48),
}
TREE: dict[Oid, tuple[int, bytes]] = {
    (*SYSTEM, 2, 0): (ber.OBJECT_ID, ber.encode_oid_content((1, 3, 6, 1, 4, 1, 318, 1, 3, 5, 4))),
    (*SYSTEM, 3, 0): (ber.TIMETICKS, b"\x01\x00"),
    **{(1, 3, 6, 1, 4, 1, 9, 1, c, row): (ber.INTEGER, bytes((row,))) for c in (1, 2) for row in range(1, 41)},
}


def encode_response(
    request_id: int, error: int, index: int, varbinds: list[Varbind], kind: int = message.RESPONSE
) -> bytes:
    binds = b"".join(
        ber.encode_tlv(
            ber.SEQUENCE,
            ber.encode_tlv(ber.OBJECT_ID, ber.encode_oid_content(v.oid)) + ber.encode_tlv(v.tag, v.content),
        )
        for v in varbinds
    )
    figures = b"".join(ber.encode_integer(n) for n in (request_id, error, index))
    return ber.encode_tlv(kind, figures + ber.encode_tlv(ber.SEQUENCE, binds))


class Answers:
    """What an agent knows, and how it answers a PDU; subclasses misbehave."""

    def __init__(self, tree: dict[Oid, tuple[int, bytes]] | None = None) -> None:
        self.tree = TREE if tree is None else tree
        self.order = sorted(self.tree)
        self.asked = 0

    def following(self, oid: Oid) -> Varbind:
        place = bisect_right(self.order, oid)
        if place == len(self.order):
            return Varbind(oid, ber.END_OF_MIB_VIEW, b"")
        found = self.order[place]
        return Varbind(found, *self.tree[found])

    def get(self, oid: Oid) -> Varbind:
        return Varbind(oid, *self.tree.get(oid, (ber.NO_SUCH_INSTANCE, b"")))

    def rows(self, pdu: Pdu) -> list[Varbind]:
        if pdu.kind == message.GET:
            return [self.get(v.oid) for v in pdu.varbinds]
        repetitions = pdu.error_index if pdu.kind == message.GET_BULK else 1
        found, at = [], pdu.varbinds[0].oid
        for _ in range(repetitions):
            found.append(self.following(at))
            at = found[-1].oid
            if found[-1].tag == ber.END_OF_MIB_VIEW:
                break
        return found

    def answer(self, pdu: Pdu) -> tuple[int, int, list[Varbind]]:
        self.asked += 1
        return 0, 0, self.rows(pdu)


class Agent2c:
    """A version 2c agent around some answers."""

    def __init__(self, answers: Answers | None = None, community: bytes = b"public") -> None:
        self.answers, self.community = answers or Answers(), community

    def reply(self, datagram: bytes) -> bytes | None:
        community, pdu = message.decode_v2c(datagram)
        if community != self.community:
            return None
        return message.encode_v2c(self.community, encode_response(pdu.request_id, *self.answers.answer(pdu)))


class Agent3:
    """A version 3 authPriv agent with an engine that can reboot, change its identity or its clock."""

    def __init__(self, answers: Answers | None = None, user: usm.User = USER) -> None:
        self.answers, self.user = answers or Answers(), user
        self.engine_id, self.boots, self.time = ENGINE, 3, 1000
        self.unprotected = False
        self.appended = b""

    def keys(self) -> tuple[bytes, bytes]:
        name = DIGESTS[self.user.auth][0]

        def key(password: str) -> bytes:
            stretched = (password.encode() * (1_048_576 // len(password) + 1))[:1_048_576]
            master = hashlib.new(name, stretched).digest()
            return hashlib.new(name, master + self.engine_id + master).digest()

        return key(self.user.auth_password), key(self.user.priv_password)[:16]

    def reply(self, datagram: bytes) -> bytes | None:
        at, end = ber.expect(datagram, 0, len(datagram), ber.SEQUENCE)
        _, at = ber.read_integer(datagram, at, end)
        head, head_end = ber.expect(datagram, at, end, ber.SEQUENCE)
        message_id, _ = ber.read_integer(datagram, head, head_end)
        start, stop = ber.expect(datagram, head_end, end, ber.OCTET_STRING)
        engine_id, boots, time, name, digest, salt = usm.read_parameters(datagram, start, stop)
        if engine_id != self.engine_id:
            return self.report(message_id, 4, protect=False)
        if name != self.user.name.encode():
            return self.report(message_id, 3, protect=False)
        auth, priv = self.keys()
        blank = datagram[: digest[0]] + bytes(digest[1] - digest[0]) + datagram[digest[1] :]
        size = digest[1] - digest[0]
        if hmac.digest(auth, blank, DIGESTS[self.user.auth][0])[:size] != datagram[slice(*digest)]:
            return self.report(message_id, 5, protect=False)
        if boots != self.boots or abs(time - self.time) > 150:
            return self.report(message_id, 2, protect=True)
        encrypted, _ = ber.read_octets(datagram, stop, end)
        vector = boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt
        plain = Cipher(algorithms.AES(priv), CFB(vector)).decryptor().update(encrypted)
        pdu = usm.read_scoped(plain, *ber.expect(plain, 0, len(plain), ber.SEQUENCE))
        return self.wrap(message_id, encode_response(pdu.request_id, *self.answers.answer(pdu)), not self.unprotected)

    def report(self, message_id: int, number: int, protect: bool) -> bytes:
        varbind = Varbind((1, 3, 6, 1, 6, 3, 15, 1, 1, number, 0), ber.COUNTER32, b"\x01")
        return self.wrap(message_id, encode_response(0, 0, 0, [varbind], message.REPORT), protect, encrypt=False)

    def wrap(self, message_id: int, pdu: bytes, protect: bool, encrypt: bool = True) -> bytes:
        auth, priv = self.keys()
        size = DIGESTS[self.user.auth][1] if protect else 0
        salt = os.urandom(8) if protect and encrypt else b""
        scoped = ber.encode_tlv(0x30, ber.encode_tlv(4, self.engine_id) + ber.encode_tlv(4, b"") + pdu)
        if protect and encrypt:
            vector = self.boots.to_bytes(4, "big") + self.time.to_bytes(4, "big") + salt
            scoped = ber.encode_tlv(4, Cipher(algorithms.AES(priv), CFB(vector)).encryptor().update(scoped))
        flags = (1 if protect else 0) | (2 if protect and encrypt else 0)
        head = ber.encode_integer(message_id) + ber.encode_integer(65_507) + ber.encode_tlv(4, bytes((flags,)))
        head += ber.encode_integer(3)
        name = self.user.name.encode() if protect else b""
        parameters = ber.encode_tlv(4, self.engine_id) + ber.encode_integer(self.boots) + ber.encode_integer(self.time)
        parameters += ber.encode_tlv(4, name)
        marks = ber.encode_tlv(0x30, parameters + ber.encode_tlv(4, b"\xa5" * size) + ber.encode_tlv(4, salt))
        whole = ber.encode_tlv(
            0x30, ber.encode_integer(3) + ber.encode_tlv(0x30, head) + ber.encode_tlv(4, marks) + scoped + self.appended
        )
        if not size:
            return whole
        at = whole.index(b"\xa5" * size)
        blank = whole[:at] + bytes(size) + whole[at + size :]
        return blank[:at] + hmac.digest(auth, blank, DIGESTS[self.user.auth][0])[:size] + blank[at + size :]


Reply = Callable[[bytes], bytes | None]


def run(poll: Poll, reply: Reply, tick: float = 0.01, limit: int = 2000) -> int:
    """Let a poll and an agent talk until the poll is done; returns the datagrams sent. A lost reply costs a timeout."""
    now, sent = 1000.0, 0
    datagram = poll.start(now)
    while not poll.done:
        assert sent < limit, "the poll does not end"
        if datagram is None:
            now += poll.budget.timeout_s
            datagram = poll.expire(now)
            continue
        sent += 1
        now += tick
        answer = reply(datagram)
        if answer is None:
            now += poll.budget.timeout_s
            datagram = poll.expire(now)
        else:
            datagram = poll.receive(answer, now)
    return sent
