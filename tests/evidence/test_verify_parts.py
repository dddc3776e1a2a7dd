"""The parts of verifying: which record an altered byte lies in, what a seal is, what two verdicts differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from checks.bundle.manifest import LOCATOR, MANIFEST, PUBLIC_KEY, SIGNATURE, FileEntry, Manifest, make_locator
from checks.bundle.reader import BundleReader
from checks.bundle.writer import name_public_key_file
from checks.collect.capture import capture_evidence
from checks.judge.registry import judge_sources
from checks.model import Message, Status, Verdict
from checks.verify.controls import name_controls, read_records
from checks.verify.files import check_file, find_moved, walk_bundle
from checks.verify.findings import FileFault, FileFinding
from checks.verify.signature import check_signature, digest_key, list_own_keys
from checks.verify.trust import choose_trusted_key
from checks.verify.verdicts import Rejudged, compare, find_other_judges
from checks.verify.verification import (
    Verification,
    VerificationState,
    check_verdicts,
    choose_state,
    find_contradictions,
    verify_bundle,
)
from core.errors import RackproofError
from core.signing import public_pem
from core.workspace import Workspace

NOW = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)

LINES = [
    b'[{"evidence":["e1"],"requirement":"QH-1"},\n',
    b'{"evidence":["e1","e2"],"requirement":"QH-2"},\n',
    b'{"evidence":["e4"],"requirement":"QH-4"},\n',
    b'{"evidence":[],"requirement":"QH-3"}]',
]
VERDICTS = b"".join(LINES)
EVIDENCE = b'{"id":"e1","sha256":"aa"},\n{"id":"e2","sha256":"bb"},\n{"id":"e3","sha256":"aa"}\n'
EVERYTHING = (
    "QH-2",
    "QH-4",
)  # the first and the last record carry a bracket: what is read is what is one record by itself


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "verdicts.json").write_bytes(VERDICTS)
    (tmp_path / "evidence.json").write_bytes(EVIDENCE)
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "says-id.yml").write_bytes(b'{"id":"e1"}')
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
        (len(LINES[0]) + 3, len(VERDICTS), ("QH-2", "QH-3", "QH-4")),
        (0, len(VERDICTS), ("QH-1", "QH-2", "QH-3", "QH-4")),
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


def test_what_depends_on_the_others_is_read_from_the_original_too(bundle: Path) -> None:
    (bundle / "verdicts.json").write_bytes(b"rubbish")
    altered = FileFinding(FileFault.ALTERED, "verdicts.json", "", 0, 1, VERDICTS)
    raw = FileFinding(FileFault.ALTERED, "raw/aa/aa", "", 0, 1)
    assert [finding.controls for finding in name_controls(bundle, (altered, raw))] == [("QH-1",), ("QH-2",)]


@pytest.mark.parametrize(
    ("file", "start", "controls"),
    [
        ("evidence.json", 0, ("QH-2",)),
        ("evidence.json", EVIDENCE.find(b"e2"), ("QH-2",)),
        ("evidence.json", EVIDENCE.find(b"e3"), EVERYTHING),  # nothing rests on it: who knows what it was
        ("evidence.json", -1, EVERYTHING),
        ("verdicts.json", -1, EVERYTHING),
        ("estate/says-id.yml", 0, EVERYTHING),
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


def test_of_a_file_that_grew_the_place_is_named_where_it_was_to_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * 1030)
    (finding,) = check_file("file", tmp_path / "file", FileEntry.of(b"a" * 1024))
    assert (finding.start, finding.end) == (1024, 1030)


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


def test_a_verdict_that_is_lacking_hides_no_difference_behind_it() -> None:
    later = replace(VERDICT, asset="core2")
    assert [entry[1:3] for entry in differ([VERDICT, later], [replace(later, status=Status.FAIL)])] == [
        ("core1", "verdict"),
        ("core2", "status"),
    ]


def make_bundle(run: str = "r1", *, files: Mapping[str, FileEntry] | None = None, **parts: Any) -> BundleReader:
    """A bundle that is read already: its manifest names run r1 and some files."""
    manifest = SimpleNamespace(files=files or {}, head={"run": "r1"})
    whole = {"evidence": (), "verdicts": (), "id": run, **parts}
    return cast("BundleReader", SimpleNamespace(manifest=manifest, run=SimpleNamespace(**whole)))


def test_a_judge_that_only_one_side_has_is_another_one() -> None:
    kept = {"judges/checks/judge/old.py": FileEntry.of(b"x"), "estate/estate.yml": FileEntry.of(b"y")}
    assert set(find_other_judges(make_bundle(files=kept))) == {"checks/judge/old.py", *judge_sources()}


def test_what_a_bundle_says_wrongly_of_itself() -> None:
    raw = b"answer"
    item = capture_evidence(("dc", "core1"), ("snmp", "poll"), "asked", raw, (NOW, NOW)).item
    name = f"raw/{item.sha256[:2]}/{item.sha256}"
    good = make_bundle(files={name: FileEntry.of(raw)}, evidence=(item,))
    assert find_contradictions(good) == ()
    for files in ({}, {name: FileEntry.of(b"other!")}, {name: replace(FileEntry.of(raw), size=7)}):
        (finding,) = find_contradictions(make_bundle(files=files, evidence=(item,)))
        assert (finding.fault, finding.file) == (FileFault.CONTRADICTION, name)
    (finding,) = find_contradictions(make_bundle("r2"))
    assert (finding.fault, finding.file) == (FileFault.CONTRADICTION, "run.json")
    unknown = replace(VERDICT, evidence=(item.id, "e2", "e1"))
    found = find_contradictions(make_bundle(files={name: FileEntry.of(raw)}, evidence=(item,), verdicts=(unknown,)))
    assert [finding.detail for finding in found] == [
        "QH-1 at dc names evidence e1 that is not there",
        "QH-1 at dc names evidence e2 that is not there",
    ]


def test_verdicts_of_another_form_are_not_counted_as_judged_again() -> None:
    def refuse() -> None:
        raise RackproofError("EVD040", reason="other")

    other = cast("BundleReader", SimpleNamespace(require_known_schema=refuse))
    findings, again = check_verdicts(other)
    assert (findings, again and again.verdicts) == ((), 0)
    assert again is not None and "EVD040" in again.impossible


def write_seal(folder: Path) -> Path:
    for name, data in seal().items():
        (folder / name).write_bytes(data)
    return folder


def test_a_broken_bundle_is_still_told_by_whose_key_it_was_signed(tmp_path: Path) -> None:
    (write_seal(tmp_path) / "strange").write_text("x")
    found = verify_bundle(tmp_path, KEY.public_key())
    assert (found.state, found.trusted, found.files) == (VerificationState.BROKEN, True, 1)
    assert found.signer == digest_key(KEY.public_key())
    assert 0 <= found.seconds < 60
    assert not verify_bundle(tmp_path, OTHER.public_key()).trusted
    assert not verify_bundle(tmp_path, None).trusted
    (tmp_path / MANIFEST).unlink()
    assert verify_bundle(tmp_path, None).files == 0


def test_the_key_to_trust_is_the_given_one_else_the_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace(tmp_path, tmp_path)
    assert choose_trusted_key(None, ws) is None
    own = name_public_key_file(ws)
    own.parent.mkdir(parents=True)
    own.write_bytes(public_pem(KEY.public_key()))
    given = tmp_path / "given.pem"
    given.write_bytes(public_pem(OTHER.public_key()))
    for file, key in ((None, KEY), (given, OTHER)):
        trusted = choose_trusted_key(file, ws)
        assert trusted is not None and digest_key(trusted) == digest_key(key.public_key())
    with pytest.raises(RackproofError, match="EVD041"):
        choose_trusted_key(tmp_path / "none.pem", ws)

    def refuse(_pem: bytes) -> None:
        raise UnsupportedAlgorithm("a curve that nobody knows")

    monkeypatch.setattr("checks.verify.trust.load_public_pem", refuse)
    with pytest.raises(RackproofError, match="EVD042"):
        choose_trusted_key(given, ws)


def test_a_finding_of_a_whole_file_has_no_place_and_shows_no_content() -> None:
    data = FileFinding(FileFault.MISSING, "a", "missing").as_dict()
    assert (data["start"], data["end"]) == (-1, -1)
    assert "secret" not in repr(FileFinding(FileFault.ALTERED, "a", "", 0, 1, b"secret"))


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
