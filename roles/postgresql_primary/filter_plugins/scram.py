"""The SCRAM verifier of a password, as PostgreSQL stores it, so that the password itself never reaches the server."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

ITERATIONS = 4096


def scram_verifier(password: str, user: str) -> str:
    """Return the verifier of RFC 5803. The salt follows from both arguments: the same input gives the same text."""
    salt = hmac.digest(password.encode(), f"rackproof-scram:{user}".encode(), "sha256")[:16]
    return verifier_with_salt(password, salt)


def verifier_with_salt(password: str, salt: bytes) -> str:
    """Return the verifier for a given salt."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *parts)


class FilterModule:
    """What Ansible looks for in a file of filters."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"scram_verifier": scram_verifier}
