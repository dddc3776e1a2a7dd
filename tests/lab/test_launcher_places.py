"""The launcher in odd places: a full disk, a clone that is somebody else's, a clone that is read-only, a held lock."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors.table import read_table
from core.workspace import REPOSITORY
from tests.lab.test_launcher import Checkout

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and changes user")
LAUNCHER = (REPOSITORY / "rackproof").read_text()


def test_the_launchers_errors_are_those_of_the_table() -> None:
    """It says them itself while there is no Python; code, kind and exit code must be those of everybody else."""
    table, kinds = read_table("LAB"), {"no_space": 8, "no_right": 6, "missing_file": 2, "not_set_up": 2, "internal": 70}
    found = re.findall(r"\bdie (LAB\d{3}) (\w+) (\d+)", LAUNCHER)
    assert len(found) > 8
    for code, kind, exit_code in found:
        assert table[code]["kind"] == kind, code
        assert kinds[kind] == int(exit_code), code


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "vi_VN"}, "vi"),
        ({"LANGUAGE": "vi:en", "LANG": "en_US.UTF-8"}, "vi"),
        ({"LANGUAGE": "vi", "LANG": "C"}, "en"),
        ({}, "en"),
        ({"RACKPROOF_LANG": "vi", "LC_ALL": "C"}, "vi"),
    ],
)
def test_the_language_is_chosen_as_everywhere(tmp_path: Path, environment: dict[str, str], language: str) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    said = checkout.run("--version", cwd=None, path="", **environment).stderr
    assert ("đang cài" in said) == (language == "vi")


def test_an_error_for_programs_is_one_envelope(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    done = checkout.run("doctor", "--json", RACKPROOF_PYTHON='/no/"such\\python')
    assert done.returncode == 2
    error = json.loads(done.stdout)["errors"][0]
    assert (error["code"], error["kind"], error["exit_code"]) == ("LAB075", "not_set_up", 2)
    assert '/no/"such\\python' in error["message"]


def test_another_python_makes_the_environment_anew_and_says_why(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    checkout.run("--version")
    (checkout.root / ".rackproof/venv/pyvenv.cfg").write_text("executable = /opt/old/python3.11\n")
    checkout.stub("python-new", checkout.PYTHON + '\n[ "$1" != -c ] || echo /opt/new/python')
    done = checkout.run("--version", RACKPROOF_PYTHON=str(checkout.bin / "python-new"))
    assert done.returncode == 0, done.stderr
    assert "/opt/old/python3.11" in done.stderr
    assert "making it anew" in done.stderr
    assert "anew" not in checkout.run("--version", RACKPROOF_PYTHON=str(checkout.bin / "python-new")).stderr


def test_an_environment_whose_python_is_gone_is_made_anew(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    checkout.run("--version")
    (checkout.root / ".rackproof/venv/bin/python").unlink()
    done = checkout.run("--version")
    assert done.returncode == 0, done.stderr
    assert "is gone" in done.stderr


def test_who_sets_up_is_named_to_who_waits(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    state = checkout.root / ".rackproof"
    state.mkdir()
    lock = state / "setup.lock"
    lock.write_text('{"user": "lan", "pid": 4711, "host": "h", "since": "2026-11-26", "what": "x", "started": 1}\n')
    holder = subprocess.Popen(["flock", str(lock), "sleep", "1"])
    done = checkout.run("--version")
    holder.wait(timeout=20)
    assert done.returncode == 0, done.stderr
    assert "lan, 4711, 2026-11-26" in done.stderr


def test_translations_are_not_compiled_into_the_source(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "c", uid=0)
    checkout.run("--version")
    assert not list((checkout.root / "locale").rglob("*.mo"))
    assert (checkout.root / ".rackproof/locale/.stamp").exists()


def in_namespace(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in mounts of its own, which go with it."""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RACKPROOF_")}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=kept | {"LC_ALL": "C"})


@needs_root
@pytest.mark.parametrize("size", ["16k", "200k"])
def test_a_full_disk_at_set_up_says_so_and_leaves_no_half_environment(tmp_path: Path, size: str) -> None:
    for name in ("rackproof", "requirements.lock"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    (tmp_path / "rackproof").chmod(0o755)
    (tmp_path / "disk").mkdir()
    script = 'mount -t tmpfs -o "size=$2" x "$1/disk" && RACKPROOF_STATE=$1/disk/s "$1/rackproof" --version --json'
    done = in_namespace(f'{script}; echo "rc=$?"; ls "$1/disk/s"', str(tmp_path), size)
    assert '"LAB070", "kind": "no_space"' in done.stdout, done.stdout + done.stderr
    assert "rc=8" in done.stdout
    assert "venv" not in done.stdout.partition("rc=8")[2]


@pytest.fixture
def shared_clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root-owned clone that everybody may read, with the environment of this one."""
    top = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=REPOSITORY, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(top)], input=archive, check=True)
    (top / "rackproof").write_bytes((REPOSITORY / "rackproof").read_bytes())
    (top / ".rackproof").mkdir()
    (top / ".rackproof/venv").symlink_to((REPOSITORY / ".rackproof/venv").resolve())
    for folder in (top, top / ".rackproof"):
        folder.chmod(0o755)
    yield top
    subprocess.run(["rm", "-rf", str(top)], check=True)


def files_of(top: Path) -> set[str]:
    return {str(path.relative_to(top)) for path in top.rglob("*")}


@needs_root
@pytest.mark.slow
def test_a_user_works_in_a_clone_that_is_roots(shared_clone: Path) -> None:
    home = shared_clone.with_name(f"{shared_clone.name}-home")
    home.mkdir()
    os.chown(home, 65534, 65534)
    before = files_of(shared_clone)
    argv = ["runuser", "-u", "nobody", "--", "env", "PATH=/usr/bin:/bin"]
    try:
        done = subprocess.run(
            [*argv, f"HOME={home}", str(shared_clone / "rackproof"), "estate", "show", "dc"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert str(home) in done.stderr
        assert list(home.glob(".local/state/rackproof/*/locale"))
        homeless = subprocess.run(
            [*argv, "HOME=/nonexistent", str(shared_clone / "rackproof"), "--version"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert homeless.returncode == 6
        assert "[LAB071]" in homeless.stderr
        assert "RACKPROOF_STATE" in homeless.stderr
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)
    assert files_of(shared_clone) == before


@needs_root
@pytest.mark.slow
def test_nothing_is_written_into_a_read_only_clone(shared_clone: Path, tmp_path: Path) -> None:
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && export RACKPROOF_STATE="$2" && '
        '"$1/rackproof" estate show dc && "$1/rackproof" --lang vi net render dc-core1'
    )
    before = files_of(shared_clone)
    done = in_namespace(script, str(shared_clone), str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    assert files_of(shared_clone) == before
