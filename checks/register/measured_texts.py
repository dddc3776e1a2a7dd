"""What a judge measured, as people read it (``measured_texts.yml``): here numbers become text, and nowhere before.

The report, JUnit and the console all take it from here, so that one value reads the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter

from pydantic import Field

from checks.model import Measurement, Unit
from checks.register.threshold_texts import say_state
from inventory.model.fields import StrictModel

#: All of something; and the least part of it that is still shown as one.
WHOLE_PERCENT, LEAST_PART = 100, 0.1
FILE = Path(__file__).resolve().parent / "measured_texts.yml"


class UnitText(StrictModel):
    """How numbers of one unit are written: digits after the point, and the sign behind the number."""

    digits: int | None = Field(default=None, ge=0)
    sign: str | None = None


class Phrase(StrictModel):
    """What is written of measurements that follow each other; ``vi`` where the phrase has words of its own."""

    en: str
    vi: str | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the measurements, in their order."""
        return tuple(name for _text, name, _spec, _conversion in Formatter().parse(self.en) if name)


class MeasuredTexts(StrictModel):
    """The file. ``digits`` are those of names that need others than their unit has."""

    units: dict[Unit, UnitText]
    digits: dict[str, int]
    phrases: tuple[Phrase, ...]


@lru_cache(maxsize=1)
def read_measured_texts() -> MeasuredTexts:
    """Return the file, the longest phrases first. Raises RackproofError with file and line for what cannot be right."""
    from core.models import read_model

    texts = read_model(FILE, MeasuredTexts)
    longest_first = sorted(texts.phrases, key=lambda phrase: -len(phrase.names))
    return texts.model_copy(update={"phrases": tuple(longest_first)})


def write_measured(measured: Sequence[Measurement], language: str = "en") -> str:
    """Return what was measured as a reader of ``en`` or ``vi`` reads it; empty when nothing was."""
    return ", ".join(write_phrases(measured, language))


def write_phrases(measured: Sequence[Measurement], language: str) -> Iterator[str]:
    """Yield the phrases that the measurements make, in their order."""
    rest = tuple(measured)
    while rest:
        phrase = find_phrase(rest)
        if phrase is None:
            yield write_value(rest[0], language)
            rest = rest[1:]
            continue

        pattern = phrase.en
        if language == "vi" and phrase.vi is not None:
            pattern = phrase.vi
        count = len(phrase.names)
        yield pattern.format(**{item.name: write_value(item, language) for item in rest[:count]})
        rest = rest[count:]


def find_phrase(measured: Sequence[Measurement]) -> Phrase | None:
    """Return the longest phrase that the first measurements make; None when there is none."""
    names = tuple(item.name for item in measured)
    for phrase in read_measured_texts().phrases:
        if names[: len(phrase.names)] == phrase.names:
            return phrase
    return None


def write_value(item: Measurement, language: str) -> str:
    """Return one value: a number rounded for people, with its sign; a state by its word in their language."""
    if isinstance(item.value, str):
        return say_state(item.value, language) if item.unit is Unit.STATE else item.value

    texts = read_measured_texts()
    rule = texts.units[item.unit]
    sign = item.unit.value if rule.sign is None else rule.sign
    digits = texts.digits.get(item.name, rule.digits)
    number = f"{item.value:g}" if digits is None else f"{item.value:.{digits}f}"
    if item.unit is Unit.PERCENT and 0 < item.value < WHOLE_PERCENT and float(number) in (0, WHOLE_PERCENT):
        number = f"{min(max(item.value, LEAST_PART), WHOLE_PERCENT - LEAST_PART):.1f}"  # almost all is not all
    return f"{number} {sign}".strip()
