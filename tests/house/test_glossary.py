"""One term and one spelling for each thing in all Vietnamese texts (``locale/glossary.yml``); nothing in English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.vietnamese import VIETNAMESE, Text, read_texts

GLOSSARY = Path(__file__).resolve().parents[2] / "locale" / "glossary.yml"
#: What is typed or filled in, and so the same in both languages: code, values, options, addresses, names of files.
TYPED = re.compile(
    r"``?[^`]+``?|\{\{.*?\}\}|%\(\w+\)s|\{[^}]*\}|\]\([^)]*\)|--[\w-]+|https?://\S+|<[^>]+>|\b[\w.]+="
    r"|\b\w+\.(?:yml|yaml|csv|json)\b|^[a-z]+: \[?[\w-]+\]?$|\bestate (?:validate|show)\b"
    r"|\bapt-get install\b(?: [\w-]+)?"
    r"|\b(?:\./)?rackproof (?:estate|evidence|lab|net|checks|monitor|report|provision)(?: (?:ledger|netbox))? [a-z-]+"
    r"(?: [a-z]+/[a-z]+)?"
)
WORD = re.compile(r"[^\W\d_]+")
#: English words that carry a sentence and are no Vietnamese word even without marks.
FUNCTION_WORDS = re.compile(
    r"\b(?:the|is|are|was|were|of|and|not|with|from|for|by|this|that|these|or|which|has|have|been|when|where|its|it|"
    r"does|must|only|than|into|there)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the glossary, with its patterns."""

    english: str
    vietnamese: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    forbidden: tuple[str, ...]

    def is_meant_by(self, english: str) -> bool:
        """Tell whether an English text speaks of this thing."""
        plain = self.unless.sub(" ", english) if self.unless else english
        return bool(self.pattern.search(plain))


def whole_words(pattern: str) -> re.Pattern[str]:
    """Return a pattern that finds whole words in either language, whatever their case."""
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


@cache
def read_glossary() -> dict[str, list[dict[str, Any]]]:
    """Return the glossary as written."""
    glossary: dict[str, list[dict[str, Any]]] = yaml.safe_load(GLOSSARY.read_text(encoding="utf-8"))
    return glossary


def read_terms() -> list[Term]:
    """Return the terms of the glossary."""
    terms = []
    for entry in read_glossary()["terms"]:
        assert set(entry) <= {"en", "unless", "vi", "not", "note"}, entry
        unless = re.compile(str(entry["unless"]), re.IGNORECASE) if "unless" in entry else None
        forbidden = tuple(map(str, entry.get("not", [])))
        pattern = whole_words(str(entry["en"]))
        terms.append(Term(str(entry["en"]), str(entry["vi"]), pattern, unless, forbidden))
    return terms


def strip_typed(text: str) -> str:
    """Return a text without code, values and other things that are the same in every language."""
    return TYPED.sub(" ", text)


def find_forbidden(texts: Iterable[Text]) -> list[str]:
    """Return where a variant stands that the glossary rules out."""
    patterns = [(term.vietnamese, whole_words(re.escape(word))) for term in read_terms() for word in term.forbidden]
    found = []
    for text in texts:
        plain = strip_typed(text.vietnamese)
        for term, pattern in patterns:
            match = pattern.search(plain)
            if match:
                found.append(f"{text.place}: '{match[0]}' instead of '{term}': {text.vietnamese}")
    return found


def find_other_terms(texts: Iterable[Text]) -> list[str]:
    """Return where the English text has a term and the Vietnamese one does not have the term chosen for it."""
    found = []
    for text in texts:
        english = strip_typed(text.english or "")
        said = text.vietnamese.casefold()
        for term in read_terms():
            if term.is_meant_by(english) and term.vietnamese.casefold() not in said:
                lacking = f"no '{term.vietnamese}' for '{term.english}'"
                found.append(f"{text.place}: {lacking}:\n  {english}\n  {text.vietnamese}")
    return found


def find_misspelt(texts: Iterable[Text]) -> list[str]:
    """Return where a spelling stands that the glossary rules out."""
    found = []
    for entry in read_glossary()["spelling"]:
        pattern = re.compile(str(entry["wrong"]), re.IGNORECASE)
        for text in texts:
            match = pattern.search(text.vietnamese)
            if match:
                found.append(f"{text.place}: '{match[0]}' ({entry['note']}): {text.vietnamese}")
    return found


def find_untranslated(texts: Iterable[Text]) -> list[str]:
    """Return where the Vietnamese text is the English one, or has no Vietnamese letter in three words or more."""
    same = {str(word).casefold() for word in read_glossary()["same"]}
    found = []
    for text in texts:
        words = [word for word in WORD.findall(strip_typed(text.vietnamese)) if word.casefold() not in same]
        if not words or VIETNAMESE.search(text.vietnamese):
            continue
        if text.english == text.vietnamese or len(words) >= 3:
            found.append(f"{text.place}: {text.vietnamese}")
    return found


def find_english(texts: Iterable[Text]) -> list[str]:
    """Return where English words carry on within a Vietnamese sentence."""
    names = re.compile("|".join(re.escape(str(name)) for name in read_glossary()["names"]) or r"(?!)")
    found = []
    for text in texts:
        plain = names.sub(" ", strip_typed(text.vietnamese))
        match = FUNCTION_WORDS.search(plain)
        if match:
            found.append(f"{text.place}: '{match[0]}' in: {text.vietnamese}")
    return found


def find_ambiguous(texts: Iterable[Text]) -> list[str]:
    """Return the English texts of catalogues that two rooms translate differently: all rooms are looked up as one."""
    said: dict[str, set[str]] = {}
    for text in texts:
        if ".po: " in text.place and text.english:
            said.setdefault(text.english, set()).add(text.vietnamese)
    return [f"{english}: {sorted(meant)}" for english, meant in said.items() if len(meant) > 1]


CHECKS = (
    find_ambiguous, find_forbidden, find_other_terms, find_misspelt, find_untranslated, find_english,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_vietnamese_text_keeps_to_the_glossary(check: Callable[[Iterable[Text]], list[str]]) -> None:
    assert "\n".join(check(read_texts())) == ""


def test_texts_are_found_in_every_place_where_they_are_kept() -> None:
    places = [text.place for text in read_texts()]
    for place in (
        "core.po", "checks.po", "core/errors/", "checks/requirements/", "checks/messages.yml", "monitoring/rules/",
        "roles/base/meta", "roles/base/templates", "lab/faults/", "inventory/estate/", "docs/tutorials/",
    ):  # fmt: skip
        assert any(found.startswith(place) for found in places), place


def test_no_entry_of_the_glossary_is_unused() -> None:
    english = [strip_typed(text.english or "") for text in read_texts()]
    vietnamese = [text.vietnamese for text in read_texts()]
    unused = [term.english for term in read_terms() if not any(map(term.is_meant_by, english))]
    for kind in ("same", "names"):
        for word in map(str, read_glossary()[kind]):
            pattern = whole_words(re.escape(word))
            if not any(pattern.search(text) for text in vietnamese):
                unused.append(f"{kind}: {word}")
    assert unused == []


def test_no_term_is_ruled_out_by_another() -> None:
    terms = read_terms()
    chosen = [Text("glossary", None, term.vietnamese) for term in terms]
    assert find_forbidden(chosen) == []
    assert find_misspelt(chosen) == []
    assert len({term.vietnamese for term in terms if term.vietnamese}) == len(terms)


@pytest.mark.parametrize(
    ("check", "english", "vietnamese"),
    [
        (find_forbidden, None, "Dựng phòng thử nghiệm nhúng"),
        (find_forbidden, "address in the kernel", "Địa chỉ trong nhân"),
        (find_other_terms, "there is no site {actual}", "không có đơn vị {actual}"),
        (find_other_terms, "its host keys are pinned", "đã ghim chìa"),
        (find_misspelt, "key", "khoá"),
        (find_misspelt, "delete", "xoá"),
        (find_misspelt, "cancelled", "đã huỷ"),
        (find_untranslated, "streaming async", "streaming async"),
        (find_untranslated, "operator policy: keep cool", "operator policy: cool"),
        (find_english, "the file is missing", "tệp is missing"),
    ],
)
def test_what_is_wrong_is_found(
    check: Callable[[Iterable[Text]], list[str]], english: str | None, vietnamese: str
) -> None:
    assert check([Text("here", english, vietnamese)]) != []


@pytest.mark.parametrize(
    ("english", "vietnamese"),
    [
        ("see `rackproof lab up`, {file}", "xem `rackproof lab up`, {file}"),
        ("hoàn toàn", "quý, quyết toán, thuyền, hoàn toàn, hóa, khỏe, tùy, quỹ"),
        ("the people of the kernel", "nhân dân, kernel"),
    ],
)
def test_what_is_right_is_left_alone(english: str, vietnamese: str) -> None:
    texts = [Text("here", english, vietnamese)]
    assert [found for check in CHECKS for found in check(texts)] == []


def test_two_rooms_that_translate_one_text_differently_are_found() -> None:
    texts = [Text("checks.po: owner", "owner", "chủ quản"), Text("inventory.po: owner", "owner", "thuộc về")]
    assert find_ambiguous(texts) == ["owner: ['chủ quản', 'thuộc về']"]
    assert find_ambiguous(texts[:1] * 2) == []
