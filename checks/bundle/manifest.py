"""The manifest of an evidence bundle: every file with its digests, in one canonical form (RFC 8785) that is signed.

Beside the SHA-256 of a file stand short digests of each KiB of it. They add no proof (the SHA-256 does that): they
say *where* a file was altered. Each ends in the sum of the bytes modulo 256, which gives away by how much a single
changed byte changed: trying that at every place of the KiB finds it, and the answer is believed only when the restored
file has the SHA-256 that was signed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

#: The form of what is written. 2: what was measured is numbers with units; in 1 it was text for people.
SCHEMA = "rackproof-evidence/2"
CHUNK = 1024
HASH_DIGITS = 14  # 56 bits of each chunk's SHA-256: enough to tell which chunk changed
CHUNK_DIGITS = HASH_DIGITS + 2  # and the sum of its bytes modulo 256

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
LOCATOR = "manifest.locator.json"
PUBLIC_KEY = "public.pem"
RUN = "run.json"
VERDICTS = "verdicts.json"
EVIDENCE = "evidence.json"
RAW = "raw"
ESTATE = "estate"
REQUIREMENTS = "requirements"
JUDGES = "judges"
_SCHEMA = re.compile("rackproof-evidence/[0-9]+")
_SHA256 = re.compile("[0-9a-f]{64}")
_HEX = re.compile("[0-9a-f]*")
# These three stand outside the manifest: it cannot contain its own digest.
OUTSIDE = frozenset({MANIFEST, SIGNATURE, LOCATOR})


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What the manifest says of one file. ``chunks`` holds CHUNK_DIGITS hexadecimal digits per KiB."""

    sha256: str
    size: int
    chunks: str

    @classmethod
    def of(cls, data: bytes) -> FileEntry:
        """Describe these bytes."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), "".join(digest_chunks(data)))

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as plain data."""
        return {"sha256": self.sha256, "size": self.size, "chunks": self.chunks}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FileEntry:
        """Read an entry back; KeyError, TypeError or ValueError when it is not one."""
        entry = cls(str(data["sha256"]), int(data["size"]), str(data["chunks"]))
        if not _SHA256.fullmatch(entry.sha256) or not _HEX.fullmatch(entry.chunks):
            raise ValueError("a digest is not hexadecimal")
        if entry.size < 0 or len(entry.chunks) != CHUNK_DIGITS * -(-entry.size // CHUNK):
            raise ValueError("the size and the number of chunk digests do not fit together")
        return entry


@dataclass(frozen=True, slots=True)
class Manifest:
    """The signed statement of a bundle. ``head`` is everything that is not about single files.

    A manifest of another ``schema`` reads the same; what the files of its bundle hold does not.
    """

    head: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    schema: str = SCHEMA

    def encode(self) -> bytes:
        """Return the canonical bytes that are hashed and signed."""
        files = {name: entry.as_dict() for name, entry in self.files.items()}
        return rfc8785.dumps({**self.head, "schema": self.schema, "files": files})

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Manifest:
        """Read a manifest back from parsed JSON; KeyError, TypeError or ValueError when it is not one."""
        schema = str(data["schema"])
        if not _SCHEMA.fullmatch(schema):
            raise ValueError(f"schema {schema!r} is not {SCHEMA!r}")
        head = {key: value for key, value in data.items() if key not in {"files", "schema"}}
        files = {str(name): FileEntry.from_dict(entry) for name, entry in data["files"].items()}
        return cls(head, files, schema)


def digest_chunks(data: bytes) -> list[str]:
    """Return the short digest of every KiB, in order."""
    chunks = (data[start : start + CHUNK] for start in range(0, len(data), CHUNK))
    return [f"{hashlib.sha256(chunk).hexdigest()[:HASH_DIGITS]}{sum(chunk) & 0xFF:02x}" for chunk in chunks]


def make_locator(manifest: bytes, signature: bytes) -> bytes:
    """Return the file that tells where ``manifest.json`` or ``manifest.sig`` was altered.

    It is not signed and not believed: what it points at is accepted only when the signature then fits.
    """
    return rfc8785.dumps({MANIFEST: FileEntry.of(manifest).as_dict(), SIGNATURE: FileEntry.of(signature).as_dict()})
