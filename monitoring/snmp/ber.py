"""The part of ASN.1 BER that SNMP uses (RFC 3417 section 8), by hand: general decoders cost a hundred times more.

Decoding never trusts a length: anything that does not fit exactly raises ``BerError``.
"""

from __future__ import annotations

from functools import lru_cache

Oid = tuple[int, ...]

INTEGER, OCTET_STRING, NULL, OBJECT_ID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIMETICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82

UNSIGNED = frozenset((COUNTER32, GAUGE32, TIMETICKS, COUNTER64))
EXCEPTIONS = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
MAX_ARC = 0xFFFFFFFF
MAX_ARCS = 128


class BerError(ValueError):
    """The octets are not what they claim to be."""


def format_oid(oid: Oid) -> str:
    """Write an object identifier with dots, as ``1.3.6.1.2.1.1.3.0``."""
    return ".".join(map(str, oid))


def parse_oid(text: str) -> Oid:
    """Read an object identifier written with dots, with or without a leading one. Raises ValueError."""
    return tuple(int(arc) for arc in text.strip(".").split("."))


def encode_length(length: int) -> bytes:
    """Encode a definite length, short form where it fits."""
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size, "big")


def encode_tlv(tag: int, content: bytes) -> bytes:
    """Put tag and length before content."""
    return bytes((tag,)) + encode_length(len(content)) + content


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode an integer in the fewest octets of two's complement."""
    magnitude = value if value >= 0 else ~value
    size = magnitude.bit_length() // 8 + 1
    return encode_tlv(tag, value.to_bytes(size, "big", signed=True))


@lru_cache(maxsize=65_536)
def encode_oid_content(oid: Oid) -> bytes:
    """Encode the arcs of an object identifier, without tag and length."""
    out = bytearray()
    for arc in (oid[0] * 40 + oid[1], *oid[2:]):
        if arc < 0x80:
            out.append(arc)
            continue
        groups = (arc.bit_length() + 6) // 7
        for place in range(groups - 1, 0, -1):
            out.append(arc >> 7 * place & 0x7F | 0x80)  # there is more to come
        out.append(arc & 0x7F)
    return bytes(out)


@lru_cache(maxsize=65_536)
def decode_oid_content(data: bytes) -> Oid:
    """Decode arcs. Raises BerError for an empty, truncated or oversized identifier."""
    if not data or data[-1] & 0x80:
        raise BerError("object identifier is empty or cut off")
    arcs: list[int] = []
    arc = 0
    for octet in data:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = arcs[0]
    head = (first // 40, first % 40) if first < 80 else (2, first - 80)
    oid = (*head, *arcs[1:])
    if len(oid) > MAX_ARCS or max(oid) > MAX_ARC:
        raise BerError("object identifier is too long or has an arc over 32 bits")
    return oid


def read_header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return (tag, start of content, end of content) of the element at ``at``, all within ``end``."""
    if at + 2 > end:
        raise BerError("element is cut off")
    tag, length, at = data[at], data[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or at + size > end:
            raise BerError("length is indefinite, too long or cut off")
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    if at + length > end:
        raise BerError("content is cut off")
    return tag, at, at + length


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Return (start, end) of the content of the element at ``at``, which must have this tag."""
    found, start, stop = read_header(data, at, end)
    if found != tag:
        raise BerError(f"expected tag {tag:#04x}, found {found:#04x}")
    return start, stop


def read_integer(data: bytes, at: int, end: int, tag: int = INTEGER) -> tuple[int, int]:
    """Return (value, next offset) of an integer."""
    start, stop = expect(data, at, end, tag)
    return decode_integer(data[start:stop]), stop


def read_octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return (octets, next offset) of an octet string."""
    start, stop = expect(data, at, end, OCTET_STRING)
    return data[start:stop], stop


def decode_integer(content: bytes) -> int:
    """Decode two's complement. Raises BerError for nothing or for more than 64 bits and a sign octet."""
    if not 1 <= len(content) <= 9:
        raise BerError(f"integer of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True)


def decode_unsigned(content: bytes) -> int:
    """Decode an unsigned type; agents that forget the sign octet are read as they mean it."""
    if not 1 <= len(content) <= 9:
        raise BerError(f"integer of {len(content)} octets")
    return int.from_bytes(content, "big")
