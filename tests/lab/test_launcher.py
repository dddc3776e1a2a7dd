"""The launcher ./rackproof, with stubs for Python, `id`, `sudo` and `apt-get` that only say they were called."""

import shutil
import subprocess
from pathlib import Path

import pytest

from core.workspace import REPOSITORY

LOCKS = ("requirements.lock", "requirements-dev.lock")


class Checkout:
    """A copy of the launcher with stubs: everything called is appended to one log."""

    def __init__(self, root: Path, uid: int) -> None:
        self.root, self.log, self.bin = root, root / "log", root / "bin"
        self.bin.mkdir(parents=True)
        shutil.copy(REPOSITORY / "rackproof", root / "rackproof")
        for name in LOCKS:
            (root / name).write_text(f"# {name}\n")
        texts = root / "locale" / "vi" / "LC_MESSAGES"
        texts.mkdir(parents=True)
        (texts / "core.po").write_text('msgid "a"\nmsgstr "b"\n')
        for folder in ("lab", "tests"):
            (root / folder).mkdir()
            (root / folder / "packages.txt").write_text("# PROGRAM PACKAGE WHY\nsh dash a shell\n")
        self.stub("id", f"echo {uid}")
        self.stub("python3", self.PYTHON)

    # Acts as python3: makes an environment whose python is this same stub, and compiles the catalogues.
    PYTHON = """case "$1.$2" in
        -m.venv) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
        -m.core.catalogue) mkdir -p "$4" && cat locale/*/LC_MESSAGES/*.po | sha256sum | cut -c-64 >"$4/.stamp" ;;
        esac"""

    def stub(self, name: str, body: str) -> None:
        file = self.bin / name
        file.write_text(f'#!/bin/sh\n[ {name} = id ] || echo "{name} $*" >>"{self.log}"\n{body}\n')
        file.chmod(0o755)

    def run(
        self, *arguments: str, cwd: Path | None = None, path: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.bin}:{path or '/usr/sbin:/usr/bin:/sbin:/bin'}",
            "HOME": str(self.root),
            "RACKPROOF_PYTHON": str(self.bin / "python3"),
            **more,
        }
        environment = {key: value for key, value in environment.items() if value}
        return subprocess.run(
            [str(self.root / "rackproof"), *arguments],
            env=environment,
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a check, out", uid=0)


@pytest.fixture
def as_user(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "user", uid=1000)


def without(program: str, tmp_path: Path) -> str:
    """A PATH with the tools the launcher needs, but not this program."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (
        "sh",
        "dirname",
        "readlink",
        "sed",
        "sha256sum",
        "cut",
        "mkdir",
        "rm",
        "cat",
        "find",
        "env",
        "paste",
        "tail",
        "cp",
        "flock",
        "head",
        "tr",
        "stat",
        "cksum",
        "uname",
        "date",
        "chown",
        "wc",
    ):
        if name != program:
            (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return str(folder)


def test_it_is_plain_sh() -> None:
    subprocess.run(["sh", "-n", str(REPOSITORY / "rackproof")], check=True, timeout=10)
    assert (REPOSITORY / "rackproof").read_text().startswith("#!/bin/sh\n")


def test_the_environment_is_made_once_and_the_arguments_arrive_unchanged(checkout: Checkout, tmp_path: Path) -> None:
    first = checkout.run("estate", "show", "a b", "*", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "python3 -m venv" in checkout.calls()
    assert "--require-hashes" in checkout.calls()
    checkout.log.unlink()
    checkout.run("estate", "show", "a b", "*", cwd=tmp_path)
    assert checkout.calls() == "python3 -P -m rackproof estate show a b *\n"


def test_through_a_link_from_anywhere(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "rp").symlink_to(checkout.root / "rackproof")
    done = subprocess.run(
        [str(tmp_path / "rp"), "--version"],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": f"{checkout.bin}:/usr/bin:/bin", "RACKPROOF_PYTHON": "python3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (checkout.root / ".rackproof" / "venv").is_dir()


@pytest.mark.parametrize(
    ("arguments", "locks"),
    [
        (("prove", "mutation", "--only", "usm"), LOCKS),
        (("prove", "mutants"), LOCKS),
        (("prove", "pythons"), LOCKS[:1]),
        (("test", "--fast"), LOCKS),
    ],
)
def test_what_runs_the_tests_has_what_the_tests_need(
    checkout: Checkout, arguments: tuple[str, ...], locks: tuple[str, ...]
) -> None:
    checkout.run(*arguments)
    assert [name for name in LOCKS if f"/{name}" in checkout.calls()] == list(locks)


def test_a_changed_lock_is_installed_again(checkout: Checkout) -> None:
    checkout.run("--version")
    checkout.log.unlink()
    (checkout.root / LOCKS[0]).write_text("# changed\n")
    checkout.run("--version")
    assert "pip install" in checkout.calls()
    assert "-m venv" not in checkout.calls()


def test_an_interrupted_set_up_starts_over(checkout: Checkout) -> None:
    checkout.stub("python3", checkout.PYTHON + '\n[ "$3" != install ] || exit 1')
    failed = checkout.run("--version")
    assert failed.returncode == 2
    assert "pip.log" in failed.stderr
    venv = checkout.root / ".rackproof" / "venv"
    (venv / "half").touch()
    checkout.stub("python3", checkout.PYTHON)
    done = checkout.run("--version")
    assert done.returncode == 0, done.stderr
    assert "starting over" in done.stderr
    assert not (venv / "half").exists()
    assert not (venv / ".installing").exists()


@pytest.mark.parametrize("arguments", [("demo",), ("lab", "up"), ("test",), ("--lang", "vi", "lab", "down")])
def test_without_root_and_sudo_it_says_so(as_user: Checkout, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = as_user.run(*arguments, path=without("sudo", tmp_path))
    assert done.returncode == 6, done.stderr
    assert "[LAB012]" in done.stderr
    assert "doctor" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("estate", "show"),
        ("doctor",),
        ("lab", "up", "--help"),
        ("lab", "faults"),
        ("evidence", "verify", "x"),
        ("test", "--fast", "-k", "x"),
    ],
)
def test_what_needs_no_root_does_not_ask_for_it(as_user: Checkout, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = as_user.run(*arguments, path=without("sudo", tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("settings", "code"), [(None, 6), ("elsewhere/rackproof.yml", 6), ("rackproof.yml", 0)])
def test_a_lab_that_is_up_is_not_meant_where_settings_are(
    as_user: Checkout, tmp_path: Path, settings: str | None, code: int
) -> None:
    lab = as_user.root / ".rackproof/labs/lab"
    lab.mkdir(parents=True)
    (lab / "state.json").write_text("{}")
    (tmp_path / "a home/below").mkdir(parents=True)
    (tmp_path / "a home/elsewhere").mkdir()
    if settings:
        (tmp_path / "a home" / settings).write_text("estate: estate")
    done = as_user.run("checks", "run", cwd=tmp_path / "a home/below", path=without("sudo", tmp_path))
    assert done.returncode == code, done.stderr


def test_sudo_never_prompts_where_nobody_can_type(as_user: Checkout) -> None:
    as_user.stub("sudo", "exit 1")
    as_user.run("lab", "up")
    assert "sudo --preserve-env=RACKPROOF_PYTHON -n" in as_user.calls()


def test_packages_are_named_before_they_are_installed(checkout: Checkout) -> None:
    (checkout.root / "lab" / "packages.txt").write_text("no-such-program some-package why\nsh dash a shell\n")
    checkout.stub("apt-get", 'echo "apt-get was called" >&2')
    done = checkout.run("lab", "up")
    assert done.returncode == 0, done.stderr
    named = done.stderr.index("installing Debian packages: some-package")
    assert "dash" not in done.stderr
    assert named >= 0
    assert "apt-get install -y" in checkout.calls()
    assert "apt-get update" not in checkout.calls()  # the simulation went through: the lists are good enough


def test_packages_are_not_touched_by_verbs_that_do_not_need_them(checkout: Checkout) -> None:
    (checkout.root / "lab" / "packages.txt").write_text("no-such-program some-package why\n")
    checkout.stub("apt-get", "exit 1")
    assert checkout.run("estate", "show").returncode == 0
    assert checkout.run("test", "--fast").returncode == 0
    assert "apt-get" not in checkout.calls()


SHARED = "-n 2 --dist loadgroup --no-loadscope-reorder"
FAST, CACHE = f"-m pytest -m not lab and not slow and not long {SHARED}", "-o cache_dir={state}/pytest"
ALL = f"-m pytest -m not long {SHARED}"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (("test", "--fast"), f"{FAST} {CACHE}"),
        (("test", "--fast", "-k", "a b", "tests/x"), f"{FAST} {CACHE} -k a b tests/x"),
        (("test", "-x"), f"{ALL} {CACHE} -x"),
        (("test",), f"{ALL} {CACHE}"),
        (("test", "--fast", "--coverage", "tests/x"), f"{FAST} {CACHE} --cov --cov-report= tests/x"),
    ],
)
def test_the_test_verb_hands_its_arguments_to_pytest(checkout: Checkout, given: tuple[str, ...], passed: str) -> None:
    checkout.run(*given)
    expected = passed.format(state=checkout.root / ".rackproof")
    assert checkout.calls().splitlines()[-1] == f"python3 {expected}"


def test_ci_runs_the_same_command() -> None:
    assert '/../rackproof" test\n' in (REPOSITORY / ".ci" / "run").read_text()
