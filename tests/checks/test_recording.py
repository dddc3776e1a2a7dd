"""testinfra through a tape: same verdicts from the tape as live, and no answer is never a pass."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from checks.collectors import ssh
from checks.recording import live, suite
from checks.recording.live import record
from checks.recording.suite import HostTest, run_suite
from checks.recording.tape import Recorded, Tape
from core.workspace import REPOSITORY

from .conftest import NOW, read_capture

ROLES = {"dc-db1": "database-primary", "dc-mgmt1": "management", "dr-db1": "database-standby", "hph-node1": "site-node"}


def tape_of(host: str) -> Tape:
    return Tape.from_bytes(next(e.raw for e in read_capture() if (e.item.collector, e.item.asset) == ("hosts", host)))


@pytest.fixture
def host_that_answers(monkeypatch):
    """An SSH that answers from the capture; counts its round trips; unknown commands fail like a missing program."""
    trips: list[int] = []

    def answer(_config, alias, commands):
        trips.append(len(commands))
        tape = tape_of(alias)
        found = [tape.find(command.text.encode()) for command in commands]
        return [ssh.Answer(known.exit_code, known.stdout, known.stderr, NOW, NOW) if known
                else ssh.Answer(127, b"", b"not found", NOW, NOW) for known in found]

    monkeypatch.setattr(live, "run_batch", answer)
    return trips


@pytest.mark.parametrize("host", sorted(ROLES))
def test_replay_of_a_good_host_passes_every_test(host):
    results, _used, missing = run_suite(tape_of(host), ROLES[host])
    assert [(r.test.id, r.detail) for r in results if r.verdict != "pass"] == []
    assert missing == []
    assert len(results) >= 45


def test_recording_gives_the_verdicts_of_the_capture(host_that_answers, tmp_path):
    first = record(tmp_path, "dc-db1", "database-primary", tmp_path / "hints")
    rounds = len(host_that_answers)
    again = record(tmp_path, "dc-db1", "database-primary", tmp_path / "hints")
    assert rounds >= 2, "commands that depend on answers come in later rounds"
    assert len(host_that_answers) == rounds + 1, "what the last run used is asked in one round trip"
    for tape in (first, again):
        assert {r.verdict for r in run_suite(tape, "database-primary")[0]} == {"pass"}


def test_a_dead_host_gives_no_pass_no_skip_and_one_attempt(monkeypatch, tmp_path):
    trips = []

    def dead(_config, _alias, commands):
        trips.append(1)
        return [ssh.Answer(255, b"", b"", NOW, NOW, "no route to host", True) for _ in commands]

    monkeypatch.setattr(live, "run_batch", dead)
    tape = record(tmp_path, "gone", "database-primary")
    results, _used, _missing = run_suite(tape, "database-primary")
    assert {result.verdict for result in results} == {"no-answer"}
    assert trips == [1]


def swallows(host):
    """A test that hides trouble"""
    try:
        assert host.file("/etc/passwd").exists
    except Exception:  # noqa: BLE001 - the very trick
        return


def negated(host):
    """A negated test"""
    assert not host.package("telnetd").is_installed


def skips(host):
    """A test that skips on trouble"""
    try:
        host.check_output("true")
    except BaseException:  # noqa: BLE001 - the very trick
        pytest.skip("cannot tell")


def expects(host):
    """A test that expects trouble"""
    with pytest.raises(BaseException):  # noqa: B017 - the very trick
        host.check_output("true")


@pytest.mark.parametrize("function", [swallows, negated, skips, expects])
def test_no_trick_turns_no_answer_into_a_pass(function):
    test = HostTest("x", "x", function, {}, ("all",))
    from checks.recording.backend import TapeBackend

    result = suite._call(test, TapeBackend(live.new_tape("nobody")))
    assert result.verdict == "no-answer"


def test_a_test_that_cannot_be_called_directly_is_an_error_not_dropped():
    def needs_more(host, tmp_path):
        """Needs a fixture"""

    (test,) = suite._expand("m::needs_more", needs_more)
    assert "tmp_path" in test.refused
    from checks.recording.backend import TapeBackend

    assert suite._call(test, TapeBackend(live.new_tape("n"))).verdict == "error"


def test_every_recorded_answer_matters_or_is_not_kept():
    """Change each answer in turn; some test that used it must leave pass. Finds checks that judge nothing."""
    tape = tape_of("dc-db1")
    probes = ("uname", "command -v", "cat /etc/os-release", "test -d", "python3 -c")
    blind = []
    for key, answer in tape.answers.items():
        if any(part in answer.command for part in probes):
            continue
        changed = Tape(tape.host, tape.suite_sha256, tape.testinfra, dict(tape.answers))
        changed.answers[key] = replace(answer, stdout=b"9 something else\n", stderr=b"odd\n", exit_code=3)
        if all(result.verdict == "pass" for result in run_suite(changed, "database-primary")[0]):
            blind.append(answer.command)
    assert blind == []


def test_order_does_not_matter(monkeypatch):
    tests = list(suite.suite())
    random.Random(7).shuffle(tests)  # noqa: S311 - an order, no secret
    monkeypatch.setattr(suite, "suite", lambda: tuple(tests))
    results, _used, _missing = run_suite(tape_of("dr-db1"), "database-standby")
    assert {result.verdict for result in results} == {"pass"}


@pytest.mark.parametrize("spoil", [
    lambda data: data | {"host": "other"},
    lambda data: data | {"schema": "rackproof-tape-0"},
    lambda data: data | {"answers": {"0" * 64: next(iter(data["answers"].values()))}},
])
def test_a_spoiled_tape_is_refused(spoil):
    data = json.loads(tape_of("dc-db1").to_bytes())
    with pytest.raises(ValueError):
        Tape.from_bytes(json.dumps(spoil(data)).encode())


def test_trouble_on_the_tape_is_no_answer():
    tape = live.new_tape("x")
    tape.add(b"true", Recorded("true", 124, b"", b"", "", "", "the command did not end in time"))
    from checks.recording.backend import TapeBackend

    result = suite._call(HostTest("x", "x", lambda host: host.run("true"), {}, ("all",)), TapeBackend(tape))
    assert (result.verdict, result.detail) == ("no-answer", "the command did not end in time")


def test_pytest_itself_runs_the_tests_from_the_tape(tmp_path):
    """The same tests under pytest with --hosts=rec://NAME: same count, all pass; without a tape, none passes."""
    (tmp_path / "hph-node1.tape.json").write_bytes(tape_of("hph-node1").to_bytes())
    argv = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "--tb=no", "checks/hosts",
            "--hosts=rec://hph-node1,rec://nobody", "-k", "not database"]
    done = subprocess.run(argv, cwd=REPOSITORY, env={**os.environ, "RACKPROOF_TAPES": str(tmp_path)},
                          capture_output=True, text=True, timeout=120, check=False)
    assert "47 failed, 47 passed" in done.stdout, done.stdout[-2000:] + done.stderr[-500:]
    assert "hph-node1" not in "".join(line for line in done.stdout.splitlines() if line.startswith("FAILED"))


def frames(*answers: tuple[int, bytes, bytes]) -> bytes:
    return b"".join(b"RPK1 %d %d 1 2 %d %d\n%s%s" % (index, code, len(out), len(err), out, err)
                    for index, (code, out, err) in enumerate(answers))


@pytest.mark.parametrize(("output", "complete"), [
    (frames((0, b"a\n", b""), (1, b"", b"no")), 2),
    (frames((0, b"RPK1 1 0 1 2 0 0\n", b"")), 1),
    (frames((0, b"a", b""), (0, b"bb", b""))[:-1], 1),
    (b"Welcome!\n" + frames((0, b"a", b"")), 0),
    (frames((0, b"a", b"")) + b"RPK1 5 0 1 2 0 0\n", 1),
    (b"", 0),
])
def test_a_torn_or_foreign_frame_is_no_answer(output, complete):
    assert len(ssh.parse(output, 2)) == complete


def test_the_batch_really_runs_in_a_shell(tmp_path):
    texts = ["echo one; echo two >&2; exit 3", "sleep 20", "printf '\\377\\0x'", "cat",
             "pgrep -fc no-such-daemon-at-all", "yes | head -c 2000000"]
    commands = [ssh.Command(text, 1 if "sleep" in text else 10) for text in texts]
    done = subprocess.run(["/bin/sh", "-s"], input=ssh.script(commands), capture_output=True, timeout=60, check=True)
    answers = ssh.parse(done.stdout, len(commands))
    assert len(answers) == len(commands)
    assert (answers[0].exit_code, answers[0].stdout, answers[0].stderr) == (3, b"one\n", b"two\n")
    assert answers[1].trouble == "the command did not end in time"
    assert answers[2].stdout == b"\xff\0x"
    assert (answers[3].exit_code, answers[3].stdout) == (0, b""), "a command must not read the script that runs it"
    assert answers[4].stdout == b"0\n", "a command must not find itself"
    assert "cut" in answers[5].trouble


def test_an_unreachable_host_answers_every_command_with_trouble(tmp_path):
    config = tmp_path / "ssh_config"
    config.write_text("Host gone\n  HostName 127.0.0.1\n  Port 1\n  BatchMode yes\n")
    answers = ssh.run_batch(config, "gone", [ssh.Command("true"), ssh.Command("true")])
    assert [answer.unreachable for answer in answers] == [True, True]
    assert all(answer.trouble for answer in answers)


def test_hosts_of_one_role_are_recorded_side_by_side(host_that_answers, tmp_path):
    """Eight at once, one hints file: nobody stumbles over the file of another."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        tapes = list(pool.map(lambda _n: record(tmp_path, "hph-node1", "site-node", tmp_path / "hints"), range(24)))
    assert all({r.verdict for r in run_suite(tape, "site-node")[0]} == {"pass"} for tape in tapes)
    assert [file.suffix for file in (tmp_path / "hints").iterdir()] == [".json"]
