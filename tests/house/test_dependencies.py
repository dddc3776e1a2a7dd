"""Libraries: what is imported is listed, what is listed is used, and the page about them says the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from core.workspace import REPOSITORY

PAGE = REPOSITORY / "docs" / "dependencies.md"
UNIMPORTED = Path(__file__).with_name("unimported.yml")
#: The heading of the page above the packages of each list.
LISTS = {"requirements.in": "## What runs", "requirements-dev.in": "## For tests and linters"}
#: Runs inside a NetBox, with NetBox's own libraries and lock.
FOREIGN = "lab/netbox/recipe/"
#: Lets a later Python that lacks a wheel of the lock be seen on this one.
LATER_PYTHONS = ("3.12", "3.13")
#: Runs while the wheel is built, with hatchling beside it.
BUILD = "install/"


def normalise(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_list(name: str) -> set[str]:
    """Return the packages that a list asks for, without versions and extras."""
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and line[0] not in "#-"]
    return {normalise(re.split(r"[\[<>=!~ ]", line)[0]) for line in wanted}


def read_page(heading: str) -> set[str]:
    """Return the packages in the first column of the table under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    cells = [cell for cell in rows if cell.strip() not in ("package", "---")]
    return {normalise(name.strip()) for cell in cells for name in cell.split(",")}


def list_sources() -> list[str]:
    """Return every Python file that is ours, as git knows them."""
    done = subprocess.run(["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard",
                           "*.py"], capture_output=True, text=True, check=True, timeout=60)  # fmt: skip
    return [name for name in done.stdout.splitlines() if not name.startswith(FOREIGN)]


@cache
def list_imports() -> dict[str, set[str]]:
    """Return which package is imported where: package → files."""
    owners = packages_distributions()
    local = {path.name for path in REPOSITORY.iterdir() if path.is_dir()} | {"rackproof"}
    found: dict[str, set[str]] = {}
    for name in list_sources():
        file = REPOSITORY / name
        if not file.exists():
            continue  # deleted, and not committed yet
        for module in find_modules(file.read_text(encoding="utf-8")) - local - set(sys.stdlib_module_names):
            for package in owners.get(module, [module]):
                found.setdefault(normalise(package), set()).add(name)
    return found


def find_modules(text: str) -> set[str]:
    """Return the first part of every module that a source imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def read_unimported() -> dict[str, dict[str, str]]:
    """Return the packages that are used without being imported."""
    data = yaml.safe_load(UNIMPORTED.read_text(encoding="utf-8"))
    return {normalise(name): use for name, use in data.items()}


def test_imports_are_found_wherever_they_stand() -> None:
    text = "import a.b\nfrom c.d import e\nfrom . import f\nfrom .g import h\ndef i():\n    import j as k\n"
    assert find_modules(text) == {"a", "c", "j"}


@pytest.mark.parametrize("name", LISTS)
def test_the_page_names_exactly_the_packages_of_the_list(name: str) -> None:
    assert read_page(LISTS[name]) == read_list(name)


def test_what_the_code_imports_is_listed() -> None:
    code = {package: files for package, files in list_imports().items() if any(runs(file) for file in files)}
    assert {package: sorted(code[package]) for package in set(code) - read_list("requirements.in")} == {}


def test_what_the_tests_import_is_listed() -> None:
    listed = read_list("requirements.in") | read_list("requirements-dev.in")
    found = list_imports()
    assert {package: sorted(found[package]) for package in set(found) - listed} == {}


def test_what_is_listed_to_run_is_used_by_what_runs() -> None:
    code = {package for package, files in list_imports().items() if any(runs(file) for file in files)}
    assert sorted(read_list("requirements.in") - code - set(read_unimported())) == []


def test_what_is_listed_for_tests_is_used() -> None:
    assert sorted(read_list("requirements-dev.in") - set(list_imports()) - set(read_unimported())) == []


def test_what_is_used_without_an_import_is_used_where_it_is_said() -> None:
    uses = read_unimported()
    assert set(uses) <= read_list("requirements.in") | read_list("requirements-dev.in")
    for package, use in uses.items():
        assert use["text"] in (REPOSITORY / use["file"]).read_text(encoding="utf-8"), package


@pytest.mark.parametrize(
    ("name", "lock"), [("requirements.in", "requirements.lock"), ("requirements-dev.in", "requirements-dev.lock")]
)
def test_what_is_listed_is_locked_with_hashes(name: str, lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    locked = {normalise(found) for found in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==\S+ \\$", text, re.MULTILINE)}
    assert sorted(read_list(name) - locked) == []


@pytest.mark.long
@pytest.mark.parametrize("version", LATER_PYTHONS)
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_installs_on_a_later_python_from_wheels_alone(version: str, lock: str, tmp_path: Path) -> None:
    argv = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-input", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--python-version", version, "--target", str(tmp_path / "x"), "--ignore-installed",
        "--requirement", str(REPOSITORY / lock),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def runs(file: str) -> bool:
    """Whether a file is part of what runs, not of the tests or of the build."""
    return not file.startswith(("tests/", BUILD))


LOCKED = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+) \\$", re.MULTILINE)


def test_an_installed_rackproof_asks_for_the_series_that_the_tests_ran_with() -> None:
    """A lower bound that nobody ran is a promise; an exact pin would quarrel with everything else in an environment."""
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    locked = {normalise(name): version for name, version in LOCKED.findall(lock)}
    for line in read_requirements(REPOSITORY / "requirements.in"):
        requirement = Requirement(line)
        version = Version(locked[normalise(requirement.name)])
        bounds = {bound.operator: Version(bound.version) for bound in requirement.specifier}
        assert not {"==", "===", "~="} & set(bounds), line
        assert bounds[">="].release == version.release[: len(bounds[">="].release)], (line, version)
        assert requirement.specifier.contains(version), (line, version)


def test_what_the_build_asks_for_is_locked_for_the_test_that_builds() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (REPOSITORY / "requirements-dev.lock").read_text(encoding="utf-8")
    locked = {normalise(name): version for name, version in LOCKED.findall(lock)}
    for line in project["build-system"]["requires"]:
        requirement = Requirement(line)
        assert normalise(requirement.name) in read_list("requirements.in") | read_list("requirements-dev.in")
        assert requirement.specifier.contains(locked[normalise(requirement.name)]), line


def read_requirements(file: Path) -> list[str]:
    """Return the requirements of a list, as the wheel's metadata take them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line[0] not in "#-"]
