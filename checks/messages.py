"""The reasons of verdicts, in English and Vietnamese: ``messages.yml`` holds them by id, with named values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import RootModel

from inventory.model.fields import Text

#: A value that brings its own two texts, as the title of a service from a data file.
BILINGUAL = "text"
FILE = Path(__file__).resolve().parent / "messages.yml"


class Messages(RootModel[dict[str, Text]]):
    """The file: every reason by its id, in both languages."""


@lru_cache(maxsize=1)
def read_messages(file: Path = FILE) -> Mapping[str, Mapping[str, str]]:
    """Return every message: id → language → text. Raises RackproofError with file and line for a bad entry."""
    from core.models import read_model

    return {msgid: {"en": text.en, "vi": text.vi} for msgid, text in read_model(file, Messages).root.items()}


def render(msgid: str, params: Mapping[str, str], language: str = "en") -> str:
    """Return a message with its values. An unknown id is shown as it is, with its values, never hidden.

    A value that is itself a message (JSON with ``msgid``) is rendered in the same language.
    """
    known = read_messages().get(msgid)
    values = {name: render_value(name, value, language) for name, value in params.items()}
    if known is None:
        return f"{msgid} {values}" if values else msgid
    try:
        return known.get(language, known["en"]).format_map(values)
    except (KeyError, IndexError, ValueError):
        return f"{known.get(language, known['en'])} {values}"


def render_value(name: str, value: str, language: str) -> str:
    """Return a value of a message as its reader reads it: a quantity by its word, a message in the same language."""
    word = read_messages().get(f"quantity.{value}") if name == "quantity" else None
    if word is not None:
        return word[language] if language in word else word["en"]
    if not value.startswith('{"msgid"'):
        return value
    inner = json.loads(value)
    if inner["msgid"] == BILINGUAL:
        return str(inner["params"][language if language in inner["params"] else "en"])
    return render(inner["msgid"], inner["params"], language)
