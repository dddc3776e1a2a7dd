"""Every Vietnamese text of the project with the English one it stands for, wherever it is kept.

Kept they are in the catalogues (``*.po``), in pairs ``{en, vi}`` of YAML and Python, in the alert rules
(``summary_vi``), in the specifications of roles (a line beginning ``vi:``), in dictionaries (``threshold_texts.yml``),
in documents (``*.vi.md``) and in templates that hosts show at login.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from core.catalogue import read_catalogue
from core.i18n import DOMAINS, source_file

REPOSITORY = Path(__file__).resolve().parents[2]
#: Folders whose texts no user reads, and files that are made from other texts or speak of them.
NOT_FOR_PEOPLE = ("tests", ".rackproof", ".git")
NOT_TEXTS = ("docs/errors.vi.md", "locale/glossary.yml")
#: Files whose keys are the English texts.
DICTIONARIES = ("words.vi.yml", "threshold_texts.yml")
ROLE_TEXT = re.compile(r"^vi: ")
CODE_BLOCK = re.compile(r"^```.*?^```\n?", re.MULTILINE | re.DOTALL)
VIETNAMESE = re.compile("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹáàãéèíìĩóòõúùũý]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """A Vietnamese text; ``english`` is None where it stands for no single English one."""

    place: str
    english: str | None
    vietnamese: str


@cache
def read_texts() -> tuple[Text, ...]:
    """Return every Vietnamese text for people, normalised to NFC."""
    sources = (
        *read_catalogues(), *read_data_files(), *read_python_files(), *read_documents(), *read_templates(),
    )  # fmt: skip
    return tuple(replace(text, vietnamese=unicodedata.normalize("NFC", text.vietnamese)) for text in sources)


def list_files(pattern: str) -> list[Path]:
    """Return the files of the project that a user may meet."""
    found = []
    for file in sorted(REPOSITORY.rglob(pattern)):
        if file.relative_to(REPOSITORY).parts[0] not in NOT_FOR_PEOPLE:
            found.append(file)
    return found


def name_place(file: Path) -> str:
    """Return where a file is, for a message."""
    return str(file.relative_to(REPOSITORY))


def read_catalogues() -> Iterator[Text]:
    """Yield the translations of every room."""
    for domain in DOMAINS:
        for message in read_catalogue(source_file("vi", domain)):
            if not message.id:
                continue
            plural = isinstance(message.id, list | tuple)
            english = " ".join(message.id) if plural else str(message.id)
            said = message.string if isinstance(message.string, list | tuple) else (message.string,)
            for vietnamese in filter(None, said):  # what has none yet is found by tests/core/test_catalogue.py
                yield Text(f"{domain}.po: {english[:60]}", english, str(vietnamese))


def read_data_files() -> Iterator[Text]:
    """Yield the pairs of data files."""
    for file in list_files("*.yml"):
        text = file.read_text(encoding="utf-8")
        if VIETNAMESE.search(text) is None or name_place(file) in NOT_TEXTS:
            continue
        for document in yaml.load_all(text, yaml.CSafeLoader):
            if file.name in DICTIONARIES:
                yield from read_dictionary(name_place(file), document)
            else:
                yield from find_pairs(name_place(file), document)


def read_dictionary(place: str, value: Any) -> Iterator[Text]:
    """Yield the texts of a file whose keys are the English texts, in one table or in several."""
    for english, vietnamese in value.items():
        if isinstance(vietnamese, Mapping):
            yield from read_dictionary(f"{place}: {english}", vietnamese)
        elif isinstance(vietnamese, str):
            yield Text(place, str(english), vietnamese)


def find_pairs(place: str, value: Any) -> Iterator[Text]:
    """Yield the pairs within a value of YAML, at any depth."""
    if isinstance(value, list):
        yield from find_role_texts(place, value)
        for item in value:
            yield from find_pairs(place, item)
    if not isinstance(value, Mapping):
        return
    if "en" in value and "vi" in value:
        yield from pair_values(place, value["en"], value["vi"])
    for key, item in value.items():
        inner = f"{place}: {key}" if place.count(": ") < 2 else place
        if f"{key}_vi" in value:
            yield Text(inner, str(item), str(value[f"{key}_vi"]))
        if key not in ("en", "vi"):
            yield from find_pairs(inner, item)


def find_role_texts(place: str, items: list[Any]) -> Iterator[Text]:
    """Yield the Vietnamese lines of a role's description; each stands below its English one."""
    for english, vietnamese in pairwise(items):
        if isinstance(vietnamese, str) and ROLE_TEXT.match(vietnamese):
            yield Text(place, str(english), ROLE_TEXT.sub("", vietnamese))


def pair_values(place: str, english: Any, vietnamese: Any) -> Iterator[Text]:
    """Yield the texts of two values of one shape."""
    if isinstance(vietnamese, Mapping):
        for key, value in vietnamese.items():
            yield from pair_values(f"{place}: {key}", english[key], value)
    elif isinstance(vietnamese, list):
        for one, other in zip(english, vietnamese, strict=True):
            yield from pair_values(place, one, other)
    elif isinstance(vietnamese, str):
        yield Text(place, str(english), vietnamese)


def read_python_files() -> Iterator[Text]:
    """Yield the pairs of Python sources: ``Text(en=…, vi=…)``, ``{"en": …, "vi": …}`` and ``("English", "Việt")``."""
    for file in list_files("*.py"):
        source = file.read_text(encoding="utf-8")
        if VIETNAMESE.search(source) is None:
            continue
        for node in ast.walk(ast.parse(source)):
            pair = read_pair(node)
            if pair is not None:
                yield Text(f"{name_place(file)}:{node.lineno}", *pair)  # type: ignore[attr-defined]


def read_pair(node: ast.AST) -> tuple[str, str] | None:
    """Return the English and the Vietnamese text of a piece of code, None when it holds no pair."""
    named: dict[str, ast.expr] = {}
    if isinstance(node, ast.Call):
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        named = {read_constant(key): value for key, value in pairs if key is not None and is_text(key)}
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and VIETNAMESE.search(read_constant(node.elts[1])):
        named = {"en": node.elts[0], "vi": node.elts[1]}
    texts = [named.get("en"), named.get("vi")]
    if not all(map(is_text, texts)):
        return None
    return texts[0].value, texts[1].value  # type: ignore[union-attr]


def read_constant(node: ast.expr) -> str:
    """Return a text as written, empty for any other piece of code."""
    return str(node.value) if isinstance(node, ast.Constant) else ""


def is_text(node: ast.AST | None) -> bool:
    """Tell whether a piece of code is a text as written."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def read_documents() -> Iterator[Text]:
    """Yield the paragraphs of documents, each with the English one when the two have as many."""
    for file in list_files("*.vi.md"):
        place = name_place(file)
        if place in NOT_TEXTS:
            continue
        said = split_paragraphs(file)
        other = file.with_name(file.name.replace(".vi.md", ".en.md"))
        english: list[str] | list[None] = split_paragraphs(other)
        if len(english) != len(said):
            english = [None] * len(said)
        for number, (one, vietnamese) in enumerate(zip(english, said, strict=True), 1):
            yield Text(f"{place}, paragraph {number}", one, vietnamese)


def split_paragraphs(file: Path) -> list[str]:
    """Return the paragraphs, headings and items of a document, without blocks of code."""
    text = CODE_BLOCK.sub("\n", file.read_text(encoding="utf-8"))
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def read_templates() -> Iterator[Text]:
    """Yield the Vietnamese lines of templates."""
    for file in list_files("*.j2"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if VIETNAMESE.search(line):
                yield Text(name_place(file), None, line.strip())
