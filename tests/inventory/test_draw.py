"""Drawings: well-formed SVG, every object in it, no box on another, texts of the estate escaped, both languages."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from inventory.draw.backbone import backbone
from inventory.draw.network import network
from inventory.draw.power import power
from inventory.draw.svg import STYLES
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from rackproof import run
from tests.support import require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SVG = "{http://www.w3.org/2000/svg}"
FOLDERS = {"lab": ROOT / "lab" / "estate", "reference": ROOT / "inventory" / "estate", "base": HERE / "base"}
DRAWINGS = [
    ("lab", lambda e: network(e, "dc"), {"core1", "core2", "srv 110", "fd52:5052:ff01::1"}),
    ("lab", lambda e: power(e, "dc"), {"utility-1", "ups-a", "pdu-b", "R1", "crac-1", "core1 [A+B]"}),
    ("lab", backbone, {"core1", "core2", "dr", "hph +1"}),
    ("reference", lambda e: network(e, "dc"), {"dc-core1", "dr-edge2", "mgmt 140"}),
    ("reference", lambda e: network(e, "hph"), {"dc-core1", "hph-edge2", "usr 120"}),
    ("reference", lambda e: network(e, "hph-kv01"), {"hph-edge1", "hph-kv01-edge1"}),
    ("reference", lambda e: power(e, "dc"), {"R12", "generator-1", "dc-ats-2", "2.66 kW", "dc-env-1 [A] 10 W"}),
    ("reference", lambda e: power(e, "hph-kv01"), {"R1", "hph-kv01-ups1", "0.365 kW"}),
    ("reference", backbone, {"hph +15", "dr", "tc", "truong-hcm"}),
    ("base", lambda e: network(e, "hph-kv02"), {"core2", "hph-kv02-edge1"}),
    ("base", backbone, {"core1", "hph-kv01"}),
]


@pytest.fixture(scope="module")
def estates() -> dict[str, Estate]:
    return {name: load_estate(folder) for name, folder in FOLDERS.items()}


def parsed(made: str) -> ET.Element:
    return ET.fromstring(made)  # noqa: S314 - made here


def boxes(root: ET.Element) -> list[tuple[float, ...]]:
    found = [element for element in root.iter(f"{SVG}rect") if element.get("rx")]
    return [tuple(float(require(b.get(key))) for key in ("x", "y", "width", "height")) for b in found]


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize(("name", "make", "expected"), DRAWINGS)
def test_drawing(
    estates: dict[str, Estate],
    name: str,
    make: Callable[[Estate], str],
    expected: set[str],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", language)
    root = parsed(make(estates[name]))
    said = {element.text for element in root.iter(f"{SVG}text")}
    assert expected <= said
    placed = boxes(root)
    width, height = float(require(root.get("width"))), float(require(root.get("height")))
    for index, (x, y, w, h) in enumerate(placed):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for x2, y2, w2, h2 in placed[index + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, (index, said)


def test_both_languages_differ(estates: dict[str, Estate], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert "Power and cooling" in power(estates["lab"], "dc")
    monkeypatch.setenv("RACKPROOF_LANG", "vi")
    assert "Nguồn điện và làm mát" in power(estates["lab"], "dc")


@pytest.mark.parametrize(
    ("name", "site", "expected", "missing"),
    [
        ("reference", "dc", {"carries 27.8 kW (12 %)", "carries 9.84 kW (8 %)", "draws 9 kW"}, set()),
        ("lab", "dc", set(), {"carries 0 kW (0 %)", "0 kW"}),  # nobody has written what its devices draw
        ("base", "dc", {"≥ 0.5 kW", "env1 [B+A] 500 W", "carries 0.25 kW or more"}, {"carries 0.25 kW (1 %)"}),
    ],
)
def test_loads_are_shown_where_they_are_known(
    estates: dict[str, Estate], name: str, site: str, expected: set[str], missing: set[str]
) -> None:
    said = {element.text for element in parsed(power(estates[name], site)).iter(f"{SVG}text")}
    assert expected <= said and not missing & said


def test_cooling_hangs_on_what_feeds_it(estates: dict[str, Estate]) -> None:
    """Its lines are in its colour: one for each unit and feed."""
    for code in ("dc", "hph", "hph-kv01"):
        lines = parsed(power(estates["reference"], code)).iter(f"{SVG}path")
        found = [line for line in lines if line.get("stroke") == STYLES["cooling"][0]]
        assert len(found) == sum(len(unit.fed_by) for unit in estates["reference"].sites[code].cooling) > 0


def test_texts_of_the_estate_are_escaped(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "e")
    file = tmp_path / "e" / "sites" / "dc.yml"
    file.write_text(file.read_text("utf-8").replace("{en: Centre", "{en: '</text><script>\"&'"), "utf-8")
    estate = load_estate(tmp_path / "e")
    for made in (network(estate, "dc"), power(estate, "dc")):
        assert "<script>" not in made.casefold()
        assert parsed(made) is not None


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("hpp",), 2, "did you mean 'hph'?"),
        (("backbone", "--power"), 2, "[EST059]"),
        (("dc", "--power", "--network"), 2, "[EST059]"),
        (("dc", "--to", "/nowhere/x.svg"), 2, "[FIL003]"),
        (("dc",), 0, "<svg "),
        (("dc", "--power"), 0, "<svg "),
        (("backbone",), 0, "<svg "),
    ],
)
def test_command(
    words: tuple[str, ...], code: int, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("RACKPROOF_ESTATE", "RACKPROOF_LANG"):
        monkeypatch.setenv(key, "")
    found = SimpleNamespace(code=run(["--estate", str(FOLDERS["lab"]), "--lang", "en", "estate", "draw", *words]))
    said = capsys.readouterr()
    assert (found.code, text in said.out + said.err) == (code, True)
