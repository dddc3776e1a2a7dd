"""testinfra through a tape: same verdicts from the tape as live, and no answer is never a pass."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks import ssh
from checks.replay import live, suite
from checks.replay.live import record_host
from checks.replay.recording import HostRecording
from checks.replay.suite import run_suite
from core.workspace import REPOSITORY
from tests.support import needs_program

from .conftest import NOW, load_cases, read_capture

ROLES = {"dc-db1": "database-primary", "dc-mgmt1": "management", "dr-db1": "database-standby", "hph-node1": "site-node"}


def tape_of(host: str) -> HostRecording:
    return HostRecording.from_bytes(
        next(e.raw for e in read_capture() if (e.item.collector, e.item.asset) == ("hosts", host))
    )


@pytest.fixture
def host_that_answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An SSH that answers from the capture; counts its round trips; unknown commands fail like a missing program."""
    trips: list[int] = []

    def answer(_config: Path, alias: str, commands: Sequence[ssh.ShellCommand]) -> list[ssh.ShellAnswer]:
        trips.append(len(commands))
        tape = tape_of(alias)
        found = [tape.find(command.text.encode()) for command in commands]
        return [
            ssh.ShellAnswer(known.exit_code, known.stdout, known.stderr, NOW, NOW)
            if known
            else ssh.ShellAnswer(127, b"", b"not found", NOW, NOW)
            for known in found
        ]

    monkeypatch.setattr(live, "run_batch", answer)
    return trips


@pytest.mark.parametrize("host", sorted(ROLES))
def test_replay_of_a_good_host_passes_every_test(host: str) -> None:
    results, _used, missing = run_suite(tape_of(host), ROLES[host])
    assert [(r.id, r.detail) for r in results if r.verdict != "pass"] == []
    assert missing == []
    assert len(results) >= 45


def test_recording_gives_the_verdicts_of_the_capture(host_that_answers: list[int], tmp_path: Path) -> None:
    first = record_host(tmp_path, "dc-db1", "database-primary", tmp_path / "hints")
    rounds = len(host_that_answers)
    again = record_host(tmp_path, "dc-db1", "database-primary", tmp_path / "hints")
    assert rounds >= 2, "commands that depend on answers come in later rounds"
    assert len(host_that_answers) == rounds + 1, "what the last run used is asked in one round trip"
    for tape in (first, again):
        assert {r.verdict for r in run_suite(tape, "database-primary")[0]} == {"pass"}


def test_a_dead_host_gives_no_pass_no_skip_and_one_attempt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trips = []

    def dead(_config: Path, _alias: str, commands: Sequence[ssh.ShellCommand]) -> list[ssh.ShellAnswer]:
        trips.append(1)
        return [ssh.ShellAnswer(255, b"", b"", NOW, NOW, "no route to host", True) for _ in commands]

    monkeypatch.setattr(live, "run_batch", dead)
    tape = record_host(tmp_path, "gone", "database-primary")
    results, _used, _missing = run_suite(tape, "database-primary")
    assert {result.verdict for result in results} == {"no-answer"}
    assert trips == [1]


def run_case(
    folder: Path, source: str, conftest: str = "", role: str = "site-node"
) -> tuple[dict[str, str], list[suite.HostTestResult]]:
    """Run host tests from a folder of their own against a good host; returns the results by test, and the rest."""
    folder.mkdir(exist_ok=True)
    module = f"test_{hashlib.sha256((str(folder) + source).encode()).hexdigest()[:12]}"
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    if conftest:
        (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    results, _used, _missing = run_suite(tape_of("hph-node1"), role, folder)
    tests = {one.id.removeprefix(f"{module}::"): one.verdict for one in results if one.id.startswith(f"{module}::")}
    return tests, [one for one in results if not one.id.startswith(f"{module}::")]


@pytest.mark.parametrize("case", load_cases("host_test_cases.yml"), ids=lambda case: case["name"])
def test_a_host_test_comes_to_what_pytest_makes_of_it(case: dict[str, Any], tmp_path: Path) -> None:
    tests, rest = run_case(tmp_path / "suite", case["source"], case.get("conftest", ""))
    assert tests == case.get("results", {})
    assert [one.verdict in ("error", "skipped") for one in rest] == [True] * len(rest)
    assert ("broken" in case) == bool(rest)
    assert case.get("broken", "") in " ".join(one.detail for one in rest)


def test_no_test_at_all_is_no_green_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An emptied folder of host tests: the hardening of every host is red, with the reason."""
    monkeypatch.setattr(suite, "FOLDER", tmp_path)
    results, _used, _missing = run_suite(tape_of("hph-node1"), "site-node")
    assert [(one.verdict, one.id) for one in results] == [("error", "pytest")]


def test_what_the_tests_print_is_not_our_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_case(tmp_path / "suite", "print(1)\n\ndef test_x(host):\n    print(2)\n")
    assert capsys.readouterr().out == ""


def test_every_recorded_answer_matters_or_is_not_kept() -> None:
    """Change each answer in turn; some test that used it must leave pass. Finds checks that judge nothing."""
    tape = tape_of("dc-db1")
    probes = ("uname", "command -v", "cat /etc/os-release", "test -d", "python3 -c")
    blind = []
    for key, answer in tape.answers.items():
        if any(part in answer.command for part in probes):
            continue
        changed = HostRecording(tape.host, tape.suite_sha256, tape.testinfra, dict(tape.answers))
        changed.answers[key] = replace(answer, stdout=b"9 something else\n", stderr=b"odd\n", exit_code=3)
        if all(result.verdict == "pass" for result in run_suite(changed, "database-primary")[0]):
            blind.append(answer.command)
    assert blind == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data | {"host": "other"},
        lambda data: data | {"schema": "rackproof-tape-0"},
        lambda data: data | {"answers": {"0" * 64: next(iter(data["answers"].values()))}},
    ],
)
def test_a_spoiled_tape_is_refused(spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    data = json.loads(tape_of("dc-db1").to_bytes())
    with pytest.raises(ValueError):
        HostRecording.from_bytes(json.dumps(spoil(data)).encode())


def test_trouble_on_the_tape_is_no_answer(tmp_path: Path) -> None:
    tape = tape_of("hph-node1")
    for key, answer in tape.answers.items():
        tape.answers[key] = replace(answer, trouble="the command did not end in time")
    results, _used, _missing = run_suite(tape, "site-node")
    told = {(one.verdict, one.detail) for one in results}
    assert told == {("no-answer", "the command did not end in time")}


def test_pytest_itself_runs_the_tests_from_the_tape(tmp_path: Path) -> None:
    """The same tests under pytest with --hosts=rec://NAME: same count, all pass; without a tape, none passes."""
    (tmp_path / "hph-node1.tape.json").write_bytes(tape_of("hph-node1").to_bytes())
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "checks/hosts",
        "--hosts=rec://hph-node1,rec://nobody",
        "-k",
        "not database",
    ]
    done = subprocess.run(
        argv,
        cwd=REPOSITORY,
        env={**os.environ, "RACKPROOF_TAPES": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "47 failed, 47 passed" in done.stdout, done.stdout[-2000:] + done.stderr[-500:]
    assert "hph-node1" not in "".join(line for line in done.stdout.splitlines() if line.startswith("FAILED"))


def frames(*answers: tuple[int, bytes, bytes]) -> bytes:
    return b"".join(
        b"RPK1 %d %d 1 2 %d %d\n%s%s" % (index, code, len(out), len(err), out, err)
        for index, (code, out, err) in enumerate(answers)
    )


@pytest.mark.parametrize(
    ("output", "complete"),
    [
        (frames((0, b"a\n", b""), (1, b"", b"no")), 2),
        (frames((0, b"RPK1 1 0 1 2 0 0\n", b"")), 1),
        (frames((0, b"a", b""), (0, b"bb", b""))[:-1], 1),
        (b"Welcome!\n" + frames((0, b"a", b"")), 0),
        (frames((0, b"a", b"")) + b"RPK1 5 0 1 2 0 0\n", 1),
        (b"RPK1 1 0 1 2 0 0\n", 0),
        (frames((0, b"a", b"")) + frames((0, b"b", b"")), 1),
        (b"", 0),
    ],
)
def test_a_torn_or_foreign_frame_is_no_answer(output: bytes, complete: int) -> None:
    assert len(ssh.parse_answers(output, 2)) == complete


@needs_program("pgrep")
def test_the_batch_really_runs_in_a_shell(tmp_path: Path) -> None:
    texts = [
        "echo one; echo two >&2; exit 3",
        "sleep 20",
        "printf '\\377\\0x'",
        "cat",
        "pgrep -fc no-such-daemon-at-all",
        "yes | head -c 2000000",
    ]
    commands = [ssh.ShellCommand(text, 1 if "sleep" in text else 10) for text in texts]
    done = subprocess.run(
        ["/bin/sh", "-s"], input=ssh.make_script(commands), capture_output=True, timeout=60, check=True
    )
    answers = ssh.parse_answers(done.stdout, len(commands))
    assert len(answers) == len(commands)
    assert (answers[0].exit_code, answers[0].stdout, answers[0].stderr) == (3, b"one\n", b"two\n")
    assert answers[1].trouble == "the command did not end in time"
    assert answers[2].stdout == b"\xff\0x"
    assert (answers[3].exit_code, answers[3].stdout) == (0, b""), "a command must not read the script that runs it"
    assert answers[4].stdout == b"0\n", "a command must not find itself"
    assert "cut" in answers[5].trouble


@needs_program("ssh")
def test_an_unreachable_host_answers_every_command_with_trouble(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host gone\n  HostName 127.0.0.1\n  Port 1\n  BatchMode yes\n")
    answers = ssh.run_batch(config, "gone", [ssh.ShellCommand("true"), ssh.ShellCommand("true")])
    assert [answer.unreachable for answer in answers] == [True, True]
    assert all(answer.trouble for answer in answers)


SILENT = "exit 255"
ONE_ANSWER = "head -c 200000 >script; sh script | head -n 1; exit 255"
SPEAKING = "echo 'Connection refused' >&2; exit 255"


@pytest.mark.parametrize(
    ("ends", "asked", "trouble"),
    [
        ([SILENT, ""], 2, ""),
        ([ONE_ANSWER, ""], 2, ""),
        ([SILENT, SILENT], 2, "the connection was lost without a word"),
        ([SPEAKING, ""], 1, "Connection refused"),
    ],
    ids=["lost once", "lost in mid-answer", "lost twice", "told why"],
)
def test_what_a_silently_lost_connection_left_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: list[str], asked: int, trouble: str
) -> None:
    """The connection is another program's and ends with it: seen when a lab under load lost all of them at once."""
    for number, end in enumerate(ends, 1):
        (tmp_path / f"end{number}").write_text(end or "exec sh -s")
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\ncd {tmp_path} && echo >>asked && . ./end$(wc -l <asked)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answers = ssh.run_batch(tmp_path / "none", "host", [ssh.ShellCommand("true"), ssh.ShellCommand("echo two")])
    assert (tmp_path / "asked").read_text().count("\n") == asked
    assert {answer.trouble for answer in answers} == {trouble}
    assert [answer.unreachable for answer in answers] == [bool(trouble)] * 2


LINE_ENDS = [([SILENT, "echo {}"], 2, 0), ([SILENT, SILENT], 2, 255), ([SPEAKING, "echo {}"], 1, 255)]


@pytest.mark.parametrize(("ends", "asked", "code"), LINE_ENDS, ids=["lost once", "lost twice", "told why"])
def test_a_line_on_a_silently_lost_connection_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: list[str], asked: int, code: int
) -> None:
    """Three routers were unreachable at once, while every host, which was asked again, answered."""
    for number, end in enumerate(ends, 1):
        (tmp_path / f"end{number}").write_text(end)
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\ncd {tmp_path} && echo "$@" >>asked && . ./end$(wc -l <asked)\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert ssh.run_line(tmp_path / "none", "core1", "show version", 5).returncode == code
    lines = (tmp_path / "asked").read_text().splitlines()
    assert ["ControlPath=none" in line for line in lines] == [False, True][:asked], "again, over one of its own"


def test_hosts_of_one_role_are_recorded_side_by_side(host_that_answers: list[int], tmp_path: Path) -> None:
    """Eight at once, one hints file: nobody stumbles over the file of another."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        tapes = list(pool.map(lambda _n: record_host(tmp_path, "hph-node1", "site-node", tmp_path / "hints"), range(8)))
    first, *others = tapes
    assert {result.verdict for result in run_suite(first, "site-node")[0]} == {"pass"}
    assert [tape.to_bytes() == first.to_bytes() for tape in others] == [True] * 7
    assert [file.suffix for file in (tmp_path / "hints").iterdir()] == [".json"]
