"""Every mistake an estate can contain, as data: ``mistakes.yml`` holds code, texts in both languages and severity."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.errors import ExitCode, Place, RackproofError
from core.locale import language

_TABLE = Path(__file__).with_name("mistakes.yml")
_DID_YOU_MEAN = {"en": "did you mean '{close}'?", "vi": "ý bạn là '{close}'?"}
_KNOWN = {"en": "one of: {names}", "vi": "một trong: {names}"}
_SHOWN = 12
_OBEYED = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")  # all but the end of a line
_EXIT = {name: ExitCode[name.upper()] for name in ("usage", "invalid", "unreachable", "refused")}


class Warning_(RackproofError):
    """A mistake that does not stop loading: it is shown by ``estate validate`` and counts as a finding."""


@cache
def table() -> dict[str, dict[str, Any]]:
    """Return code → texts and severity."""
    loaded: dict[str, dict[str, Any]] = yaml.load(
        _TABLE.read_bytes(),
        Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # noqa: S506 - both are safe loaders
    )
    return loaded


@cache
def _words() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(_TABLE.with_name("words.vi.yml").read_bytes())
    return loaded


def word(text: str) -> str:
    """Return a short expectation ("a whole number") in the language of this process."""
    return _words().get(text, text) if language() == "vi" else text


def mistake(
    code: str, place: Place, *, actual: object = None, known: Iterable[str] = (), **facts: object
) -> RackproofError:
    """Make the error (or warning) of ``code`` in the language of this process.

    ``known`` are the names that would have been right: they become the expectation, and the closest to ``actual`` the
    remedy. ``facts`` fill the placeholders of the texts.
    """
    entry, lang = table()[code], language()
    facts |= {"actual": actual}
    texts = {part: str(text).format(**facts) for part, text in entry[lang].items()}
    names = sorted(set(known))
    if names:
        texts.setdefault("expected", _KNOWN[lang].format(names=_listed(names)))
    close = get_close_matches(str(actual), names, n=1)
    if close:
        texts["remedy"] = _DID_YOU_MEAN[lang].format(close=close[0])
    made = Warning_ if entry.get("warning") else RackproofError
    return made(
        code,
        _visible(texts["message"]),
        place=Place(place.file, place.line, _visible(place.path)),
        expected=_visible(texts.get("expected", "")),
        actual="" if actual is None else _visible(str(actual)[:160]).replace("\n", "\\n"),
        remedy=_visible(texts.get("remedy", "")),
        exit_code=_EXIT[entry.get("exit", "usage" if entry.get("usage") else "invalid")],
    )


def _visible(text: str) -> str:
    """Return a text that a terminal shows and does not obey: what an estate holds may be quoted in a mistake."""
    if text.isprintable():
        return text
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _listed(names: list[str]) -> str:
    rest = f", … ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
