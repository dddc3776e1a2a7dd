"""The estate's commands: exit codes, what goes to which stream, and answers that programs can read."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from core.errors.table import read_entry
from rackproof import run
from tests.support import Answer, Command, json_of, require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LAB = ROOT / "lab" / "estate"


@pytest.fixture
def rackproof(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in this process: (exit code, standard output, standard error)."""
    for name, value in {"RACKPROOF_ESTATE": "", "RACKPROOF_LANG": "", "NO_COLOR": "1", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)  # set here so that what the front door sets is undone
    monkeypatch.chdir(ROOT)

    def call(*words: str, estate: Path = LAB, lang: str = "en") -> Answer:
        code = run(["--estate", str(estate), "--lang", lang, "estate", *words])
        said = capsys.readouterr()
        return Answer(returncode=code, stdout=said.out, stderr=said.err)

    return call


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    shutil.copytree(HERE / "base", folder)
    file = folder / "sites" / "dc.yml"
    file.write_text(file.read_text("utf-8").replace("tier: DC\n", "tier: DCC\n"), "utf-8")
    return folder


def test_validate_says_what_it_checked(rackproof: Command) -> None:
    answer = rackproof("validate", str(HERE / "base"))
    assert answer.returncode == 0
    assert "valid, 0 warnings (3 sites, 12 devices" in answer.stdout


def test_validate_exits_3_with_the_place(rackproof: Command, broken: Path) -> None:
    answer = rackproof("validate", str(broken))
    assert answer.returncode == 3
    assert f"{broken}/sites/dc.yml:3 (tier): [EST101]" in answer.stderr
    assert "did you mean 'DC'?" in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize(("lang", "says"), [("en", ": 1 error, 0 warnings"), ("vi", ": 1 lỗi, 0 cảnh báo")])
def test_one_mistake_is_counted_as_one(rackproof: Command, broken: Path, lang: str, says: str) -> None:
    said = rackproof("validate", str(broken), lang=lang).stderr
    assert said.rstrip().endswith(says)
    assert said.startswith({"en": "error: ", "vi": "lỗi: "}[lang])


def test_what_was_checked_is_counted_in_vietnamese(rackproof: Command) -> None:
    assert "hợp lệ, 0 cảnh báo (3 điểm, 12 thiết bị" in rackproof("validate", str(HERE / "base"), lang="vi").stdout


def test_failures_are_shown_in_words(rackproof: Command) -> None:
    said = rackproof("failures", estate=ROOT / "inventory" / "estate", lang="en").stdout
    assert "without gateway" in said
    assert "device hcm-edge1" in said
    vietnamese = rackproof("failures", estate=ROOT / "inventory" / "estate", lang="vi").stdout
    for words in ("thiết bị hcm-edge1", "tuyến vật lý hcm north", "kênh hcm tslcd-1", "mất gateway"):
        assert words in vietnamese, words
    assert not re.search(r"\b(device|link|circuit|path|power) [a-z0-9]", vietnamese)


@pytest.mark.parametrize("lang", ["en", "vi"])
@pytest.mark.parametrize(
    "words",
    [
        ("failures",),
        ("failures", "dc"),
        ("facility",),
        ("facility", "dc"),
        ("show",),
        ("show", "dc"),
        ("show", "core1"),
    ],
    ids=" ".join,
)
def test_no_heading_is_the_name_of_a_field(rackproof: Command, words: tuple[str, ...], lang: str) -> None:
    said = rackproof(*words, lang=lang)
    headings = [line for line in said.stdout.splitlines() if line.startswith("┃")]
    assert headings, said.stderr
    assert [line for line in headings if "_" in line] == []


def test_validate_json_is_complete(rackproof: Command, broken: Path) -> None:
    answer = rackproof("validate", str(broken), "--json")
    assert answer.returncode == 3
    found = json.loads(answer.stdout)
    assert found["data"]["valid"] is False
    assert [error["code"] for error in found["errors"]] == ["EST101"]
    assert found["data"]["errors"] == found["errors"]


def test_texts_of_an_estate_are_shown_as_they_are(rackproof: Command, tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    file = tmp_path / "estate" / "sites" / "dc.yml"
    file.write_text(file.read_text("utf-8").replace("{en: Centre", "{en: '[/red] [bold]Centre'"), "utf-8")
    answer = rackproof("show", estate=tmp_path / "estate")
    assert answer.returncode == 0
    assert "[/red] [bold]Centre" in answer.stdout


def test_validate_of_no_folder(rackproof: Command) -> None:
    answer = rackproof("validate", "/nowhere/at/all")
    assert answer.returncode == 2
    assert "[EST030]" in answer.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show",), "Provincial procuracy"),
        (("show", "hph"), "fd52:5052:1f00:106e::/64"),
        (("show", "core1"), "to-core2"),
        (("show", "--tier", "HUYEN"), "hph-kv01"),
        (("explain", "hph", "tier"), "lab/estate/sites/hph.yml:3"),
        (("ipam", "fd52:5052:1f00:106e::11"), "hph-node1"),
        (("ipam", "10.31.10.0/24"), "hph-edge1"),
        (("ipam", "dc-db1"), "10.1.10.11/24"),
        (("ipam", "4"), "link 4"),
        (("ipam", "--csv"), "host,dc-db1,dc,eth0,fd52:5052:101:106e::11/64,10.1.10.11/24"),
    ],
)
def test_answers(rackproof: Command, words: tuple[str, ...], expected: str) -> None:
    answer = rackproof(*words)
    assert answer.returncode == 0, answer.stderr
    assert expected in answer.stdout


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (("show", "hpp"), "EST050", "did you mean 'hph'?"),
        (("explain", "hpp"), "EST050", "did you mean 'hph'?"),
        (("explain", "hph", "devices.hph-edge2.wave"), "EST051", "did you mean 'hph-edge1'?"),
        (("ipam", "10.99.99.99"), "EST052", "estate ipam"),
        (("schema", "sites"), "EST046", "did you mean 'site'?"),
        (("show", "--tier", "HUYN"), "EST046", "did you mean 'HUYEN'?"),
    ],
)
def test_questions_without_an_answer(rackproof: Command, words: tuple[str, ...], code: str, remedy: str) -> None:
    answer = rackproof(*words)
    assert answer.returncode == 2
    assert f"[{code}]" in answer.stderr
    assert remedy in answer.stderr
    assert "Traceback" not in answer.stderr


def become_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def become_empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("words", [("explain", "hph-kv02"), ("show", "hph-kv02"), ("ledger", "check")])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (shutil.rmtree, "EST030"),
        (become_a_file, "EST030"),
        (become_empty, "EST001"),
        (lambda folder: (folder / "sites/rooms.yml").write_text("sites: ["), "EST004"),
    ],
    ids=["missing", "a file", "empty", "a mistake"],
)
def test_a_mistake_in_the_estate_comes_before_the_answer(
    rackproof: Command, broken: Path, words: tuple[str, str], spoil: Callable[[Path], object], code: str
) -> None:
    (broken / "allocations.jsonl").touch()
    spoil(broken)
    answer = rackproof(*words, estate=broken)
    assert (answer.returncode, f"[{code}]" in answer.stderr) == (require(read_entry(code)).exit_code, True)
    assert "[EST050]" not in answer.stderr


@pytest.mark.parametrize("words", [("show",), ("show", "hph"), ("explain", "hph"), ("ipam",)])
def test_json_is_json(rackproof: Command, words: tuple[str, ...]) -> None:
    assert json_of(rackproof(*words, "--json").stdout)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("site", "inventory/estate/sites/*.yml"),
        ("site", "lab/estate/sites/*.yml"),
        ("links", "*/estate/links.yml"),
        ("archetype", "inventory/estate/archetypes/*.yml"),
        ("services", "*/estate/services.yml"),
        ("tiers", "inventory/estate/tiers.yml"),
        ("estate", "*/estate/estate.yml"),
        ("hardware", "inventory/estate/hardware.yml"),
        ("policies", "inventory/estate/policies.yml"),
        ("site", "tests/inventory/campus/sites/*.yml"),
        ("services", "tests/inventory/campus/services.yml"),
    ],
)
def test_published_schema_accepts_the_estates(kind: str, pattern: str) -> None:
    from inventory.export.json_schema import schema

    validator = jsonschema.Draft202012Validator(schema(kind))
    files = sorted(ROOT.glob(pattern))
    assert files
    for file in files:
        data = json.loads(json.dumps(yaml.safe_load(file.read_text("utf-8")), default=str))
        assert not list(validator.iter_errors(data)), file


def test_the_published_schemas_are_those_of_the_model(tmp_path: Path) -> None:
    """After a change of the model: rackproof estate schema --to docs/schemas, and commit them."""
    from core.files import write_set
    from inventory.export.json_schema import make_files

    made = make_files(tmp_path)
    write_set(made)
    published = ROOT / "docs" / "schemas"
    assert {file.name for file in made} == {file.name for file in published.iterdir()}
    for file in made:
        assert file.read_text("utf-8") == (published / file.name).read_text("utf-8"), file.name
    settings = json.loads((ROOT / ".vscode" / "settings.json").read_text("utf-8"))
    assert {Path(schema).name for schema in settings["yaml.schemas"]} == {file.name for file in made}


def test_published_schema_refuses_an_unknown_key() -> None:
    from inventory.export.json_schema import schema

    validator = jsonschema.Draft202012Validator(schema("site"))
    assert list(validator.iter_errors({"site": "x", "colour": "red"}))
