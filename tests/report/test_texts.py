"""The Vietnamese report: no source, name or unit of a threshold is left in English, and no translation is idle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.judge.registry import judges
from checks.register.register import load_requirements
from checks.register.requirement import Threshold
from checks.register.services import read_services
from checks.register.threshold_texts import FILE, ThresholdTexts, read_texts, say_source, say_state
from core.errors import RackproofError

#: A source that needs no translation: a quote of the plan and nothing else, or text that is Vietnamese already.
QUOTE = re.compile(r'^"[^"]+"$|^mạng truyền số liệu chuyên dùng$')
#: Units that are signs, the same in every language.
SIGNS = {"", "%", "Mb/s", "°C", "% RH", "km"}


#: Words of an English phrase, as they stand in a value of a threshold or in the place of a clause.
ENGLISH = re.compile(r"\b(?:the|of|per|each|footnote|annex|and)\b")


def thresholds() -> list[Threshold]:
    return [threshold for item in load_requirements().values() for threshold in item.thresholds]


def test_every_source_can_be_read_in_vietnamese() -> None:
    wanted = {threshold.source for threshold in thresholds() if not QUOTE.match(threshold.source)}
    assert wanted == set(read_texts().sources)


def test_every_name_and_unit_can_be_read_in_vietnamese() -> None:
    assert {threshold.name for threshold in thresholds()} == set(read_texts().names)
    assert {threshold.unit for threshold in thresholds()} - SIGNS == set(read_texts().units)


def test_no_translated_value_is_idle() -> None:
    wanted = {str(threshold.value) for threshold in thresholds()}
    wanted |= {requirement.clause.ref for requirement in load_requirements().values()}
    assert set(read_texts().values) <= wanted
    assert not [text for text in wanted - set(read_texts().values) if ENGLISH.search(text)]


def test_every_judge_can_be_read_in_vietnamese() -> None:
    ours = {name for name, one in judges().items() if one.function.__module__.startswith("checks.judge.judges.")}
    assert ours == set(read_texts().judges)


def test_a_translation_says_the_same_numbers() -> None:
    for english, vietnamese in read_texts().sources.items():
        numbers = re.findall(r"\d+", vietnamese)
        missing = [number for number in re.findall(r"\d+", english) if number not in numbers]
        assert missing == [], english


def test_states_are_said_in_the_language_of_the_reader() -> None:
    assert (say_state("streaming", "vi"), say_state("streaming", "en")) == ("đang sao chép", "streaming")
    assert say_state("unheard of", "vi") == "unheard of"
    assert say_source("unheard of", "vi") == "unheard of"


def test_every_service_has_a_title_in_both_languages() -> None:
    for name, service in read_services().services.items():
        assert service.title.en.strip(), name
        assert service.title.vi.strip(), name


def test_an_unknown_key_is_refused_with_its_place(tmp_path: Path) -> None:
    from core.models import read_model

    file = tmp_path / "texts.yml"
    file.write_text(FILE.read_text(encoding="utf-8") + "wrods: {}\n", encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        read_model(file, ThresholdTexts)
    assert caught.value.place and caught.value.place.line > 0
    assert "wrods" in str(caught.value)
