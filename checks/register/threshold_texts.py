"""Vietnamese for what requirements say in English of their thresholds (``threshold_texts.yml``).

The register, the verdicts and the evidence keep one text, so that a bundle says the same to everybody; a reader of
Vietnamese gets these in its place. What is not in the file (a quote, a number, the name of a standard) stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from inventory.model.fields import StrictModel

FILE = Path(__file__).resolve().parent / "threshold_texts.yml"


class ThresholdTexts(StrictModel):
    """The file: English → Vietnamese of a threshold's source, name, unit and value, of states and judges."""

    sources: dict[str, str]
    names: dict[str, str]
    units: dict[str, str]
    values: dict[str, str]
    words: dict[str, str]
    judges: dict[str, str]


@lru_cache(maxsize=1)
def read_texts() -> ThresholdTexts:
    """Return the file. Raises RackproofError with file and line for what cannot be right."""
    from core.models import read_model

    return read_model(FILE, ThresholdTexts)


def say_source(text: str, language: str) -> str:
    """Return where a threshold comes from, as its reader reads it."""
    return read_texts().sources.get(text, text) if language == "vi" else text


def say_name(text: str, language: str) -> str:
    """Return the name of a threshold, as its reader reads it."""
    return read_texts().names.get(text, text) if language == "vi" else text


def say_unit(text: str, language: str) -> str:
    """Return a unit, as its reader reads it."""
    return read_texts().units.get(text, text) if language == "vi" else text


def say_value(text: str, language: str) -> str:
    """Return the value of a threshold, or the place of a clause, as its reader reads it."""
    return read_texts().values.get(text, text) if language == "vi" else text


def say_judge(name: str, text: str, language: str) -> str:
    """Return what a judge decides, as its reader reads it; ``text`` is what its source says."""
    return read_texts().judges.get(name, text) if language == "vi" else text


def say_state(word: str, language: str) -> str:
    """Return a state, the word that a machine speaks, as its reader reads it."""
    return read_texts().words.get(word, word) if language == "vi" else word
