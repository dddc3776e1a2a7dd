"""Catalogues of texts for people: compiled from ``locale/*/LC_MESSAGES/rackproof.po`` at set-up, or when needed.

``python -m checks.catalogues`` compiles; with ``update`` it first takes up new texts of the sources.
"""

from __future__ import annotations

import gettext
import io
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from core.locale import DOMAIN, LANGUAGES
from core.workspace import REPOSITORY

LOCALE = REPOSITORY / "locale"
# Whose texts: the front door's rooms in Python, and the templates of the report.
METHODS = [("report/**.html", "jinja2"), ("*.py", "python")]
_HEADER = "# Texts of Rackproof for people. The English side is the source; see checks/catalogues.py."
_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the history of a text is in version control, not in its catalogue
OPTIONS = {"report/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}}


def source_file(language: str) -> Path:
    """Return the catalogue that people edit."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def translations(language: str) -> gettext.GNUTranslations:
    """Return the texts of a language, compiled now when the compiled file is missing or older than its source.

    Works without write access too: then nothing is kept.
    """
    source = source_file(language)
    target = source.with_suffix(".mo")
    try:
        if target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            return gettext.GNUTranslations(io.BytesIO(target.read_bytes()))
    except OSError:
        pass
    data = _compiled(source)
    _keep(target, data)
    return gettext.GNUTranslations(io.BytesIO(data))


def compile_all() -> list[Path]:
    """Compile every catalogue and return the files written."""
    written = []
    for language in LANGUAGES:
        source = source_file(language)
        if _keep(source.with_suffix(".mo"), _compiled(source)):
            written.append(source.with_suffix(".mo"))
    return written


def extracted() -> Catalog:
    """Return every text that the sources ask for."""
    catalog = Catalog(project=DOMAIN)
    found = extract_from_dir(REPOSITORY / "checks", METHODS, OPTIONS, keywords={"_": None, "N_": None, "gettext": None,
                             "ngettext": (1, 2)}, strip_comment_tags=True)
    for name, _line, message, comments, context in found:
        catalog.add(message, None, [(f"checks/{name}", 0)], auto_comments=comments, context=context)
    return catalog


def update() -> None:
    """Take new texts up into the catalogues and drop those no longer asked for. English says what the source says."""
    for language in LANGUAGES:
        source = source_file(language)
        catalog = Catalog(language, DOMAIN, _HEADER, "Rackproof", "1", "", "", creation_date=_DATE, revision_date=_DATE,
                          last_translator="", language_team=language, fuzzy=False)
        known = _read(source) if source.exists() else catalog
        for message in extracted():
            if message.id:
                found = known.get(message.id)
                catalog.add(message.id, found.string if found else None, message.locations, message.flags)
        for message in catalog if language == "en" else ():
            if message.id:
                message.string = message.id
        source.parent.mkdir(parents=True, exist_ok=True)
        with source.open("wb") as stream:
            write_po(stream, catalog, width=110, include_lineno=False, sort_output=True)


def _read(source: Path) -> Catalog:
    with source.open("rb") as stream:
        return read_po(stream, locale=source.parent.parent.name, domain=DOMAIN)


def _compiled(source: Path) -> bytes:
    stream = io.BytesIO()
    write_mo(stream, _read(source))
    return stream.getvalue()


def _keep(target: Path, data: bytes) -> bool:
    new = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        new.write_bytes(data)
        new.replace(target)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        update()
    print("\n".join(str(file.relative_to(REPOSITORY)) for file in compile_all()))
