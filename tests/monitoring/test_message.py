"""Messages against pysnmp, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api
from pysnmp.proto.rfc1902 import Counter32, Counter64, Gauge32, Integer32, OctetString, TimeTicks
from pysnmp.proto.rfc1905 import GetBulkRequestPDU, GetNextRequestPDU, GetRequestPDU, ResponsePDU

from monitoring.snmp import message

V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
OID = st.lists(st.integers(0, 4_294_967_295), max_size=12).map(lambda tail: (1, 3, 6, *tail))
OIDS = st.lists(OID, min_size=1, max_size=9)
KINDS = {message.GET: GetRequestPDU, message.GET_NEXT: GetNextRequestPDU, message.GET_BULK: GetBulkRequestPDU}


@settings(max_examples=40)
@given(st.sampled_from(sorted(KINDS)), st.integers(1, 0x7FFFFFFF), OIDS, st.integers(0, 100))
def test_pysnmp_reads_what_we_send(kind: int, request_id: int, oids: list[tuple[int, ...]], repetitions: int) -> None:
    bulk = kind == message.GET_BULK
    pdu = message.encode_pdu(kind, request_id, oids, 0, repetitions if bulk else 0)
    theirs, rest = decoder.decode(message.encode_v2c(b"s3cret", pdu), asn1Spec=V2C.Message())
    assert not rest
    assert bytes(V2C.apiMessage.get_community(theirs)) == b"s3cret"
    told = V2C.apiMessage.get_pdu(theirs)
    assert told.isSameTypeWith(KINDS[kind]())
    if bulk:
        assert int(V2C.apiBulkPDU.get_max_repetitions(told)) == repetitions
    assert [tuple(name) for name, _ in V2C.apiPDU.get_varbinds(told)] == oids
    assert int(V2C.apiPDU.get_request_id(told)) == request_id


VALUES = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1).map(Integer32),
    st.integers(0, (1 << 32) - 1).map(Gauge32),
    st.integers(0, (1 << 32) - 1).map(Counter32),
    st.integers(0, (1 << 32) - 1).map(TimeTicks),
    st.integers(0, (1 << 64) - 1).map(Counter64),
    st.binary(max_size=300).map(OctetString),
)


@settings(max_examples=40)
@given(st.integers(1, 0x7FFFFFFF), OIDS, st.lists(VALUES, min_size=9, max_size=9))
def test_we_read_what_pysnmp_sends(request_id: int, oids: list[tuple[int, ...]], values: list[object]) -> None:
    pdu = ResponsePDU()
    V2C.apiPDU.set_defaults(pdu)
    V2C.apiPDU.set_request_id(pdu, request_id)
    V2C.apiPDU.set_varbinds(pdu, list(zip(oids, values, strict=False)))
    whole = V2C.Message()
    V2C.apiMessage.set_defaults(whole)
    V2C.apiMessage.set_community(whole, b"public")
    V2C.apiMessage.set_pdu(whole, pdu)
    community, ours = message.decode_v2c(encoder.encode(whole))
    assert (community, ours.kind, ours.request_id) == (b"public", message.RESPONSE, request_id)
    assert [v.oid for v in ours.varbinds] == oids
    for varbind, value in zip(ours.varbinds, values, strict=False):
        told = message.decode_value(varbind.tag, varbind.content)
        assert told == (bytes(value) if isinstance(value, OctetString) else int(value))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("error", "name"), [(0, "noError"), (5, "genErr"), (18, "inconsistentName"), (99, "error-status 99")]
)
def test_error_names(error: int, name: str) -> None:
    assert message.name_error(error) == name
