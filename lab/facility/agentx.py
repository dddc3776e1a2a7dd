"""AgentX (RFC 2741) for a sub-agent: just the packets a read-only sub-agent sends and receives.

The master is net-snmp's own ``snmpd``; it speaks SNMP v2c and v3 to the world and asks us for values over a Unix
socket. That keeps every device's SNMP stack real while one process holds the values of all devices.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

Oid = tuple[int, ...]

OPEN, REGISTER, GET, GET_NEXT, GET_BULK, RESPONSE, CLOSE = 1, 3, 5, 6, 7, 18, 2
TEST_SET, CLEANUP_SET, PING = 8, 11, 13
NETWORK_BYTE_ORDER = 0x10
HEADER_BYTES = 20

INTEGER, STRING, OBJECT_ID, IP_ADDRESS = 2, 4, 6, 64
COUNTER32, GAUGE32, TIMETICKS, COUNTER64 = 65, 66, 67, 70
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 128, 129, 130
NOT_WRITABLE = 17

_WIDE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Value:
    """One typed value: ``kind`` is the SNMP tag, ``data`` an int, bytes or an object identifier."""

    kind: int
    data: int | bytes | Oid = 0


@dataclass(frozen=True, slots=True)
class Range:
    """A search range of a GetNext: start, whether the start itself may answer, and the end (empty: open)."""

    start: Oid
    include: bool
    end: Oid


@dataclass(frozen=True, slots=True)
class Packet:
    """A received packet, its payload still encoded in ``order`` (``>`` or ``<``)."""

    kind: int
    flags: int
    session: int
    transaction: int
    packet: int
    payload: bytes
    order: str


def encode_oid(oid: Oid, include: bool = False) -> bytes:
    """Encode an object identifier without the prefix shortening (section 5.1 allows leaving it out)."""
    return struct.pack(f">BBBB{len(oid)}I", len(oid), 0, int(include), 0, *oid)


def decode_oid(data: bytes, at: int, order: str) -> tuple[Oid, bool, int]:
    """Return (oid, include flag, next offset); a prefix byte p stands for 1.3.6.1.p (section 5.1)."""
    count, prefix, include = data[at], data[at + 1], data[at + 2]
    tail = struct.unpack_from(f"{order}{count}I", data, at + 4)
    head: Oid = (1, 3, 6, 1, prefix) if prefix else ()
    return head + tail, bool(include), at + 4 + 4 * count


def encode_string(data: bytes) -> bytes:
    """Encode an octet string: length, octets, padding to a multiple of four (section 5.3)."""
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def encode_value(name: Oid, value: Value) -> bytes:
    """Encode one variable binding (section 5.4)."""
    head = struct.pack(">HH", value.kind, 0) + encode_oid(name)
    data = value.data
    if isinstance(data, bytes):
        return head + encode_string(data)
    if isinstance(data, tuple):
        return head + encode_oid(data)
    if value.kind == INTEGER:
        return head + struct.pack(">i", data)
    if value.kind == COUNTER64:
        return head + struct.pack(">Q", data & (1 << 64) - 1)
    if value.kind in (COUNTER32, GAUGE32, TIMETICKS):
        return head + struct.pack(">I", data & _WIDE)
    return head


def encode_packet(kind: int, payload: bytes, *, session: int = 0, transaction: int = 0, packet: int = 0) -> bytes:
    """Put the 20-byte header (section 6.1) before a payload, network byte order."""
    head = struct.pack(">BBBBIIII", 1, kind, NETWORK_BYTE_ORDER, 0, session, transaction, packet, len(payload))
    return head + payload


def decode_header(data: bytes) -> tuple[int, int, str, int, int, int, int]:
    """Return (type, flags, byte order, session, transaction, packet, payload length)."""
    order = ">" if data[2] & NETWORK_BYTE_ORDER else "<"
    session, transaction, packet, length = struct.unpack_from(f"{order}IIII", data, 4)
    return data[1], data[2], order, session, transaction, packet, length


def open_packet(description: str, timeout_s: int, packet: int) -> bytes:
    """Build the Open that starts a session (section 6.2.1)."""
    payload = struct.pack(">BBBB", timeout_s, 0, 0, 0) + encode_oid(()) + encode_string(description.encode())
    return encode_packet(OPEN, payload, packet=packet)


def register_packet(session: int, subtree: Oid, packet: int) -> bytes:
    """Build the Register of one subtree at the default priority (section 6.2.3)."""
    payload = struct.pack(">BBBB", 0, 127, 0, 0) + encode_oid(subtree)
    return encode_packet(REGISTER, payload, session=session, packet=packet)


def response_packet(asked: Packet, bindings: list[tuple[Oid, Value]], error: int = 0, index: int = 0) -> bytes:
    """Build the Response to a request (section 6.2.16)."""
    payload = struct.pack(">IHH", 0, error, index) + b"".join(encode_value(name, value) for name, value in bindings)
    return encode_packet(RESPONSE, payload, session=asked.session, transaction=asked.transaction, packet=asked.packet)


def search_ranges(asked: Packet) -> tuple[list[Range], int, int]:
    """Return the ranges of a Get, GetNext or GetBulk, with non-repeaters and max-repetitions for the last."""
    data, at, non_repeaters, repetitions = asked.payload, 0, 0, 1
    if asked.flags & 0x08:  # a non-default context precedes everything
        length = struct.unpack_from(f"{asked.order}I", data, 0)[0]
        at = 4 + length + (-length % 4)
    if asked.kind == GET_BULK:
        non_repeaters, repetitions = struct.unpack_from(f"{asked.order}HH", data, at)
        at += 4
    ranges: list[Range] = []
    while at < len(data):
        start, include, at = decode_oid(data, at, asked.order)
        end, _, at = decode_oid(data, at, asked.order)
        ranges.append(Range(start, include, end))
    return ranges, non_repeaters, repetitions
