"""The one byte form of plain data: what is hashed and signed."""

from __future__ import annotations

import json
from typing import Any


def encode_canonical(data: Any) -> bytes:
    """Return data as JSON with sorted keys, no spaces, in UTF-8: equal data give equal bytes.

    Raises ValueError for infinity and what is not a number: JSON has no word for them.

    Not RFC 8785, which writes 1.0 as 1: what was signed in this form must go on verifying. The manifest of an evidence
    bundle, which others are to check with their own tools, is in RFC 8785.
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
