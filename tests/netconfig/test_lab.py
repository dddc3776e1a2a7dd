"""The whole way on real routers: rollout, cut-off, kill -9, reboot in the window, a hung daemon, least privilege."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ExitCode
from core.journal import Journal
from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from lab.enter import argv_inside, inside
from lab.instance import Instance
from netconfig.change.guard import GuardStatus, normalise_config, read_status_line
from netconfig.change.session import HostKeyChanged, NetmikoSession, Rejected, Target
from netconfig.diff.tree import spell_line
from netconfig.intent.render import render
from netconfig.journal.record import ChangeState, list_runs
from netconfig.platforms import platform
from tests.conftest import Rackproof
from tests.support import json_of, require, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

FRR = platform.load("frr")
ROUTERS = ["core2", "core1", "dr-edge1", "hph-edge1", "hph-kv01-edge1"]
CANARY = "core2"
TIMER_S = 20
CUT = """
title: A change that cuts the canary off from its own management
devices:
  core2:
    add: |
      interface to-core1
       shutdown
      interface to-dr
       shutdown
      interface to-hph
       shutdown
  hph-kv01-edge1:
    add: |
      interface srv
       ipv6 ospf6 cost 77
"""


class Bench:
    """The lab as these tests use it: ssh from the controller, the guard's words, the running configurations."""

    def __init__(
        self, lab: Instance, estate: Estate, rackproof: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        self.lab, self.estate, self.rackproof, self.ws = lab, estate, rackproof, lab.workspace

    def ssh(self, host: str, *words: str, stdin: str = "", check: bool = True, timeout: float = 30) -> str:
        argv = ["ssh", "-F", str(self.ws.ssh_config), "-o", "ControlMaster=no", "-o", "ControlPath=none", host, *words]
        done = subprocess.run(
            argv_inside(self.lab, "ctl", argv),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{host} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def guard(self, router: str, words: str) -> str:
        return self.ssh(f"{router}-guard", words, check=False).strip()

    def wait_for_guard(self, router: str, seconds: float) -> GuardStatus:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.guard(router, "status")
            if answer.startswith("clear"):
                return read_status_line(answer)
            time.sleep(0.5)
        pytest.fail(f"{router} did not come back within {seconds} s")

    def type(self, router: str, *lines: str) -> None:
        """Type into a router and do not care whether the connection survives."""
        text = "\n".join(["configure terminal", *lines, ""])
        try:
            self.ssh(router, stdin=text, check=False, timeout=6)
        except subprocess.TimeoutExpired:
            return

    def running(self, router: str) -> str:
        return normalise_config(self.ssh(router, "show running-config no-header"))

    def settle(self) -> None:
        """Wait until every router is reached and in step: adjacencies form anew for seconds after a restart."""
        deadline = time.monotonic() + 60
        while self.rackproof("net", "status", expected=None).returncode != 0:
            assert time.monotonic() < deadline, "the routers did not settle"
            time.sleep(1)

    def plan_id(self, *options: str) -> str:
        return str(json_of(self.rackproof("net", "plan", "--json", *options).stdout)["plan_id"])

    def last_run(self) -> dict[str, object]:
        return dict(json_of(self.rackproof("net", "journal", "--json").stdout)[-1])


@pytest.fixture(scope="module")
def bench(networked_lab: Instance, lab_estate: Estate, rackproof: Rackproof) -> Iterator[Bench]:
    """The lab after the rollout; these tests must leave it as they found it."""
    found = Bench(networked_lab, lab_estate, rackproof)
    yield found
    status = rackproof("net", "status", "--json", expected=None)
    assert status.returncode == 0, f"a test left the routers changed: {status.stdout}"


@pytest.fixture
def cut(tmp_path: Path) -> str:
    file = tmp_path / "cut.yml"
    file.write_text(CUT)
    return str(file)


def test_the_rollout_was_verified_in_waves_and_a_second_apply_finds_nothing(bench: Bench) -> None:
    journal = Journal(bench.ws.journal, bench.ws.signing_key)
    journal.verify()
    first = next(run for run in list_runs(journal.read()) if run.result == "verified")
    assert list(first.devices) == ROUTERS
    assert {record.reached for record in first.devices.values()} == {ChangeState.VERIFIED}
    plan = json_of(bench.rackproof("net", "plan", "--json").stdout)
    assert [item["commands"] for item in plan["devices"]] == [[]] * len(ROUTERS)
    assert "nothing to do" in bench.rackproof("net", "apply").stdout


def test_what_runs_is_word_for_word_what_is_rendered(bench: Bench) -> None:
    own = ("frr version", "frr defaults", "service integrated-vtysh-config")
    for router in ROUTERS:
        lines = [line for line in bench.running(router).splitlines() if not line.startswith(own)]
        assert lines == render(bench.estate, router).strip().splitlines(), router


def test_the_regional_host_reaches_the_database_over_ipv6_and_ipv4_still_works(bench: Bench) -> None:
    database = bench.estate.address("dc-db1")
    for address in (require(database.ipv6).ip, require(database.ipv4).ip):
        bench.ssh("hph-kv01-node1-v4", "ping", "-n", "-c", "2", "-W", "2", str(address))
    assert spell_line(str(database.ipv6)) == str(database.ipv6)


def test_a_change_that_cuts_itself_off_is_rolled_back_by_the_router(bench: Bench, cut: str) -> None:
    before = {router: bench.running(router) for router in ROUTERS}
    plan = bench.plan_id("--change", cut)
    started = time.monotonic()
    done = bench.rackproof(
        "net", "apply", "--change", cut, "--approve", plan, "--timer", str(TIMER_S), "--json",
        expected=int(ExitCode.ROLLED_BACK),
    )  # fmt: skip
    took = time.monotonic() - started
    result = json_of(done.stdout)
    assert result["result"] == "rolled_back"
    assert [item["state"] for item in result["devices"]] == [str(ChangeState.ROLLED_BACK)]
    assert result["not_started"] == ["hph-kv01-edge1"]
    assert {router: bench.running(router) for router in ROUTERS} == before
    assert bench.wait_for_guard(CANARY, 1).last.startswith(f"fired:{result['run']}-core2:")
    assert took < TIMER_S + 40
    last = bench.last_run()
    assert last["result"] == "rolled_back"
    assert last["devices"] == {CANARY: str(ChangeState.ROLLED_BACK)}


def test_killed_between_arm_and_confirm_the_router_heals_itself_and_resume_says_so(bench: Bench, cut: str) -> None:
    before = bench.running(CANARY)
    plan = bench.plan_id("--change", cut)
    argv = [
        sys.executable,
        "-m",
        "rackproof",
        "net",
        "apply",
        "--change",
        cut,
        "--approve",
        plan,
        "--timer",
        str(TIMER_S),
    ]
    environment = {**os.environ, "RACKPROOF_LAB": bench.lab.name}
    with subprocess.Popen(
        argv, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        journal = Journal(bench.ws.journal, bench.ws.signing_key)
        wait_until(lambda: list_runs(journal.read())[-1].result == "" and ChangeState.APPLYING in begun(journal), 30)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
    assert "NET041" in bench.rackproof("net", "apply", expected=int(ExitCode.REFUSED)).stderr
    done = bench.rackproof("net", "resume", "--json", expected=int(ExitCode.ROLLED_BACK))
    result = json_of(done.stdout)
    assert [item["state"] for item in result["devices"]] == [str(ChangeState.ROLLED_BACK)]
    assert result["not_started"] == ["hph-kv01-edge1"]
    assert bench.running(CANARY) == before
    bench.rackproof("net", "resume", expected=0)


def begun(journal: Journal) -> set[ChangeState | None]:
    return {record.begun for record in list_runs(journal.read())[-1].devices.values()}


def test_a_saved_bad_configuration_does_not_survive_a_reboot_in_the_window(bench: Bench) -> None:
    before = bench.running(CANARY)
    assert read_status_line(bench.guard(CANARY, "arm reboot1 300")).is_armed_for("reboot1")
    bench.type(CANARY, "interface to-dr", "description WRONG", "end", "write memory")
    assert "WRONG" in bench.ssh(f"{CANARY}-ops", "sudo", "cat", "/etc/frr/frr.conf")
    bench.ssh(f"{CANARY}-ops", "sudo", "systemctl", "reboot", check=False)
    time.sleep(2)
    assert bench.wait_for_guard(CANARY, 60).ended("reboot1") == "boot"
    bench.settle()
    assert bench.running(CANARY) == before
    assert "WRONG" not in bench.ssh(f"{CANARY}-ops", "sudo", "cat", "/etc/frr/frr.conf")


def test_a_hung_daemon_does_not_stop_the_rollback(bench: Bench) -> None:
    before = bench.running(CANARY)
    assert read_status_line(bench.guard(CANARY, "arm hung1 10")).is_armed_for("hung1")
    bench.type(CANARY, "interface to-dr", "description WRONG", "end")
    bench.ssh(f"{CANARY}-ops", "sudo", "pkill", "-STOP", "-x", "bgpd")
    status = bench.wait_for_guard(CANARY, 120)
    assert (status.ended("hung1"), status.last.rpartition(":")[2]) == ("fired", "restart")
    bench.settle()
    assert bench.running(CANARY) == before


def test_an_address_removed_by_hand_is_planned_and_brought_back(bench: Bench) -> None:
    address = str(bench.estate.vlan_prefix("hph", bench.estate.vlan("hph", "srv"))[1]) + "/64"
    bench.ssh("hph-edge1-ops", "sudo", "ip", "address", "del", address, "dev", "srv")
    assert bench.rackproof("net", "status", expected=int(ExitCode.NOT_GREEN))
    bench.rackproof("net", "apply", "--approve", bench.plan_id())
    assert address in bench.ssh("hph-edge1-ops", "ip", "-6", "address", "show", "dev", "srv")


@pytest.mark.parametrize(
    ("typed", "undo", "code", "said"),
    [
        (["ip route 0.0.0.0/0 blackhole 250"], ["no ip route 0.0.0.0/0 blackhole 250"], "NET034", "0.0.0.0/0"),
        (
            ["router bgp 65000", "neighbor 10.77.0.13 remote-as 65500"],
            ["router bgp 65000", "no neighbor 10.77.0.13 remote-as 65500"],
            "NET034",
            "10.77.0.13",
        ),
        (["key chain K", "key 1", "key-string S3CRETMARK"], ["no key chain K"], "NET033", "key chain K"),
        (["ipv6 access-list T seq 5 permit any"], ["no ipv6 access-list T seq 5 permit any"], "NET033", "access-list"),
    ],
    ids=["default route", "BGP session", "key chain", "access list"],
)
def test_what_nobody_named_or_knows_is_refused_at_plan_time(
    bench: Bench, typed: list[str], undo: list[str], code: str, said: str
) -> None:
    before = bench.running(CANARY)
    bench.type(CANARY, *typed, "end")
    try:
        changed = bench.running(CANARY)
        assert changed != before, "the router took nothing of it"
        done = bench.rackproof("net", "plan", expected=int(ExitCode.REFUSED))
        assert code in done.stderr
        assert said in done.stderr
        assert "S3CRETMARK" not in done.stderr + done.stdout
        bench.rackproof("net", "status", expected=int(ExitCode.NOT_GREEN))
        assert bench.running(CANARY) == changed
    finally:
        bench.type(CANARY, *undo, "end")
    assert bench.running(CANARY) == before


def test_a_key_is_typed_and_shown_nowhere(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "key.yml"
    file.write_text(
        "devices:\n  hph-kv01-edge1:\n    add: |\n      interface srv\n"
        "       ip ospf message-digest-key 1 md5 S3CRETMARK\n"
    )
    change = ("--change", str(file))
    done = bench.rackproof("net", "apply", *change, "--approve", bench.plan_id(*change))
    try:
        assert "S3CRETMARK" in bench.running("hph-kv01-edge1")
        assert "S3CRETMARK" not in done.stdout + done.stderr
        assert "••••sha256:" in done.stdout
        assert "S3CRETMARK" not in bench.ws.journal.read_text()
    finally:
        back = bench.rackproof("net", "apply", "--approve", bench.plan_id())
    assert "S3CRETMARK" not in bench.running("hph-kv01-edge1") + back.stdout + back.stderr


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("arm x;id 20", "error argument"),
        ("arm x1 5", "error seconds 10..86400"),
        ("cat /etc/shadow", "error verb"),
        ("fire", "error verb"),
        ("", "error verb"),
        ("arm a b c", "error words"),
        ("disarm nope", "error nothing armed"),
    ],
)
def test_the_guard_account_can_do_nothing_else(bench: Bench, words: str, answer: str) -> None:
    assert bench.guard(CANARY, words) == answer


def test_a_router_with_another_host_key_is_refused(bench: Bench, tmp_path: Path) -> None:
    pinned = tmp_path / "known_hosts"
    address = str(require(bench.estate.address(CANARY).ipv4).ip)
    other = next(line for line in bench.ws.known_hosts.read_text().splitlines() if line.startswith("core1,"))
    pinned.write_text(f"{address} {' '.join(other.split()[1:])}\n")
    real = Target(CANARY, address, FRR, bench.ws.netops_key, bench.ws.known_hosts)
    with inside(bench.lab, "ctl"):
        NetmikoSession(real).close()
        with pytest.raises(HostKeyChanged, match=r"(?i)host key"):
            NetmikoSession(replace(real, known_hosts=pinned))


def test_a_refused_line_is_an_error_and_the_session_ends_clean(bench: Bench) -> None:
    before = bench.running(CANARY)
    target = Target(
        CANARY, str(require(bench.estate.address(CANARY).ipv4).ip), FRR, bench.ws.netops_key, bench.ws.known_hosts
    )
    with inside(bench.lab, "ctl"):
        session = NetmikoSession(target)
        try:
            for lines in (["nonsense"], ["router bgp 65999"], ["interface to-dr", "ip address 10.0.0.300/24"]):
                with pytest.raises(Rejected):
                    session.push(lines)
            assert normalise_config(session.run(FRR.show_running)) == before
        finally:
            session.close()


def test_without_approval_nothing_is_changed(bench: Bench, cut: str) -> None:
    before = bench.running(CANARY)
    for options in ((), ("--approve", "000000000000")):
        done = bench.rackproof("net", "apply", "--change", cut, *options, expected=int(ExitCode.REFUSED))
        assert "NET044" in done.stderr
    assert bench.running(CANARY) == before
