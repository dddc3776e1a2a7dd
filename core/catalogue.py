"""The catalogues of texts for people: what the sources ask for, and bringing the catalogues up to it.

``python -m core.catalogue update`` takes up new texts and drops those no longer asked for; with ``missing`` it prints
what has no translation yet; ``compile FOLDER`` writes the binary catalogues there (the launcher does it). Asked for
are: the argument of ``_``, ``N_`` and ``ngettext`` in Python, the texts of the report's templates, and, without any
mark, what a command says of itself: docstrings with an "Example:", ``help=``.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.extract import extract_python as extract_marked
from babel.messages.pofile import read_po, write_po

from core.files import make_folder, write_atomic
from core.i18n import DOMAINS, LANGUAGES, STAMP, compile_source, digest_sources, source_file
from core.lazy_cli import EXAMPLE, split_help
from core.workspace import REPOSITORY

KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("report/**.html", "jinja2"), ("**.py", "core.catalogue:extract_python")]
OPTIONS = {"report/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "silent": "false"}}
#: Folders of Python whose texts belong to another room's catalogue.
GUESTS = {"inventory": ("bench",), "playbooks": ("roles",)}
_HEADER = "# Texts of Rackproof for people: translations of one room; the English text stands in the source."
_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the history of a text is in version control, not in its catalogue

FoundText = tuple[int, Any, Any, Any]


def extract_python(stream: IO[bytes], keywords: Any, comment_tags: Any, options: Any) -> Iterator[FoundText]:
    """Yield the texts of one Python file, as Babel asks an extraction method for them."""
    yield from extract_marked(stream, keywords, comment_tags, options)
    stream.seek(0)
    for node in ast.walk(ast.parse(stream.read())):
        for text in _texts_of_command(node):
            yield getattr(node, "lineno", 0), None, text, []
        if isinstance(node, ast.JoinedStr):
            yield from _find_marked(node)


def _find_marked(literal: ast.JoinedStr) -> Iterator[FoundText]:
    """Yield the texts marked inside an f-string: before Python 3.12 (PEP 701) Babel does not see them."""
    for node in ast.walk(literal):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            texts = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
            if len(texts) == 1:
                yield node.lineno, node.func.id, texts[0], []
            elif texts:
                yield node.lineno, node.func.id, tuple(texts), []


def extract_domain(domain: str) -> Catalog:
    """Return every text that the sources of one room ask for."""
    catalogue = Catalog(project=domain)
    for folder in (domain, *GUESTS.get(domain, ())):
        found = extract_from_dir(REPOSITORY / folder, METHODS, OPTIONS, keywords=KEYWORDS)
        for name, _line, message, _comments, context in found:
            catalogue.add(message, None, [(f"{folder}/{name}", 0)], context=context)
    if domain == "core":
        with (REPOSITORY / "rackproof.py").open("rb") as stream:
            for _line, function, message, _comments in extract_python(stream, list(KEYWORDS), [], {}):
                if function != "ngettext":
                    catalogue.add(message, None, [("rackproof.py", 0)])
    return catalogue


def read_catalogue(file: Path) -> Catalog:
    """Return a catalogue as people edit it; an empty one when there is no such file."""
    if not file.exists():
        return Catalog(domain=file.stem)
    with file.open("rb") as stream:
        return read_po(stream, locale=file.parent.parent.name, domain=file.stem)


def update_catalogue(language: str, domain: str) -> Path | None:
    """Take new texts up into one catalogue and drop those no longer asked for; return it, None when it has none."""
    file = source_file(language, domain)
    known = read_catalogue(file)
    catalogue = Catalog(
        language, domain, _HEADER, "Rackproof", "1", "", "", creation_date=_DATE, revision_date=_DATE,
        last_translator="", language_team=language, fuzzy=False,
    )  # fmt: skip
    for message in extract_domain(domain):
        if message.id:
            found = known.get(message.id)
            translation = found.string if found else None
            catalogue.add(message.id, translation, message.locations, message.flags)
    if not len(catalogue):
        file.unlink(missing_ok=True)
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        write_po(stream, catalogue, width=110, include_lineno=False, sort_output=True)
    return file


def find_untranslated(language: str, domain: str) -> list[str]:
    """Return the texts of a room that its catalogue does not translate, in the order of the catalogue."""
    known = read_catalogue(source_file(language, domain))
    missing = []
    for message in extract_domain(domain):
        if not message.id:
            continue
        found = known.get(message.id)
        texts = found.string if found else ""
        said = texts if isinstance(texts, list | tuple) else (texts,)
        if not all(said) or (found is not None and found.fuzzy):
            text = message.id[0] if isinstance(message.id, list | tuple) else message.id
            missing.append(text)
    return missing


def compile_catalogues(folder: Path) -> None:
    """Write every catalogue into ``folder`` as gettext reads it, and last the stamp that says of what source they are.

    Raises RackproofError FIL001 or FIL002 when that cannot be written; the stamp then still is that of another source.
    """
    for language in LANGUAGES:
        for domain in DOMAINS:
            source = source_file(language, domain)
            if source.exists():
                target = make_folder(folder / language / "LC_MESSAGES") / f"{domain}.mo"
                write_atomic(target, compile_source(source))
    write_atomic(folder / STAMP, digest_sources() + "\n")


def _texts_of_command(node: ast.AST) -> list[str]:
    """Return what a piece of code says of a command: the paragraphs of a docstring with an example, or a ``help=``."""
    if isinstance(node, ast.FunctionDef):
        text = inspect.cleandoc(ast.get_docstring(node) or "")
        if EXAMPLE not in text:
            return []
        return [paragraph for paragraph in split_help(text) if not paragraph.startswith(EXAMPLE)]
    if not isinstance(node, ast.Call):
        return []
    helps = [keyword.value for keyword in node.keywords if keyword.arg == "help"]
    texts = [value.value for value in helps if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return [" ".join(text.split()) for text in texts if text]


def main(arguments: list[str]) -> int:
    """Update the catalogues, or print what they lack; returns 1 when something is not translated."""
    if arguments[:1] == ["compile"]:
        compile_catalogues(Path(arguments[1]))
        return 0
    missing = 0
    for domain in DOMAINS:
        for language in LANGUAGES:
            if language == "en":
                continue
            if "update" in arguments:
                update_catalogue(language, domain)
            lacking = find_untranslated(language, domain)
            missing += len(lacking)
            print(f"{language} {domain}: {len(lacking)} not translated")
            if "missing" in arguments:
                print("\n".join(f"  {text}" for text in lacking))
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
