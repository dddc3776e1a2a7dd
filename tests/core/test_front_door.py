"""The front door: every verb explains itself; wrong use gets a text and a stable exit code, never a traceback."""

import errno
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import rackproof
from core.console import JSON_VERSION
from core.errors import ErrorGroup, ExitCode, Place, RackproofError
from core.workspace import REPOSITORY


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "rackproof", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def _leaves(command: object, path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in children.items():
        yield from _leaves(child, f"{path} {name}")


@pytest.mark.parametrize("verb", list(rackproof.ROOMS))
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    app = importlib.import_module(rackproof.ROOMS[verb][0]).app
    for path, command in _leaves(get_command(app), verb):
        assert "Example:" in (command.help or ""), f"{path} --help shows no example"


@pytest.mark.parametrize("arguments", [(), ("bogus",), ("--lang", "fr", "estate"), ("estate", "no-such-verb")])
def test_wrong_use_exits_with_usage(arguments: tuple[str, ...]) -> None:
    result = _run(*arguments)
    assert result.returncode == ExitCode.USAGE
    assert "Traceback" not in result.stdout + result.stderr


def test_errors_show_place_expectation_and_remedy() -> None:
    error = RackproofError(
        "EST999", "wrong", place=Place(Path("a.yml"), 3, "x.y"), expected="b", actual="c", remedy="d"
    )
    assert str(error) == "a.yml:3 (x.y): [EST999] wrong\n  expected: b\n  actual: c\n  remedy: d"


def test_groups_are_sorted_by_place() -> None:
    def at(file: str, line: int) -> RackproofError:
        return RackproofError("E", f"{file}{line}", place=Place(Path(file), line))

    group = ErrorGroup([at("b", 1), at("a", 9), at("a", 2)])
    assert [item.message for item in group.errors] == ["a2", "a9", "b1"]


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (RackproofError("FIL001"), ExitCode.NO_SPACE),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (rackproof.Terminated(), ExitCode.INTERRUPTED),
        (ZeroDivisionError("boom"), ExitCode.INTERNAL),
        (OSError(errno.ENOSPC, "No space left on device", "x"), ExitCode.NO_SPACE),
        (OSError(errno.EROFS, "Read-only file system", "x"), ExitCode.NO_SPACE),
        (PermissionError(errno.EACCES, "Permission denied", "x"), ExitCode.REFUSED),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/x"), ExitCode.USAGE),
        (OSError(errno.EIO, "Input/output error"), ExitCode.INTERNAL),
    ],
)
def test_what_a_room_raises_becomes_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: ExitCode
) -> None:
    def explode(*_arguments: object) -> None:
        raise raised

    monkeypatch.setattr(rackproof, "_call", explode)
    assert rackproof.run(["estate"]) == code
    assert "Traceback" not in capsys.readouterr().err


ESTATE = Path(__file__).parents[2] / "inventory" / "estate"


@pytest.mark.parametrize("verb", ["ipam", "ipam --csv", "ipam --json", "explain hph"])
def test_a_reading_that_is_cut_off_is_neither_green_nor_not(verb: str) -> None:
    """A real pipe whose reader has gone; 1 would say "not green", and 0 that all of it was fine."""
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "rackproof", "--estate", str(ESTATE), "estate", *verb.split()]
    try:
        result = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (ExitCode.CUT_OFF, "")


def test_a_verdict_holds_whoever_reads_it(tmp_path: Path) -> None:
    command = f"PYTHONUNBUFFERED= {sys.executable} -m rackproof estate validate --json {tmp_path} | true"
    argv = ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (ExitCode.USAGE, "")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_an_ending_that_no_pipe_caused_is_left_alone(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_arguments: object) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(rackproof, "_call", end)
    with pytest.raises(SystemExit) as caught:
        rackproof.run(["estate"])
    assert caught.value.code == code


def test_programs_that_we_run_speak_english_whatever_the_locale() -> None:
    """A locale that the machine has not generated: Ansible's tools end with an error under it."""
    shown = "os.environ['RACKPROOF_LANG'], os.environ['LC_ALL']"
    program = f"import rackproof, os; rackproof.settle_language(); print({shown})"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "vi_VN.UTF-8", "LANGUAGE": "vi"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.split() == ["vi", "C.UTF-8"]


@pytest.mark.parametrize("words", [("estate", "show", "--json"), ("nosuch", "--json"), ("checks", "list", "--json")])
def test_a_full_disk_behind_an_envelope_is_said_in_words(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [sys.executable, "-m", "rackproof", *words]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == ExitCode.NO_SPACE
    assert "FIL001" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", [("net", "journal"), ("net", "resume"), ("checks", "history"), ("evidence", "list")])
def test_a_mistyped_workspace_is_no_empty_one(
    verb: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typo = tmp_path / "typo"
    for name in ("RACKPROOF_ESTATE", "RACKPROOF_WORKSPACE"):  # the options set them, for this test alone
        monkeypatch.setenv(name, "")
    assert rackproof.run(["--workspace", str(typo), "--estate", str(ESTATE), *verb, "--json"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "WSP001"
    assert not typo.exists()


@pytest.mark.parametrize("words", [("validate",), ("show",)])
def test_a_folder_without_an_estate_has_one_exit_code(
    words: tuple[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKPROOF_ESTATE", "")  # the option sets it, for this test alone
    assert rackproof.run(["--estate", str(tmp_path), "estate", *words, "--json"]) == ExitCode.USAGE
    assert [error["code"] for error in json.loads(capsys.readouterr().out)["errors"]] == ["EST001"]


def test_ctrl_c_while_we_are_imported_leaves_no_traceback(tmp_path: Path) -> None:
    """A library that takes its time stands in for a slow disk; Ctrl-C comes while it is imported."""
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "rackproof", "doctor"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(
    "words", [["--workspace", ""], ["--workspace="], ["--lang", "en", "--estate", ""], ["--estate="]]
)
def test_a_folder_without_a_name_is_not_the_one_we_stand_in(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--workspace "$WORKSPACE"`` where the variable is not set wrote keys into the current folder."""
    monkeypatch.chdir(tmp_path)
    assert rackproof.run([*words, "checks", "signer", "bob"]) == ExitCode.USAGE
    assert "USE005" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["net", "render", "--to", ""], ["estate", "export", "hosts", "--to="]])
def test_a_path_without_a_name_is_not_the_folder_we_stand_in(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--to "$OUT"`` where the variable is not set scattered the routers' configurations."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RACKPROOF_ESTATE", str(ESTATE))
    assert rackproof.run(words) == ExitCode.USAGE
    assert "USE005" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_python_itself_starts_ends_us_by_the_signal(tmp_path: Path) -> None:
    """Held back by the launcher until it can do its work: before, it left a traceback, and once the code 1."""
    (tmp_path / "sitecustomize.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    last = (REPOSITORY / "rackproof").read_text("utf-8").splitlines()[-4:]
    script = "venv=$1; shift\n" + "\n".join(last)
    argv = ["sh", "-c", script, "sh", str(Path(sys.prefix)), "doctor"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_the_launchers_own_errors_come_in_the_envelope_of_today() -> None:
    launcher = (REPOSITORY / "rackproof").read_text("utf-8")
    assert re.findall(r'"version": (\d+)', launcher) == [str(JSON_VERSION)]


def test_the_envelope_is_asked_for_also_where_its_option_is_misused(capsys: pytest.CaptureFixture[str]) -> None:
    assert rackproof.run(["estate", "show", "--json=yes"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "USE001"


@pytest.mark.parametrize(
    ("words", "code"), [(["nonsense"], 2), (["estate", "show", "nosuch"], 2), (["estate", "schema", "site"], 0)]
)
def test_a_full_disk_behind_standard_error_changes_neither_result_nor_exit_code(words: list[str], code: int) -> None:
    """From cron, with ``2>>log`` on a disk that is full: 1 would say "not green"."""
    with Path("/dev/full").open("wb") as full:
        argv = [sys.executable, "-m", "rackproof", *words]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=full, timeout=60, check=False)
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)


@pytest.mark.parametrize(("words", "code"), [(["nonsense"], 2), (["estate", "schema", "site"], 0)])
def test_a_reader_of_standard_error_that_went_away_changes_no_exit_code(words: list[str], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "rackproof", *words]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=writer, timeout=60, check=False)
    os.close(writer)
    assert done.returncode == code


def test_a_name_that_is_no_text_is_json_all_the_same() -> None:
    argv = [sys.executable, "-m", "rackproof", "estate", "show", os.fsdecode(b"n\xff"), "--json"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=60, check=False)
    assert "n\udcff" in json.loads(done.stdout.decode("utf-8"))["errors"][0]["actual"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", [["--json"], []], ids=["json", "text"])
def test_an_output_that_is_not_utf8_gets_every_sign(encoding: str, words: list[str]) -> None:
    """A pipe into a program of a machine that speaks Latin: the names of Vietnam ended the work as a fault of ours."""
    argv = [sys.executable, "-m", "rackproof", "--lang", "vi", "--estate", str(ESTATE), "estate", "show", "hph", *words]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(argv, env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode(encoding)
    assert "\\u1ea3i Ph\\u00f2ng" in said if encoding == "ascii" else "\\u1ea3i Phòng" in said
    if words:
        assert json.loads(said) == json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
