"""Contrast of every pair of colours that carries text: at least 4.5:1 (WCAG 2.1 AA), light and dark."""

from __future__ import annotations

import re

import pytest

from checks.model import Status
from checks.report.build import TEMPLATES

CSS = (TEMPLATES / "report.css").read_text("utf-8")
PAIRS = [
    *((status.value, f"{status.value}-bg") for status in Status),
    ("ink", "paper"),
    ("ink", "desk"),
    ("soft", "paper"),
    ("soft", "desk"),
    ("soft", "tint"),
    ("faint", "paper"),
    ("faint", "desk"),
    ("accent", "paper"),
    ("accent", "desk"),
    ("ink", "quote"),
    ("soft", "quote"),
    *((status.value, "paper") for status in Status),
    *((status.value, "tint") for status in Status),
]


def schemes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks)
    return {"light": light, "dark": {**light, **dark}}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    colours = schemes()[scheme]
    for front, back in PAIRS:
        lighter, darker = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (front, back)


def test_only_a_pass_is_green() -> None:
    for scheme in schemes().values():
        for status in Status:
            red, green, blue = (int(scheme[status.value][at : at + 2], 16) for at in (1, 3, 5))
            assert (green > red + 30 and green > blue + 10) == (status is Status.PASS), status
