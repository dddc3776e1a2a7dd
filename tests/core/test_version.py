"""The version: from the tag in a clone, from the stamp in an installed tree, from the changelog where neither is."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import version, workspace
from core.workspace import REPOSITORY

COMMIT = r"\+g[0-9a-f]{12}"
CHANGES = "# Changelog\n\nText.\n\n## 0.3.0 – unreleased\n\n- New.\n\n## 0.2.0 – 2026-01-01\n"


class Clone:
    """A repository with one commit, in which the module under test believes itself to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.commit()

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        argv = ["git", "-C", str(self.folder), *who, *arguments]
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout

    def commit(self) -> None:
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")

    def edit(self) -> None:
        (self.folder / "CHANGELOG.md").write_text(CHANGES + "\n- More.\n", encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tree without git."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
    monkeypatch.setattr(version, "REPOSITORY", tmp_path)
    monkeypatch.setattr(version, "STAMP", tmp_path / "build.json")
    monkeypatch.setattr(version, "CHANGELOG", tmp_path / "CHANGELOG.md")
    version.read_version.cache_clear()
    yield tmp_path
    version.read_version.cache_clear()


@pytest.fixture
def clone(tree: Path) -> Clone:
    """The same tree as a clone with one commit."""
    return Clone(tree)


# Tag, commits after it, whether a file differs, and the version that follows.
CASES = {
    "at the tag": ("v0.2.0", 0, False, r"0\.2\.0"),
    "edited at the tag": ("v0.2.0", 0, True, rf"0\.2\.1\.dev0{COMMIT}\.dirty"),
    "after the tag": ("v0.2.0", 2, False, rf"0\.2\.1\.dev2{COMMIT}"),
    "edited after the tag": ("v0.2.9", 1, True, rf"0\.2\.10\.dev1{COMMIT}\.dirty"),
    "no tag": (None, 1, False, rf"0\.3\.0\.dev0{COMMIT}"),
    "no tag, edited": (None, 0, True, rf"0\.3\.0\.dev0{COMMIT}\.dirty"),
    "a tag that is no release": ("vision", 0, False, rf"0\.3\.0\.dev0{COMMIT}"),
    "a tag of a candidate": ("v0.2.0rc1", 0, False, rf"0\.3\.0\.dev0{COMMIT}"),
    "a tag of two numbers": ("v0.2", 0, False, rf"0\.3\.0\.dev0{COMMIT}"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_version_follows_from_tag_and_commit(case: str, clone: Clone) -> None:
    tag, commits, is_edited, expected = CASES[case]
    if tag:
        clone.git("tag", tag)
    for _ in range(commits):
        clone.commit()
    if is_edited:
        clone.edit()
    assert re.fullmatch(expected, version.read_version())


def test_without_git_the_changelog_says_it(tree: Path) -> None:
    assert version.read_version() == "0.3.0.dev0"
    assert version.read_revision() == ""


def test_an_archive_of_a_release_is_that_release(tree: Path) -> None:
    version.CHANGELOG.write_text("# Changelog\n\n## 0.3.0 – 2026-12-01\n", encoding="utf-8")
    assert version.read_version() == "0.3.0"


def test_an_untagged_commit_is_no_release_whatever_the_changelog_says(clone: Clone) -> None:
    version.CHANGELOG.write_text("# Changelog\n\n## 0.3.0 – 2026-12-01\n", encoding="utf-8")
    clone.git("commit", "--quiet", "-am", "release")
    assert re.fullmatch(rf"0\.3\.0\.dev0{COMMIT}", version.read_version())


def test_the_stamp_of_the_build_comes_before_git(clone: Clone) -> None:
    version.STAMP.write_text(json.dumps({"version": "9.9.9", "revision": "abc"}), encoding="utf-8")
    assert (version.read_version(), version.read_revision()) == ("9.9.9", "abc")


def test_a_tree_in_somebody_elses_repository_does_not_take_its_commit(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment lies in a project as often as not: its commit in our evidence would be a false provenance."""
    inner = tree / "venv" / "rackproof_tree"
    inner.mkdir(parents=True)
    Clone(tree)
    monkeypatch.setattr(version, "REPOSITORY", inner)
    assert version.read_version() == "0.3.0.dev0"
    assert version.read_revision() == ""


def test_a_hook_of_another_repository_does_not_lend_its_commit(
    clone: Clone, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("other")
    (folder / "CHANGELOG.md").touch()
    other = Clone(folder)
    other.commit()
    monkeypatch.setenv("GIT_DIR", str(folder / ".git"))
    assert version.read_revision() == clone.git("rev-parse", "HEAD").strip() != other.git("rev-parse", "HEAD").strip()


def test_the_revision_is_the_commit_and_says_when_files_differ(clone: Clone) -> None:
    head = clone.git("rev-parse", "HEAD").strip()
    assert version.read_revision() == head
    clone.edit()
    assert version.read_revision() == f"{head}+changes"


def test_no_version_is_written_in_the_metadata() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project and "version" in project["dynamic"]


# Environment, and the state folder of an installed Rackproof below /home/u.
STATES = {
    "state home": ({"XDG_STATE_HOME": "/x", "HOME": "/home/u"}, "/x/rackproof"),
    "home": ({"HOME": "/home/u"}, "/home/u/.local/state/rackproof"),
    "a relative state home is none": ({"XDG_STATE_HOME": "x", "HOME": "/home/u"}, "/home/u/.local/state/rackproof"),
    "said": ({"RACKPROOF_STATE": "/y", "HOME": "/home/u"}, "/y"),
}


@pytest.mark.parametrize("case", STATES)
def test_where_an_installed_one_keeps_its_state(case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment, expected = STATES[case]
    for name in ("RACKPROOF_STATE", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(workspace, "REPOSITORY", tmp_path)
    assert str(workspace.state_dir()) == expected


def test_a_clone_keeps_its_state_in_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKPROOF_STATE", raising=False)
    assert workspace.state_dir() == REPOSITORY / ".rackproof"


def test_an_account_without_a_home_has_a_state_folder_that_nobody_can_make(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def know_nobody(_uid: int) -> None:
        raise KeyError

    for name in ("RACKPROOF_STATE", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", know_nobody)
    monkeypatch.setattr(workspace, "REPOSITORY", tmp_path)
    assert str(workspace.state_dir()) == "/nonexistent/.local/state/rackproof"


def test_a_remedy_names_the_command_as_it_is_called_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert workspace.name_command("run `./rackproof doctor`") == "run `./rackproof doctor`"
    monkeypatch.setattr(workspace, "REPOSITORY", tmp_path)
    assert workspace.name_command("run `./rackproof doctor`") == "run `rackproof doctor`"


@pytest.mark.skipif(os.getuid() != 0, reason="gives the checkout to another account")
def test_a_clone_of_somebody_else_says_its_commit_all_the_same(clone: Clone) -> None:
    """Root clones, a user runs it: git answers nobody but the owner, unless it is told to."""
    os.chown(clone.folder, pwd.getpwnam("nobody").pw_uid, -1)
    os.chown(clone.folder / ".git", pwd.getpwnam("nobody").pw_uid, -1)
    assert re.search(COMMIT, version.read_version())
