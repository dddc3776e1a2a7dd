"""The last gate before a bundle is sealed: a known secret, plain or encoded, must not be in any file of it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from core import secrets
from core.errors import Place, RackproofError
from core.workspace import Workspace

# Shorter values occur by chance in any output; a secret that short protects nothing.
SHORTEST = 6


class SecretGuard:
    """Looks for secrets in bytes. Error texts name the secret, never its value."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._needles = tuple(
            (name, needle)
            for name, value in known.items()
            if len(value) >= SHORTEST
            for needle in set(list_forms(value))
        )

    @classmethod
    def of(cls, ws: Workspace) -> SecretGuard:
        """Make the guard of a workspace; without a secrets file there is no known secret.

        Raises RackproofError (SEC002, SEC003) when the file is there and cannot be read: nothing could be vouched for.
        """
        return cls(secrets.load(ws) if ws.secrets_file.exists() else {})

    def check(self, name: str, data: bytes) -> None:
        """Raise RackproofError (EVD010) when a known secret occurs in ``data``, which is to become file ``name``."""
        for secret, needle in self._needles:
            at = data.find(needle)
            if at >= 0:
                raise RackproofError("EVD010", place=Place(Path(name)), secret=secret, at=at)


def list_forms(value: str) -> Iterator[bytes]:
    """Yield the ways a secret may be spelled in a file: as it is, escaped, hexadecimal, Base64 at any alignment."""
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield html.escape(value).encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        # Characters that mix in bits of the neighbours are cut off, so that the middle is found inside any text.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = -(-shift * 8 // 6)
        end = (shift + len(raw)) * 8 // 6
        yield encoded[start:end]
        yield encoded[start:end].translate(bytes.maketrans(b"+/", b"-_"))
