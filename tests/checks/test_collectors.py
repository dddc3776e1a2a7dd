"""Collectors: a dead link, a refused log-in and a changed host key are told apart; versions are read, not written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.bundle import tool_versions
from checks.bundle.sources import list_estate_sources
from checks.collect import drill, files, hosts, routers
from checks.collect.files import collect_register
from checks.collect.hosts import CommandEntry, collect_host
from checks.collect.recordings import collect_recording
from checks.collect.snmp import OUTCOMES, capture_poll
from checks.collect.sweep import Sweep
from checks.messages import FILE as MESSAGES
from checks.messages import read_messages
from checks.model import Captured, CollectOutcome
from checks.ssh import ShellAnswer, ShellCommand, run_batch
from core import version
from core.errors import ErrorGroup, RackproofError
from core.workspace import Workspace
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from monitoring.poll.raw import RawPoll
from monitoring.snmp.poll import Absence

from .conftest import LAB_ESTATE, read_capture

TurnedAway = tuple[Sweep, CollectOutcome]

#: What OpenSSH 9.2 wrote, word for word.
SAID = {
    CollectOutcome.HOST_KEY_CHANGED: """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /tmp/kh:1
Host key for hph-node1 has changed and you have requested strict checking.
Host key verification failed.""",
    CollectOutcome.LOGIN_REFUSED: "nobody@fd52:5052:1f00:106e::11: Permission denied (publickey).",
    CollectOutcome.UNREACHABLE: "ssh: connect to host fd52:5052:1f00:106e::99 port 22: Connection timed out",
}


@pytest.fixture(params=SAID, ids=lambda outcome: outcome.value)
def turned_away(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estate: Estate
) -> TurnedAway:
    """A sweep whose ssh ends the way OpenSSH ends then; gives the sweep and the outcome that is right."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >&2 <<'SAID'\n{SAID[request.param]}\nSAID\nexit 255\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    ws = Workspace(tmp_path / "ws", LAB_ESTATE)
    return Sweep(estate, ws, "test", frozenset({"hosts"}), frozenset(estate.sites)), request.param


def test_a_host_says_how_it_turned_us_away(turned_away: TurnedAway, estate: Estate) -> None:
    sweep, right = turned_away
    entry = CommandEntry("time", "tracking", ("all",), "chronyc tracking", "chrony")
    (found,) = collect_host(sweep, estate.devices["hph-node1"], [entry])
    assert found.item.outcome is right


def test_a_recording_says_how_it_was_turned_away(turned_away: TurnedAway, estate: Estate) -> None:
    sweep, right = turned_away
    assert collect_recording(sweep, estate.devices["hph-node1"]).item.outcome is right


def test_a_router_says_how_it_turned_us_away_once(turned_away: TurnedAway, estate: Estate) -> None:
    sweep, right = turned_away
    found = routers.collect_router(sweep, estate.devices["core1"])
    assert {item.item.outcome for item in found} == {right}
    assert len(found) == len(routers.COMMANDS)


def test_a_drill_says_how_it_was_turned_away(turned_away: TurnedAway, estate: Estate) -> None:
    sweep, right = turned_away
    found = drill.run_drill(sweep, estate.devices["dc-db1"], estate.devices["dc-mgmt1"])
    assert {item.item.outcome for item in found} == {right}


def test_nobody_is_sent_to_the_power_for_a_refused_log_in() -> None:
    for msgid in ("evidence.login_refused", "evidence.host_key_changed"):
        assert not {"power", "cable", "nguồn"} & set(
            read_messages()[msgid]["en"].split() + read_messages()[msgid]["vi"].split()
        )


SILENT_OR_NOT = [
    (Absence.LOGIN_REFUSED, CollectOutcome.LOGIN_REFUSED),
    (Absence.NO_ANSWER, CollectOutcome.UNREACHABLE),
    (Absence.NOT_BELIEVED, CollectOutcome.ERROR),
    (Absence.FAULT, CollectOutcome.ERROR),
    (Absence.NONE, CollectOutcome.COLLECTED),
]


@pytest.mark.parametrize(("absence", "right"), SILENT_OR_NOT)
def test_only_an_agent_that_says_nothing_is_out_of_reach(absence: Absence, right: CollectOutcome) -> None:
    raw = next(entry.raw for entry in read_capture() if entry.item.collector == "snmp")
    poll = replace(RawPoll.from_bytes(raw), absence=absence, error="in words" if absence else "")
    assert capture_poll(poll).item.outcome is right


def test_every_absence_of_an_agent_has_an_outcome() -> None:
    assert set(OUTCOMES) == set(Absence)


def test_a_command_that_is_too_slow_is_not_out_of_reach() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert ShellAnswer(124, b"", b"", now, now, "the command did not end in time").outcome is CollectOutcome.TIMEOUT
    assert ShellAnswer(0, b"", b"", now, now).outcome is CollectOutcome.COLLECTED


def test_half_an_answer_is_no_answer_and_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is lost in mid-answer: what was whole counts, the rest is out of reach."""
    program = tmp_path / "ssh"
    program.write_text("#!/bin/sh\nprintf 'RPK1 0 0 1 2 2 0\\na\\nRPK1 1 0 1 2 9 0\\nb'\necho gone >&2; exit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    answers = run_batch(tmp_path / "config", "x", [ShellCommand("a"), ShellCommand("b")])
    assert [answer.outcome for answer in answers] == [CollectOutcome.COLLECTED, CollectOutcome.UNREACHABLE]


def test_what_we_collect_ourselves_carries_our_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "read_version", lambda: "9.9.9")
    raw = next(entry.raw for entry in read_capture() if entry.item.collector == "snmp")
    assert {entry.item.tool_version for entry in collect_register()} == {"9.9.9"}
    assert capture_poll(RawPoll.from_bytes(raw)).item.tool_version == "9.9.9"
    assert tool_versions.read_tools()["rackproof"] == "9.9.9"


def test_the_versions_of_programs_are_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, line in (("ssh", "echo OpenSSH_7.7p7 Debian, OpenSSL 3 >&2"), ("git", "echo git version 5.6.7")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tool_versions.read_program_version.cache_clear()
    found = tool_versions.read_tools()
    assert (found["openssh-client"], found["git"]) == ("7.7p7", "5.6.7")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    tool_versions.read_program_version.cache_clear()
    assert tool_versions.read_tools()["git"] == tool_versions.ABSENT
    tool_versions.read_program_version.cache_clear()


@pytest.mark.parametrize(
    ("read", "file", "old", "new"),
    [
        (hosts.read_commands, hosts.COMMANDS, "timeout_s: 20", "timeout: 20"),
        (hosts.read_commands, hosts.COMMANDS, "package: iproute2", "pakage: iproute2"),
        (hosts.read_commands, hosts.COMMANDS, "time:\n", "addresses:\n"),
        (read_messages, MESSAGES, "  vi: 'không có dữ liệu", "  vn: 'không có dữ liệu"),
        (read_messages, MESSAGES, "evidence.stale:\n", "evidence.trouble:\n"),
    ],
)
def test_a_mistake_in_a_data_file_has_its_place(
    tmp_path: Path, read: Callable[[Path], object], file: Path, old: str, new: str
) -> None:
    """An unknown key was silently left out, and of a key that stood twice the last one won."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    copy = tmp_path / file.name
    copy.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        read(copy)
    first = caught.value.errors[0] if isinstance(caught.value, ErrorGroup) else caught.value
    assert first.place and first.place.file == copy and first.place.line > 0
    assert caught.value.exit_code == 3


def test_two_drills_never_run_at_once(turned_away: TurnedAway, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch and a run beside it restored into the same scratch folder."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier, BrokenBarrierError

    sweep, _right = turned_away
    meeting = Barrier(2)
    met = []

    def alone(*_arguments: object) -> list[Captured]:
        try:
            meeting.wait(0.5)
            met.append(True)
        except BrokenBarrierError:
            met.append(False)
        return []

    monkeypatch.setattr(drill, "run_drill_alone", alone)
    with ThreadPoolExecutor(2) as pool:
        source, repository = estate.devices["dc-db1"], estate.devices["dc-mgmt1"]
        list(pool.map(lambda _n: drill.run_drill(sweep, source, repository), range(2)))
    assert met == [False, False]


def test_every_file_of_an_estate_is_in_its_evidence_whatever_its_ending(tmp_path: Path) -> None:
    """A site in ``hph.yaml`` was judged, and neither evidence nor bundle held the file that says so."""
    shutil.copytree(LAB_ESTATE, tmp_path / "lab" / "estate")
    shutil.copytree(LAB_ESTATE.parents[1] / "inventory" / "estate", tmp_path / "inventory" / "estate")
    folder = tmp_path / "lab" / "estate"
    (folder / "sites" / "hph.yml").rename(folder / "sites" / "hph.yaml")
    estate = load_estate(folder)
    assert "hph" in estate.sites
    collected = files.collect_estate(
        Sweep(estate, Workspace(tmp_path / "ws", folder), "test", frozenset(), frozenset(estate.sites))
    )
    assert {entry.item.key for entry in collected if entry.item.site == "hph"} >= {"sites/hph.yaml"}
    _root, sources = list_estate_sources(folder)
    assert "hph.yaml" in {source.path.name for source in sources}
