"""Ed25519 keys (RFC 8032) for the journal, attestations and evidence manifests."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.errors import Place, RackproofError
from core.files import PRIVATE, describe_refusal, make_folder, write_atomic


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Load the private key at ``path``; create it with mode 0600 when absent.

    Raises RackproofError: SIG001 the file exists and is no Ed25519 key; FIL001, FIL002 it cannot be written or read.
    """
    if not path.exists():
        _create_key(path)
    with describe_refusal(path):
        data = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_a_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_a_key(path)
    return key


def public_pem(key: Ed25519PrivateKey | Ed25519PublicKey) -> bytes:
    """Return the public half as PEM (SubjectPublicKeyInfo)."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_public_pem(data: bytes) -> Ed25519PublicKey:
    """Parse a PEM public key; raises RackproofError (SIG002) for anything but Ed25519."""
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RackproofError("SIG002") from error
    if not isinstance(key, Ed25519PublicKey):
        raise RackproofError("SIG002")
    return key


def is_authentic(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether ``signature`` is by ``key`` over exactly these bytes."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _create_key(path: Path) -> None:
    make_folder(path.parent, 0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    write_atomic(new, pem, PRIVATE)
    try:
        os.link(new, path)  # never replaces a key that another process created meanwhile
    except FileExistsError:
        pass
    finally:
        new.unlink()


def _not_a_key(path: Path) -> RackproofError:
    return RackproofError("SIG001", place=Place(path))
