"""Texts for people in English and Vietnamese, through gettext. Code, logs and developers' docs stay in English.

The English text stands in the source; ``locale/vi/LC_MESSAGES/<room>.po`` holds the translation of each room. The
launcher compiles them once, at set-up, into the state folder; a wheel holds them compiled beside their sources. Where
neither was done, or a catalogue was edited since, they are compiled in memory and nothing is written.
"""

from __future__ import annotations

import gettext
import io
import os
from functools import cache
from pathlib import Path

from core.workspace import REPOSITORY, state_dir

LANGUAGES = ("en", "vi")
#: One catalogue per room; the core's comes first because it holds the words that all rooms use.
DOMAINS = ("core", "inventory", "netconfig", "monitoring", "playbooks", "checks", "lab")
LOCALE = REPOSITORY / "locale"
STAMP = ".stamp"


def language() -> str:
    """Return the language of this process: ``--lang`` (``RACKPROOF_LANG``), else what the locale asks for.

    As POSIX and gettext have it: ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` in this order, the first that is not empty;
    ``LANGUAGE``, a list, comes before them unless the locale is ``C``. English when none names a language we have.
    """
    chosen = os.environ.get("RACKPROOF_LANG", "")
    if chosen in LANGUAGES:
        return chosen
    variables = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, variables), "C")
    if locale in ("C", "POSIX"):
        return "en"
    wanted = [*os.environ.get("LANGUAGE", "").split(":"), locale]
    known = (_language_of(name) for name in wanted)
    return next(filter(None, known), "en")


def _(text: str) -> str:
    """Translate ``text`` into the language of this process."""
    return translator(language()).gettext(text)


def ngettext(one: str, many: str, n: int) -> str:
    """Translate a text that depends on a number, as ``ngettext("{n} site", "{n} sites", n).format(n=n)``."""
    return translator(language()).ngettext(one, many, n)


def N_(text: str) -> str:  # noqa: N802 - as gettext has it
    """Mark a text for translation where it is defined; ``_`` translates it where it is shown."""
    return text


@cache
def translator(lang: str) -> gettext.NullTranslations:
    """Return the texts of one language: the catalogues of all rooms, one after the other."""
    if lang == "en":
        return gettext.NullTranslations()
    first, *rest = (_catalogue(lang, domain) for domain in DOMAINS)
    for other in rest:
        first.add_fallback(other)
    return first


def source_file(lang: str, domain: str) -> Path:
    """Return the catalogue that people edit."""
    return LOCALE / lang / "LC_MESSAGES" / f"{domain}.po"


def digest_sources() -> str:
    """Return the SHA-256 over all catalogues as people edit them: the stamp of what was compiled from them.

    As ``cat locale/*/LC_MESSAGES/*.po | sha256sum`` says it, which is how the launcher makes the stamp.
    """
    import hashlib  # late: a call in English digests nothing

    total = hashlib.sha256()
    for file in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        total.update(file.read_bytes())
    return total.hexdigest()


def compile_source(file: Path) -> bytes:
    """Return a catalogue in the binary form that gettext reads."""
    from babel.messages.mofile import write_mo  # late: only an edited catalogue is compiled by hand
    from babel.messages.pofile import read_po

    with file.open("rb") as stream:
        catalogue = read_po(stream, locale=file.parent.parent.name, domain=file.stem)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def _language_of(locale: str) -> str | None:
    """Return the language of a locale such as ``vi_VN.UTF-8``, None when it is not one of ours."""
    name = locale.partition(".")[0].partition("@")[0].partition("_")[0]
    if name in LANGUAGES:
        return name
    return None


@cache
def _compiled_folder() -> Path | None:
    """Return where the catalogues of this very source lie compiled, None when they do so nowhere."""
    for folder in (LOCALE, state_dir() / "locale"):
        try:
            stamp = (folder / STAMP).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if stamp == digest_sources():
            return folder
    return None


def _catalogue(lang: str, domain: str) -> gettext.NullTranslations:
    folder = _compiled_folder()
    file = source_file(lang, domain)
    if folder is not None:
        compiled = folder / lang / "LC_MESSAGES" / f"{domain}.mo"
        try:
            return gettext.GNUTranslations(io.BytesIO(compiled.read_bytes()))
        except OSError:
            pass  # as in a state folder that was cleared in part: made again below
    if not file.exists():
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(compile_source(file)))
