"""Texts for people in English and Vietnamese, through gettext. Code, logs and docs stay in English."""

from __future__ import annotations

import gettext
import os

from core.workspace import REPOSITORY

LANGUAGES = ("en", "vi")
DOMAIN = "rackproof"


def translator(language: str) -> gettext.NullTranslations:
    """Return the catalogue of one language; a missing catalogue falls back to the English source texts."""
    return gettext.translation(DOMAIN, REPOSITORY / "locale", languages=[language], fallback=True)


def language() -> str:
    """Return the language of this process: ``RACKPROOF_LANG``, else ``vi`` when the system locale is Vietnamese."""
    chosen = os.environ.get("RACKPROOF_LANG", "")
    if chosen in LANGUAGES:
        return chosen
    return "vi" if os.environ.get("LANG", "").startswith("vi") else "en"


def _(text: str) -> str:
    """Translate ``text`` into the language of this process."""
    return translator(language()).gettext(text)
