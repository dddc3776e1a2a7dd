"""``estate facility``: exit codes, what is said in both languages, and a room with components taken out."""

import shutil
from functools import cache
from pathlib import Path

import pytest

from inventory.load import loader as load
from rackproof import run
from tests.support import Ask, json_of

ROOT = Path(__file__).resolve().parents[2]
REFERENCE, LAB = ROOT / "inventory" / "estate", ROOT / "lab" / "estate"
LOADED = cache(load.load_estate)  # the real one, once per folder: it is read only


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command line in this process: (exit code, standard output, standard error)."""
    monkeypatch.setattr(load, "load_estate", LOADED)
    for name, value in {"RACKPROOF_ESTATE": "", "RACKPROOF_LANG": "", "NO_COLOR": "1", "COLUMNS": "180"}.items():
        monkeypatch.setenv(name, value)

    def call(*words: str, estate: Path = REFERENCE, lang: str = "en") -> tuple[int, str, str]:
        code = run(["--estate", str(estate), "--lang", lang, "estate", "facility", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def taken_out(*names: str) -> list[str]:
    return [word for name in names for word in ("--without", name)]


@pytest.mark.parametrize(
    ("words", "lang", "code", "said"),
    [
        ([], "en", 1, ["HUYEN", "355", "one cord, to one side: dc-env-1", "It is not the live load."]),
        ([], "vi", 1, ["chỉ một dây nguồn, vào một nhánh: dr-env-2", "Không phải tải thực tế."]),
        (["dc"], "en", 1, ["19670 W, 120000 W without the largest of", "QH III.3b, footnote 2 (S)", "360000   8"]),
        (["dc"], "vi", 1, ["tháo ra mà không mất tải", "27835 W trên 360000 W", "không đạt"]),
        (["hph-kv01"], "en", 0, ["365 W of 3000 W", "tier HUYEN does not ask for it", "not applicable"]),
        (["dc", *taken_out("dc-crac-1")], "en", 0, ["nothing is dropped", "120000  16", "It is not the live load."]),
        (["dc", *taken_out("dc-ups-a")], "en", 1, ["go dark: dc-env-1", "highest: dc-ups-b 19660 W of 120000 W"]),
        (["dc", *taken_out("dc-ups-a")], "vi", 1, ["dc khi không có dc-ups-a", "một ngõ vào mất điện: dc-env-1"]),
        (["dc", *taken_out("dc-ups-a", "dc-pdu-b")], "en", 1, ["racks without feed: R01, R02", "(33)"]),
        (["dc", *taken_out("dc-ats-1", "dc-ats-2")], "en", 1, ["racks without feed: R01", "0         0  –"]),
        (["hph-kv01", *taken_out("utility")], "en", 0, ["nothing is dropped"]),
        (["hph-kv01", *taken_out("hph-kv01-ac1")], "en", 1, ["zone room too warm: 365 W of heat, 0 W of cooling"]),
        (["dcc"], "en", 2, ["[EST050]", "did you mean 'dc'?"]),
        (taken_out("dc-ups-a"), "en", 2, ["[EST185]", "a site code"]),
        (taken_out("dc-ups-a"), "vi", 2, ["[EST185]", "mã điểm"]),
        (["dc", *taken_out("dc-ups-c")], "en", 2, ["[EST186]", "did you mean 'dc-ups-"]),
        (["dc", *taken_out("dc-ups-c")], "vi", 2, ["[EST186]", "không có thành phần nguồn"]),
    ],
)  # fmt: skip
def test_answer(ask: Ask, words: list[str], lang: str, code: int, said: list[str]) -> None:
    found, out, err = ask(*words, lang=lang)
    assert found == code
    shown = " ".join((out + err).replace("│", " ").split())
    assert [text for text in said if " ".join(text.split()) not in shown] == [], out + err


def test_a_site_whose_loads_are_not_known_is_not_green(ask: Ask) -> None:
    code, out, _ = ask("dc", *taken_out("ups-a"), "--json", estate=LAB)
    found = json_of(out)
    assert (code, found["verdict"]) == (1, "unknown")
    assert {"core1", "crac-1", "env-dc"} <= set(found["unknown"])


def test_json_of_the_estate_is_complete_and_the_worst_comes_first(ask: Ask) -> None:
    code, out, _ = ask("--json")
    found = json_of(out)
    order = [row["verdict"] for row in found["verdicts"]]
    ranks = ["fail", "unknown", "pass", "not_applicable"]
    assert (code, order) == (1, sorted(order, key=ranks.index))
    assert sum(tier["sites"] for tier in found["tiers"].values()) == 397
    assert sum(tier[rank] for tier in found["tiers"].values() for rank in ranks) == len(order)
    assert set(found["verdicts"][0]["reason"]) == {"en", "vi"}


def test_json_of_a_site_holds_its_loads(ask: Ask) -> None:
    loads = {row["component"]: row for row in json_of(ask("hph-kv01", "--json")[1])["loads"]}
    assert (loads["hph-kv01-ups1"]["load_w"], loads["hph-kv01-ups1"]["rating_w"]) == (365, 3000)
    assert loads["utility"]["load_w"] == 1965  # with the air conditioner


def test_green_is_green(ask: Ask, tmp_path: Path) -> None:
    """With units that have two inlets the whole reference estate passes: nothing else holds it back."""
    shutil.copytree(REFERENCE, tmp_path / "estate")
    text = (tmp_path / "estate" / "hardware.yml").read_text("utf-8")
    wide = text.replace(
        "kind: environment, model: environment unit, power_w: 10, inlets: 1",
        "kind: environment, model: environment unit, power_w: 10, inlets: 2",
    )
    assert wide != text
    (tmp_path / "estate" / "hardware.yml").write_text(wide, "utf-8")
    for code in ("dc", "dr"):
        file = tmp_path / "estate" / "sites" / f"{code}.yml"
        both = f"cords: [{code}-pdu-a, {code}-pdu-b], attach: [{{vlan: fac, host: 4"
        lines = file.read_text("utf-8")
        for side in "ab":
            lines = lines.replace(f"cords: [{code}-pdu-{side}], attach: [{{vlan: fac, host: 4", both)
        file.write_text(lines, "utf-8")
    assert ask(estate=tmp_path / "estate")[0] == 0
