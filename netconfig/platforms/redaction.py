"""Secrets in texts about configurations: a fingerprint stands for them wherever people, programs or the journal look.

Two equal secrets have one fingerprint, so a difference stays a difference; the secret itself is only in what is typed
and in the snapshots a rollback needs (mode 0600). Which words a secret follows is data: ``secrets`` in platform.yml.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from itertools import chain
from typing import Any

from netconfig.platforms.platform import list_platforms, load

MARK = "••••sha256:"
DIGITS = 8


def hide(text: str) -> str:
    """Return ``text`` with every secret in it replaced by its fingerprint, ``••••sha256:ab12cd34``."""
    for pattern in list_patterns():
        text = pattern.sub(_replace, text)
    return text


def hide_in(data: Any) -> Any:
    """Return plain data with the secrets in all its texts replaced, whatever it is made of."""
    if isinstance(data, str):
        return hide(data)
    if isinstance(data, dict):
        return {key: hide_in(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [hide_in(value) for value in data]
    return data


def hash_secret(secret: str) -> str:
    """Return what is shown for a secret."""
    return MARK + hashlib.sha256(secret.encode()).hexdigest()[:DIGITS]


@cache
def list_patterns() -> tuple[re.Pattern[str], ...]:
    """Return the patterns of every platform: a text does not always say which device it is about."""
    patterns = chain.from_iterable(load(name).secrets for name in list_platforms())
    return tuple(re.compile(pattern, re.MULTILINE) for pattern in dict.fromkeys(patterns))


def _replace(match: re.Match[str]) -> str:
    secret = match["secret"]
    if secret.startswith(MARK):
        return match[0]
    start = match.start("secret") - match.start()
    end = match.end("secret") - match.start()
    return match[0][:start] + hash_secret(secret) + match[0][end:]
