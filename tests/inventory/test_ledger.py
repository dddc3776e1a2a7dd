"""The ledger of plan numbers: chain, quarantine, reuse; what a person is told; the two estates have one."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Place, RackproofError
from inventory.load.inspection import inspect_estate
from inventory.numbering.ledger import FILE, GENESIS, Ledger, LedgerEntry, compare, due, read, write
from rackproof import run
from tests.support import Answer, Command, json_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROOMS = "sites/rooms.yml"
DAY = date(2026, 1, 1)


@pytest.fixture
def rackproof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for key in ("RACKPROOF_ESTATE", "RACKPROOF_LANG"):
        monkeypatch.setenv(key, "")

    def call(estate: Path, *words: str, lang: str = "en") -> Answer:
        code = run(["--estate", str(estate), "--lang", lang, "estate", *words])
        said = capsys.readouterr()
        return Answer(returncode=code, stdout=said.out, stderr=said.err)

    return call


@pytest.fixture
def estate(tmp_path: Path, rackproof: Command) -> Path:
    """The base estate with a ledger of 2026-01-01."""
    shutil.copytree(HERE / "base", tmp_path / "estate")
    with time_machine.travel(DAY, tick=False):
        assert rackproof(tmp_path / "estate", "ledger", "append").returncode == 0
    return tmp_path / "estate"


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")


def codes(folder: Path) -> list[str]:
    found = inspect_estate(folder)
    return [item.code for item in (*found.errors, *found.warnings)]


def test_a_new_ledger_fits_and_appending_again_adds_nothing(estate: Path, rackproof: Command) -> None:
    assert codes(estate) == []
    assert rackproof(estate, "ledger", "check").returncode == 0
    before = (estate / FILE).read_bytes()
    assert "0 lines appended" in rackproof(estate, "ledger", "append").stdout
    assert (estate / FILE).read_bytes() == before
    kinds = [json.loads(line)["kind"] for line in before.splitlines()]
    counted = {"region": 2, "site": 3, "vlan": 4, "subnet": 4, "loopback": 4, "link": 3}
    assert {kind: kinds.count(kind) for kind in set(kinds)} == counted


def test_an_estate_without_a_ledger_is_told_how_to_start(rackproof: Command) -> None:
    answer = rackproof(HERE / "base", "ledger", "check")
    assert (answer.returncode, "[EST409]" in answer.stderr) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "given"),
    [("id: 110, zone: 1", "id: 110, zone: 2", "101:206e"), ("zone: 3,", "zone: 3, management: true,", "fe01:101")],
)
def test_a_vlan_that_gets_another_prefix_is_a_difference(
    estate: Path, rackproof: Command, old: str, new: str, given: str
) -> None:
    edit(estate, "sites/dc.yml", old, new)
    assert sorted(codes(estate)) == ["EST403", "EST407"]
    assert rackproof(estate, "ledger", "check").returncode == 3
    assert f"given subnet {given}: dc" in rackproof(estate, "ledger", "append").stdout
    assert codes(estate) == []


def test_a_ledger_of_before_there_were_subnets_goes_on(estate: Path, rackproof: Command) -> None:
    """Its lines keep their meaning and their chain; what is missing is appended."""
    before = read(estate / FILE, 365)
    old = [entry for entry in before.latest.values() if entry.kind != "subnet"]
    (estate / FILE).unlink()
    write(Ledger(estate / FILE, {}, 0, GENESIS, date.min), old)
    kept = (estate / FILE).read_bytes()
    assert set(codes(estate)) == {"EST403"}
    assert rackproof(estate, "ledger", "append").returncode == 0
    assert (estate / FILE).read_bytes().startswith(kept)
    assert codes(estate) == []


@pytest.mark.parametrize("words", [("validate",), ("ledger", "check"), ("ledger", "append"), ("ledger", "free")])
def test_a_lost_ledger_is_not_begun_anew(estate: Path, rackproof: Command, words: tuple[str, ...]) -> None:
    edit(estate, "estate.yml", "name: base\n", f"name: base\nledger: {FILE}\n")
    assert rackproof(estate, *words).returncode == 0
    (estate / FILE).unlink()
    answer = rackproof(estate, *words)
    assert (answer.returncode, "[EST043]" in answer.stderr, "git -C" in answer.stderr) == (3, True, True)
    assert not (estate / FILE).exists()


def test_whoever_begins_a_ledger_is_told_to_name_it(tmp_path: Path, rackproof: Command) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    assert f"ledger: {FILE}" in rackproof(tmp_path / "estate", "ledger", "append").stderr


UNREADABLE = [(shutil.rmtree, 2), (lambda folder: (folder / "estate.yml").write_text("["), 3)]


@pytest.mark.parametrize(("spoil", "code"), UNREADABLE)
def test_checking_an_estate_that_cannot_be_read_says_so(
    estate: Path, rackproof: Command, spoil: Callable[[Path], object], code: int
) -> None:
    spoil(estate)
    answer = rackproof(estate, "ledger", "check")
    assert (answer.returncode, "EST409" in answer.stderr) == (code, False)


def test_a_new_room_warns_until_it_is_entered(estate: Path, rackproof: Command) -> None:
    edit(estate, ROOMS, "sites:\n", "sites:\n  - {site: hph-kv03, number: 3, uplinks: [{id: 13, to: core1}]}\n")
    assert set(codes(estate)) == {"EST403"}
    assert rackproof(estate, "validate").returncode == 0
    assert rackproof(estate, "ledger", "check").returncode == 3
    said = rackproof(estate, "ledger", "append").stdout
    assert "given site 31.3: hph-kv03" in said
    assert "given link 13: core1 hph-kv03-edge1" in said
    assert codes(estate) == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("site: hph-kv01, number: 1", "site: hph-kv09, number: 1", "site 31.1 belongs to 'hph-kv01'"),
        ("id: 11, to: core1", "id: 11, to: core2", "link 11 belongs to 'core1 hph-kv01-edge1'"),
    ],
)
def test_a_number_with_another_owner_is_an_error(
    estate: Path, rackproof: Command, old: str, new: str, text: str
) -> None:
    edit(estate, ROOMS, old, new)
    answer = rackproof(estate, "validate")
    assert answer.returncode == 3
    assert f"[EST404] {text}" in answer.stderr
    assert rackproof(estate, "ledger", "append").returncode == 3


def test_a_retired_number_rests_for_its_quarantine(estate: Path, rackproof: Command) -> None:
    line = "  - {site: hph-kv01, number: 1, uplinks: [{id: 11, to: core1}]}\n"
    edit(estate, ROOMS, line, "")
    assert set(codes(estate)) == {"EST407"}
    with time_machine.travel(date(2026, 2, 1), tick=False):
        assert "retired site 31.1: hph-kv01" in rackproof(estate, "ledger", "append").stdout
    edit(estate, ROOMS, "sites:\n", "sites:\n" + line.replace("kv01", "kv07"))
    with time_machine.travel(date(2027, 1, 31), tick=False):
        assert set(codes(estate)) == {"EST405"}
        answer = rackproof(estate, "ledger", "append")
        assert (answer.returncode, "free for another on 2027-02-01" in answer.stderr) == (3, True)
    with time_machine.travel(date(2027, 2, 1), tick=False):
        assert "given site 31.1: hph-kv07" in rackproof(estate, "ledger", "append").stdout
    assert codes(estate) == []


def test_the_same_owner_may_have_its_number_back_at_once(estate: Path, rackproof: Command) -> None:
    text = (estate / ROOMS).read_text("utf-8")
    edit(estate, ROOMS, "  - {site: hph-kv01, number: 1, uplinks: [{id: 11, to: core1}]}\n", "")
    rackproof(estate, "ledger", "append")
    (estate / ROOMS).write_text(text, "utf-8")
    assert rackproof(estate, "ledger", "append").returncode == 0
    assert codes(estate) == []


def lines_of(estate: Path) -> list[str]:
    return (estate / FILE).read_text("utf-8").splitlines(keepends=True)


DAMAGE: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "an altered owner": (lambda ls: [ls[0], ls[1].replace('"dc"', '"dr"'), *ls[2:]], "EST402"),
    "a missing line": (lambda ls: [*ls[:3], *ls[4:]], "EST402"),
    "two lines changed round": (lambda ls: [ls[1], ls[0], *ls[2:]], "EST402"),
    "a torn line": (lambda ls: [*ls[:-1], ls[-1][:30]], "EST401"),
    "no end of line": (lambda ls: [*ls[:-1], ls[-1].rstrip("\n")], "EST401"),
    "no JSON": (lambda ls: [*ls, "hello\n"], "EST401"),
    "a list": (lambda ls: [*ls, "[" * 100_000 + "\n"], "EST401"),
    "another key": (lambda ls: [*ls, ls[0].replace('"kind"', '"kint"')], "EST401"),
    "a number for a text": (lambda ls: [*ls, ls[0].replace('"id": "1"', '"id": 1')], "EST401"),
    "a line twice": (lambda ls: [*ls, ls[0]], "EST402"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(estate: Path, name: str, rackproof: Command) -> None:
    damage, code = DAMAGE[name]
    (estate / FILE).write_text("".join(damage(lines_of(estate))), "utf-8")
    assert code in codes(estate)
    answer = rackproof(estate, "ledger", "append")
    assert (answer.returncode, "Traceback" in answer.stderr) == (3, False)


STEPS = [
    ([("a", DAY, "given"), ("a", DAY, "given")], "twice"),
    ([("a", DAY, "retired")], "never given"),
    ([("a", DAY, "given"), ("b", DAY, "retired")], "by another"),
    ([("a", DAY, "given"), ("a", date(2025, 1, 1), "retired")], "back in time"),
    ([("a", DAY, "given"), ("a", DAY, "retired"), ("b", date(2026, 12, 31), "given")], "in quarantine"),
]


@pytest.mark.parametrize(("steps", "name"), STEPS, ids=[step[1] for step in STEPS])
def test_a_well_chained_lie_is_refused(tmp_path: Path, steps: list[tuple[str, date, str]], name: str) -> None:
    empty = Ledger(tmp_path / FILE, {}, 0, GENESIS, date.min)
    write(empty, [LedgerEntry("link", "7", owner, day, state) for owner, day, state in steps])
    with pytest.raises(RackproofError) as caught:
        read(tmp_path / FILE, 365)
    assert caught.value.code == "EST406"


@given(
    st.lists(
        st.tuples(st.dictionaries(st.integers(1, 4), st.sampled_from("abc"), max_size=4), st.integers(0, 500)),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_what_is_appended_reads_back(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[dict[int, str], int]]
) -> None:
    """Over any history of owners, the ledger is readable, and a number never changes hands within its quarantine."""
    ledger = Ledger(tmp_path_factory.mktemp("l") / FILE, {}, 0, GENESIS, date.min)
    ledger.file.touch()
    today = DAY
    for owners, days in history:
        today = date.fromordinal(today.toordinal() + days)
        numbers = {("link", str(n)): (owner, lambda: Place(Path("x"))) for n, owner in owners.items()}
        try:
            write(ledger, due(ledger, numbers, today, 365))
        except RackproofError as refused:
            assert refused.code in ("EST404", "EST405")
            assert refused.code in {item.code for item in compare(ledger, numbers, 365)}
        else:
            ledger = read(ledger.file, 365)
            assert list(compare(ledger, numbers, 365)) == []


def test_lines_cut_off_the_end_show_against_a_revision(estate: Path, rackproof: Command) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=estate, check=True, capture_output=True, timeout=30)
    assert rackproof(estate, "ledger", "check", "--since", "HEAD").returncode == 0
    with time_machine.travel(date(2030, 1, 1), tick=False):
        (estate / FILE).write_text("".join(lines_of(estate)[:-1]), "utf-8")
        rackproof(estate, "ledger", "append")
    assert codes(estate) == []
    answer = rackproof(estate, "ledger", "check", "--since", "HEAD")
    assert (answer.returncode, "[EST408]" in answer.stderr) == (3, True)


@pytest.mark.parametrize("folder", ["inventory/estate", "lab/estate"])
def test_the_estates_have_a_ledger(folder: str, rackproof: Command) -> None:
    answer = rackproof(ROOT / folder, "ledger", "check", "--json")
    assert answer.returncode == 0
    assert json_of(answer.stdout)["valid"] is True
