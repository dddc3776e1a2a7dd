"""Licences: every tracked file has one, by its own header or by REUSE.toml, and what imports Ansible has Ansible's."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib

import pytest

from core.workspace import REPOSITORY

TAG = "SPDX-License" + "-Identifier"  # in two parts: this line is no header
HEADER = re.compile(rf"^(?:#|<!--|//|/\*)? ?{TAG}: (?P<licence>[\w.+-]+)", re.MULTILINE)
#: A header stands in the first lines of a file; further down it is a text about licences.
HEADER_LINES = 5
FREE, COPYLEFT = "Apache-2.0", "GPL-3.0-or-later"
#: The texts of licences are nobody's to license.
EXEMPT = re.compile(r"LICENSE|LICENSES/.*|REUSE\.toml")


def list_files() -> list[str]:
    """Return every file that git tracks, or would track."""
    argv = ["git", "-C", str(REPOSITORY), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    return [
        name for name in listed.split("\0") if name and (REPOSITORY / name).is_file() and not EXEMPT.fullmatch(name)
    ]


def read_header(text: str) -> str | None:
    """Return the licence that a file's header names, None when it has no header."""
    found = HEADER.search("\n".join(text.splitlines()[:HEADER_LINES]))
    return found["licence"] if found else None


def translate_glob(pattern: str) -> re.Pattern[str]:
    """Return a path of REUSE.toml as a regular expression: ``*`` stays in a folder, ``**`` does not."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))


def read_annotations() -> list[tuple[re.Pattern[str], str]]:
    """Return what REUSE.toml says, the last that fits counts: path → licence. Every entry must name its holders."""
    table = tomllib.loads((REPOSITORY / "REUSE.toml").read_text(encoding="utf-8"))
    assert table["version"] == 1
    assert all(entry["SPDX-FileCopyrightText"] for entry in table["annotations"])
    return [(translate_glob(entry["path"]), entry[TAG]) for entry in table["annotations"]]


def find_licence(name: str, annotations: list[tuple[re.Pattern[str], str]]) -> str | None:
    """Return the licence of a file, None when nothing says it."""
    header = read_header((REPOSITORY / name).read_bytes().decode("utf-8", errors="replace"))
    said = [licence for pattern, licence in annotations if pattern.fullmatch(name)]
    return header or (said[-1] if said else None)


def imports_ansible(text: str) -> bool:
    """Whether a module runs inside Ansible, and so has to be under Ansible's licence."""
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        if any(name.partition(".")[0] == "ansible" for name in names):
            return True
    return False


def test_every_file_has_a_licence_whose_text_is_here() -> None:
    annotations = read_annotations()
    texts = {file.stem for file in (REPOSITORY / "LICENSES").glob("*.txt")}
    licences = {name: find_licence(name, annotations) for name in list_files()}
    assert {name: licence for name, licence in licences.items() if licence not in texts} == {}
    assert set(licences.values()) == texts, "a text of a licence that nothing is under"


def test_exactly_what_imports_ansible_is_under_its_licence() -> None:
    annotations = read_annotations()
    files = list_files()
    modules = {name for name in files if name.endswith(".py")}
    inside = {name for name in modules if imports_ansible((REPOSITORY / name).read_text(encoding="utf-8"))}
    assert inside, "the search finds nothing any more"
    assert {name for name in files if find_licence(name, annotations) == COPYLEFT} == inside
    assert all((REPOSITORY / name).read_text(encoding="utf-8").startswith(f"# {TAG}: {COPYLEFT}\n") for name in inside)


def test_the_licence_of_the_wheel_names_them_all() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["license"].split(" AND ")) == {FREE, COPYLEFT}
    assert (REPOSITORY / "LICENSE").read_text() == (REPOSITORY / "LICENSES" / f"{FREE}.txt").read_text()


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (f"# {TAG}: GPL-3.0-or-later\n\nimport ansible\n", COPYLEFT),
        (f"#!/bin/sh\n# {TAG}: MIT\n", "MIT"),
        (f"<!-- {TAG}: CC-BY-4.0 -->\n", "CC-BY-4.0"),
        ("import ansible\n", None),
        ("\n" * 20 + f"# {TAG}: MIT\n", None),
        (f"x = '{TAG}: MIT'\n", None),
    ],
)
def test_a_header_is_read_where_it_may_stand(text: str, licence: str | None) -> None:
    assert read_header(text) == licence


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("**", "a/b", True),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("a.b", "axb", False),
    ],
)
def test_a_path_of_the_table_fits_what_it_says(pattern: str, name: str, fits: bool) -> None:
    assert bool(translate_glob(pattern).fullmatch(name)) is fits
