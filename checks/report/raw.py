"""Raw output as a report shows it: text without control characters, cut to size, never cut in silence."""

from __future__ import annotations

from dataclasses import dataclass

GREEN_BYTES, OTHER_BYTES = 1500, 6000
LINES = 80


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of raw bytes as text, and how many bytes are not shown."""

    text: str
    hidden_bytes: int


def take_excerpt(raw: bytes, *, most: int = OTHER_BYTES) -> Excerpt:
    """Return the first ``most`` bytes or LINES lines of ``raw``, whichever is less."""
    head = raw[:most]
    lines = head.split(b"\n")
    if len(lines) > LINES:
        head = b"\n".join(lines[:LINES])
    return Excerpt(clean_text(head.decode("utf-8", "replace").replace("\r\n", "\n")), len(raw) - len(head))


def show_sign(sign: str) -> str:
    """Return a sign that cannot steer a terminal, reorder text (bidirectional controls) or break XML."""
    return sign if sign in "\n\t" or sign.isprintable() else f"\\x{ord(sign):02x}"


def clean_text(text: str) -> str:
    """Return text without control characters, line ends and tabs left."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(show_sign(sign) for sign in text)
