"""What the proof of the newcomer takes for a promise kept: by exit code, by what was shown, by the version."""

from pathlib import Path

import pytest

from core.errors import RackproofError
from lab.proofs import machine, newcomer, pythons
from lab.proofs.machine import LineRun
from lab.proofs.newcomer import CommandProof, Proof

GOOD = "=================== 2848 passed, 3 skipped in 1894.41s (0:31:34) ==================="
SECTION = "## Two commands\n\n```sh\n{one}\n```\n\ntext\n\n```sh\n{two}\n```\n\n## Next\n"


def faults(line: str, text: str, exit_code: int | None = 0) -> list[str]:
    return list(newcomer.find_faults(line, LineRun(exit_code, 60.0, text)))


def test_the_two_commands_are_read_from_our_readme_as_they_stand() -> None:
    commands = newcomer.read_commands(newcomer.README.read_text(encoding="utf-8"))
    assert commands == {"demo": "./rackproof demo", "test": "./rackproof test"}


def test_a_command_is_run_as_it_is_written() -> None:
    text = SECTION.format(one="./rackproof demo --keep", two="./rackproof test")
    assert newcomer.read_commands(text)["demo"] == "./rackproof demo --keep"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("./rackproof demo", "./rackproof doctor"),
        ("./rackproof demo", "./rackproof demo"),
        ("./rackproof demo\n./rackproof test", "apt-get install x"),
        ("./rackproof demo", ""),
        ("sudo ./rackproof demo", "./rackproof test"),
    ],
)
def test_other_commands_in_the_readme_are_refused(one: str, two: str) -> None:
    with pytest.raises(RackproofError) as caught:
        newcomer.read_commands(SECTION.format(one=one, two=two))
    assert caught.value.code == "PRF002"


def test_a_readme_without_the_section_is_refused() -> None:
    with pytest.raises(RackproofError) as caught:
        newcomer.read_commands("# Rackproof\n\n```sh\n./rackproof demo\n./rackproof test\n```\n")
    assert caught.value.code == "PRF002"


@pytest.mark.parametrize(
    ("line", "text", "exit_code"),
    [
        ("./rackproof demo", "all of it took 180 s\n", 1),
        ("./rackproof demo", "all of it took 180 s\n", None),
        ("./rackproof demo", "\x1b[?25l working", 0),
        ("./rackproof demo", "Traceback (most recent call last)\n", 0),
        ("./rackproof test", GOOD, 1),
        ("./rackproof test", "", 0),
        ("./rackproof test", "2848 passed, said somebody", 0),
        ("./rackproof test", GOOD.replace("2848 passed", "1 failed, 2847 passed"), 0),
        ("./rackproof test", GOOD.replace("3 skipped", "1 error"), 0),
        ("./rackproof test", GOOD.replace("2848 passed, ", ""), 0),
        ("./rackproof test", GOOD.replace("2848 passed", "0 passed"), 0),
        ("./rackproof test", f"{GOOD}\n{GOOD.replace('3 skipped', '1 xpassed')}", 0),
    ],
)
def test_a_promise_that_was_not_kept_has_a_reason(line: str, text: str, exit_code: int | None) -> None:
    assert len(faults(line, text, exit_code)) == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("./rackproof demo", "\x1b[?25l working\x1b[?25h done\r\n"),
        ("./rackproof test", GOOD),
        ("./rackproof test", f"\x1b[32m{GOOD}\x1b[0m\r\n"),
        ("./rackproof test --fast", GOOD.replace("3 skipped", "3 skipped, 1 warning")),
    ],
)
def test_a_promise_that_was_kept_has_none(line: str, text: str) -> None:
    assert faults(line, text) == []


@pytest.mark.parametrize(
    ("commands", "machine_faults", "is_good"),
    [
        ((), (), False),
        ((CommandProof("./rackproof demo", 0, 1.0, "", ()),), (), True),
        ((CommandProof("./rackproof demo", 0, 1.0, "", ()),), ("another Python",), False),
        ((CommandProof("./rackproof demo", 0, 1.0, "", ("exit code 1",)),), (), False),
    ],
)
def test_only_a_proof_of_something_without_faults_is_good(
    commands: tuple[CommandProof, ...], machine_faults: tuple[str, ...], is_good: bool
) -> None:
    proof = Proof("bookworm", "3.11.2", "0" * 40, 0, "log", "", commands, machine_faults)
    assert proof.is_good is is_good


@pytest.mark.parametrize(("found", "count"), [("3.11.2", 0), ("3.11.7", 1), ("3.11.20", 1), ("", 1)])
def test_the_python_must_be_debians_own(found: str, count: int) -> None:
    release = machine.read_release("bookworm")
    assert len(list(newcomer.find_machine_faults(release, found))) == count


def test_an_unknown_release_is_named() -> None:
    with pytest.raises(RackproofError) as caught:
        machine.read_release("bookwurm")
    assert caught.value.code == "PRF004"
    assert "bookworm" in caught.value.remedy


def test_a_python_that_is_not_there_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "find_python", lambda _version: None)
    proofs = pythons.prove_pythons((), lambda _text: None)
    assert [proof.wanted for proof in proofs] == list(pythons.SUPPORTED)
    assert not any(proof.is_good for proof in proofs)


def test_the_supported_pythons_are_those_of_the_metadata_and_the_releases() -> None:
    import tomllib

    from core.workspace import REPOSITORY

    metadata = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["requires-python"] == f">={pythons.SUPPORTED[0]}"
    versions = {machine.read_release(name).python for name in machine.list_releases()}
    assert {".".join(version.split(".")[:2]) for version in versions} <= set(pythons.SUPPORTED)


def test_tests_that_take_too_long_are_ended_and_what_they_showed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\necho begun\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(pythons, "TIME_LIMIT_S", 2.0)
    done = pythons.run_tests(tmp_path, ["./slow"])
    assert (done.exit_code, done.text) == (None, "begun\n")
