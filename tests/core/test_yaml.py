"""The one strict reader of YAML: what it refuses, with its place, and what a model takes."""

import os
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from ipaddress import IPv6Network
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from core.errors import ErrorGroup, RackproofError
from core.models import read_model
from core.yaml import MAX_BYTES, MAX_DEPTH, MAX_VALUES, parse_yaml, read_yaml
from tests.support import require


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Closed):
    name: str
    count: int = Field(default=1, ge=1)


class Whole(Closed):
    title: str
    colour: Colour = Colour.RED
    day: date | None = None
    share: float = 0.0
    on: bool = False
    prefix: IPv6Network | None = None
    parts: tuple[Part, ...] = ()
    numbers: dict[int, str] = Field(default_factory=dict)


class Table(RootModel[dict[str, Part]]):
    pass


Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_text(text: str | bytes) -> Path:
        file = tmp_path / "data.yml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    return write_text


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", "YML005", 3),
    ("a:\n  b: 1\n  b: 2\n", "YML005", 3),
    ("a: &x [1]\nb: 1\n", "YML006", 1),
    ("a: 1\nb: *x\n", "YML006", 2),
    ("a: !!python/name:os.system x\n", "YML010", 1),
    ("a: 1\n---\nb: 2\n", "YML011", 2),
    ("a: 1\n? [b]\n: 2\n", "YML012", 2),
    ("a: 2029-13-45\n", "YML013", 1),
    (f"a: {'9' * 19}\n", "YML013", 1),
    ("a: [1\nb: 2\n", "YML004", 2),
    ("a: \x07\n", "YML004", 0),
    ("- a\n", "YML007", 1),
    ("# nothing\n", "YML008", 0),
    (b"a: \xff\n", "YML002", 0),
    (b"a: " + b"x" * MAX_BYTES, "YML003", 0),
    ("a: " + "[" * (MAX_DEPTH + 1), "YML009", 1),
    ("a: [" + "1," * MAX_VALUES + "1]\n", "YML009", 1),
]


@pytest.mark.parametrize(("text", "code", "line"), REFUSED, ids=lambda value: str(value)[:24])
def test_what_surprises_is_refused_with_its_line(write: Write, text: bytes | str, code: str, line: int) -> None:
    file = write(text)
    with pytest.raises(RackproofError) as caught:
        read_yaml(file)
    place = require(caught.value.place)
    assert (caught.value.code, place.file, place.line) == (code, file, line)


@pytest.mark.parametrize("text", ["no", "on", "010", "0x10", "1:20", "1_000", ".inf", "1e3", "=", "<<"])
def test_what_yaml_1_1_turns_into_something_else_stays_a_text(write: Write, text: str) -> None:
    assert read_yaml(write(f"a: {text}\n")).data == {"a": text}


def test_plain_values_have_their_types(write: Write) -> None:
    text = "a: 1\nb: 1.5\nc: true\nd: null\ne: 2029-12-31\nf: '1'\n"
    assert read_yaml(write(text)).data == {"a": 1, "b": 1.5, "c": True, "d": None, "e": date(2029, 12, 31), "f": "1"}


def test_every_value_has_its_line(write: Write) -> None:
    document = read_yaml(write("a: 1\nb:\n  - c: 2\n  - c: 3\n"))
    assert (document.place(("b", 1, "c")).line, document.place(("b", 1, "x")).line) == (4, 4)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: None])
def test_what_is_no_file_is_said_and_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.yml")
    with pytest.raises(RackproofError) as caught:
        read_yaml(tmp_path / "x.yml")
    assert (caught.value.code, caught.value.kind) == ("YML001", "missing_file")


def test_a_prefix_of_a_room_names_the_same_mistakes(tmp_path: Path) -> None:
    with pytest.raises(RackproofError) as caught:
        parse_yaml(b"a: 1\na: 2\n", tmp_path / "x.yml", "EST")
    assert caught.value.code == "EST005"


def test_a_model_takes_what_a_text_can_stand_for(write: Write) -> None:
    text = "title: x\ncolour: green\nday: 2029-12-31\nshare: 1\nprefix: fd00::/32\n"
    text += "parts: [{name: a}]\nnumbers: {1: one}\n"
    made = read_model(write(text), Whole)
    expected = Whole(
        title="x", colour=Colour.GREEN, day=date(2029, 12, 31), share=1.0, prefix=IPv6Network("fd00::/32"),
        parts=(Part(name="a"),), numbers={1: "one"},
    )  # fmt: skip
    assert made == expected


WRONG = [
    ("title: x\ntitel: y\n", "YML020", 2, "titel"),
    ("title: x\nparts: [{name: a, cuont: 2}]\n", "YML020", 2, "parts.0.cuont"),
    ("colour: red\n", "YML021", 1, "title"),
    ("title: 1\n", "YML022", 1, "title"),
    ("title: true\n", "YML022", 1, "title"),
    ("title: x\non: 1\n", "YML022", 2, "on"),
    ("title: x\non: 'true'\n", "YML022", 2, "on"),
    ("title: x\nshare: '1'\n", "YML022", 2, "share"),
    ("title: x\nparts: a\n", "YML022", 2, "parts"),
    ("title: x\nparts: [{name: a, count: true}]\n", "YML022", 2, "parts.0.count"),
    ("title: x\nparts: [{name: a, count: 1.0}]\n", "YML022", 2, "parts.0.count"),
    ("title: x\nparts: [{name: a, count: 0}]\n", "YML023", 2, "parts.0.count"),
    ("title: x\ncolour: reed\n", "YML025", 2, "colour"),
    ("title: x\nprefix: fd00::1/32\n", "YML028", 2, "prefix"),
    ('title: "a\\e[2J"\n', "YML044", 1, "title"),
]


@pytest.mark.parametrize(("text", "code", "line", "path"), WRONG)
def test_what_does_not_fit_a_model_is_refused_with_its_place(
    write: Write, text: str, code: str, line: int, path: str
) -> None:
    file = write(text)
    with pytest.raises(RackproofError) as caught:
        read_model(file, Whole)
    place = require(caught.value.place)
    assert (caught.value.code, place.file, place.line, place.path) == (code, file, line, path)


@pytest.mark.parametrize(("text", "close"), [("title: x\ncolor: red\n", "colour"), ("title: x\ncolour: reed\n", "red")])
def test_did_you_mean(write: Write, text: str, close: str) -> None:
    with pytest.raises(RackproofError) as caught:
        read_model(write(text), Whole)
    assert f"'{close}'" in caught.value.remedy


def test_a_key_of_a_table_of_models(write: Write) -> None:
    with pytest.raises(RackproofError) as caught:
        read_model(write("one: {name: a, nmae: b}\n"), Table)
    place = require(caught.value.place)
    assert (caught.value.code, place.path, "'name'" in caught.value.remedy) == ("YML020", "one.nmae", True)


def test_several_mistakes_come_at_once(write: Write) -> None:
    with pytest.raises(ErrorGroup) as caught:
        read_model(write("titel: x\nshare: y\n"), Whole)
    assert [error.code for error in caught.value.errors] == ["YML020", "YML021", "YML022"]


class Open(BaseModel):
    name: str = ""


class Holder(Closed):
    inside: dict[str, list[Open]] = Field(default_factory=dict)


@pytest.mark.parametrize("model", [Open, Holder])
def test_a_model_that_takes_unknown_keys_is_no_model(write: Write, model: type[BaseModel]) -> None:
    with pytest.raises(TypeError, match="Open"):
        read_model(write("name: x\n"), model)
