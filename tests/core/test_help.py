"""``rackproof help``: topics, codes and verbs explained; a man page for every verb; completion that a shell runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rackproof
from core.errors.table import ExitCode, codes
from core.lazy_cli import build_house, first_sentence, split_help
from core.manpages import make_page, name_page, quote_roff, walk_commands
from core.topics import TOPICS
from core.workspace import REPOSITORY
from tests.support import Ask, json_of


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """``rackproof help …`` in this process: (exit code, standard output, standard error)."""
    monkeypatch.setenv("RACKPROOF_LANG", "en")

    def call(*words: str) -> tuple[int, str, str]:
        code = rackproof.run(["help", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_without_a_word_the_topics_are_listed(ask: Ask) -> None:
    code, said, _ = ask()
    assert code == 0
    assert all(topic in said for topic in TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_topic_has_a_text_in_both_languages(
    ask: Ask, topic: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", language)
    code, said, _ = ask(topic)
    assert code == 0
    assert len(said) > 200


def test_every_exit_code_and_every_error_is_in_its_topic(ask: Ask) -> None:
    exits = ask("exit-codes")[1]
    assert all(re.search(rf"^ *{int(code)}  ", exits, re.MULTILINE) for code in ExitCode)
    errors = ask("errors")[1]
    assert all(code in errors for code in codes())


def test_a_code_a_verb_and_what_is_neither(ask: Ask) -> None:
    assert "exit code: 8" in ask("FIL001")[1]
    assert "exit code: 8" in ask("fil001")[1]
    assert "--approve" in ask("net", "apply")[1]
    code, _, complaint = ask("net", "aply")
    assert code == 2
    assert "USE007" in complaint
    assert json_of(ask("json", "--json")[1])["topic"] == "json"


def walk() -> list[Any]:
    return list(walk_commands(build_house(rackproof.FrontDoor, rackproof.apply_options)))


def test_every_verb_has_a_man_page(ask: Ask, tmp_path: Path) -> None:
    code, _, _ = ask("--man", str(tmp_path / "man"))
    assert code == 0
    written = {page.name for page in (tmp_path / "man").iterdir()}
    assert written == {f"{name_page(context)}.1" for context in walk()}
    for context in walk():
        page = make_page(context)
        assert page.startswith(".TH ")
        for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"):
            assert f"\n.SH {section}\n" in page, name_page(context)
        requests = {line.split()[0] for line in page.splitlines() if line.startswith(".")}
        assert requests <= {".TH", ".SH", ".PP", ".TP", ".B", ".nf", ".fi"}, requests


def test_what_roff_would_obey_is_printed() -> None:
    assert quote_roff(".so /etc/passwd\n'x\na-b\\c") == "\\&.so /etc/passwd\n\\&'x\na\\-b\\ec"


def test_a_shell_completes_our_verbs_and_options(tmp_path: Path) -> None:
    program = tmp_path / "rackproof"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m rackproof "$@"\n')
    program.chmod(0o755)
    script = f"""
        PATH={tmp_path}:$PATH
        source <(rackproof help --completion bash)
        complete_words() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rackproof_completion rackproof; }}
        complete_words rackproof net a; echo "${{COMPREPLY[@]}}"
        complete_words rackproof est; echo "${{COMPREPLY[@]}}"
        complete_words rackproof net apply --ap; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.split("\n")[:3] == ["apply", "estate", "--approve"], done.stderr


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("One.\n\nTwo\nlines.\n\nExample: x", ["One.", "Two lines.", "Example: x"]),
        ("One.\nExample: x\n", ["One.", "Example: x"]),
        ("", []),
    ],
)
def test_help_is_split_into_paragraphs(text: str, paragraphs: list[str]) -> None:
    assert split_help(text) == paragraphs


def test_the_first_sentence_has_no_full_stop() -> None:
    assert first_sentence("Show the estate. And more.\n\nExample: x") == "Show the estate"
    assert first_sentence("Version 1.5 of it.") == "Version 1.5 of it"
