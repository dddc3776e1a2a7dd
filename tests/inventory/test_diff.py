"""``estate diff``: every kind of change in words, who is affected, and git refusing clearly."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from inventory.change.diff import find_changes
from inventory.change.diff_words import describe_change
from inventory.change.impact import find_impact
from inventory.load.draft_reader import read_draft
from inventory.load.inspection import build_estate
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from rackproof import run
from tests.support import Answer, Command, json_of, require

HERE = Path(__file__).parent
DC, ROOMS = "sites/dc.yml", "sites/rooms.yml"


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/none"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An estate in a git checkout, one commit; its tier table lies beside the estate, as the lab's does."""
    estate = tmp_path / "repo" / "nation" / "estate"
    shutil.copytree(HERE / "base", estate)
    (estate / "tiers.yml").rename(estate.parent / "tiers.yml")
    head = estate / "estate.yml"
    head.write_text(head.read_text("utf-8") + "tiers: ../tiers.yml\n", "utf-8")
    git(tmp_path / "repo", "init", "-q")
    git(tmp_path / "repo", "add", ".")
    git(tmp_path / "repo", "commit", "-q", "-m", "first")
    return estate


@pytest.fixture
def rackproof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for name, value in {"RACKPROOF_ESTATE": "", "RACKPROOF_LANG": "", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def call(estate: Path, *words: str, lang: str = "en") -> Answer:
        code = run(["--estate", str(estate), "--lang", lang, "estate", "diff", *words])
        said = capsys.readouterr()
        return Answer(returncode=code, stdout=said.out, stderr=said.err)

    return call


def edit(folder: Path, file: str, old: str, new: str) -> None:
    target = folder / file
    text = target.read_text("utf-8")
    assert old in text
    target.write_text(text.replace(old, new, 1), "utf-8")


CASES = [
    (
        ROOMS,
        "sites:\n",
        "sites:\n  - {site: hph-kv03, number: 3, uplinks: [{id: 13, to: core1}]}\n",
        [
            "+ address core1 to-hph-kv03-edge1: new (fd00:1:fe00:d::/127 10.254.0.26/31)",
            "+ site hph-kv03: new (HUYEN, fd00:1:1f03::/48, 3 devices, 5 interfaces)",
            "+ link 13: new (core1 to-hph-kv03-edge1 – hph-kv03-edge1 to-core1, 1000 Mb/s)",
            "~ service nodes: hosts hph-kv01-node1, hph-kv02-node1 → hph-kv03-node1, hph-kv01-node1, hph-kv02-node1",
        ],
        {"hph-kv01", "hph-kv02", "hph-kv03", "dc"},
    ),
    (
        DC,
        "attach: [{vlan: srv, host: 11}]",
        "attach: [{vlan: srv, host: 13}]",
        [
            "~ device db1: attach.srv.host 11 → 13",
            "~ address db1 eth0: fd00:1:101:106e::11/64 10.1.10.11/24 → fd00:1:101:106e::13/64 10.1.10.13/24",
        ],
        {"dc"},
    ),
    (DC, "capacity_w: 50000", "capacity_w: 60000", ["~ cooling unit dc crac-1: capacity_w 50000 → 60000"], {"dc"}),
    (DC, "cords: [pdu-a, pdu-b]", "cords: [pdu-a]", ["~ device core1: cords pdu-a, pdu-b → pdu-a"], {"dc"}),
    (DC, "province: Hà Nội", "province: Hà Nội\nlatitude: 21.0", ["~ site dc: latitude (none) → 21.0"], {"dc"}),
    (
        "tiers.yml",
        "access: 100}",
        "access: 50}",
        ["~ tier HUYEN: min_speed_mbps.access 100 → 50"],
        {"hph-kv01", "hph-kv02"},
    ),
    ("links.yml", "speed_mbps: 10000", "speed_mbps: 20000", ["~ link 1: speed_mbps 10000 → 20000"], {"dc"}),
    (
        "services.yml",
        "dr_scope: true",
        "dr_scope: true\n    rto_s: 60",
        ["~ service casework: rto_s (none) → 60"],
        {"dc"},
    ),
    (
        "estate.yml",
        "routing_as: 65000",
        "routing_as: 65001",
        ["~ estate base: addressing.routing_as 65000 → 65001"],
        set(),
    ),
]


CAMPUS_CASES = [
    ("hardware.yml", "power_w: 50,", "power_w: 60,", ["~ model switch: power_w 50 → 60"], {"dc"}),
    (
        "policies.yml",
        "      - {action: deny, protocol: icmpv6}\n",
        "",
        ["~ filter users-6: rules.2.protocol icmpv6 → udp", "~ filter users-6: rules.2.action deny → permit"],
        None,
    ),
    (
        "policies.yml",
        "[ra-guard, dhcpv6-guard]",
        "[ra-guard]",
        ["~ guard profile host: features ra-guard, dhcpv6-guard → ra-guard"],
        {"dc"},
    ),
    (DC, "ports: ge1-5,", "ports: ge1-4,", ["~ device sw1: ports.users.ports ge1-5 → ge1-4"], {"dc"}),
    (
        DC,
        "100.64.1.0/30",
        "100.64.1.0/29",
        ["~ circuit dc line-1: assigned.ipv4 100.64.1.0/30 → 100.64.1.0/29"],
        {"dc"},
    ),
    (DC, "backups: [core2], vrid: 10", "backups: [core2], vrid: 11", ["~ VLAN dc srv: vrid 10 → 11"], {"dc"}),
    ("services.yml", "anycast: 2", "anycast: 3", ["~ service time: anycast 2 → 3"], {"dc"}),
    ("links.yml", "speed_mbps: 10000", "speed_mbps: 10000, mtu: 9000", ["~ link 1: mtu 1500 → 9000"], {"dc"}),
    (
        ROOMS,
        "zone: 1, ipv4: '10.2.{number}.0/24'",
        "zone: 1, families: [ipv6]",
        [
            "~ VLAN kv01 srv: ipv4 10.2.1.0/24 → (none)",
            "~ VLAN kv01 srv: families ipv4, ipv6 → ipv6",
            "~ address kv01-edge1 srv: fd00:2:201:106e::1/64 10.2.1.1/24 → fd00:2:201:106e::1/64",
        ],
        {"kv01", "kv02"},
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "said", "sites"), CAMPUS_CASES, ids=[c[3][0][2:] for c in CAMPUS_CASES])
def test_says_of_the_network(
    file: str, old: str, new: str, said: list[str], sites: set[str] | None, tmp_path: Path
) -> None:
    shutil.copytree(HERE / "campus", tmp_path / "estate")
    edit(tmp_path / "estate", file, old, new)
    before, after = load_draft_estate(HERE / "campus"), load_draft_estate(tmp_path / "estate")
    found = find_changes(before, after)
    told = [describe_change(change) for change in found]
    assert [line for line in said if line not in told] == []
    assert sites is None or {item.site for item in find_impact(before, after, found).sites} == sites


def load_draft_estate(folder: Path) -> Estate:
    """The estate as written, mistakes of its rules or not: a reviewer compares what is there."""
    return build_estate(require(read_draft(folder, [])))


@pytest.mark.parametrize(("file", "old", "new", "said", "sites"), CASES, ids=[case[3][0][2:20] for case in CASES])
def test_says(file: str, old: str, new: str, said: list[str], sites: set[str], tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    edit(tmp_path / "estate", file, old, new)
    before, after = load_estate(HERE / "base"), load_estate(tmp_path / "estate")
    found = find_changes(before, after)
    assert [describe_change(change) for change in found] == said
    assert {item.site for item in find_impact(before, after, found).sites} == sites
    back = [change.action for change in find_changes(after, before)]
    assert back == [{"added": "removed", "removed": "added"}.get(change.action, "changed") for change in found]


def test_order_is_no_change(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    a = "  - {name: ups-a, kind: ups, attach: [{vlan: fac, host: 21}]}\n"
    b = next(f"{line}\n" for line in (HERE / "base" / DC).read_text("utf-8").splitlines() if "- {name: env1" in line)
    edit(tmp_path / "estate", DC, a + b, b + a)
    assert find_changes(load_estate(HERE / "base"), load_estate(tmp_path / "estate")) == []


def test_a_lost_link_is_a_new_single_point(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    edit(
        tmp_path / "estate",
        ROOMS,
        "uplinks: [{id: 11, to: core1}]",
        "uplinks: [{id: 11, to: core1}, {id: 14, to: core2}]",
    )
    one, two = load_estate(HERE / "base"), load_estate(tmp_path / "estate")
    assert "link 11" in find_impact(one, two, []).gone_single_points["hph-kv01"]
    assert "link 11" in find_impact(two, one, []).new_single_points["hph-kv01"]


def test_working_tree_against_a_revision(checkout: Path, rackproof: Command) -> None:
    assert rackproof(checkout, "HEAD").stdout == "No change.\n"
    edit(checkout, DC, "name: db1", "name: db9")
    edit(checkout, "services.yml", "hosts: [db1]", "hosts: [db9]")
    answer = rackproof(checkout, "HEAD", "--exit-code")
    assert answer.returncode == 1
    for text in ("- device db1: removed", "+ device db9: new", "Services: casework", "dc: Centre"):
        assert text in answer.stdout
    assert "~ service casework: hosts db1 → db9" in answer.stdout
    assert "+ thiết bị db9: mới" in rackproof(checkout, "HEAD", lang="vi").stdout
    found = json_of(rackproof(checkout, "HEAD", "--json").stdout)
    assert found["added"] == found["removed"] == 1
    assert found["impact"]["services"] == ["casework"]
    assert len(found["from"]["commit"]) == 40


def test_between_two_revisions(checkout: Path, rackproof: Command) -> None:
    edit(checkout, DC, "capacity_w: 50000", "capacity_w: 60000")
    git(checkout, "commit", "-q", "-a", "-m", "second")
    assert "50000 → 60000" in rackproof(checkout, "HEAD~1", "--to", "HEAD").stdout
    assert "60000 → 50000" in rackproof(checkout, "HEAD", "--to", "HEAD~1").stdout


@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "HEAD:nation", ""])
def test_unknown_revision(checkout: Path, rackproof: Command, revision: str) -> None:
    answer = rackproof(checkout, "--", revision)
    assert (answer.returncode, "[EST053]" in answer.stderr) == (2, True)


def test_a_revision_without_the_estate(checkout: Path, rackproof: Command) -> None:
    second = checkout.parent / "second"
    shutil.copytree(HERE / "base", second)
    answer = rackproof(second, "HEAD")
    assert (answer.returncode, "[EST055]" in answer.stderr) == (2, True)


def test_no_checkout(tmp_path: Path, rackproof: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    shutil.copytree(HERE / "base", tmp_path / "estate")
    answer = rackproof(tmp_path / "estate", "HEAD")
    assert (answer.returncode, "[EST054]" in answer.stderr) == (2, True)
    assert "Traceback" not in answer.stderr


def test_a_broken_revision_names_its_place(checkout: Path, rackproof: Command) -> None:
    edit(checkout, DC, "tier: DC\n", "tier: DCC\n")
    git(checkout, "commit", "-q", "-a", "-m", "broken")
    edit(checkout, DC, "tier: DCC\n", "tier: DC\n")
    answer = rackproof(checkout, "HEAD")
    assert answer.returncode == 3
    assert "HEAD:nation/estate/sites/dc.yml:3 (tier): [EST101]" in answer.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="gives the checkout to another account")
def test_only_the_checkout_that_runs_is_trusted_whoever_owns_it(
    checkout: Path, rackproof: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = next(folder for folder in checkout.parents if (folder / ".git").exists())
    for owned in (top, top / ".git"):
        os.chown(owned, 65534, -1)
    assert rackproof(checkout, "HEAD").returncode == 2
    monkeypatch.setattr("core.workspace.REPOSITORY", top)
    assert rackproof(checkout, "HEAD").returncode == 0
