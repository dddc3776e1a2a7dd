"""Wrong words on the command line: every class of mistake in the reader's language, nothing as typer says it."""

import errno
import os
import re
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer._click.core import Command
from typer.exceptions import TyperException
from typer.main import get_command

from core.refusals import SAYINGS, say_refusal
from core.usage import SYSTEM_CODES, describe_usage_error
from core.workspace import REPOSITORY
from rackproof import run

#: What typer and the checker of values say in English.
ENGLISH = re.compile(
    r"(?i)\b(option|requires|argument|missing|command|invalid|value|input|should|valid|unable|does not|is not|"
    r"unexpected|extra|such|directory|no|at least|at most|than|one of|whole|number|true|false|takes?|is a)\b"
)


class Colour(StrEnum):
    RED = "red"


def make_command() -> Command:
    app = typer.Typer()

    @app.command()
    def verb(
        name: str,
        flag: Annotated[bool, typer.Option("--flag")] = False,
        least: Annotated[int, typer.Option("--least", min=2, max=5)] = 2,
        share: Annotated[float, typer.Option("--share")] = 1.0,
        pair: Annotated[tuple[int, int], typer.Option("--pair")] = (1, 2),
        colour: Annotated[Colour, typer.Option("--colour")] = Colour.RED,
        file: Annotated[Path | None, typer.Option("--file", exists=True, dir_okay=False)] = None,
        folder: Annotated[Path | None, typer.Option("--folder", exists=True, file_okay=False)] = None,
    ) -> None:
        """Do nothing."""

    @app.command()
    def other() -> None:
        """Do nothing either."""

    return get_command(app)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["verb", "x", "--least"], "tùy chọn '--least' cần một giá trị"),
        (["verb", "x", "--pair", "1"], "tùy chọn '--pair' cần 2 giá trị"),
        (["verb", "x", "--flag=3"], "tùy chọn '--flag' không nhận giá trị"),
        (["verb", "x", "y", "z"], "lệnh không nhận thêm các từ: y z"),
        (["verb", "x", "--nope"], "ở đây không có tùy chọn '--nope'"),
        (["verb"], "thiếu name"),
        (["nope"], "ở đây không có lệnh 'nope'"),
        (["verb", "x", "--least", "many"], "số nguyên"),
        (["verb", "x", "--least", "1"], "ít nhất 2"),
        (["verb", "x", "--least", "6"], "tối đa 5"),
        (["verb", "x", "--share", "half"], "mong đợi: số"),
        (["verb", "x", "--colour", "blue"], "một trong: 'red'"),
        (["verb", "x", "--file", "/nope"], "tệp hoặc thư mục có thật"),
        (["verb", "x", "--file", "/"], "tệp, không phải thư mục"),
        (["verb", "x", "--folder", "/etc/passwd"], "thư mục, không phải tệp"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_words_are_said_in_vietnamese(monkeypatch: pytest.MonkeyPatch, words: list[str], says: str) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    with pytest.raises(TyperException) as caught:
        make_command().main(args=words, prog_name="rackproof", standalone_mode=False)
    error = describe_usage_error(caught.value)
    assert error is not None
    text = str(error)
    assert says in text
    prose = "\n".join(part for part in (error.message, error.expected) if part)
    assert not ENGLISH.search(re.sub(r"'[^']*'|--\w+", "", prose)), prose


def test_the_language_is_taken_from_a_line_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert run(["--lang", "vi", "--estate"]) == 2
    assert "tùy chọn '--estate' cần một giá trị" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--lang", "vi", "--help"], ["--lang=vi", "-h"], ["--lang", "vi", "lab", "--help"]]
)
def test_help_is_in_the_language_that_stands_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("Cách dùng: rackproof")
    assert "[TÙY CHỌN] LỆNH [THAM SỐ]" in said
    assert not re.search(r"Options|Commands|Show|Example:|COMMAND|the lab", said), said


def test_a_word_after_the_verb_chooses_no_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert run(["estate", "nosuch", "--lang", "vi"]) == 2
    assert "nosuch" in capsys.readouterr().err
    assert os.environ["RACKPROOF_LANG"] == "en"


def test_every_usual_refusal_of_the_system_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    usual = [*SYSTEM_CODES, errno.EIO, errno.EADDRINUSE, errno.ECONNREFUSED, errno.EINVAL, errno.EXDEV, errno.EBUSY]
    for number in usual:
        said = os.strerror(number)
        assert say_refusal(OSError(number, said)) != said, said
    assert len({say_refusal(OSError(1, said)) for said in SAYINGS}) == len(SAYINGS)
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert say_refusal(OSError(errno.ENOENT, os.strerror(errno.ENOENT))) == "No such file or directory"
    assert say_refusal(TimeoutError()) == "TimeoutError"


def test_what_is_translated_is_what_the_system_says() -> None:
    known = {os.strerror(number) for number in errno.errorcode}
    resolver = {"Name or service not known", "Temporary failure in name resolution"}  # getaddrinfo's, without an errno
    assert set(SAYINGS) - known == resolver


#: Who passes the system's words on as they are, and why.
AS_THEY_ARE = {
    "core/refusals.py": "it translates them",
    "checks/collect/probe.py": "evidence: recorded as the system said it",
    "core/files.py": "raises the system's own error",
    "lab/probe.py": "a program's answer for a program",
    "lab/enter.py": "translated there: the number comes from ctypes",
    "inventory/netbox/client.py": "asks only whether there is one",
}


def test_nobody_hands_on_the_words_of_the_system_untranslated() -> None:
    listed = subprocess.run(
        ["git", "grep", "-lE", r"\bstrerror\b", "--", "*.py", ":!tests"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert set(listed) == set(AS_THEY_ARE)


def test_a_change_that_is_not_there_is_said_in_vietnamese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    run(["net", "plan", "--change", "/nope"])
    said = capsys.readouterr().err
    assert "không có tệp hoặc thư mục này" in said
    assert "No such file" not in said
