"""The register: complete, strict, every mistake with its file and line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from checks.attest import attestation
from checks.judge.registry import judges
from checks.messages import read_messages, render
from checks.register import requirement, services
from checks.register.collectors import COLLECTORS
from checks.register.judge_names import read_judge_names
from checks.register.register import REQUIREMENTS_DIR, load_requirements
from checks.register.requirement import Method, Provenance
from checks.register.services import FILE, read_services
from core.errors import ErrorGroup, RackproofError
from core.i18n import _
from core.workspace import REPOSITORY

GOOD = (REQUIREMENTS_DIR / "1.1" / "QH-3-DC-NPLUS1.yml").read_text(encoding="utf-8")


def test_enough_requirements_of_every_group(requirements: dict[str, requirement.Requirement]) -> None:
    groups = Counter(item.group for item in requirements.values())
    assert set(groups) == {f"1.{number}" for number in range(1, 10)}
    assert len(requirements) >= 45
    assert sum(item.method is Method.MEASURED for item in requirements.values()) >= 28


def test_every_requirement_is_quantified(requirements: dict[str, requirement.Requirement]) -> None:
    for item in requirements.values():
        assert item.thresholds, item.id
        assert item.due.date or item.due.note, item.id
        assert all(threshold.source for threshold in item.thresholds)
        for threshold in item.thresholds:
            policy = threshold.provenance is Provenance.POLICY
            assert not (policy and re.search(r"TCVN|TT \d|NĐ \d|ASHRAE", threshold.source)), item.id


def test_attested_requirements_need_no_machine(requirements: dict[str, requirement.Requirement]) -> None:
    for item in requirements.values():
        assert (item.method is Method.ATTESTED) == (item.check.judge == "attested"), item.id


def test_names_of_judges_are_found_without_importing_them() -> None:
    ours = {name for name, one in judges().items() if one.function.__module__.startswith("checks.judge.judges.")}
    assert read_judge_names() - {"sample"} == ours  # the tests of the evidence bring one of their own


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("method: measured", "methode: measured", "YML020", "did you mean 'method'"),
        ("provenance: S", "provenance: X", "YML025", "one of: P, R, S"),
        ("judge: redundancy", "judge: redundanzy", "REQ004", "did you mean 'redundancy'"),
        ("    - snmp\n", "    - snpm\n", "REQ004", "did you mean 'snmp'"),
        ("id: QH-3-DC-NPLUS1", "id: QH-3-DC-NPLUS2", "REQ002", "QH-3-DC-NPLUS1"),
        ("group: '1.1'", "group: '1.2'", "REQ003", "1.1"),
        ("cadence_s: 60", "cadence_s: 99999", "YML028", "cadence_s must be <= validity_s"),
        ("tiers:\n  - DC", "tiers: []", "YML027", "at least 1 entry"),
        ("cadence_s: 60", "cadence_s: soon", "YML022", "a whole number"),
        ("cadence_s: 60", "cadence_s: 60\nzzz: 1", "YML020", "remove the key"),
        ("id: QH-3-DC-NPLUS1", "id: 'no", "YML004", ""),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, old: str, new: str, code: str, says: str) -> None:
    assert old in GOOD
    file = tmp_path / "1.1" / "QH-3-DC-NPLUS1.yml"
    file.parent.mkdir()
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        load_requirements(tmp_path)
    errors = caught.value.errors if isinstance(caught.value, ErrorGroup) else [caught.value]
    assert any(error.code == code and says in str(error) for error in errors), str(caught.value)
    assert all(error.place and error.place.file == file and error.place.line > 0 for error in errors)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cadence_s: 60", "cadence_s: 60\nzzz: 1", "khóa 'zzz' không có ở vị trí này"),
        ("cadence_s: 60", "cadence_s: soon", "giá trị của 'cadence_s' sai kiểu"),
        ("cadence_s: 60", "cadence_s: 99999", "kết luận hết hiệu lực trước khi có kết luận kế tiếp"),
        ("cadence_s: 60", "cadence_s: 0", "nằm ngoài khoảng cho phép"),
        ("tiers:\n  - DC", "tiers: []", "ít nhất 1 mục"),
        ("provenance: S", "provenance: X", "không thuộc các giá trị cho phép"),
    ],
)
def test_a_mistake_is_said_in_vietnamese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    file = tmp_path / "1.1" / "QH-3-DC-NPLUS1.yml"
    file.parent.mkdir()
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        load_requirements(tmp_path)
    assert says in str(caught.value)
    assert not re.search(r"(?i)\b(input|should|extra|permitted|field|at least|value error)\b", str(caught.value))


def test_an_unknown_key_of_the_services_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "services.yml"
    file.write_text(FILE.read_text(encoding="utf-8") + "zzz: 1\n", encoding="utf-8")
    for language, says in (("en", "the key 'zzz' is not known here"), ("vi", "khóa 'zzz' không có ở vị trí này")):
        monkeypatch.setenv("RACKPROOF_LANG", language)
        with pytest.raises(RackproofError) as caught:
            read_services(file)
        assert (caught.value.code, caught.value.message) == ("YML020", says)
        assert caught.value.place and caught.value.place.line > 0


def test_every_text_that_a_model_refuses_with_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    for module in (requirement, services, attestation):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        texts = re.findall(r'raise ValueError\((?:N_\()?"([^"]*)"', source)
        assert texts, module
        assert [text for text in texts if _(text) == text] == []


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RackproofError, match="REQ006"):
        load_requirements(tmp_path)


def test_messages_say_the_same_in_both_languages() -> None:
    for msgid, texts in read_messages().items():
        assert set(texts) == {"en", "vi"}, msgid
        names = {language: set(re.findall(r"\{(\w+)\}", text)) for language, text in texts.items()}
        assert names["en"] == names["vi"], msgid
        assert texts["en"] != texts["vi"], msgid


def test_every_message_that_code_uses_exists_and_every_message_is_used() -> None:
    files = sorted((REPOSITORY / "checks" / "judge").rglob("*.py"))
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    subjects = {msgid.partition(".")[0] for msgid in read_messages()}
    used = {name for name in re.findall(r'"([a-z0-9]+\.[a-z_0-9]+)"', code) if name.partition(".")[0] in subjects}
    assert used == {msgid for msgid in read_messages() if not msgid.startswith("quantity.")}


def test_an_unknown_message_or_a_missing_value_is_shown_not_hidden() -> None:
    assert render("no.such", {"a": "1"}) == "no.such {'a': '1'}"
    assert render("reach.lost", {"device": "x"}).endswith("{'device': 'x'}")


def test_collectors_are_described(requirements: dict[str, requirement.Requirement]) -> None:
    used = {name for item in requirements.values() for name in item.check.collectors}
    assert used == set(COLLECTORS)


def test_quotes_are_vietnamese_text(requirements: dict[str, requirement.Requirement]) -> None:
    for item in requirements.values():
        assert len(item.clause.quote) >= 8
        assert not item.clause.quote.isascii(), item.id
    assert Path(REQUIREMENTS_DIR).is_dir()
