"""The AgentX packets against RFC 2741, and the answers a sub-agent gives."""

from __future__ import annotations

import struct

import pytest

from lab.facility import agentx
from lab.facility.agentx import Packet, Value
from lab.facility.subagent import Table, answer

BASE = (1, 3, 6, 1, 4, 1, 318)
TABLE = Table.of({(*BASE, 1): Value(agentx.INTEGER, -1), (*BASE, 3): Value(agentx.STRING, b"abc")})


def request(kind: int, *ranges: tuple[tuple[int, ...], bool, tuple[int, ...]], head: bytes = b"") -> Packet:
    payload = head + b"".join(agentx.encode_oid(s, inc) + agentx.encode_oid(e) for s, inc, e in ranges)
    return Packet(kind, agentx.NETWORK_BYTE_ORDER, 7, 8, 9, payload, ">")


def bindings(reply: bytes | None) -> list[tuple[tuple[int, ...], int]]:
    assert reply is not None
    at, found = agentx.HEADER_BYTES + 8, []
    while at < len(reply):
        kind = struct.unpack_from(">H", reply, at)[0]
        name, _, at = agentx.decode_oid(reply, at + 4, ">")
        if kind == agentx.INTEGER:
            at += 4
        elif kind == agentx.STRING:
            length = struct.unpack_from(">I", reply, at)[0]
            at += 4 + length + (-length % 4)
        found.append((name, kind))
    return found


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request(agentx.GET, ((*BASE, 2), False, ())), [((*BASE, 2), agentx.NO_SUCH_INSTANCE)]),
        (request(agentx.GET, ((*BASE, 1), False, ())), [((*BASE, 1), agentx.INTEGER)]),
        (request(agentx.GET_NEXT, (BASE, False, ())), [((*BASE, 1), agentx.INTEGER)]),
        (request(agentx.GET_NEXT, ((*BASE, 1), True, ())), [((*BASE, 1), agentx.INTEGER)]),
        (request(agentx.GET_NEXT, ((*BASE, 1), False, ())), [((*BASE, 3), agentx.STRING)]),
        (request(agentx.GET_NEXT, ((*BASE, 1), False, (*BASE, 3))), [((*BASE, 1), agentx.END_OF_MIB_VIEW)]),
        (request(agentx.GET_NEXT, ((*BASE, 3), False, ())), [((*BASE, 3), agentx.END_OF_MIB_VIEW)]),
        (
            request(agentx.GET_BULK, (BASE, False, ()), head=struct.pack(">HH", 0, 5)),
            [((*BASE, 1), agentx.INTEGER), ((*BASE, 3), agentx.STRING), ((*BASE, 3), agentx.END_OF_MIB_VIEW)],
        ),
    ],
)
def test_answers(asked: Packet, expected: list[tuple[tuple[int, ...], int]]) -> None:
    assert bindings(answer(asked, TABLE)) == expected


def test_a_set_is_refused_and_a_ping_is_answered() -> None:
    refused = answer(request(agentx.TEST_SET), TABLE)
    assert refused is not None and struct.unpack_from(">HH", refused, 24) == (agentx.NOT_WRITABLE, 1)
    assert answer(request(agentx.PING), TABLE) is not None
    assert answer(request(agentx.CLEANUP_SET), TABLE) is None


def test_prefix_form_and_little_endian_are_read() -> None:
    data = struct.pack("<BBBB2I", 2, 4, 1, 0, 1, 318)
    assert agentx.decode_oid(data, 0, "<") == ((1, 3, 6, 1, 4, 1, 318), True, len(data))


@pytest.mark.parametrize(
    ("value", "tail"),
    [
        (Value(agentx.INTEGER, -1), b"\xff\xff\xff\xff"),
        (Value(agentx.GAUGE32, 0xFFFFFFFF), b"\xff\xff\xff\xff"),
        (Value(agentx.COUNTER64, 1 << 40), b"\0\0\1\0\0\0\0\0"),
        (Value(agentx.STRING, b"abcde"), b"\0\0\0\5abcde\0\0\0"),
        (Value(agentx.OBJECT_ID, (1, 3)), b"\2\0\0\0\0\0\0\1\0\0\0\3"),
    ],
)
def test_values_on_the_wire(value: Value, tail: bytes) -> None:
    assert agentx.encode_value((1,), value).endswith(tail)
