"""The parts of verifying: which record an altered byte lies in, what a seal is, what two verdicts differ in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from checks.bundle.manifest import LOCATOR, MANIFEST, PUBLIC_KEY, SIGNATURE, FileEntry, Manifest, make_locator
from checks.model import Message, Status, Verdict
from checks.verify.controls import name_controls, read_records
from checks.verify.files import check_file, find_moved, walk_bundle
from checks.verify.findings import FileFault, FileFinding
from checks.verify.signature import check_signature, digest_key, list_own_keys
from checks.verify.verdicts import Rejudged, compare
from checks.verify.verification import Verification, VerificationState, choose_state
from core.signing import public_pem

LINES = [
    b'[{"evidence":["e1"],"requirement":"QH-1"},\n',
    b'{"evidence":["e1","e2"],"requirement":"QH-2"},\n',
    b'{"evidence":[],"requirement":"QH-3"}]',
]
VERDICTS = b"".join(LINES)
EVIDENCE = b'{"id":"e1","sha256":"aa"},\n{"id":"e2","sha256":"bb"},\n{"id":"e3","sha256":"aa"}\n'
EVERYTHING = ("QH-2",)  # the first and the last record carry a bracket: what is read is what is one record by itself


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "verdicts.json").write_bytes(VERDICTS)
    (tmp_path / "evidence.json").write_bytes(EVIDENCE)
    return tmp_path


def control(bundle: Path, file: str, start: int = -1, end: int = -1, **more: Any) -> tuple[str, ...]:
    finding = FileFinding(more.pop("fault", FileFault.ALTERED), file, "", start, end, **more)
    (named,) = name_controls(bundle, (finding,))
    return named.controls


@pytest.mark.parametrize(
    ("start", "end", "controls"),
    [
        (0, 1, ("QH-1",)),
        (len(LINES[0]) - 1, len(LINES[0]), ("QH-1",)),  # the line's end belongs to it
        (len(LINES[0]), len(LINES[0]) + 1, ("QH-2",)),
        (len(LINES[0]) - 1, len(LINES[0]) + 1, ("QH-1", "QH-2")),
        (len(LINES[0]) - 2, len(LINES[0]) - 1, ("QH-1",)),
        (len(VERDICTS) - 1, len(VERDICTS), ("QH-3",)),
        (len(LINES[0]) + 3, len(VERDICTS), ("QH-2", "QH-3")),
        (0, len(VERDICTS), ("QH-1", "QH-2", "QH-3")),
    ],
)
def test_an_altered_byte_lies_in_the_record_of_its_line(
    bundle: Path, start: int, end: int, controls: tuple[str, ...]
) -> None:
    assert control(bundle, "verdicts.json", start, end) == controls


def test_what_an_altered_record_said_is_read_from_the_original_where_it_is_known(bundle: Path) -> None:
    (bundle / "verdicts.json").write_bytes(VERDICTS.replace(b"QH-2", b"QH-9"))
    at = VERDICTS.find(b"QH-2")
    assert control(bundle, "verdicts.json", at, at + 4, restored=VERDICTS) == ("QH-2",)
    assert control(bundle, "verdicts.json", at, at + 4) == ("QH-9",)


@pytest.mark.parametrize(
    ("file", "start", "controls"),
    [
        ("evidence.json", 0, ("QH-2",)),
        ("evidence.json", EVIDENCE.find(b"e2"), ("QH-2",)),
        ("evidence.json", EVIDENCE.find(b"e3"), EVERYTHING),  # nothing rests on it: who knows what it was
        ("evidence.json", -1, EVERYTHING),
        ("raw/aa/aa", 0, ("QH-2",)),
        ("raw/cc/cc", 0, ()),
        ("requirements/1.3/QH-7.yml", 0, ("QH-7",)),
        ("estate/estate.yml", 0, EVERYTHING),
        ("manifest.json", 3, EVERYTHING),
    ],
)
def test_what_depends_on_a_file(bundle: Path, file: str, start: int, controls: tuple[str, ...]) -> None:
    assert control(bundle, file, start, start + 1) == controls


def test_what_was_never_sealed_supports_nothing(bundle: Path) -> None:
    assert control(bundle, "estate/new.yml", fault=FileFault.UNEXPECTED) == ()
    assert name_controls(bundle, ()) == ()


def test_one_broken_record_does_not_hide_the_others(bundle: Path) -> None:
    (bundle / "x.json").write_bytes(b'{"a":1},\n{broken\n[1]\n{"a":2}\n')
    assert read_records(bundle, "x.json", {}) == [{"a": 1}, {"a": 2}]
    assert read_records(bundle, "x.json", {"x.json": b'{"a":3}'}) == [{"a": 3}]
    assert read_records(bundle, "gone.json", {}) == []


def test_every_regular_file_is_found_and_what_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder" / "empty").mkdir(parents=True)
    (tmp_path / "folder" / "file").write_text("x")
    (tmp_path / "link").symlink_to("folder/file")
    present, findings = walk_bundle(tmp_path)
    assert present == {"folder/file": tmp_path / "folder" / "file"}
    assert sorted((finding.fault, finding.file) for finding in findings) == [
        (FileFault.NOT_A_FILE, "link"),
        (FileFault.UNEXPECTED, "folder/empty/"),
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a" * 10, []),
        (b"a" * 9 + b"b", [(9, 10)]),
        (b"a" * 8, [(0, 10)]),
        (b"a" * 12, [(0, 12)]),
    ],
)
def test_a_file_is_whole_altered_somewhere_or_of_another_size(
    tmp_path: Path, data: bytes, found: list[tuple[int, int]]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    findings = list(check_file("file", file, FileEntry.of(b"a" * 10)))
    assert [(finding.start, finding.end) for finding in findings] == found
    assert all(finding.fault is FileFault.ALTERED for finding in findings)
    (missing,) = check_file("file", None, FileEntry.of(b"a" * 10))
    assert (missing.fault, missing.detail) == (FileFault.MISSING, "missing (10 bytes were sealed)")


def test_a_missing_file_under_another_name_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"moved")
    (tmp_path / "other").write_bytes(b"other")
    present = {name: tmp_path / name for name in ("new", "other")}
    lost = [FileFinding(FileFault.MISSING, "old", "")]
    expected = {"old": FileEntry.of(b"moved")}
    assert find_moved(["new", "other"], present, lost, expected) == {
        "new": "was not sealed; it is 'old' under another name"
    }
    assert find_moved(["new"], present, [], expected) == {}


KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def seal(key: Ed25519PrivateKey = KEY, **changes: bytes) -> dict[str, bytes]:
    pem = public_pem(key.public_key())
    data = Manifest({"run": "r1"}, {PUBLIC_KEY: FileEntry.of(pem)}).encode()
    signature = key.sign(data)
    return {MANIFEST: data, SIGNATURE: signature, LOCATOR: make_locator(data, signature), PUBLIC_KEY: pem, **changes}


def flip(data: bytes, at: int = 20) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_a_whole_seal_says_nothing_and_names_its_key() -> None:
    for trusted in (None, KEY.public_key()):
        found = check_signature(seal(), trusted)
        assert (found.findings, found.manifest_bytes) == ((), seal()[MANIFEST])
        assert found.manifest is not None and found.manifest.head["run"] == "r1"
        assert found.key is not None and digest_key(found.key) == digest_key(KEY.public_key())


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE])
def test_an_altered_byte_of_the_seal_is_named_and_the_original_believed(name: str) -> None:
    found = check_signature({**seal(), name: flip(seal()[name])}, KEY.public_key())
    assert [(item.fault, item.file, item.start) for item in found.findings] == [(FileFault.ALTERED, name, 20)]
    assert found.manifest_bytes == seal()[MANIFEST]


def test_an_altered_locator_is_named_and_a_missing_part_too() -> None:
    found = check_signature({**seal(), LOCATOR: flip(seal()[LOCATOR])}, KEY.public_key())
    assert [(item.file, item.start) for item in found.findings] == [(LOCATOR, 20)]
    without = {name: data for name, data in seal().items() if name != LOCATOR}
    found = check_signature(without, None)
    assert [(item.fault, item.file) for item in found.findings] == [(FileFault.MISSING, LOCATOR)]
    assert found.manifest is not None


def test_a_byte_of_the_own_key_is_put_back() -> None:
    files = {**seal(), PUBLIC_KEY: flip(seal()[PUBLIC_KEY], 40)}
    assert [digest_key(key) for key in list_own_keys(files)][-1] == digest_key(KEY.public_key())
    assert check_signature(files, None).findings == ()
    for broken in (b"[]", b"{}", b"no json", b'{"files": 3}', b'{"files": {"public.pem": {}}}'):
        assert len(list(list_own_keys({**seal(), MANIFEST: broken}))) == 1
    assert list(list_own_keys({})) == []


def test_another_key_than_the_trusted_one_is_foreign() -> None:
    found = check_signature(seal(OTHER), KEY.public_key())
    assert [item.fault for item in found.findings] == [FileFault.FOREIGN_KEY]
    names = digest_key(OTHER.public_key())[:16], digest_key(KEY.public_key())[:16]
    assert found.findings[0].detail == f"signed by key {names[0]}, not by the trusted key {names[1]}"


@pytest.mark.parametrize("broken", [b"no json", b"[]", b"{}", b'{"schema": "rackproof-evidence/2", "files": 3}'])
def test_a_seal_that_nothing_fits_is_not_believed(broken: bytes) -> None:
    found = check_signature({**seal(), MANIFEST: broken, LOCATOR: b"rubbish"}, None)
    assert (found.manifest, found.key) == (None, None)
    assert [item.fault for item in found.findings] == [FileFault.SIGNATURE]
    twice = check_signature({**seal(), MANIFEST: flip(flip(seal()[MANIFEST]), 30)}, None)
    assert [(item.fault, item.file) for item in twice.findings] == [
        (FileFault.ALTERED, MANIFEST),
        (FileFault.SIGNATURE, SIGNATURE),
    ]


VERDICT = Verdict(
    "QH-1", "dc", "core1", Status.PASS, Message.of("judge.nothing"), (), None, ("e1",), "2026", "2027", "mine", "0" * 64
)


def differ(stored: list[Verdict], judged: list[Verdict]) -> list[tuple[str, str | None, str, str, str]]:
    return [(item.requirement, item.asset, item.field, item.stored, item.judged) for item in compare(stored, judged)]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("status", Status.FAIL, ("pass", "fail")),
        ("evidence", ("e2",), ("('e1',)", "('e2',)")),
        ("valid_until", "2028", ("2027", "2028")),
    ],
)
def test_each_field_that_differs_is_named(field: str, value: object, shown: tuple[str, str]) -> None:
    changes: dict[str, Any] = {field: value}
    changed = replace(VERDICT, **changes)
    assert differ([VERDICT], [changed]) == [("QH-1", "core1", field, *shown)]


@pytest.mark.parametrize("field", ["judged_at", "judge", "judge_sha256"])
def test_another_judge_that_says_the_same_is_no_difference(field: str) -> None:
    changes: dict[str, Any] = {field: "x"}
    assert differ([VERDICT], [replace(VERDICT, **changes)]) == []


def test_a_verdict_that_one_side_lacks_is_named_with_what_the_other_says() -> None:
    whole = replace(VERDICT, asset=None)
    assert differ([whole], []) == [("QH-1", None, "verdict", "pass", "none")]
    assert differ([], [VERDICT]) == [("QH-1", "core1", "verdict", "none", "pass")]
    twice = [VERDICT, replace(VERDICT, status=Status.FAIL)]
    assert differ(twice, twice) == []
    assert differ(twice, twice[:1]) == [("QH-1", "core1", "verdict", "fail", "none")]


GOOD = Rejudged(1, (), ())
DIFFERENT = Rejudged(1, compare([VERDICT], []), ())


@pytest.mark.parametrize(
    ("broken", "again", "trusted", "state"),
    [
        (True, GOOD, True, VerificationState.BROKEN),
        (False, None, True, VerificationState.BROKEN),
        (False, DIFFERENT, True, VerificationState.DIFFERENT),
        (False, DIFFERENT, False, VerificationState.UNTRUSTED),
        (False, GOOD, False, VerificationState.UNTRUSTED),
        (False, replace(GOOD, impossible="x"), True, VerificationState.NOT_JUDGED),
        (False, replace(GOOD, impossible="x"), False, VerificationState.UNTRUSTED),
        (False, replace(GOOD, other_judges=("x",)), True, VerificationState.OTHER_JUDGES),
        (False, GOOD, True, VerificationState.VERIFIED),
    ],
)
def test_what_verifying_came_to(broken: bool, again: Rejudged | None, trusted: bool, state: VerificationState) -> None:
    assert choose_state(broken, again, trusted) is state


def test_the_result_as_plain_data() -> None:
    finding = FileFinding(FileFault.ALTERED, "a", "why", 3, 4, b"secret", ("QH-1",))
    result = Verification(Path("b"), VerificationState.BROKEN, True, "s", "m", 2, (finding,), None, 1.23456)
    data = result.as_dict()
    assert data["findings"] == [
        {"fault": "altered", "file": "a", "detail": "why", "start": 3, "end": 4, "controls": ["QH-1"]}
    ]
    assert (data["verdicts"], data["differences"], data["not_judged_again"], data["seconds"]) == (None, [], "", 1.235)
    again = replace(result, findings=(), rejudged=replace(DIFFERENT, impossible="x", other_judges=("j",))).as_dict()
    assert (again["verdicts"], again["not_judged_again"], again["other_judges"]) == (1, "x", ["j"])
    assert again["differences"][0]["field"] == "verdict"
