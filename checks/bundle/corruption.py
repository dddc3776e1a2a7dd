"""Where a file differs from what was signed: the exact byte when one changed, else the range."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

from checks.bundle.manifest import CHUNK, CHUNK_DIGITS, HASH_DIGITS, FileEntry, digest_chunks

BYTE_VALUES = 256


@dataclass(frozen=True, slots=True)
class Damage:
    """An altered stretch of a file: ``start`` to ``end`` (exclusive, bytes from 0).

    ``was`` and ``now`` are set when exactly one byte changed; ``restored`` is then the original file.
    """

    start: int
    end: int
    was: int | None = None
    now: int | None = None
    restored: bytes | None = None

    def __str__(self) -> str:
        """Say where in a few words."""
        if self.was is not None and self.now is not None:
            return f"byte {self.start} (0x{self.start:x}): was 0x{self.was:02x}, is 0x{self.now:02x}"
        return f"bytes {self.start} to {max(self.start, self.end - 1)}"


def find_damage(actual: bytes, expected: FileEntry) -> tuple[Damage, ...]:
    """Return the altered stretches of ``actual``, in order; empty when it is what was signed."""
    if hashlib.sha256(actual).hexdigest() == expected.sha256 and len(actual) == expected.size:
        return ()
    size, digits = len(expected.chunks), CHUNK_DIGITS
    wanted = [expected.chunks[at : at + digits] for at in range(0, size, digits)]
    found = digest_chunks(actual)
    end = max(len(actual), expected.size)
    bad = [at for at in range(max(len(wanted), len(found))) if wanted[at : at + 1] != found[at : at + 1]]
    if len(actual) != expected.size:
        first = bad[0] * CHUNK if bad else min(len(actual), expected.size)
        return (Damage(first, end),)
    if len(bad) == 1:
        exact = find_changed_byte(actual, bad[0] * CHUNK, expected, wanted[bad[0]])
        if exact:
            return (exact,)
    # No chunk differs and yet the whole does: the entry contradicts itself, so the whole file is in question.
    return tuple(join_chunks(bad, end)) or (Damage(0, end),)


def find_difference(actual: bytes, expected: bytes) -> Damage | None:
    """Return where two known byte strings differ, None when they are equal."""
    if actual == expected:
        return None
    shorter = min(len(actual), len(expected))
    start = next((at for at in range(shorter) if actual[at] != expected[at]), shorter)
    if len(actual) != len(expected):
        return Damage(start, max(len(actual), len(expected)))
    last = next(at for at in range(shorter - 1, -1, -1) if actual[at] != expected[at])
    if start == last:
        return Damage(start, start + 1, expected[start], actual[start], expected)
    return Damage(start, last + 1)


def find_changed_byte(actual: bytes, start: int, expected: FileEntry, digest: str) -> Damage | None:
    """Return the one byte of the chunk at ``start`` that changed, None when more than one did.

    The sums say by how much it changed, so one value is tried at each place.
    """
    chunk = actual[start : start + CHUNK]
    change = (int(digest[HASH_DIGITS:], 16) - sum(chunk)) % BYTE_VALUES
    for at, now in enumerate(chunk):
        was = (now + change) % BYTE_VALUES
        attempt = hashlib.sha256(chunk[:at] + bytes((was,)) + chunk[at + 1 :]).hexdigest()
        if attempt[:HASH_DIGITS] == digest[:HASH_DIGITS]:
            restored = actual[: start + at] + bytes((was,)) + actual[start + at + 1 :]
            if hashlib.sha256(restored).hexdigest() == expected.sha256:
                return Damage(start + at, start + at + 1, was, now, restored)
    return None


def join_chunks(chunks: list[int], end: int) -> list[Damage]:
    """Return the stretches of neighbouring chunks that differ; ``end`` is the end of the file."""
    if not chunks:
        return []
    cuts = [0, *(at + 1 for at, (left, right) in enumerate(pairwise(chunks)) if right != left + 1), len(chunks)]
    return [Damage(chunks[first] * CHUNK, min(end, (chunks[last - 1] + 1) * CHUNK)) for first, last in pairwise(cuts)]
