"""Every text for people exists in Vietnamese, says the same values, and is found without a compile step."""

from __future__ import annotations

import re
import unicodedata

import pytest

from checks import catalogues
from checks.report_words import DOCUMENTS, GROUPS, STATE, STATUS
from core.locale import LANGUAGES

PLACES = re.compile(r"%\((\w+)\)s")


def texts(value) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_exactly_the_texts_of_the_sources(language):
    asked = {message.id for message in catalogues.extracted() if message.id}
    kept = {message.id for message in catalogues._read(catalogues.source_file(language)) if message.id}
    assert kept == asked, "run: python -m checks.catalogues update"


def test_every_text_has_a_vietnamese_one_with_the_same_values():
    for message in catalogues._read(catalogues.source_file("vi")):
        if not message.id:
            continue
        said = texts(message.string)
        assert all(said), message.id
        assert not message.fuzzy, message.id
        wanted = set(PLACES.findall(texts(message.id)[-1]))
        for text in said:
            assert set(PLACES.findall(text)) == wanted, message.id
            assert text == unicodedata.normalize("NFC", text), message.id
            assert not re.search(r"\s[,.;:!?]|  ", text), text


def test_english_says_what_the_source_says():
    for message in catalogues._read(catalogues.source_file("en")):
        assert not message.id or texts(message.string) == texts(message.id)


def test_every_status_document_group_and_state_is_known():
    from checks.model import Status
    from checks.verify import State

    assert set(STATUS) == set(Status)
    assert set(STATE) == {state.value for state in State if state is not State.BROKEN}
    assert set(GROUPS) == {f"1.{number}" for number in range(1, 10)}
    assert set(DOCUMENTS) == {"QH", "KH08", "CT", "HP"}


def test_a_missing_or_old_compiled_catalogue_is_made_again_even_without_write_access(tmp_path, monkeypatch):
    source = catalogues.source_file("vi").read_bytes()
    folder = tmp_path / "vi" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "rackproof.po").write_bytes(source)
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    assert catalogues.translations("vi").gettext("Met") == "Đạt"
    (folder / "rackproof.mo").write_bytes(b"")
    import os

    os.utime(folder / "rackproof.mo", (1, 1))
    assert catalogues.translations("vi").gettext("Not met") == "Không đạt"
    (folder / "rackproof.mo").unlink()
    monkeypatch.setattr(catalogues, "_keep", lambda target, data: False)
    assert catalogues.translations("vi").gettext("Score") == "Tỷ lệ đạt"
