"""A key or a password of a change or of a router is nowhere in clear but in what is typed and in a private snapshot."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import RackproofError
from core.workspace import REPOSITORY, Workspace
from netconfig.cli import net as cli
from netconfig.journal.record import RunRecord, list_runs, open_journal
from netconfig.platforms.redaction import MARK, hash_secret, hide, hide_in
from netconfig.rollout import rollout
from tests.netconfig.world import World, rendered
from tests.support import json_of

NEW, OLD = "S3CRETMARK-new", "S3CRETMARK-old"
EDGE = "hph-edge1"
CHANGE = f"""devices:
  {EDGE}:
    add: |
      interface up1
       ip ospf message-digest-key 1 md5 {NEW}
      router bgp 65000
       neighbor fd52:5052:ff01::1 password {NEW}
"""


@pytest.fixture
def room(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    ws = Workspace(tmp_path, REPOSITORY / "lab" / "estate")
    monkeypatch.setattr(cli, "current", lambda: ws)
    monkeypatch.setattr(
        rollout, "make_context", lambda estate, ws, run, say, timer_s=None: world.means(run, timer_s=timer_s)
    )
    world.journal = lambda: open_journal(ws)  # type: ignore[method-assign]
    world.folder = tmp_path / "netconfig"
    world.converge()
    router = world.routers[EDGE]
    text = rendered(world.estate, EDGE)
    router.running = router.startup = text.replace(
        "interface up1\n", f"interface up1\n ip ospf message-digest-key 1 md5 {OLD}\n", 1
    )
    (tmp_path / "change.yml").write_text(CHANGE)
    return world


def invoke(*arguments: str) -> str:
    """Run a verb and return all that it printed, an error's text included."""
    try:
        done = CliRunner().invoke(cli.app, list(arguments), standalone_mode=False, catch_exceptions=False)
    except RackproofError as error:
        return f"{error}{error.as_dict()}"
    return done.output + done.stderr


@pytest.mark.parametrize("refused", [False, True], ids=["verified", "refused by the router"])
def test_no_artefact_holds_a_secret(room: World, tmp_path: Path, refused: bool) -> None:
    change = ("--change", str(tmp_path / "change.yml"))
    approve = ("--approve", json_of(CliRunner().invoke(cli.app, ["plan", "--json", *change]).stdout)["plan_id"])
    if refused:
        room.routers[EDGE].refuses = f"ip ospf message-digest-key 1 md5 {NEW}"
    shown = [
        invoke("plan", *change),
        invoke("plan", "--commands", *change),
        invoke("plan", "--json", *change),
        invoke("apply", *change, *approve),
        invoke("status"),
        invoke("status", "--json"),
        invoke("journal"),
        invoke("journal", "--json"),
        *(invoke("journal", "--run", run.run, *how) for run in _runs(room) for how in ((), ("--json",))),
        *room.said,
    ]
    assert _runs(room), "the change was not even begun"
    assert "S3CRETMARK" not in "\n".join(shown)
    assert hash_secret(NEW) in shown[0]
    assert hash_secret(OLD) in shown[0]
    assert (NEW in room.routers[EDGE].running) is not refused
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    holding = [file for file in files if b"S3CRETMARK" in file.read_bytes()]
    assert {file.name for file in holding} == {"change.yml", f"{EDGE}.before", f"{EDGE}.intended.json"}
    for file in holding:
        if file.name != "change.yml":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def _runs(room: World) -> list[RunRecord]:
    return list_runs(room.journal().read())


@pytest.mark.parametrize(
    "line",
    [
        "ip ospf message-digest-key 1 md5 {}", "ip ospf authentication-key {}", "neighbor 192.0.2.1 password {}",
        "neighbor A password 7 {}", "  key-string {}", "password {}", "enable password 8 {}", "enable secret 5 {}",
        "username x password {}", "snmp-server community {}", "snmp community {}", "isis password clear {}",
        "no neighbor 192.0.2.1 password {}", "% Unknown command: neighbor 192.0.2.1 password {}",
        "area-password md5 {}", "domain-password clear {}",
    ],
)  # fmt: skip
def test_a_secret_is_a_fingerprint_wherever_its_line_stands(line: str) -> None:
    for around in ("{}", "a\n{}\nb", "'{}'"):
        text = around.format(line.format("hunter2xyz"))
        assert "hunter2xyz" not in hide(text)
        assert MARK in hide(text)
        assert hide(hide(text)) == hide(text)


def test_what_is_no_secret_stays() -> None:
    for text in ("description the password is kept elsewhere", "Invalid username and password", "ip ospf cost 5"):
        assert hide(text) == text
    assert hide_in({"a": [1, None, "x"], "b": ("y",)}) == {"a": [1, None, "x"], "b": ["y"]}


def test_two_secrets_have_two_fingerprints() -> None:
    assert hash_secret("a") != hash_secret("b")
    assert hash_secret("a") == hash_secret("a") != "a"
