"""The User-based Security Model (RFC 3414, SHA-2 by RFC 7860, AES by RFC 3826) for a manager that polls.

Every reply is checked: digest, engine, boots and time window, user, and that it is as protected as the request was.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from monitoring.snmp import ber
from monitoring.snmp.ber import BerError, Oid
from monitoring.snmp.message import VERSION_3, Pdu, decode_pdu

try:  # CFB moved here; the old home warns
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

AUTH, PRIV, REPORTABLE = 1, 2, 4
SECURITY_MODEL_USM = 3
MAX_MESSAGE = 65_507
TIME_WINDOW_S = 150
MAX_BOOTS = 0x7FFFFFFF
PASSWORD_OCTETS = 1_048_576
SHORTEST_PASSWORD = 8  # octets, RFC 3414 section 11.2
#: hash name → (hashlib name, octets of the truncated digest; RFC 3414 section 6.3.1, RFC 7860 section 4)
DIGESTS = {
    "SHA": ("sha1", 12), "SHA-224": ("sha224", 16), "SHA-256": ("sha256", 24),
    "SHA-384": ("sha384", 32), "SHA-512": ("sha512", 48),
}  # fmt: skip
AES_KEY_OCTETS = 16

_STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
REPORTS = {
    (*_STATS, 1, 0): "unsupportedSecLevels", (*_STATS, 2, 0): "notInTimeWindows", (*_STATS, 3, 0): "unknownUserNames",
    (*_STATS, 4, 0): "unknownEngineIDs", (*_STATS, 5, 0): "wrongDigests", (*_STATS, 6, 0): "decryptionErrors",
}  # fmt: skip


class UsmError(ValueError):
    """A message that must not be believed; the text is the reason, stable enough to count by."""


@dataclass(frozen=True, slots=True)
class User:
    """A USM user with authentication and AES-128 privacy. ``auth`` is a key of DIGESTS."""

    name: str
    auth: str
    auth_password: str
    priv_password: str

    def __repr__(self) -> str:
        return f"User({self.name!r}, {self.auth!r})"


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys localised to one engine."""

    auth: bytes
    priv: bytes


@dataclass(slots=True)
class AuthoritativeEngine:
    """What is known of the authoritative engine: identity, boots, its time and the moment that was learnt."""

    engine_id: bytes = b""
    boots: int = 0
    time: int = 0
    learnt_at: float = 0.0

    def estimate(self, now: float) -> int:
        """Return the engine's time now (seconds), from what it said last."""
        return self.time + int(now - self.learnt_at)


@dataclass(frozen=True, slots=True)
class Secured:
    """A received version 3 message after its security checks."""

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    pdu: Pdu


@lru_cache(maxsize=256)
def derive_master_key(digest: str, password: str) -> bytes:
    """Stretch a password to a key (RFC 3414 appendix A.2); costs a megabyte of hashing, hence the cache."""
    octets = password.encode()
    if len(octets) < SHORTEST_PASSWORD:
        raise UsmError("password shorter than 8 octets (RFC 3414 section 11.2)")
    repeated = octets * (PASSWORD_OCTETS // len(octets) + 1)
    return hashlib.new(DIGESTS[digest][0], repeated[:PASSWORD_OCTETS]).digest()


@lru_cache(maxsize=16_384)
def localise_keys(user: User, engine_id: bytes) -> Keys:
    """Bind the user's keys to one engine (RFC 3414 section 2.6)."""
    name = DIGESTS[user.auth][0]

    def bind(password: str) -> bytes:
        key = derive_master_key(user.auth, password)
        return hashlib.new(name, key + engine_id + key).digest()

    return Keys(bind(user.auth_password), bind(user.priv_password)[:AES_KEY_OCTETS])


def encode_parameters(
    engine: AuthoritativeEngine, boots: int, time: int, user: str, digest: bytes, salt: bytes
) -> bytes:
    """Encode the security parameters of a message (RFC 3414 section 2.4)."""
    parts = ber.encode_tlv(ber.OCTET_STRING, engine.engine_id) + ber.encode_integer(boots) + ber.encode_integer(time)
    parts += ber.encode_tlv(ber.OCTET_STRING, user.encode()) + ber.encode_tlv(ber.OCTET_STRING, digest)
    return ber.encode_tlv(ber.SEQUENCE, parts + ber.encode_tlv(ber.OCTET_STRING, salt))


def encode_message(message_id: int, flags: int, parameters: bytes, data: bytes) -> bytes:
    """Encode a version 3 message around its security parameters and its data (RFC 3412 section 6)."""
    head = ber.encode_integer(message_id) + ber.encode_integer(MAX_MESSAGE)
    head += ber.encode_tlv(ber.OCTET_STRING, bytes((flags,))) + ber.encode_integer(SECURITY_MODEL_USM)
    whole = (
        ber.encode_integer(VERSION_3)
        + ber.encode_tlv(ber.SEQUENCE, head)
        + ber.encode_tlv(ber.OCTET_STRING, parameters)
        + data
    )
    return ber.encode_tlv(ber.SEQUENCE, whole)


def encode_scoped(engine_id: bytes, pdu: bytes) -> bytes:
    """Encode a PDU with the engine and the empty context that it is for (RFC 3412 section 6.8)."""
    return ber.encode_tlv(
        ber.SEQUENCE, ber.encode_tlv(ber.OCTET_STRING, engine_id) + ber.encode_tlv(ber.OCTET_STRING, b"") + pdu
    )


def make_discovery(message_id: int, pdu: bytes) -> bytes:
    """Build the unprotected probe that makes an engine report its identity (RFC 3414 section 4)."""
    return encode_message(
        message_id, REPORTABLE, encode_parameters(AuthoritativeEngine(), 0, 0, "", b"", b""), encode_scoped(b"", pdu)
    )


def protect_request(user: User, engine: AuthoritativeEngine, message_id: int, pdu: bytes, now: float) -> bytes:
    """Build an authenticated, encrypted request."""
    keys = localise_keys(user, engine.engine_id)
    time = engine.estimate(now)
    salt = os.urandom(8)
    encrypt = make_cipher(keys.priv, engine.boots, time, salt).encryptor()
    encrypted = ber.encode_tlv(ber.OCTET_STRING, encrypt.update(encode_scoped(engine.engine_id, pdu)))
    name, size = DIGESTS[user.auth]
    parameters = encode_parameters(engine, engine.boots, time, user.name, bytes(size), salt)
    message = encode_message(message_id, AUTH | PRIV | REPORTABLE, parameters, encrypted)
    digest = hmac.digest(keys.auth, message, name)[:size]
    # The digest's place from the back: what follows it is the salt (tag, length, 8 octets) and the encrypted PDU.
    at = len(message) - len(encrypted) - 10 - size
    return message[:at] + digest + message[at + size :]


def make_cipher(key: bytes, boots: int, time: int, salt: bytes) -> Cipher[CFB]:
    """Return AES-128 in CFB mode with the vector of RFC 3826 section 3.1.2.1."""
    return Cipher(algorithms.AES(key), CFB(boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt))


def open_reply(data: bytes, user: User, engine: AuthoritativeEngine, now: float) -> Secured:
    """Check and decrypt a reply. Raises BerError for broken octets, UsmError for anything not to be believed.

    Unauthenticated reports are returned too (their flags say so): the caller decides what a hint from an unproved
    sender may do. The version is checked by ``read_message_id``, which comes first.
    ``engine`` with an empty identity accepts any engine: the first answer of a discovery.
    """
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    if end != len(data):
        raise BerError("octets after the message")
    _, at = ber.read_integer(data, at, end)
    inner, head_end = ber.expect(data, at, end, ber.SEQUENCE)
    message_id, inner = ber.read_integer(data, inner, head_end)
    _, inner = ber.read_integer(data, inner, head_end)
    flag_octets, inner = ber.read_octets(data, inner, head_end)
    model, _ = ber.read_integer(data, inner, head_end)
    if len(flag_octets) != 1 or model != SECURITY_MODEL_USM:
        raise BerError("bad message flags or security model")
    flags = flag_octets[0]
    start, stop = ber.expect(data, head_end, end, ber.OCTET_STRING)
    engine_id, boots, time, name, (digest_at, digest_end), salt = read_parameters(data, start, stop)
    if engine.engine_id and engine_id != engine.engine_id:
        raise UsmError("wrong engine")
    if not flags & AUTH:
        if flags & PRIV:
            raise UsmError("encrypted without authentication")
        return Secured(message_id, flags, engine_id, boots, time, read_clear(data, stop, end))
    if name != user.name.encode():
        raise UsmError("wrong user")
    keys = localise_keys(user, engine_id)
    check_digest(data, digest_at, digest_end, keys, user)
    check_window(engine, boots, time, now)
    if not flags & PRIV:
        return Secured(message_id, flags, engine_id, boots, time, read_clear(data, stop, end))
    encrypted, after = ber.read_octets(data, stop, end)
    if after != end or len(salt) != 8:
        raise BerError("octets after the encrypted PDU, or a bad salt")
    return Secured(message_id, flags, engine_id, boots, time, decrypt(encrypted, keys, boots, time, salt))


def read_message_id(data: bytes) -> int:
    """Return the message id that a datagram claims, before anything is checked. Raises BerError, UsmError."""
    at, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    version, at = ber.read_integer(data, at, end)
    if version != VERSION_3:
        raise UsmError("downgrade: reply in another version")
    start, stop = ber.expect(data, at, end, ber.SEQUENCE)
    return ber.read_integer(data, start, stop)[0]


def read_parameters(data: bytes, start: int, stop: int) -> tuple[bytes, int, int, bytes, tuple[int, int], bytes]:
    """Read the security parameters: engine, boots, time, user, where the digest lies, salt. Raises BerError."""
    at, end = ber.expect(data, start, stop, ber.SEQUENCE)
    engine_id, at = ber.read_octets(data, at, end)
    boots, at = ber.read_integer(data, at, end)
    time, at = ber.read_integer(data, at, end)
    name, at = ber.read_octets(data, at, end)
    digest = ber.expect(data, at, end, ber.OCTET_STRING)
    salt, at = ber.read_octets(data, digest[1], end)
    if at != end or end != stop or not 0 <= boots <= MAX_BOOTS or not 0 <= time <= MAX_BOOTS:
        raise BerError("bad security parameters")
    return engine_id, boots, time, name, digest, salt


def check_digest(data: bytes, at: int, end: int, keys: Keys, user: User) -> None:
    """Check that a message was made with the user's key. Raises UsmError."""
    name, size = DIGESTS[user.auth]
    if end - at != size:
        raise UsmError("wrong digest")
    expected = hmac.digest(keys.auth, data[:at] + bytes(size) + data[end:], name)[:size]
    if not hmac.compare_digest(expected, data[at:end]):
        raise UsmError("wrong digest")


def check_window(engine: AuthoritativeEngine, boots: int, time: int, now: float) -> None:
    """Refuse a reply that is older than what is known (RFC 3414 section 3.2 step 7b); newer boots are a reboot."""
    if not engine.engine_id or boots > engine.boots:
        return
    if boots == MAX_BOOTS or boots < engine.boots or time < engine.estimate(now) - TIME_WINDOW_S:
        raise UsmError("not in time window")


def read_clear(data: bytes, at: int, end: int) -> Pdu:
    """Read the PDU of a message that is not encrypted. Raises BerError."""
    start, stop = ber.expect(data, at, end, ber.SEQUENCE)
    if stop != end:
        raise BerError("octets after the scoped PDU")
    return read_scoped(data, start, stop)


def decrypt(encrypted: bytes, keys: Keys, boots: int, time: int, salt: bytes) -> Pdu:
    """Decrypt and read the PDU of a message. Raises UsmError when the key gives no PDU."""
    plain = make_cipher(keys.priv, boots, time, salt).decryptor().update(encrypted)
    try:
        start, stop = ber.expect(plain, 0, len(plain), ber.SEQUENCE)
        return read_scoped(plain, start, stop)
    except BerError as error:
        raise UsmError("decryption error") from error


def read_scoped(data: bytes, at: int, end: int) -> Pdu:
    """Read the PDU that stands behind engine and context. Raises BerError."""
    _, at = ber.read_octets(data, at, end)
    _, at = ber.read_octets(data, at, end)
    return decode_pdu(data, at, end)
