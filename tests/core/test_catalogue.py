"""Every text for people exists in Vietnamese, says the same values, and is found without a compile step."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from core import i18n
from core.catalogue import KEYWORDS, extract_domain, extract_python, find_untranslated, read_catalogue
from core.i18n import DOMAINS, source_file
from core.workspace import REPOSITORY
from tests.support import require

PERCENT = re.compile(r"%\((\w+)\)s")
LOOSE = re.compile(r"\s[,.;:!?](?!\w)")
BRACES = re.compile(r"\{(\w*)")


def texts(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (require(value),)


def values_in(text: str) -> set[str]:
    return set(PERCENT.findall(text)) | set(BRACES.findall(text))


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_catalogue_holds_exactly_the_texts_of_the_sources(domain: str) -> None:
    asked = {texts(message.id) for message in extract_domain(domain) if message.id}
    kept = {texts(message.id) for message in read_catalogue(source_file("vi", domain)) if message.id}
    assert kept == asked, "run: python -m core.catalogue update"


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_is_translated(domain: str) -> None:
    assert find_untranslated("vi", domain) == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_translation_says_the_same_values_in_the_same_spelling(domain: str) -> None:
    for message in read_catalogue(source_file("vi", domain)):
        if not message.id:
            continue
        for text in texts(message.string):
            assert values_in(text) == values_in(texts(message.id)[-1]), message.id
            assert text == unicodedata.normalize("NFC", text), message.id
            assert not LOOSE.search(text) or LOOSE.search(texts(message.id)[-1]), text
            assert "  " not in text or "  " in texts(message.id)[-1], text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "vi_VN"}, "vi"),
        ({"LANG": "vi_VN", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN", "LC_ALL": ""}, "vi"),
        ({"LANG": "vi_VN", "LC_ALL": "C"}, "en"),
        ({"LANG": "C.UTF-8", "LC_ALL": "vi"}, "vi"),
        ({"LANG": "vi_VN", "RACKPROOF_LANG": "en"}, "en"),
        ({"LANG": "en_US", "LANGUAGE": "fr:vi:en"}, "vi"),
        ({"LANG": "C", "LANGUAGE": "vi"}, "en"),
        ({"LANG": "vie_XX"}, "en"),
        ({"LANG": "vi_VN", "RACKPROOF_LANG": "xx"}, "vi"),
    ],
)
def test_the_language_is_what_the_locale_asks_for(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RACKPROOF_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert i18n.language() == expected


def say_interrupted(state: Path) -> subprocess.CompletedProcess[str]:
    program = "from core.i18n import _; print(_('interrupted'))"
    environment = {**os.environ, "RACKPROOF_LANG": "vi", "RACKPROOF_STATE": str(state)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=REPOSITORY, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip


def test_without_compiled_catalogues_the_texts_are_found_and_nothing_is_written(tmp_path: Path) -> None:
    assert say_interrupted(tmp_path).stdout == "bị ngắt\n"
    assert list(tmp_path.iterdir()) == []


def compile_into(state: Path, stamp: str) -> None:
    folder = state / "locale" / "vi" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    for domain in DOMAINS:
        data = i18n.compile_source(source_file("vi", domain))
        (folder / f"{domain}.mo").write_bytes(data.replace("bị ngắt".encode(), "BỊ NGẮT".encode()))
    (state / "locale" / ".stamp").write_text(stamp)


def test_what_the_launcher_compiled_is_used_while_it_fits_the_source(tmp_path: Path) -> None:
    compile_into(tmp_path, i18n.digest_sources())
    assert say_interrupted(tmp_path).stdout == "BỊ NGẮT\n"


def test_catalogues_compiled_from_another_source_are_not_used(tmp_path: Path) -> None:
    compile_into(tmp_path, "0" * 64)
    assert say_interrupted(tmp_path).stdout == "bị ngắt\n"


def test_a_text_marked_inside_an_f_string_is_found_on_every_python() -> None:
    source = io.BytesIO(b"x = f\"{_('one')} {ngettext('two', 'three', n)} {other('four')}\"\n")
    found = {(function, text) for _line, function, text, _comments in extract_python(source, list(KEYWORDS), [], {})}
    assert {("_", "one"), ("ngettext", ("two", "three"))} <= found
    assert "four" not in {text for _function, text in found}
