"""A bundle is whole or not there: what it holds, and that no trouble while writing leaves half of one."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.bundle import writer
from checks.bundle.chain import hash_manifest, read_link
from checks.bundle.reader import BundleReader, find_bundle
from checks.bundle.secret_scan import SecretGuard
from checks.bundle.writer import write_bundle
from core import signing, version
from core.errors import RackproofError
from core.workspace import Workspace
from tests.evidence.sample import Sample, sample
from tests.support import require

CANARY = "Canary+Pass/word-7731"


def seal(made: Sample, **changes: Any) -> Path:
    run = changes.pop("run", made.run)
    return write_bundle(run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)


@pytest.fixture
def made(tmp_path: Path) -> Sample:
    return sample(tmp_path, 3)


def leftovers(ws: Workspace) -> list[str]:
    return [path.name for path in ws.evidence_dir.iterdir() if path.name != ".lock"]


def test_bundle_holds_everything_under_one_signed_manifest(made: Sample) -> None:
    folder = seal(made)
    assert folder == made.ws.evidence_dir / made.run.id
    data = (folder / "manifest.json").read_bytes()
    manifest = json.loads(data)
    listed = manifest["files"]
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert on_disk == set(listed) | {"manifest.json", "manifest.sig", "manifest.locator.json"}
    for name, entry in listed.items():
        content = (folder / name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry["sha256"], entry["size"])
    for needed in (
        "run.json",
        "verdicts.json",
        "evidence.json",
        "public.pem",
        "estate/estates/small/estate.yml",
        "estate/estates/shared/tiers.yml",
        "requirements/1.1/QH-3-DC-TIER3.yml",
        "judges/checks/judge/engine.py",
    ):
        assert needed in listed or needed.startswith("estate/"), needed
    key = signing.load_public_pem((folder / "public.pem").read_bytes())
    assert signing.is_authentic(key, (folder / "manifest.sig").read_bytes(), data)
    assert manifest["judges"] and manifest["tools"]["snmpget"] == ["5.9.3"]


def test_openssl_alone_can_check_the_signature(made: Sample) -> None:
    folder = seal(made)
    done = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            folder / "public.pem",
            "-rawin",
            "-in",
            folder / "manifest.json",
            "-sigfile",
            folder / "manifest.sig",
        ],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bundle_reads_back_as_the_run_that_was_sealed(made: Sample) -> None:
    reader = BundleReader(seal(made))
    assert reader.run == made.run
    assert sorted(reader.requirements) == sorted(made.run.requirements)
    assert len(reader.estate.sites) == 3
    for item in made.run.evidence:
        assert reader.raw(item.sha256) == made.store.get(item.sha256)


def test_bundles_form_a_chain(made: Sample) -> None:

    first = seal(made)
    second = seal(made, run=replace(made.run, id="20261120T020000Z-sample"))
    link = require(read_link(second))
    assert (link.sequence, link.previous_run, link.previous_sha256) == (2, first.name, hash_manifest(first))
    assert require(read_link(first)).as_dict() == {"sequence": 1, "previous_run": "", "previous_sha256": ""}
    assert find_bundle("latest", made.ws) == second
    of_watch = write_bundle(
        replace(made.run, id=f"{made.run.id}-watch"),
        made.store,
        made.estate_dir,
        made.ws,
        requirements_dir=made.requirements_dir,
    )
    assert find_bundle("latest", made.ws) == second, "what a watch keeps beside is not the run one means"
    assert find_bundle(of_watch.name, made.ws) == of_watch
    with pytest.raises(RackproofError, match="EVD035"):
        find_bundle("20261120T0", made.ws)  # begins all


@pytest.mark.parametrize(
    ("which", "code", "kind"),
    [
        ("{folder}", "EVD036", "missing_file"),
        ("{folder}/nowhere", "EVD036", "missing_file"),
        ("nonsense", "EVD031", "unknown_name"),
        ("", "EVD031", "unknown_name"),
    ],
)
def test_what_is_no_bundle_is_said_to_be_none(made: Sample, tmp_path: Path, which: str, code: str, kind: str) -> None:
    """`evidence verify /tmp` listed every file there as one that nobody had signed."""
    seal(made)
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "foreign").write_text("x", encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        find_bundle(which.format(folder=folder), made.ws)
    assert (caught.value.code, caught.value.kind) == (code, kind)
    assert "foreign" not in str(caught.value)


@pytest.mark.parametrize("gone", ["manifest.json", "manifest.sig", "manifest.locator.json"])
def test_a_damaged_bundle_is_still_one_to_verify(made: Sample, gone: str) -> None:
    bundle = seal(made)
    (bundle / gone).unlink()
    assert find_bundle(str(bundle), made.ws) == bundle


def test_the_manifest_says_the_version_that_made_it(made: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """It said 0.1.0 whatever version was running."""
    monkeypatch.setattr(version, "read_version", lambda: "9.9.9")
    tools = BundleReader(seal(made)).manifest.head["tools"]
    assert tools["rackproof"] == ["9.9.9"]
    assert {"python", "openssh-client", "git"} <= tools.keys()


def test_a_run_is_never_sealed_twice(made: Sample) -> None:
    before = (seal(made) / "manifest.json").read_bytes()
    with pytest.raises(RackproofError, match="EVD001"):
        seal(made)
    assert (made.ws.evidence_dir / made.run.id / "manifest.json").read_bytes() == before
    assert leftovers(made.ws) == [made.run.id]


@pytest.mark.parametrize("name", ["../outside", "", ".hidden", "a/b", "x" * 101, "white space"])
def test_a_run_id_that_is_no_file_name_is_refused(made: Sample, name: str) -> None:

    with pytest.raises(RackproofError, match="EVD005"):
        seal(made, run=replace(made.run, id=name))
    assert not made.ws.evidence_dir.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_nothing_and_says_so(made: Sample, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    written = []

    def fail_late(path: Path, data: bytes, real: Callable[[Path, bytes], int] = Path.write_bytes) -> int:
        written.append(path)
        if len(written) == 6:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_late)
    with pytest.raises(RackproofError) as caught:
        seal(made)
    assert caught.value.code == ("EVD003" if number == errno.ENOSPC else "EVD004")
    assert leftovers(made.ws) == []


def test_raw_bytes_that_are_missing_or_wrong_stop_the_bundle(made: Sample) -> None:
    digest = made.run.evidence[0].sha256
    made.store._raw[digest] = b"something else"
    with pytest.raises(RackproofError, match="is not what its address says"):
        seal(made)
    del made.store._raw[digest]
    with pytest.raises(RackproofError, match="EVD002"):
        seal(made)
    assert leftovers(made.ws) == []


@pytest.mark.parametrize(
    "spell",
    [
        str.encode,
        lambda s: base64.b64encode(b"x" + s.encode()),
        lambda s: s.encode().hex().encode(),
        lambda s: json.dumps({"p": s}).encode(),
        lambda s: base64.urlsafe_b64encode(b"xy" + s.encode() + b"z"),
    ],
)
def test_a_secret_in_any_spelling_stops_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spell: Callable[[str], bytes]
) -> None:
    made = sample(tmp_path, 3, raws={"s001": b"ifHighSpeed=1000 Mbit/s " + spell(CANARY) + b"\n"})
    monkeypatch.setattr(SecretGuard, "of", classmethod(lambda cls, ws: cls({"snmp_auth_password": CANARY})))
    with pytest.raises(RackproofError) as caught:
        seal(made)
    assert caught.value.code == "EVD010" and "snmp_auth_password" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert leftovers(made.ws) == []


def test_a_secrets_file_that_cannot_be_read_stops_the_bundle(made: Sample) -> None:
    made.ws.secrets_file.parent.mkdir(parents=True, exist_ok=True)
    made.ws.secrets_file.write_text("$ANSIBLE_VAULT;1.1;AES256\n00\n")
    made.ws.vault_password_file.write_text("wrong\n")
    with pytest.raises(RackproofError, match="SEC002"):
        seal(made)


KILLED = """
import sys, time
from dataclasses import replace
from pathlib import Path
from tests.evidence.sample import sample
from checks.bundle import writer as bundle
made = sample(Path(sys.argv[1]), 3)
bundle.os.sync = lambda: (print("ready", flush=True), time.sleep(60))
bundle.write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
"""


def test_kill_9_while_writing_leaves_no_bundle_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert require(process.stdout).readline() == "ready\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    require(process.stdout).close()
    made = sample(tmp_path / "again", 3)
    evidence = tmp_path / "workspace" / "evidence"
    assert [path.name for path in evidence.iterdir() if not path.name.startswith(".")] == []
    with pytest.raises(RackproofError, match="EVD034"):
        find_bundle("latest", type(made.ws)(tmp_path / "workspace", made.estate_dir))
    made.ws = type(made.ws)(tmp_path / "workspace", made.estate_dir)
    assert seal(made).is_dir()
    assert leftovers(made.ws) == [made.run.id]


def test_397_sites_are_sealed_in_seconds(tmp_path: Path) -> None:
    made = sample(tmp_path, 397)
    started = time.process_time()
    seal(made)
    assert time.process_time() - started < 3
    assert writer.PARTIAL not in "".join(leftovers(made.ws))
