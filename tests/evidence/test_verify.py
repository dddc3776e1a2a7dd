"""One flipped byte anywhere is found and named; verdicts are judged again; a key nobody vouched for is not enough."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from checks.bundle.manifest import LOCATOR, MANIFEST, PUBLIC_KEY, SCHEMA, SIGNATURE, VERDICTS, make_locator
from checks.bundle.reader import BundleReader
from checks.bundle.writer import encode_records, write_bundle
from checks.model import Status
from checks.verify.findings import FileFault
from checks.verify.verification import EXIT_CODES, VerificationState, verify_bundle
from core import signing
from core.errors import RackproofError
from tests.evidence.sample import SPEED, TIER3, Sample, sample
from tests.support import require

FLIPS_PER_FILE = 2


@dataclass
class Sealed(Sample):
    """A sample, the bundle made of it and the key that signed it."""

    folder: Path
    key: Ed25519PrivateKey


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A sealed bundle of 12 sites, and the key that signed it. Tests work on copies."""
    made = sample(tmp_path_factory.mktemp("sealed"), 12)
    folder = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    return Sealed(**vars(made), folder=folder, key=signing.load_or_create_key(made.ws.signing_key))


@pytest.fixture
def copy(sealed: Sealed, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed.folder, tmp_path / "copy"))


def flip(file: Path, at: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(bytes(data))


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_untouched_bundle_verifies_in_a_copy_on_any_path(sealed: Sealed, copy: Path) -> None:
    found = verify_bundle(copy, sealed.key.public_key())
    assert (found.state, found.findings, require(found.rejudged).differences) == (VerificationState.VERIFIED, (), ())
    assert require(found.rejudged).verdicts == len(sealed.run.verdicts) > 10


def test_one_flipped_byte_anywhere_is_found_and_named_exactly(sealed: Sealed, copy: Path) -> None:
    """Every file, first, last and random bytes, random bits; with the trusted key and with none."""
    dice = random.Random(4242)  # noqa: S311 - a repeatable test, not cryptography
    tried = 0
    for name in files_of(copy):
        file = copy / name
        good = file.read_bytes()
        for at in {0, len(good) - 1, *(dice.randrange(len(good)) for _ in range(FLIPS_PER_FILE))}:
            flip(file, at, dice.randrange(8))
            found = verify_bundle(copy, sealed.key.public_key() if tried % 2 else None)
            assert found.state is VerificationState.BROKEN, (name, at)
            assert EXIT_CODES[found.state] == 3
            hits = [item for item in found.findings if item.file == name]
            assert [(item.fault, item.start, item.end) for item in hits] == [(FileFault.ALTERED, at, at + 1)], (
                name,
                at,
            )
            assert len(found.findings) == 1, (name, at, found.findings)
            assert f"was 0x{good[at]:02x}" in hits[0].detail
            assert hits[0].controls, (name, at)
            assert found.rejudged is None
            file.write_bytes(good)
            tried += 1
    assert tried > 100
    assert verify_bundle(copy, sealed.key.public_key()).state is VerificationState.VERIFIED


def test_every_byte_of_the_seal_is_guarded(sealed: Sealed, copy: Path) -> None:
    for name in (SIGNATURE, PUBLIC_KEY):
        good = (copy / name).read_bytes()
        for at in range(len(good)):
            flip(copy / name, at)
            found = verify_bundle(copy, None)
            assert [(item.file, item.start) for item in found.findings] == [(name, at)]
            (copy / name).write_bytes(good)


@pytest.mark.parametrize("name", ["raw", "verdicts.json", "evidence.json", "requirements", "estate", "manifest.json"])
def test_the_requirements_that_depend_on_a_file_are_named(sealed: Sealed, copy: Path, name: str) -> None:
    everything = {SPEED, TIER3, "QH-3-PROV-ROOM-COOL"}
    item = next(item for item in sealed.run.evidence if item.key == TIER3)
    file, at = copy / name, 30
    if name == "raw":
        file, expected = copy / "raw" / item.sha256[:2] / item.sha256, {TIER3}
    elif name == "verdicts.json":
        at, expected = file.read_bytes().find(TIER3.encode()), {TIER3}
    elif name == "evidence.json":
        at, expected = file.read_bytes().find(item.id.encode()), {TIER3}
    elif name == "requirements":
        file, expected = copy / "requirements" / "1.3" / f"{SPEED}.yml", {SPEED}
    else:
        file, expected = (next((copy / name).rglob("estate.yml")) if name == "estate" else file), everything
    flip(file, at)
    (finding,) = verify_bundle(copy, sealed.key.public_key()).findings
    assert set(finding.controls) == expected


def test_files_added_removed_renamed_cut_grown_or_replaced_by_links_are_named(
    sealed: Sealed, copy: Path, tmp_path: Path
) -> None:
    raws = [copy / "raw" / item.sha256[:2] / item.sha256 for item in sealed.run.evidence]
    removed, renamed, cut, grown, linked = raws[:5]
    removed.unlink()
    renamed.rename(renamed.with_name("0" * 64))
    cut.write_bytes(cut.read_bytes()[:-3])
    grown.write_bytes(grown.read_bytes() + b"x" * 5000)
    outside = tmp_path / "outside"
    linked.rename(outside)
    linked.symlink_to(outside)
    (copy / "notes.txt").write_text("hello")
    (copy / "empty").mkdir()
    found = verify_bundle(copy, sealed.key.public_key())
    said = {(item.fault, item.file.rsplit("/", 1)[-1]) for item in found.findings}
    assert {
        (FileFault.MISSING, removed.name),
        (FileFault.MISSING, renamed.name),
        (FileFault.UNEXPECTED, "0" * 64),
        (FileFault.ALTERED, cut.name),
        (FileFault.ALTERED, grown.name),
        (FileFault.NOT_A_FILE, linked.name),
        (FileFault.UNEXPECTED, "notes.txt"),
    } <= said
    assert any("under another name" in item.detail for item in found.findings)
    assert any(item.file == "empty/" for item in found.findings)
    assert found.state is VerificationState.BROKEN


def test_many_altered_bytes_are_named_as_ranges(sealed: Sealed, copy: Path) -> None:
    file = copy / "verdicts.json"
    for at in (10, 20, 5000, 5001):
        flip(file, at)
    found = verify_bundle(copy, sealed.key.public_key())
    assert [(item.start, item.end) for item in found.findings] == [(0, 1024), (4096, 5120)]


def test_a_bundle_of_an_unknown_signer_is_untrusted_not_verified(sealed: Sealed, copy: Path) -> None:
    found = verify_bundle(copy, None)
    assert (found.state, found.trusted, EXIT_CODES[found.state]) == (VerificationState.UNTRUSTED, False, 3)
    stranger = verify_bundle(copy, Ed25519PrivateKey.generate().public_key())
    assert stranger.state is VerificationState.BROKEN
    assert [item.fault for item in stranger.findings] == [FileFault.FOREIGN_KEY]
    (error,) = found.errors
    assert (error.code, require(error.place).file, error.actual) == ("EVD044", copy, found.signer)
    assert [error.code for error in stranger.errors] == ["EVD043"]


def resign(
    folder: Path, key: Ed25519PrivateKey, change: Callable[[Path], dict[str, bytes]], schema: str = SCHEMA
) -> None:
    """What somebody with another key (or the signer himself) can do: change content and seal it anew."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    from checks.bundle.manifest import FileEntry, Manifest

    for name, data in change(folder).items():
        (folder / name).write_bytes(data)
    files = {name: FileEntry.of((folder / name).read_bytes()) for name in manifest["files"]}
    head = {key: value for key, value in manifest.items() if key not in {"files", "schema"}}
    data = Manifest(head, files, schema).encode()
    signature = key.sign(data)
    (folder / MANIFEST).write_bytes(data)
    (folder / SIGNATURE).write_bytes(signature)
    (folder / LOCATOR).write_bytes(make_locator(data, signature))


def test_somebody_who_signs_his_own_changes_is_not_believed(sealed: Sealed, copy: Path) -> None:
    forger = Ed25519PrivateKey.generate()

    def forge(folder: Path) -> dict[str, bytes]:
        verdicts = (folder / "verdicts.json").read_bytes().replace(b'"status":"fail"', b'"status":"pass"')
        return {"verdicts.json": verdicts, PUBLIC_KEY: signing.public_pem(forger)}

    resign(copy, forger, forge)
    assert verify_bundle(copy, sealed.key.public_key()).state is VerificationState.BROKEN
    alone = verify_bundle(copy, None)  # nobody told whom to trust: judging again still shows the lie
    assert alone.state is VerificationState.UNTRUSTED
    seen = {(item.field, item.stored, item.judged) for item in require(alone.rejudged).differences}
    assert seen == {("status", "pass", "fail")}


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("status", b'"status":"fail"', b'"status":"pass"'),
        ("measured", b'"unit":"Mb/s","value":100.0', b'"unit":"Mb/s","value":999.0'),
        ("verdict", b'"asset":"s003-env1"', b'"asset":"s003-env9"'),
    ],
)
def test_a_verdict_that_the_evidence_does_not_give_is_named(
    sealed: Sealed, copy: Path, field: str, before: bytes, after: bytes
) -> None:
    """Even when the rightful key signed it."""
    resign(
        copy,
        sealed.key,
        lambda folder: {"verdicts.json": (folder / "verdicts.json").read_bytes().replace(before, after, 1)},
    )
    found = verify_bundle(copy, sealed.key.public_key())
    assert (found.state, EXIT_CODES[found.state]) == (VerificationState.DIFFERENT, 1)
    assert {item.field for item in require(found.rejudged).differences} == {field}
    assert {item.site for item in require(found.rejudged).differences} == {"s003"}


def test_evidence_that_does_not_fit_its_address_is_a_contradiction_even_when_signed(sealed: Sealed, copy: Path) -> None:
    item = next(item for item in sealed.run.evidence if item.site == "s003")
    name = f"raw/{item.sha256[:2]}/{item.sha256}"
    resign(copy, sealed.key, lambda folder: {name: b"ifHighSpeed=1000 Mbit/s\n"})
    found = verify_bundle(copy, sealed.key.public_key())
    assert found.state is VerificationState.BROKEN
    assert {(item.fault, item.file) for item in found.findings} == {(FileFault.CONTRADICTION, name)}


def test_evidence_of_another_size_than_what_is_kept_is_a_contradiction_even_when_signed(
    sealed: Sealed, copy: Path
) -> None:
    item = next(item for item in sealed.run.evidence if item.site == "s003")

    def misstate(folder: Path) -> dict[str, bytes]:
        evidence = json.loads((folder / "evidence.json").read_bytes())
        (entry,) = [entry for entry in evidence if entry["id"] == item.id]
        entry["size"] += 1
        return {"evidence.json": json.dumps(evidence).encode()}

    resign(copy, sealed.key, misstate)
    found = verify_bundle(copy, sealed.key.public_key())
    assert found.state is VerificationState.BROKEN
    raw = f"raw/{item.sha256[:2]}/{item.sha256}"
    assert {(item.fault, item.file) for item in found.findings} == {(FileFault.CONTRADICTION, raw)}


def write_as_before(folder: Path) -> dict[str, bytes]:
    """Return the verdicts as ``rackproof-evidence/1`` had them: what was measured, and every limit, as text."""
    verdicts = json.loads((folder / VERDICTS).read_bytes())
    for verdict in verdicts:
        verdict["measured"] = ", ".join(f"{item['value']:g} {item['unit']}" for item in verdict["measured"])
        if verdict["threshold"]:
            verdict["threshold"]["value"] = str(verdict["threshold"]["value"])
    return {VERDICTS: encode_records(verdicts)}


@pytest.mark.parametrize("schema", ["rackproof-evidence/1", "rackproof-evidence/99"])
def test_of_a_bundle_of_another_form_only_the_bytes_are_verified(sealed: Sealed, copy: Path, schema: str) -> None:
    """Its verdicts would all seem to differ: it is said which form they have, and nothing is said of them."""
    resign(copy, sealed.key, write_as_before, schema)
    found = verify_bundle(copy, sealed.key.public_key())
    assert (found.state, EXIT_CODES[found.state]) == (VerificationState.NOT_JUDGED, 1)
    assert (found.findings, require(found.rejudged).differences) == ((), ())
    assert f"[EVD037] the bundle has the form {schema}" in require(found.rejudged).impossible
    assert verify_bundle(copy, None).state is VerificationState.UNTRUSTED
    with pytest.raises(RackproofError) as caught:
        BundleReader(copy).run  # noqa: B018 - reading it is what is tried
    assert (caught.value.code, caught.value.actual) == ("EVD037", schema)

    flip(copy / VERDICTS, 100)
    found = verify_bundle(copy, sealed.key.public_key())
    assert (found.state, [item.file for item in found.findings]) == (VerificationState.BROKEN, [VERDICTS])


def test_verdicts_of_another_form_under_the_name_of_this_one_are_not_believed(sealed: Sealed, copy: Path) -> None:
    resign(copy, sealed.key, write_as_before)
    with pytest.raises(RackproofError) as caught:
        verify_bundle(copy, sealed.key.public_key())
    assert caught.value.code == "EVD030"


def test_what_was_measured_is_compared_exactly_not_as_it_is_shown(sealed: Sealed, copy: Path) -> None:
    """100.0004 Mb/s reads as 100 Mb/s, as what was judged does."""
    before, after = b'"unit":"Mb/s","value":100.0', b'"unit":"Mb/s","value":100.0004'
    resign(copy, sealed.key, lambda folder: {VERDICTS: (folder / VERDICTS).read_bytes().replace(before, after, 1)})
    (difference,) = require(verify_bundle(copy, sealed.key.public_key()).rejudged).differences
    assert (difference.field, difference.stored, difference.judged) == (
        "measured",
        "interface_speed 100.0004 Mb/s",
        "interface_speed 100.0 Mb/s",
    )


def test_other_judges_are_said_not_passed_over(sealed: Sealed, copy: Path) -> None:
    source = "judges/checks/judge/engine.py"
    resign(copy, sealed.key, lambda folder: {source: b"# another judge\n" + (folder / source).read_bytes()})
    found = verify_bundle(copy, sealed.key.public_key())
    assert found.state is VerificationState.OTHER_JUDGES
    assert require(found.rejudged).other_judges == ("checks/judge/engine.py",)


def test_a_register_this_installation_cannot_read_is_not_verified(sealed: Sealed, copy: Path) -> None:
    name = f"requirements/1.3/{SPEED}.yml"
    resign(
        copy,
        sealed.key,
        lambda folder: {name: (folder / name).read_bytes().replace(b"judge: sample", b"judge: retired")},
    )
    found = verify_bundle(copy, sealed.key.public_key())
    assert (found.state, EXIT_CODES[found.state]) == (VerificationState.NOT_JUDGED, 1)
    assert "retired" in require(found.rejudged).impossible


def test_judging_again_knows_no_clock(sealed: Sealed, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time_machine

    with time_machine.travel("2036-01-01", tick=False):
        assert verify_bundle(copy, sealed.key.public_key()).state is VerificationState.VERIFIED


def test_a_run_of_some_sites_is_judged_again_for_those_sites(sealed: Sealed, tmp_path: Path) -> None:
    some = tuple(verdict for verdict in sealed.run.verdicts if verdict.site == "s003")
    selection = {"sites": ["s003"], "requirements": [], "drill": True}
    run = replace(sealed.run, id="some", verdicts=some, selection=selection)
    ws = replace(sealed.ws, root=tmp_path / "ws")
    folder = write_bundle(run, sealed.store, sealed.estate_dir, ws, requirements_dir=sealed.requirements_dir)
    found = verify_bundle(folder, signing.load_or_create_key(ws.signing_key).public_key())
    assert (found.state, require(found.rejudged).verdicts) == (VerificationState.VERIFIED, len(some))


def test_the_seal_can_be_gone_altogether(copy: Path, tmp_path: Path) -> None:
    for name in (MANIFEST, SIGNATURE, LOCATOR):
        (copy / name).unlink()
    found = verify_bundle(copy, None)
    assert found.state is VerificationState.BROKEN
    assert {item.file for item in found.findings if item.fault is FileFault.MISSING} == {MANIFEST, SIGNATURE, LOCATOR}
    assert {require(error.place).file for error in found.errors} >= {copy / MANIFEST, copy / SIGNATURE, copy / LOCATOR}
    assert found.manifest_sha256 == "", "the digest of nothing is no digest of a manifest"
    assert verify_bundle(tmp_path / "nothing", None).state is VerificationState.BROKEN


def test_397_sites_verify_within_two_seconds(tmp_path: Path) -> None:
    made = sample(tmp_path, 397)
    folder = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    started = time.process_time()  # what it costs; how long it takes depends on who else uses the machine
    found = verify_bundle(folder, signing.load_or_create_key(made.ws.signing_key).public_key())
    assert time.process_time() - started < 2
    assert found.state is VerificationState.VERIFIED
    assert Status.FAIL in {verdict.status for verdict in made.run.verdicts}
