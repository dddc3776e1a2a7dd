"""``rackproof init`` through the front door: whole or not at all, private, valid, and used by every verb run in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from core import secrets
from core.workspace import REPOSITORY, Workspace
from inventory.cli.init import Example
from inventory.starter.folder import list_examples
from tests.support import json_of, wait_until

FRONT_DOOR = [sys.executable, "-P", "-m", "rackproof"]
FIRST = ["--site", "hq"]
#: What a person never sees: whatever stands in a private file of the workspace.
PRIVATE_FILES = ("vault-password", "keys/ops_ed25519", "keys/netops_ed25519", "keys/signing.pem")


def environment(**more: str) -> dict[str, str]:
    """The environment of somebody without a clone, a lab or settings of their own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "RACKPROOF_STATE") if name in os.environ}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "RACKPROOF_LAB": "nolab", "LANG": "C.UTF-8", **more}


def run(words: Iterable[str], cwd: Path, umask: int = 0o022, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FRONT_DOOR, *words],
        cwd=cwd,
        env=environment(**more),
        umask=umask,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def init(folder: Path, *words: str, umask: int = 0o022) -> dict[str, Any]:
    """Make a folder and return what the verb says of it."""
    done = run(["init", str(folder), *words, "--json"], folder.parent, umask)
    assert done.returncode == 0, done.stdout + done.stderr
    made: dict[str, Any] = json_of(done.stdout)
    return made


def refusal(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Return exit code and error code of a call with --json."""
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["errors"][0]["code"]


def workspace_of(folder: Path) -> Workspace:
    return Workspace(folder / "workspace", folder / "estate")


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder made from flags, which no test changes."""
    folder = tmp_path_factory.mktemp("made") / "acme"
    init(folder, *FIRST, "--name", 'Trụ sở "chính": #1')
    return folder


def test_every_example_can_be_named() -> None:
    assert [example.value for example in Example] == list_examples()


@pytest.mark.parametrize("example", list_examples())
def test_an_example_is_valid_without_a_warning_and_used_in_its_folder(tmp_path: Path, example: str) -> None:
    folder = tmp_path / "home"
    assert init(folder, "--example", example)["example"] == example
    found = json_of(run(["estate", "validate", "--json"], folder / "estate" / "sites").stdout)
    assert (found["valid"], found["warnings"]) == (True, [])
    assert found["estate"] == str(folder / "estate")


def test_the_examples_are_the_sites_that_they_promise(tmp_path: Path) -> None:
    counted = {}
    for example in list_examples():
        estate = REPOSITORY / "inventory/starter/examples" / example / "estate"
        done = run(["--estate", str(estate), "estate", "show", "--json"], tmp_path)
        counted[example] = sorted(site["tier"] for site in json_of(done.stdout)["sites"])
    assert counted["company"] == ["BRANCH", "BRANCH", "HQ"]
    assert counted["nation"] == ["DC", "DR", "HUYEN", "HUYEN", "TINH"]
    assert counted["room"] == ["ROOM"]


@pytest.mark.parametrize("site", ["hq", "null", "true", "no", "1", "2026-01-01", "a" * 20])
def test_a_code_that_yaml_reads_otherwise_stays_a_text(tmp_path: Path, site: str) -> None:
    init(tmp_path / "home", "--site", site)
    done = run(["estate", "show", site, "--json"], tmp_path / "home")
    assert done.returncode == 0, done.stdout
    assert json_of(done.stdout)["site"][0]["site"] == site


def test_a_name_keeps_its_signs(acme: Path) -> None:
    data = yaml.safe_load((acme / "estate/sites/hq.yml").read_text("utf-8"))
    assert data["name"] == {"en": 'Trụ sở "chính": #1', "vi": 'Trụ sở "chính": #1'}


def test_two_estates_begin_with_different_prefixes(tmp_path: Path) -> None:
    prefixes = set()
    for name in ("one", "two"):
        init(tmp_path / name, *FIRST)
        prefixes.add(re.findall(r"ipv6_prefix: (fd\S+)", (tmp_path / name / "estate/estate.yml").read_text())[0])
    assert len(prefixes) == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_private_is_so_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "home"
    init(folder, *FIRST, umask=umask)
    inside = [folder / "workspace", *(folder / "workspace").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside if path.is_file()} == {0o600}
    for path in (folder, folder / "rackproof.yml"):
        assert path.stat().st_mode & 0o022 == 0, "others may write, or replace, what names programs to run"
    assert run(["config", "show"], folder).returncode == 0


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    done = run(["init", str(tmp_path / "home"), *FIRST], tmp_path)
    asked = run(["config", "show", "--json"], tmp_path / "home")
    shown = [done.stdout, done.stderr, asked.stdout, asked.stderr]
    ws = workspace_of(tmp_path / "home")
    hidden = [*secrets.load(ws).values(), *((ws.root / name).read_text() for name in PRIVATE_FILES)]
    assert [text for text in hidden if any(text.strip() in stream for stream in shown)] == []


def test_the_secrets_are_those_of_any_workspace_and_encrypted(acme: Path) -> None:
    values = secrets.load(workspace_of(acme))
    assert set(values) == set(secrets.SECRET_BYTES)
    assert (acme / "workspace/secrets.yml").read_bytes().startswith(b"$ANSIBLE_VAULT;")


def test_it_can_be_moved(tmp_path: Path) -> None:
    init(tmp_path / "home", *FIRST)
    (tmp_path / "home").rename(tmp_path / "elsewhere")
    found = json_of(run(["config", "show", "--json"], tmp_path / "elsewhere").stdout)
    values = {row["name"]: row["value"] for row in found["settings"]}
    assert values["workspace"] == str(tmp_path / "elsewhere/workspace")
    assert secrets.load(workspace_of(tmp_path / "elsewhere"))


def test_git_is_given_nothing_of_the_workspace(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    init(folder, *FIRST)
    (folder / "vault-password").write_text("x")
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, timeout=60)
    listed = subprocess.run(
        ["git", "-C", str(folder), "ls-files"], capture_output=True, text=True, timeout=60, check=True
    )
    names = listed.stdout.split()
    assert {"rackproof.yml", "estate/estate.yml", ".pre-commit-config.yaml"} <= set(names)
    assert [name for name in names if name.startswith("workspace") or "password" in name] == []


def test_the_hook_refuses_an_estate_with_a_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    init(folder, *FIRST)
    hook = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"][0]
    program, *words = shlex.split(hook["entry"])
    assert os.access(program, os.X_OK)
    assert words[:2] == ["estate", "validate"], "showing an estate is not checking it"
    assert run(words, folder).returncode == 0
    (folder / "estate/links.yml").write_text("links: 1\n")
    assert run(words, folder).returncode == 3


def test_the_hook_that_the_repository_offers_is_a_verb() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    program, *words = hooks[0]["entry"].split()
    assert program == "rackproof"
    assert run([*words, "--help"], REPOSITORY).returncode == 0


# What is there already.


@pytest.mark.parametrize("kind", ["file inside", "hidden file inside", "a file", "a link to itself"])
def test_what_is_there_is_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "home"
    code = (2, "FIL003") if kind == "a link to itself" else (6, "INI001")
    if kind == "a file":
        target.write_text("mine")
    elif kind == "a link to itself":
        target.symlink_to(tmp_path / "home/loop")
    else:
        target.mkdir()
        (target / (".git" if "hidden" in kind else "notes")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    done = run(["init", str(target), *FIRST, "--json"], tmp_path)
    assert refusal(done) == code
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_filled_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "home"
    target.mkdir(mode=0o750)
    target.chmod(0o2750)
    init(target, *FIRST)
    assert stat.S_IMODE(target.stat().st_mode) == 0o2750


def test_the_folder_one_stands_in_can_be_filled(tmp_path: Path) -> None:
    target = tmp_path / "home"
    target.mkdir()
    assert run(["init", ".", *FIRST], target).returncode == 0
    assert (target / "rackproof.yml").is_file()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["DIR"], "USE004"),
        (["DIR", "--site", "HQ"], "USE005"),
        (["DIR", "--site", ""], "USE005"),
        (["DIR", "--site", "../up"], "USE005"),
        (["DIR", "--site", "a" * 21], "USE005"),
        (["DIR", *FIRST, "--name", "two\nlines"], "USE005"),
        (["DIR", *FIRST, "--ipv6-prefix", "fe80::/32"], "USE005"),
        (["DIR", *FIRST, "--ipv6-prefix", "fd00::/48"], "USE005"),
        (["DIR", *FIRST, "--ipv4-prefix", "10.0.0.1/24"], "USE005"),
        (["DIR", *FIRST, "--ipv4-prefix", "127.0.0.0/24"], "USE005"),
        (["DIR", *FIRST, "--example", "room"], "INI002"),
        (["DIR", "--example", "palace"], "USE005"),
        (["", *FIRST], "USE005"),
        ([], "USE004"),
        (["DIR/below/what/is/not/there", *FIRST], "FIL003"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_made(tmp_path: Path, words: list[str], code: str) -> None:
    placed = [word.replace("DIR", str(tmp_path / "home")) for word in words]
    done = run(["init", *placed, "--json"], tmp_path)
    assert refusal(done) == (2, code)
    assert list(tmp_path.iterdir()) == []


# Cut off half-way.


def start(target: Path) -> subprocess.Popen[str]:
    argv = [*FRONT_DOOR, "init", str(target), *FIRST]
    started = subprocess.Popen(
        argv, cwd=target.parent, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: list(target.parent.glob(".home.rackproof-*/workspace/vault-password")), 60)
    return started


def test_kill_leaves_no_folder_and_the_next_call_clears_up(tmp_path: Path) -> None:
    target = tmp_path / "home"
    running = start(target)
    running.kill()
    running.communicate(timeout=60)
    assert not target.exists()
    assert len(list(tmp_path.iterdir())) == 1, "it was not killed half-way"
    init(target, *FIRST)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whoever_is_asked_to_end_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path / "home")
    running.send_signal(number)
    _output, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_filled_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "home"
    running = start(target)
    target.mkdir()
    (target / "mine").write_text("mine")
    _output, errors = running.communicate(timeout=60)
    assert (running.returncode, "INI001" in errors) == (6, True)
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "mine"]


def is_waiting(process: subprocess.Popen[str]) -> bool:
    """Return whether a process waits for a lock that another one holds."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {process.pid} " in line for line in lines)


def test_two_at_once_make_one(tmp_path: Path) -> None:
    target = tmp_path / "home"
    first = start(target)
    first.send_signal(signal.SIGSTOP)
    argv = [*FRONT_DOOR, "init", str(target), *FIRST]
    second = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: is_waiting(second), 30, "the second does not wait for the first")
    finally:
        first.send_signal(signal.SIGCONT)
        answers = [running.communicate(timeout=60) for running in (first, second)]
    assert (first.returncode, second.returncode) == (0, 6), answers
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert secrets.load(workspace_of(target))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize(("options", "code"), [("ro", 8), ("size=24k", 8), ("size=60k", 8)])
def test_a_disk_that_takes_nothing_keeps_nothing(tmp_path: Path, options: str, code: int) -> None:
    words = [*FRONT_DOOR, "init", str(tmp_path / "home"), *FIRST, "--json"]
    script = 'mount -t tmpfs -o "$1" x "$2" && dir=$2 && shift 2 && { "$@"; code=$?; ls -A "$dir" >&2; exit $code; }'
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", options, str(tmp_path), *words],
        env=environment(), capture_output=True, text=True, timeout=120, check=False, cwd=REPOSITORY,
    )  # fmt: skip
    assert refusal(done) == (code, "FIL001")
    assert done.stderr == "", "something was left there"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its account")
def test_a_folder_that_this_account_may_not_write_is_refused(tmp_path: Path) -> None:
    words = [*FRONT_DOOR, "init", "/etc/rackproof-of-nobody", *FIRST, "--json"]
    done = subprocess.run(
        words, user=65534, group=65534, extra_groups=[], env=environment(HOME="/nonexistent"),
        capture_output=True, text=True, timeout=120, check=False, cwd="/",
    )  # fmt: skip
    assert refusal(done) == (6, "FIL002")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves files to others")
def test_root_makes_it_for_the_owner_of_the_folder_above(tmp_path: Path) -> None:
    above = tmp_path / "theirs"
    above.mkdir()
    os.chown(above, 65534, 65534)
    init(above / "home", *FIRST)
    inside = [above / "home", *(above / "home").rglob("*")]
    assert {path.stat().st_uid for path in inside} == {65534}


# On a terminal.


def test_a_terminal_is_asked_until_the_answers_can_be_used(tmp_path: Path) -> None:
    target = tmp_path / "home"
    words = [*FRONT_DOOR[1:], "init", str(target)]
    child = pexpect.spawn(sys.executable, words, env=environment(TERM="dumb"), encoding="utf-8", timeout=60)
    answers = [
        ("code of the first site", "HQ"),
        ("code of the first site", "hq"),
        ("its name for people", "Trụ sở"),
        ("IPv6 prefix", "fd00::/64"),
        ("IPv6 prefix", "fd12:3456::/32"),
        ("IPv4 prefix", ""),
    ]
    for asked, typed in answers:
        child.expect(asked)
        child.sendline(typed)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "ipv6_prefix: fd12:3456::/32" in (target / "estate/estate.yml").read_text()
    assert "Trụ sở" in (target / "estate/sites/hq.yml").read_text("utf-8")
    assert "10.10.1.0/24" in (target / "estate/sites/hq.yml").read_text()


def test_a_terminal_is_asked_nothing_that_an_option_says_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    words = [*FRONT_DOOR[1:], "init", str(tmp_path / "home"), *FIRST, "--name", "Office"]
    child = pexpect.spawn(sys.executable, words, env=environment(TERM="dumb"), encoding="utf-8", timeout=60)
    child.expect("IPv6 prefix")
    assert "code of" not in (child.before or "")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert list(tmp_path.iterdir()) == []


def test_json_asks_nothing_on_a_terminal_either(tmp_path: Path) -> None:
    words = [*FRONT_DOOR[1:], "init", str(tmp_path / "home"), "--json"]
    child = pexpect.spawn(sys.executable, words, env=environment(TERM="dumb"), encoding="utf-8", timeout=60)
    child.expect("USE004")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
