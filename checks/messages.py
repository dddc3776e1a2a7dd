"""The reasons of verdicts, in English and Vietnamese: ``messages.yml`` holds them by id, with named values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parent / "messages.yml"


@lru_cache(maxsize=1)
def messages() -> Mapping[str, Mapping[str, str]]:
    """Return every message: id → language → text."""
    data: Mapping[str, Mapping[str, str]] = yaml.load(
        FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # noqa: S506 - both are safe
    )
    return data


def render(msgid: str, params: Mapping[str, str], language: str = "en") -> str:
    """Return a message with its values. An unknown id is shown as it is, with its values, never hidden.

    A value that is itself a message (JSON with ``msgid``) is rendered in the same language.
    """
    known = messages().get(msgid)
    values = {name: _value(name, value, language) for name, value in params.items()}
    if known is None:
        return f"{msgid} {values}" if values else msgid
    try:
        return known.get(language, known["en"]).format_map(values)
    except (KeyError, IndexError, ValueError):
        return f"{known.get(language, known['en'])} {values}"


def _value(name: str, value: str, language: str) -> str:
    word = messages().get(f"quantity.{value}") if name == "quantity" else None
    if word is not None:
        return word[language] if language in word else word["en"]
    if not value.startswith('{"msgid"'):
        return value
    inner = json.loads(value)
    return render(inner["msgid"], inner["params"], language)
