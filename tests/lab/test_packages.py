"""Every program that is called is in a list of packages, or on every Debian: else a new machine lacks it."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from lab import packages
from rackproof import ROOMS

#: Calls whose first argument is an argument list, and where in it the program stands.
RUNNERS = {"run", "run_watched", "Popen", "check_output", "check_call", "call", "run_command", "sh", "run_in_terminal"}
#: Called on hosts and routers of an estate, or inside an image, not on this machine.
INSIDE = ("lab/netbox/recipe", "lab/rootfs", "checks/hosts", "checks/collect", "roles", "playbooks/files")
#: In essential or required packages of Debian 12, or in those that such a package depends on.
EVERYWHERE = {
    "apt-config",
    "apt-get",
    "bash",
    "cat",
    "chmod",
    "chown",
    "chroot",
    "cksum",
    "cp",
    "cut",
    "date",
    "dirname",
    "dpkg",
    "dpkg-query",
    "mktemp",
    "echo",
    "env",
    "false",
    "find",
    "flock",
    "getent",
    "grep",
    "head",
    "id",
    "kill",
    "ls",
    "mkdir",
    "mkfifo",
    "mv",
    "paste",
    "printf",
    "readlink",
    "rm",
    "runuser",
    "sed",
    "setpriv",
    "sh",
    "sha256sum",
    "sleep",
    "stat",
    "stty",
    "sysctl",
    "tail",
    "tar",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "uname",
    "wc",
    "script",
}
#: Programs of the Python environment, of the image (the launcher writes wrappers for them) and our own.
OURS = {"python3", "python", "promtool", "prometheus", "snmpget", "snmpwalk", "rackproof", "sudo"}


def listed() -> Iterator[tuple[str, ...]]:
    for name in ("lab", "tests"):
        for line in (REPOSITORY / name / "packages.txt").read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                yield tuple(line.split(maxsplit=2))


def first_word(node: ast.expr) -> str | None:
    """The program of an argument list that is written out, None when it is not."""
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        first = node.elts[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    if isinstance(node, ast.BinOp):
        return first_word(node.left)
    return None


def programs_of(file: Path) -> Iterator[str]:
    """The programs that a Python file calls on this machine, as far as they are written out in it."""
    tree = ast.parse(file.read_text("utf-8"))
    assigned = {
        target.id: word
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and (word := first_word(node.value))
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("argv", "command", "ssh")
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "which" and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)
        if name in RUNNERS:
            first = node.args[0]
            word = assigned.get(first.id) if isinstance(first, ast.Name) else first_word(first)
            if word and re.fullmatch(r"[a-z][\w.+-]*", word) and word not in ROOMS:
                yield word


def test_programs_called_are_in_a_list() -> None:
    known = {program for program, _package, _why in listed()} | EVERYWHERE | OURS
    unlisted: dict[str, str] = {}
    for room in ("core", "lab", "inventory", "netconfig", "monitoring", "checks", "bench", "playbooks", "tests"):
        for file in sorted((REPOSITORY / room).rglob("*.py")):
            where = str(file.relative_to(REPOSITORY))
            if not where.startswith(INSIDE):
                unlisted |= {word: where for word in programs_of(file) if word not in known}
    assert unlisted == {}


def test_a_program_that_is_in_no_list_is_found(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("subprocess.run(['pgrep', '-f', x])\nargv = ['ncat', 'x']\nPopen(argv)\nshutil.which('dot')\n")
    assert set(programs_of(file)) == {"pgrep", "ncat", "dot"}


@pytest.mark.parametrize(("program", "package", "why"), list(listed()))
def test_a_listed_program_is_of_the_package_that_is_named(program: str, package: str, why: str) -> None:
    """As dpkg says it of what is installed here; what is not installed cannot be judged."""
    found = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
    manifest = Path("/var/lib/dpkg/info")
    if found is None or not manifest.is_dir():
        pytest.skip(f"{program} is not a Debian program here")
    owners = {
        file.name.partition(".")[0].partition(":")[0]
        for file in manifest.glob("*.list")
        if {f"/usr/bin/{program}", f"/bin/{program}", f"/usr/sbin/{program}", f"/sbin/{program}"}
        & set(file.read_text().splitlines())
    }
    assert package in owners or f"{package}-common" in owners or not owners, owners
    assert why


def test_every_purpose_is_translated() -> None:
    assert {item.purpose for item in packages.needed()} == set(packages.PURPOSES)
