"""The measures of style: each counts what it says, on a page small enough to count by hand."""

import json
import re
from pathlib import Path

import pytest

import rackproof
from bench.style import (
    Measure,
    StyleFigure,
    StyleTable,
    Tally,
    count_file,
    find_fragments,
    find_unexplained,
    measure_style,
    read_style_table,
    work_out,
)

PAGE = '''"""A page."""

import os


# why it is so
def read_one(name: str) -> str:
    """Read one."""
    return name if name else os.sep  # type: ignore


def _two(rows):
    import json
    return [[cell for cell in row] for row in rows if row and json]
'''


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    file = tmp_path / "page.py"
    file.write_text(PAGE)
    made = Tally()
    count_file(made, file, file.relative_to(tmp_path), frozenset({"read"}))
    return made


def test_every_measure_is_counted_by_hand(tally: Tally) -> None:
    assert tally.functions == 2
    assert (tally.private, tally.verbs, tally.annotated) == (1, 1, 1)
    assert (tally.nested, tally.ternaries, tally.late_imports) == (1, 1, 1)
    assert tally.comments == 1, "a word to a tool is no comment"
    assert tally.complexities == [2, 5], "one and a branch; two comprehensions, an if and an and"
    assert tally.function_lines == [3, 3]
    assert tally.function_tokens == [10 + 8, 6 + 2 + 18]
    assert sum(tally.tokens) == sum(tally.function_tokens) + 2


def test_what_follows_from_the_counts(tally: Tally) -> None:
    found = work_out(tally)
    assert found["private_functions"] == found["verb_first"] == found["annotated"] == 50
    assert found["ternaries"] == found["nested_comprehensions"] == 1000 / len(tally.tokens)


def test_commands_may_import_late(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    file = tmp_path / "cli" / "page.py"
    file.write_text(PAGE)
    made = Tally()
    count_file(made, file, file.relative_to(tmp_path), frozenset())
    assert made.late_imports == 0


def test_a_fragment_is_small_and_has_one_importer(tmp_path: Path) -> None:
    for name, text in {
        "a": "x = 1\n",
        "b": "from room.a import x\n",
        "c": "from room import b\nimport room.d\n",
    }.items():
        (tmp_path / "room").mkdir(exist_ok=True)
        (tmp_path / "room" / f"{name}.py").write_text(text)
    (tmp_path / "room" / "d.py").write_text("from room.b import x\n" + "y = 1\n" * 60)
    files = sorted((tmp_path / "room").glob("*.py"))
    assert find_fragments(files, tmp_path) == ["room.a"], "b has two importers, d is long, nobody imports c"


@pytest.mark.parametrize(
    ("least", "value", "met"), [(False, 8.0, True), (False, 8.1, False), (True, 8.0, True), (True, 7.9, False)]
)
def test_a_goal_is_met_or_missed(least: bool, value: float, met: bool) -> None:
    assert StyleFigure("x", Measure(text="x", goal=8, least=least), value).is_met is met
    assert StyleFigure("x", Measure(text="x", least=least), value).is_met is None


def test_a_reason_is_wanted_of_a_miss_and_of_nothing_else() -> None:
    wanted = Measure(text="x", goal=8)
    explained = Measure(text="x", goal=8, why="y")
    figures = [
        StyleFigure("met", wanted, 8.0),
        StyleFigure("met and explained", explained, 8.0),
        StyleFigure("no goal", Measure(text="x"), 9.0),
        StyleFigure("explained", explained, 9.0),
        StyleFigure("missed", wanted, 9.0),
    ]
    assert find_unexplained(figures) == ["missed"]
    assert [figure.name for figure in figures if figure.reason] == ["explained"]


def test_every_goal_of_the_table_is_met_or_its_miss_has_a_reason() -> None:
    assert find_unexplained(measure_style(read_style_table())) == []


def test_the_verb_says_why_a_goal_is_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Measure(text="lines of a function", goal=0, why="one has to stand somewhere")
    table = StyleTable(rooms=("bench",), anchors=(), measures={"function_lines_median": measure}, verbs="read")
    monkeypatch.setattr("bench.style.read_style_table", lambda: table)
    assert rackproof.run(["--lang", "en", "bench", "style"]) == 0
    assert "lines of a function: one has to stand somewhere" in capsys.readouterr().out
    rackproof.run(["--lang", "en", "bench", "style", "--json"])
    assert json.loads(capsys.readouterr().out)["data"]["figures"][0]["why"] == "one has to stand somewhere"


def test_the_table_measures_what_is_worked_out() -> None:
    table = read_style_table()
    assert {item.name for item in measure_style(table)} == set(table.measures)
    assert all(len(measure.figures) in {0, len(table.anchors)} for measure in table.measures.values())
    words = table.verbs.split()
    assert words == sorted(set(words)), "in the order of the alphabet, none twice"


def test_the_verb_shows_every_measure_and_a_missed_goal_can_be_an_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = StyleTable(rooms=("bench",), anchors=("x",), measures=read_style_table().measures, verbs="read")
    monkeypatch.setattr("bench.style.read_style_table", lambda: table)
    assert rackproof.run(["--lang", "en", "bench", "style", "--json", "--check"]) == 1
    figures = json.loads(capsys.readouterr().out)["data"]["figures"]
    assert [item["name"] for item in figures] == list(table.measures)
    assert re.fullmatch(r"\d+\.\d+|\d+", str(figures[0]["value"]))
