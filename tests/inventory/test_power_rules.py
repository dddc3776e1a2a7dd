"""What hangs on a component: a rack, a device, a cooling unit or another component; one of them is needed."""

import shutil
from pathlib import Path

import pytest

from inventory.load.inspection import inspect_estate
from tests.support import require

BASE = Path(__file__).parent / "base"
SPARE = ("power:\n", "power:\n  - {name: ups-c, kind: ups, rating_w: 9000, fed_by: [utility]}\n")
USES = {
    "component": ("fed_by: [ups-b]", "fed_by: [ups-b, ups-c]"),
    "rack": ("feed_b: pdu-b}", "feed_b: ups-c}"),
    "device": ("cords: [pdu-a]\n", "cords: [ups-c]\n"),
    "cooling unit": ("capacity_w: 50000", "capacity_w: 50000, fed_by: [ups-c]"),
    "nothing": ("capacity_w: 50000", "capacity_w: 50000, fed_by: [ups-b]"),
}


@pytest.mark.parametrize("use", USES)
def test_a_component_is_used_by_whatever_hangs_on_it(use: str, tmp_path: Path) -> None:
    folder = tmp_path / "estate"
    shutil.copytree(BASE, folder)
    file = folder / "sites" / "dc.yml"
    text = file.read_text("utf-8")
    for old, new in (SPARE, USES[use]):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")
    found = inspect_estate(folder)
    idle = [require(item.place).path for item in (*found.errors, *found.warnings) if item.code == "EST145"]
    assert idle == (["power.ups-c"] if use == "nothing" else [])
