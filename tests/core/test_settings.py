"""``rackproof.yml``: who wins, where it is found, what is refused; through the front door, from the folder it is in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.errors import RackproofError
from core.settings import SECRETS_COMMAND, SETTINGS, read_call
from core.settings_file import SettingsFile
from core.topics import VARIABLES
from core.workspace import REPOSITORY
from tests.support import json_of

FRONT_DOOR = [sys.executable, "-P", "-m", "rackproof"]
HIDDEN = "MARKED-SECRET"


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RACKPROOF_STATE") if name in os.environ}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "RACKPROOF_LAB": "nolab", "LANG": "C.UTF-8", **more}


def run(cwd: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    argv = [*FRONT_DOOR, *words]
    return subprocess.run(
        argv, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=60, check=False
    )


def show(cwd: Path, *options: str, **more: str) -> dict[str, tuple[Any, str, str]]:
    """Return what ``config show`` says: setting → value, origin, where."""
    done = run(cwd, *options, "config", "show", "--json", **more)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json_of(done.stdout)["settings"]
    return {row["name"]: (row["value"], row["origin"], row["where"]) for row in rows}


def refuse(cwd: Path, *words: str, **more: str) -> dict[str, Any]:
    """Return the error with which a verb ends."""
    done = run(cwd, *words, "--json", **more)
    assert "Traceback" not in done.stderr
    error: dict[str, Any] = json.loads(done.stdout)["errors"][0]
    assert done.returncode == error["exit_code"]
    return error


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a settings file and a folder below."""
    (tmp_path / "below/deep").mkdir(parents=True)
    (tmp_path / "rackproof.yml").write_text("estate: mine\nworkspace: kept\nlanguage: vi\n")
    return tmp_path


def test_every_setting_of_the_file_is_one_that_is_shown() -> None:
    assert [setting.name for setting in SETTINGS] == list(SettingsFile.model_fields)


def test_every_variable_is_explained() -> None:
    assert {setting.variable for setting in SETTINGS} <= set(VARIABLES)


def test_option_beats_variable_beats_file_beats_default(home: Path) -> None:
    (home / "empty").mkdir()
    place = f"{home / 'rackproof.yml'}:1 (estate)"
    mine, other, third = str(home / "mine"), str(home / "other"), str(home / "third")
    assert show(home)["estate"] == (mine, "file", place)
    assert show(home, RACKPROOF_ESTATE=other)["estate"] == (other, "environment", "RACKPROOF_ESTATE")
    assert show(home, "--estate", third, RACKPROOF_ESTATE=other)["estate"] == (third, "option", "--estate")
    (home / "rackproof.yml").write_text("workspace: kept\n")
    assert show(home)["estate"][1:] == ("default", "")


def test_an_empty_variable_sets_nothing(home: Path) -> None:
    assert show(home, RACKPROOF_ESTATE="")["estate"][:2] == (str(home / "mine"), "file")


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        ([], {}, ("vi", "file")),
        ([], {"LANG": "en_US.UTF-8"}, ("vi", "file")),
        ([], {"RACKPROOF_LANG": "en"}, ("en", "environment")),
        (["--lang", "en"], {}, ("en", "option")),
        (["--lang=en"], {"RACKPROOF_LANG": "vi"}, ("en", "option")),
    ],
)
def test_the_language_follows_the_same_order(
    home: Path, options: list[str], more: dict[str, str], expected: tuple[str, str]
) -> None:
    assert show(home, *options, **more)["language"][:2] == expected


def test_help_is_in_the_language_of_the_file(home: Path) -> None:
    assert "Cách dùng" in run(home, "config", "show", "--help").stdout


def test_the_nearest_file_above_counts_and_its_paths_are_meant_from_it(home: Path) -> None:
    assert show(home / "below/deep")["workspace"][0] == str(home / "kept")
    (home / "below/rackproof.yml").write_text("workspace: nearer\n")
    found = show(home / "below/deep")
    assert found["workspace"][0] == str(home / "below/nearer")
    assert found["estate"][1] == "default", "a file further up is not mixed in"


def test_without_a_file_all_is_as_before(tmp_path: Path) -> None:
    found = show(tmp_path)
    assert {origin for _value, origin, _where in found.values()} == {"default"}


def test_a_verb_works_with_what_the_file_names(home: Path) -> None:
    (home / "mine").symlink_to(REPOSITORY / "lab" / "estate")
    done = run(home / "below", "estate", "validate", "--json")
    assert json_of(done.stdout)["estate"] == str(REPOSITORY / "lab" / "estate")


def test_a_running_lab_does_not_take_the_place_of_the_file(home: Path) -> None:
    """The workspace of a lab that is up is the default; whoever stands in a folder of their own does not mean it."""
    state = home / "state"
    (state / "labs/nolab/workspace").mkdir(parents=True)
    found = show(home, RACKPROOF_STATE=str(state))
    assert (found["workspace"][0], found["estate"][0]) == (str(home / "kept"), str(home / "mine"))


@pytest.mark.parametrize("words", [["help", "CFG001"], ["--version"], ["estate", "validate", "--help"], ["--help"]])
def test_a_mistake_in_the_file_does_not_keep_help_away(home: Path, words: list[str]) -> None:
    (home / "rackproof.yml").write_text("estat: x\n")
    assert run(home, *words).returncode == 0


MISTAKES = {
    "estat: x": ("YML020", 1),
    "workspace: w\nestate: [a]": ("YML022", 2),
    "estate: ''": ("YML027", 1),
    "language: fr": ("YML025", 1),
    "secrets_command: pass show x": ("YML022", 1),
    "secrets_command: []": ("YML027", 1),
    "estate: a\nestate: b": ("YML005", 2),
    "cache: 1": ("YML022", 1),
    "vault_password_file: p\nsecrets_command: [s]": ("CFG002", 2),
    "": ("YML008", 0),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items())
def test_a_mistake_is_refused_with_its_line(home: Path, text: str, expected: tuple[str, int]) -> None:
    (home / "rackproof.yml").write_text(text)
    error = refuse(home, "config", "show")
    code, line = expected
    place = str(home / "rackproof.yml") + (f":{line}" if line else "")
    assert (error["code"], error["place"].startswith(place)) == (code, True), error


def test_a_file_that_everybody_may_write_is_refused(home: Path) -> None:
    (home / "rackproof.yml").chmod(0o646)
    assert refuse(home, "estate", "validate")["code"] == "CFG001"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(("caller", "code"), [("", "CFG001"), ("65533", "CFG001"), ("65534", None)])
def test_a_file_of_somebody_else_is_refused_unless_sudo_was_theirs(home: Path, caller: str, code: str | None) -> None:
    os.chown(home / "rackproof.yml", 65534, 65534)
    done = run(home, "config", "show", "--json", SUDO_UID=caller)
    errors = json.loads(done.stdout)["errors"]
    assert [error["code"] for error in errors] == ([code] if code else [])


def test_a_folder_or_a_dead_link_of_that_name_is_not_passed_over(home: Path) -> None:
    (home / "rackproof.yml").unlink()
    (home / "rackproof.yml").symlink_to(home / "nowhere")
    assert refuse(home, "config", "show")["code"] == "FIL003"
    (home / "rackproof.yml").unlink()
    (home / "rackproof.yml").mkdir()
    assert refuse(home, "config", "show")["code"] == "YML001"


def test_one_source_of_secrets_that_is_stronger_leaves_the_others_out(home: Path) -> None:
    (home / "rackproof.yml").write_text("secrets_command: [./ask, now]\n")
    assert show(home)["secrets_command"][:2] == (f"{home}/ask …", "file")
    found = show(home, RACKPROOF_VAULT_PASSWORD_FILE="/p")
    assert found["secrets_command"][:2] == (None, "default")
    assert found["vault_password_file"][:2] == ("/p", "environment")


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    "text",
    [
        f"store: postgresql://u:{HIDDEN}@h/db",
        f"store: postgresql://h/db?password={HIDDEN}",
        f"store: {HIDDEN}",
        f"secrets_command: [ask, --token, {HIDDEN}]",
        f"vault_password_command: [ask, --token, {HIDDEN}]",
    ],
)
def test_what_may_be_secret_is_not_shown(home: Path, text: str, as_json: Sequence[str]) -> None:
    (home / "rackproof.yml").write_text(text)
    done = run(home, "config", "show", *as_json)
    assert done.returncode == 0
    assert HIDDEN not in done.stdout + done.stderr


def test_a_cache_that_is_off_is_off_for_every_verb(home: Path) -> None:
    (home / "rackproof.yml").write_text(f"estate: {REPOSITORY}/lab/estate\ncache: false\n")
    state = home / "state"
    assert run(home, "estate", "validate", RACKPROOF_STATE=str(state)).returncode == 0
    assert list(state.glob("estates-*/*")) == []
    (home / "rackproof.yml").write_text(f"estate: {REPOSITORY}/lab/estate\ncache: true\n")
    assert run(home, "estate", "validate", RACKPROOF_STATE=str(state)).returncode == 0
    assert list(state.glob("estates-*/*")) != []


@pytest.mark.parametrize("text", ["pass show x", "[]", '[""]', '["a", 1]', '{"a": "b"}', '"a"'])
def test_a_variable_that_is_no_list_of_texts_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRETS_COMMAND.variable, text)
    with pytest.raises(RackproofError) as caught:
        read_call(SECRETS_COMMAND)
    assert caught.value.code == "CFG003"


def test_a_folder_that_is_gone_has_no_file(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    argv = ["sh", "-c", script, "sh", str(gone), *FRONT_DOOR, "config", "show", "--json"]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert json_of(done.stdout)["file"] is None
