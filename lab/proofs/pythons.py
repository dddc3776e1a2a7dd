"""`rackproof prove pythons`: the tests that need no lab, in a fresh clone, with each Python that is supported."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import RackproofError
from core.i18n import _
from core.workspace import REPOSITORY, state_dir
from lab.command import run
from lab.proofs.machine import LineRun
from lab.proofs.newcomer import find_closing, find_faults, strip_control

#: The versions of Python that are supported: Debian 12's own, and those that the locks install on as well.
SUPPORTED = ("3.11", "3.12", "3.13")
TIME_LIMIT_S = 3600.0
#: In another order than usual: a test that needs what an earlier one left behind is red.
LINE = "./rackproof test --fast --shuffle 7"
ASK_VERSION = "import platform; print(platform.python_version())"


@dataclass(frozen=True, slots=True)
class PythonProof:
    """What came of one Python; ``faults`` is empty when every test passed on it."""

    wanted: str
    python: str
    version: str
    seconds: float
    closing: str
    log: str
    faults: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether the tests ran on it and all passed."""
        return not self.faults and bool(self.closing)


def find_python(version: str) -> str | None:
    """Return the interpreter of a version such as ``3.12``: Debian's own first, then PATH, then pyenv's newest."""
    debian = Path(f"/usr/bin/python{version}")
    if debian.exists():
        return str(debian)
    on_path = shutil.which(f"python{version}")
    if on_path is not None and "shims" not in Path(on_path).parts:  # a shim runs whatever pyenv was told to
        return on_path
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(home.glob(f"versions/{version}.*/bin/python{version}"), key=_number_of)
    if found:
        return str(found[-1])
    return None


def prove_pythons(chosen: tuple[str, ...], on_step: Callable[[str], None]) -> list[PythonProof]:
    """Run the tests with each of ``chosen``, interpreters, or with each supported version; one after the other.

    One that is not there is a proof with a fault. Raises RackproofError (PRF003) when there is no commit to prove.
    """
    if chosen:
        asked = {name: shutil.which(name) for name in chosen}
    else:
        asked = {version: find_python(version) for version in SUPPORTED}
    proofs = []
    for name, python in asked.items():
        if python is None:
            proofs.append(PythonProof(name, "", "", 0.0, "", "", (_("there is no such interpreter here"),)))
            continue
        on_step(f"{name}: {LINE}")
        proofs.append(_prove_python(name, python))
    return proofs


def _prove_python(name: str, python: str) -> PythonProof:
    version = run([python, "-c", ASK_VERSION]).strip()
    log = state_dir().absolute() / "proofs" / f"python-{version}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rackproof-python-") as folder:
        clone = Path(folder) / "rackproof"
        _clone_head(clone)
        done = run_tests(clone, LINE.split(), RACKPROOF_PYTHON=python)
        used = read_version(clone / ".rackproof/venv")
    log.write_text(done.text, encoding="utf-8")
    faults = list(find_faults(LINE, done))
    if used != version:
        faults.append(_("Python {found} was used").format(found=used or "?"))
    closing = find_closing(strip_control(done.text))
    return PythonProof(name, python, version, round(done.seconds, 1), closing, str(log), tuple(faults))


def read_version(environment: Path) -> str:
    """Return the version of the Python that a virtual environment runs; empty when it is none."""
    try:
        return run([str(environment / "bin/python"), "-c", ASK_VERSION]).strip()
    except RackproofError:
        return ""


def _clone_head(target: Path) -> None:
    try:
        run(["git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(target)], timeout=TIME_LIMIT_S)
    except RackproofError as error:
        raise RackproofError("PRF003", actual=error.actual or error.message) from error


def run_tests(clone: Path, argv: Sequence[str], **settings: str) -> LineRun:
    """Run tests in a clone, without a terminal and with no setting of Rackproof's but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RACKPROOF_")}
    began = time.monotonic()
    try:
        done = subprocess.run(
            argv, cwd=clone, env=kept | settings, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        shown = error.stdout or b""
        return LineRun(None, time.monotonic() - began, shown.decode("utf-8", errors="replace"))
    # Two streams, one after the other: pytest's closing line is the last of the first.
    return LineRun(done.returncode, time.monotonic() - began, f"{done.stdout}\n{done.stderr}")


def _number_of(python: str | Path) -> tuple[int, ...]:
    version = Path(python).parents[1].name
    return tuple(int(part) for part in version.split(".") if part.isdigit())
