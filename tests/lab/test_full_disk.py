"""Every verb that writes, on a full disk: one kind of error, nothing half-written, and the old files stay whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.bundle.writer import write_bundle
from core.workspace import REPOSITORY
from tests.evidence.sample import sample

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts"),
    pytest.mark.slow,
]
LAB = ["--estate", str(REPOSITORY / "lab" / "estate")]
#: Verb → its words, and the file that is there before.
SIGNED = ["--document", "README.md", "--number", "12", "--signer", "lan", "--expires", "2099-12-31", "--site", "dc"]
VERBS = {
    "net render": (["net", "render", "--to", "DISK/out"], "out/core1.conf"),
    "monitor targets": (["monitor", "targets", "--to", "DISK/out"], "out/node.json"),
    "estate export hosts": (["estate", "export", "hosts", "--to", "DISK/hosts"], "hosts"),
    "estate export zone": (["estate", "export", "zone", "--to", "DISK/zones"], "zones/x"),
    "estate export prometheus": (["estate", "export", "prometheus", "--to", "DISK/p"], "p/node.json"),
    "estate draw": (["estate", "draw", "dc", "--to", "DISK/dc.svg"], "dc.svg"),
    "checks signer": (["checks", "signer", "lan", "--title", "x"], "w/signers/none"),
    "help --man": (["help", "--man", "DISK/man"], "man/rackproof.1"),
    "report build": (["report", "build", "BUNDLE", "--public-key", "KEY", "--out", "DISK/report"], "report/other"),
    "checks attest": (["checks", "attest", "QH-5-BCP", *SIGNED, "--statement", "in force"], "w/attestations/none"),
    "checks waive": (
        ["checks", "waive", "QH-5-BCP", *SIGNED, "--approver", "an approver", "--reason", "a reason"],
        "w/waivers/none",
    ),
}
#: What these need is made while there is room: who may sign.
EARLIER = {verb: ["checks", "signer", "lan", "--title", "x", "--waivers"] for verb in ("checks attest", "checks waive")}
#: What these write is less than a page of the disk.
SHORT = frozenset(EARLIER)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A sealed bundle, elsewhere than on the disk, and the key to trust."""
    made = sample(tmp_path_factory.mktemp("made"), 3)
    folder = write_bundle(made.run, made.store, made.estate_dir, made.ws, requirements_dir=made.requirements_dir)
    return {"BUNDLE": str(folder), "KEY": str(folder / "public.pem")}


@pytest.mark.parametrize("free", [0, 4096])
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_is_one_kind_and_leaves_what_was_there(
    tmp_path: Path, bundle: dict[str, str], verb: str, free: int
) -> None:
    if verb in SHORT and free:
        free = 1  # rounded down to no page at all
    words, kept = VERBS[verb]
    words = [bundle.get(word, word) for word in words]
    script = 'mount -t tmpfs -o size=300k x "$1" && shift && exec "$@"'
    program = str(Path(__file__).with_name("full_disk.py"))
    earlier = json.dumps([*LAB, *EARLIER[verb]] if verb in EARLIER else [])
    argv = [sys.executable, program, str(tmp_path), str(free), kept, earlier, *LAB, *words, "--json"]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(tmp_path), *argv],
        capture_output=True, text=True, timeout=300, check=False, cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "RACKPROOF_LANG": "en", "RACKPROOF_NO_CACHE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["code"] == 8, seen
    assert "no_space" in seen["stdout"], seen
    # A signer's key that was made whole before the disk was full is no half of anything.
    after = {name: digest for name, digest in seen["after"].items() if not name.startswith("w/keys/")}
    before = {name: digest for name, digest in seen["before"].items() if not name.startswith("w/keys/")}
    assert after == before, seen
