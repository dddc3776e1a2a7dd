"""A machine that has nothing yet: a root file system from Debian's packages, and running a line of shell in it.

Its processes, mounts, control groups and name are its own and end with the line; the network is this machine's,
because Debian's and Python's packages come over it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict

from core.errors import RackproofError
from core.models import read_model
from lab import cgroup
from lab.command import run

HERE = Path(__file__).parent
RELEASES = HERE / "releases"
ENTER = HERE / "machine.sh"
BUILD_TIMEOUT_S = 900
NAME = "newcomer"
GROUP = f"rackproof-{NAME}-"
#: Where the clone lies on the machine.
HOME = Path("root")
CLONE = HOME / "rackproof"
#: Local certification authorities of this machine, which its registries may be signed by; and where they go.
LOCAL_AUTHORITIES = Path("/usr/local/share/ca-certificates")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
AUTHORITIES_INSIDE = "/etc/ssl/machine-authorities.crt"
#: How this machine reaches the registries: handed on as it is.
HANDED_ON = (
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_PROXY",
    "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT",
)  # fmt: skip
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READ_BYTES = 65536
#: How often the one who waits is told the time that has passed.
TICK_S = 1.0


class Release(BaseModel):
    """One Debian release to prove on: ``releases/<release>.yml``.

    ``python``: the version that its own Python must have; ``packages``: what the README asks a newcomer for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str
    python: str
    mirror: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """The size of a terminal, in characters."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How a line is run: its time limit in seconds, and its terminal (None: standard input is closed)."""

    seconds: float
    terminal: TerminalSize | None


@dataclass(frozen=True, slots=True)
class LineRun:
    """What came of a line: its exit code (None: it was ended at its limit), its seconds, and all it showed."""

    exit_code: int | None
    seconds: float
    text: str


def list_releases() -> list[str]:
    """Return the names of the releases that can be proved on."""
    return sorted(file.stem for file in RELEASES.glob("*.yml"))


def read_release(name: str) -> Release:
    """Return one release. Raises RackproofError (PRF004) when there is none of this name."""
    if name not in list_releases():
        raise RackproofError("PRF004", actual=name, known=list_releases())
    return read_model(RELEASES / f"{name}.yml", Release)


def build(release: Release, root: Path) -> None:
    """Make the root file system in ``root``, an empty or missing folder. Raises RackproofError (PRF001)."""
    argv = [
        "unshare", "--mount", "--propagation", "private", "--",
        "mmdebstrap", "--quiet", "--variant=minbase", "--format=directory",
        f"--include={','.join(release.packages)}", release.release, str(root), release.mirror,
    ]  # fmt: skip
    try:
        run(argv, timeout=BUILD_TIMEOUT_S)
    except RackproofError as error:
        raise RackproofError("PRF001", actual=error.actual or error.message) from error
    (root / "etc/hostname").write_text(f"{NAME}\n", encoding="ascii")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {NAME}\n::1 localhost\n", encoding="ascii")


def hand_settings(root: Path) -> dict[str, str]:
    """Give the machine what this one needs to reach the registries; return it as environment variables.

    That is the name servers, apt's proxies, the local certification authorities and the settings of ``HANDED_ON``.
    """
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    proxies = [line for line in run(["apt-config", "dump"]).splitlines() if _is_proxy(line)]
    if proxies:
        (root / "etc/apt/apt.conf.d/90proxy").write_text("\n".join(proxies) + "\n", encoding="utf-8")
    settings = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    authorities = find_authorities()
    if authorities is not None:
        inside = root / AUTHORITIES_INSIDE.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(authorities, inside)
        settings["PIP_CERT"] = AUTHORITIES_INSIDE
    return settings


def find_authorities() -> Path | None:
    """Return the file of certification authorities that this machine trusts beyond Debian's own; None: no others.

    That is what pip was told (``PIP_CERT``), as on a machine of a proof, else the system's with the local ones in it.
    """
    told = os.environ.get("PIP_CERT")
    if told and Path(told).is_file():
        return Path(told)
    if any(LOCAL_AUTHORITIES.glob("*.crt")):
        return AUTHORITIES
    return None


def clone_head(repository: Path, root: Path) -> str:
    """Clone the commit that is checked out in ``repository`` onto the machine, with the machine's own git.

    Returns the commit. Raises RackproofError: PRF003 there is none, PRF001 it could not be cloned.
    """
    try:
        commit = run(["git", "-C", str(repository), "rev-parse", "HEAD"]).strip()
    except RackproofError as error:
        raise RackproofError("PRF003", actual=error.actual or error.message) from error
    bundle = root / HOME / "rackproof.bundle"
    steps = (
        ["git", "-C", str(repository), "bundle", "create", "--quiet", str(bundle), "HEAD"],
        ["chroot", str(root), "git", "clone", "--quiet", f"/{HOME / bundle.name}", f"/{CLONE}"],
    )
    try:
        for step in steps:
            run(step, timeout=BUILD_TIMEOUT_S, extra_environment={"HOME": "/root", "GIT_CONFIG_NOSYSTEM": "1"})
    except RackproofError as error:
        raise RackproofError("PRF001", actual=error.actual or error.message) from error
    bundle.unlink()
    return commit


def run_line(
    root: Path, line: str, settings: dict[str, str], limits: Limits, log: BinaryIO, on_tick: Callable[[str], None]
) -> LineRun:
    """Run a line of shell on the machine, in the clone, as root who has just logged in; nothing of it survives.

    Everything it shows goes to ``log`` as it comes; ``on_tick`` gets its last line every second.
    """
    environment = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "PATH": PATH, **settings}
    if limits.terminal is not None:
        environment["TERM"] = "xterm-256color"
    began = time.monotonic()
    with _control_groups() as hierarchies:
        argv = [
            "setpriv", "--pdeathsig", "KILL", "--",  # nobody is left to end it when the one who waits is killed
            "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--ipc", "--uts",
            "--", str(ENTER), str(root), NAME, " ".join(hierarchies), f"/{CLONE}", line,
        ]  # fmt: skip
        shown: list[bytes] = []
        with _start(argv, environment, limits.terminal) as (process, output):
            try:
                is_over = _read_until_end(process, output, began + limits.seconds, _Sink(shown, log, on_tick))
            finally:
                process.kill()  # it has ended, or it is at its limit: with it ends every process of the machine
                process.wait()
    exit_code = process.returncode if is_over else None
    return LineRun(exit_code, time.monotonic() - began, b"".join(shown).decode("utf-8", errors="replace"))


@dataclass(frozen=True, slots=True)
class _Sink:
    """Where output goes: kept whole, written to the log, and its last line told every second."""

    shown: list[bytes]
    log: BinaryIO
    on_tick: Callable[[str], None]

    def take(self, data: bytes) -> None:
        self.shown.append(data)
        self.log.write(data)
        self.log.flush()

    def tell(self) -> None:
        """Tell the last line that was shown."""
        end = b"".join(self.shown[-4:]).decode("utf-8", errors="replace")
        lines = [text.strip() for text in end.splitlines() if text.strip()]
        self.on_tick("".join(lines[-1:]))


def _read_until_end(process: subprocess.Popen[bytes], output: int, deadline: float, sink: _Sink) -> bool:
    """Read what a process shows until it has ended; False when the time of ``deadline`` came first."""
    next_tick = 0.0
    while time.monotonic() < deadline:
        ready, _writable, _broken = select.select([output], [], [], TICK_S)
        if ready:
            try:
                data = os.read(output, READ_BYTES)
            except OSError:  # a terminal says so when its last user has gone
                data = b""
            if not data:
                process.wait(timeout=max(TICK_S, deadline - time.monotonic()))
                return True
            sink.take(data)
        elif process.poll() is not None:  # a process it left behind may hold the terminal open
            return True
        if time.monotonic() >= next_tick:
            next_tick = time.monotonic() + TICK_S
            sink.tell()
    return False


@contextlib.contextmanager
def _start(
    argv: list[str], environment: dict[str, str], terminal: TerminalSize | None
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a program on a terminal of its own, or with no input and a pipe; yields it and what to read from."""
    if terminal is None:
        near, far = os.pipe()
        stdin: int = subprocess.DEVNULL
    else:
        near, far = os.openpty()
        size = struct.pack("HHHH", terminal.rows, terminal.columns, 0, 0)
        fcntl.ioctl(far, termios.TIOCSWINSZ, size)
        stdin = far
    try:
        try:
            process = subprocess.Popen(
                argv, stdin=stdin, stdout=far, stderr=far, env=environment, start_new_session=True
            )
        finally:
            os.close(far)
        yield process, near
    finally:
        os.close(near)


@contextlib.contextmanager
def _control_groups() -> Iterator[list[str]]:
    """Make a control group in each hierarchy that systemd uses while the block lasts; yields ``TYPE:MOUNT:GROUP``.

    What is still in them at the end is killed: it could only be what left the machine's own process tree.
    """
    made = []
    hierarchies = []
    for kind, point in cgroup.hierarchies():
        group = point / f"{GROUP}{os.getpid()}"
        group.mkdir()
        made.append(group)
        hierarchies.append(f"{kind}:{point}:{group}")
    try:
        yield hierarchies
    finally:
        for group in made:
            _remove_group(group)


def remove_dead_groups() -> None:
    """Remove the control groups of proofs that were killed, with what still runs in them."""
    for _kind, point in cgroup.hierarchies():
        for group in point.glob(f"{GROUP}*"):
            if not Path("/proc", group.name.removeprefix(GROUP)).exists():
                _remove_group(group)


def _remove_group(group: Path) -> None:
    deadline = time.monotonic() + cgroup.EMPTY_S
    while group.exists() and time.monotonic() < deadline:
        folders = [folder for folder in group.rglob("*") if folder.is_dir()]
        for folder in sorted(folders, key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
        if group.exists():
            _kill_all(group)
            time.sleep(0.05)  # the kernel still counts processes that were killed a moment ago


def _kill_all(group: Path) -> None:
    for file in group.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            for pid in map(int, file.read_text(encoding="ascii").split()):
                if pid:  # 0: it lives in a namespace that we do not see into
                    os.kill(pid, signal.SIGKILL)


def _is_proxy(line: str) -> bool:
    name, _space, value = line.partition(" ")
    return name.startswith(("Acquire::http::Proxy", "Acquire::https::Proxy")) and value != '"";'
