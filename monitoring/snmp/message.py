"""SNMP messages of version 2c and the PDUs that both versions share (RFC 3416, RFC 3417)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.snmp import ber
from monitoring.snmp.ber import BerError, Oid

GET, GET_NEXT, RESPONSE, GET_BULK, REPORT = 0xA0, 0xA1, 0xA2, 0xA5, 0xA8
VERSION_2C, VERSION_3 = 1, 3
TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5
ERROR_NAMES = (
    "noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
    "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed",
    "undoFailed", "authorizationError", "notWritable", "inconsistentName",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Varbind:
    """One variable as it came: identifier, BER tag, undecoded content."""

    oid: Oid
    tag: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Pdu:
    """A received PDU. ``error`` and ``error_index`` as in RFC 3416 section 3."""

    kind: int
    request_id: int
    error: int
    error_index: int
    varbinds: tuple[Varbind, ...]


def name_error(error: int) -> str:
    """Return the name of an error-status."""
    if 0 <= error < len(ERROR_NAMES):
        return ERROR_NAMES[error]
    return f"error-status {error}"


def encode_pdu(kind: int, request_id: int, oids: Sequence[Oid], non_repeaters: int = 0, repetitions: int = 0) -> bytes:
    """Encode a request; the last two figures are error-status and error-index for anything but a GETBULK."""
    nothing = ber.encode_tlv(ber.NULL, b"")
    binds = b"".join(
        ber.encode_tlv(ber.SEQUENCE, ber.encode_tlv(ber.OBJECT_ID, ber.encode_oid_content(oid)) + nothing)
        for oid in oids
    )
    figures = (ber.encode_integer(n) for n in (request_id, non_repeaters, repetitions))
    return ber.encode_tlv(kind, b"".join(figures) + ber.encode_tlv(ber.SEQUENCE, binds))


def decode_pdu(data: bytes, at: int, end: int) -> Pdu:
    """Decode one PDU that must fill ``at`` to ``end``. Raises BerError."""
    kind, start, stop = ber.read_header(data, at, end)
    if stop != end:
        raise BerError("octets after the PDU")
    request_id, at = ber.read_integer(data, start, stop)
    error, at = ber.read_integer(data, at, stop)
    index, at = ber.read_integer(data, at, stop)
    at, last = ber.expect(data, at, stop, ber.SEQUENCE)
    if last != stop:
        raise BerError("octets after the variable bindings")
    varbinds: list[Varbind] = []
    while at < last:
        inner, after = ber.expect(data, at, last, ber.SEQUENCE)
        name_start, name_end = ber.expect(data, inner, after, ber.OBJECT_ID)
        tag, value_start, value_end = ber.read_header(data, name_end, after)
        if value_end != after:
            raise BerError("octets after a value")
        oid = ber.decode_oid_content(data[name_start:name_end])
        varbinds.append(Varbind(oid, tag, data[value_start:value_end]))
        at = after
    return Pdu(kind, request_id, error, index, tuple(varbinds))


def encode_v2c(community: bytes, pdu: bytes) -> bytes:
    """Wrap a PDU in a version 2c message."""
    return ber.encode_tlv(
        ber.SEQUENCE, ber.encode_integer(VERSION_2C) + ber.encode_tlv(ber.OCTET_STRING, community) + pdu
    )


def decode_v2c(data: bytes) -> tuple[bytes, Pdu]:
    """Return (community, PDU). Raises BerError for anything else than one whole version 2c message."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    if end != len(data):
        raise BerError("octets after the message")
    version, at = ber.read_integer(data, at, end)
    if version != VERSION_2C:
        raise BerError(f"version {version} in reply to version 2c")
    community, at = ber.read_octets(data, at, end)
    return community, decode_pdu(data, at, end)


def decode_value(tag: int, content: bytes) -> int | bytes | Oid | None:
    """Decode a value by its tag; an exception (noSuchInstance …) or NULL gives None. Raises BerError."""
    if tag == ber.INTEGER:
        return ber.decode_integer(content)
    if tag in ber.UNSIGNED:
        return ber.decode_unsigned(content)
    if tag == ber.OBJECT_ID:
        return ber.decode_oid_content(content)
    if tag in ber.EXCEPTIONS or tag == ber.NULL:
        return None
    return content
