"""The wheel: built from a clone, installed where the locked libraries are, and used from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement

from checks.bundle.writer import write_bundle
from checks.judge.engine import judge_all
from checks.judge.evidence import EvidenceView
from checks.model import MemoryRawStore, Run, format_utc
from checks.register.register import load_requirements
from core import signing
from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from tests.evidence.sample import NOW
from tests.support import require

Asked = tuple[dict[str, subprocess.CompletedProcess[str]], Path]

pytestmark = pytest.mark.slow

VERBS = yaml.safe_load(Path(__file__).with_name("asked.yml").read_text(encoding="utf-8"))
ESTATE = REPOSITORY / "lab" / "estate"
TREE = "rackproof_tree"
TIMEOUT_S = 60
#: What git tracks and the wheel leaves out: what is for those who work on the code.
LEFT_OUT = {
    ".ansible-lint", ".ci", ".github", ".gitignore", ".pre-commit-config.yaml",
    ".pre-commit-hooks.yaml", ".vscode", ".yamllint", "install",
    "tests", "CONTRIBUTING.md", "LICENSE", "LICENSES", "REUSE.toml", "SECURITY.md", "pyproject.toml", "rackproof",
    "requirements.in", "requirements.lock", "requirements-dev.in", "requirements-dev.lock",
}  # fmt: skip


@dataclass(frozen=True)
class Installed:
    """A wheel, the clone it was built from, and the environment it was installed in."""

    clone: Path
    wheel: Path
    environment: Path
    names: frozenset[str]
    home: Path

    @property
    def packages(self) -> Path:
        """The folder of the environment into which the wheel went."""
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.environment)}))

    @property
    def tree(self) -> Path:
        """The tree of the repository as it is installed."""
        return self.packages / TREE

    def read(self, name: str) -> str:
        """Return a file of the wheel's own metadata."""
        with ZipFile(self.wheel) as archive:
            (found,) = [entry for entry in archive.namelist() if entry.endswith(f".dist-info/{name}")]
            return archive.read(found).decode("utf-8")

    def run(self, words: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would, whose environment says nothing of Rackproof."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8", "COLUMNS": "200", **more}
        return subprocess.run(
            [str(self.environment / "bin" / "rackproof"), *words], cwd=folder, env=environment, capture_output=True,
            text=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def call(*argv: object) -> str:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def clone_as_it_is(folder: Path) -> Path:
    """Clone the commit that is checked out, and bring over what was changed since."""
    call("git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, folder)
    listed = call("git", "-C", REPOSITORY, "ls-files", "-z", "--modified", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.exists():
            shutil.copy2(source, target)
        else:
            target.unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    root = tmp_path_factory.mktemp("wheel")
    clone = clone_as_it_is(root / "clone")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    call(*pip, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", root / "wheels", clone)
    (wheel,) = (root / "wheels").iterdir()

    environment = root / "environment"
    call(sys.executable, "-m", "venv", "--without-pip", environment)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    before = {entry.name for entry in packages.iterdir()}
    call(*pip, "--python", environment / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    names = frozenset(entry.name for entry in packages.iterdir() if entry.name not in before)
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (root / "home").mkdir()
    return Installed(clone, wheel, environment, names, root / "home")


@pytest.fixture(scope="module")
def asked(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """What the installed command answered to every case, and what it left in the folder that it was called from."""
    root = tmp_path_factory.mktemp("asked")
    bundle, key = seal_without_evidence(root)
    given = {"BUNDLE": str(bundle), "KEY": str(key), "ESTATE": str(copy_estate(root))}
    folder = root / "empty"
    folder.mkdir()

    def ask(name: str) -> subprocess.CompletedProcess[str]:
        out = {"OUT": str(root / "out" / name.replace(" ", "-"))}
        words = [(given | out).get(word, word) for word in VERBS[name]["words"]]
        return installed.run(words, folder)

    before = list_tree(installed.tree)
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(VERBS, pool.map(ask, VERBS), strict=True))
    assert list_tree(installed.tree) == before, "what is installed is not written to"
    return answers, folder


def copy_estate(root: Path) -> Path:
    """Copy the lab's estate, and the table of tiers beside it that it names."""
    tiers = Path("inventory/estate/tiers.yml")
    (root / tiers).parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / tiers, root / tiers)
    return shutil.copytree(ESTATE, root / "lab" / "estate")


def list_tree(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*")}


def seal_without_evidence(root: Path) -> tuple[Path, Path]:
    """Seal what this clone's judges say of the lab's estate when there is no evidence."""
    requirements = load_requirements()
    verdicts = judge_all(requirements, load_estate(ESTATE), EvidenceView([], MemoryRawStore().get), NOW)
    at = format_utc(NOW)
    run = Run("20261120T013000Z-none", "lab", at, at, at, {}, tuple(requirements), verdicts, ())
    ws = Workspace(root / "workspace", ESTATE)
    bundle = write_bundle(run, MemoryRawStore(), ESTATE, ws)
    key = root / "public.pem"
    key.write_bytes(signing.public_pem(signing.load_or_create_key(ws.signing_key).public_key()))
    return bundle, key


def test_only_our_own_names_land_in_site_packages(installed: Installed) -> None:
    assert installed.names and all(name.startswith("rackproof") for name in installed.names), installed.names


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_of_an_installed_rackproof_answers(name: str, asked: Asked) -> None:
    answers, _folder = asked
    done, case = answers[name], VERBS[name]
    assert done.returncode == case["exits"], done.stdout[-2000:] + done.stderr[-2000:]
    assert case.get("shows", "") in done.stdout
    assert case.get("says", "") in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "./rackproof" not in done.stdout + done.stderr


def test_nothing_is_left_in_the_folder_it_is_called_from(asked: Asked, installed: Installed) -> None:
    _answers, folder = asked
    assert list(folder.iterdir()) == []
    assert [entry.name for entry in installed.home.iterdir()] == [".local"]
    assert [entry.name for entry in (installed.home / ".local" / "state").iterdir()] == ["rackproof"]


def test_every_tracked_file_is_carried_as_it_is_or_left_out_on_purpose(installed: Installed) -> None:
    """By content and by mode: a script that is called must still be executable."""
    listed = call("git", "-C", installed.clone, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    tracked = {name for name in filter(None, listed.split("\0")) if (installed.clone / name).exists()}
    carried = {name for name in tracked if Path(name).parts[0] not in LEFT_OUT}
    for name in carried:
        source, target = installed.clone / name, installed.tree / name
        assert target.read_bytes() == source.read_bytes(), name
        assert os.access(target, os.X_OK) == bool(source.stat().st_mode & 0o100), name
    files = (file.relative_to(installed.tree) for file in installed.tree.rglob("*") if file.is_file())
    made = {str(file) for file in files if "__pycache__" not in file.parts} - carried
    assert {name for name in made if not name.startswith("locale/")} == {"__init__.py", "build.json"}


def test_the_texts_are_compiled(installed: Installed) -> None:
    """Compiling them takes long, and an installed tree may be one that nobody may write to."""
    program = "import sys; from core.i18n import _; print(_('interrupted')); sys.exit('babel' in sys.modules)"
    environment = {"PATH": "/usr/bin:/bin", "RACKPROOF_LANG": "vi", "PYTHONPATH": str(installed.tree),
                   "RACKPROOF_STATE": "/nonexistent"}  # fmt: skip
    argv = [str(installed.environment / "bin" / "python"), "-P", "-c", program]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.stdout, done.returncode) == ("bị ngắt\n", 0), done.stderr


def test_the_wheel_is_of_the_version_that_the_clone_says(installed: Installed) -> None:
    program = "from core.version import read_version, read_revision; print(read_version(), read_revision())"
    argv = [sys.executable, "-P", "-c", program]
    environment = os.environ | {"PYTHONPATH": str(installed.clone)}
    said = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout
    version, revision = said.split()
    assert json.loads((installed.tree / "build.json").read_text()) == {"version": version, "revision": revision}
    assert message_from_string(installed.read("METADATA"))["Version"] == version
    assert revision.startswith(call("git", "-C", installed.clone, "rev-parse", "HEAD").strip())


def test_the_wheel_asks_for_what_the_list_holds(installed: Installed) -> None:
    lines = (REPOSITORY / "requirements.in").read_text(encoding="utf-8").splitlines()
    listed = {str(Requirement(line)).lower() for line in lines if not line.startswith("#")}
    asked_for = require(message_from_string(installed.read("METADATA")).get_all("Requires-Dist"))
    assert {str(Requirement(line)).lower() for line in asked_for} == listed


def test_a_state_folder_that_is_given_is_the_one_that_is_used(installed: Installed, tmp_path: Path) -> None:
    """Also a relative one, and whatever lies in the folder: children work elsewhere, and find the same modules."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('a stranger was imported')\n")
    done = installed.run(["--estate", str(ESTATE), "estate", "validate"], tmp_path, RACKPROOF_STATE="mine")
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in tmp_path.iterdir()} == {"core", "mine"}
    assert [entry.name for entry in (tmp_path / "mine").iterdir()] == [f"estates-{os.geteuid()}"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_an_account_that_may_write_nowhere_still_reads(installed: Installed, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    done = installed.run(["--estate", str(ESTATE), "estate", "validate"], tmp_path, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
