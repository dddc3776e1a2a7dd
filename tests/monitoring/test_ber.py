"""The BER codec against pyasn1 (independent), and against octets that mean nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ

from monitoring.snmp import ber, message
from monitoring.snmp.ber import BerError

ARCS = st.tuples(st.integers(0, 1), st.integers(0, 39)).flatmap(
    lambda head: st.lists(st.integers(0, ber.MAX_ARC), max_size=60).map(lambda tail: (*head, *tail))
)


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_integers_agree_with_pyasn1(value: int) -> None:
    encoded = ber.encode_integer(value)
    assert int(decoder.decode(encoded)[0]) == value
    theirs = encoder.encode(univ.Integer(value))
    assert ber.read_integer(theirs, 0, len(theirs)) == (value, len(theirs))
    assert ber.read_integer(encoded, 0, len(encoded)) == (value, len(encoded)) and len(encoded) <= len(theirs)


@settings(max_examples=50)
@given(ARCS)
def test_object_identifiers_agree_with_pyasn1(oid: tuple[int, ...]) -> None:
    encoded = ber.encode_tlv(ber.OBJECT_ID, ber.encode_oid_content(oid))
    assert encoded == encoder.encode(univ.ObjectIdentifier(oid))
    assert ber.decode_oid_content(encoded[2 + (encoded[1] >= 0x80) :]) == oid


@settings(max_examples=20)
@given(st.sampled_from((0, 1, 127, 128, 255, 256, 65_535, 65_536)).map(bytes))
def test_strings_and_lengths_agree_with_pyasn1(data: bytes) -> None:
    encoded = ber.encode_tlv(ber.OCTET_STRING, data)
    assert bytes(decoder.decode(encoded)[0]) == data
    assert ber.read_octets(encoded, 0, len(encoded)) == (data, len(encoded))


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_else_happens(data: bytes) -> None:
    for decode in (message.decode_v2c, lambda d: message.decode_pdu(d, 0, len(d))):
        try:
            decode(data)
        except BerError:
            continue


@given(st.data())
def test_a_message_with_one_altered_octet_never_breaks_the_decoder(data: st.DataObject) -> None:
    good = message.encode_v2c(b"public", message.encode_pdu(message.GET, 7, [(1, 3, 6, 1, 2, 1, 1, 3, 0)]))
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes((good[at] ^ data.draw(st.integers(1, 255)),)) + good[at + 1 :]
    with suppress(BerError):
        message.decode_v2c(bad)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x00\x00\x00\x00\x01\x00",
        b"\x30\x02\x02",
        b"\x02\x00",
        b"\x06\x00",
        b"\x06\x01\x80",
        b"\x02\x0a" + bytes(10),
    ],
)
def test_broken_elements(data: bytes) -> None:
    with pytest.raises(BerError):
        tag, start, end = ber.read_header(data, 0, len(data))
        ber.decode_oid_content(data[start:end]) if tag == ber.OBJECT_ID else ber.decode_integer(data[start:end])
        raise BerError("the element itself is whole")


def test_an_arc_over_32_bits_is_refused() -> None:
    with pytest.raises(BerError):
        ber.decode_oid_content(b"\x2b" + b"\xff" * 8 + b"\x7f")


@pytest.mark.parametrize(
    ("tag", "content", "value"),
    [
        (ber.INTEGER, b"\xff", -1),
        (ber.GAUGE32, b"\xff\xff\xff\xff", 4294967295),
        (ber.GAUGE32, b"\x00\xff\xff\xff\xff", 4294967295),
        (ber.COUNTER64, b"\x00" + b"\xff" * 8, (1 << 64) - 1),
        (ber.TIMETICKS, b"\x64", 100),
        (ber.NO_SUCH_INSTANCE, b"", None),
        (ber.OCTET_STRING, b"abc", b"abc"),
        (ber.OBJECT_ID, b"\x2b\x06", (1, 3, 6)),
    ],
)
def test_values_by_tag(tag: int, content: bytes, value: object) -> None:
    assert message.decode_value(tag, content) == value
