"""The two estates of the project load clean; the reference estate has the shape of the sector and loads fast."""

import shutil
import time
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RackproofError
from inventory.load.draft_reader import read_draft
from inventory.load.inspection import inspect_estate
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from inventory.queries.derived import derived
from inventory.queries.explain import explain
from inventory.source.parsed_estate import Draft
from inventory.source.site_files import read_sites
from tests.support import require

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REFERENCE = ROOT / "inventory" / "estate"
LOAD_BUDGET_S = 5.0


@pytest.fixture(scope="module")
def reference() -> Estate:
    return load_estate(REFERENCE)


@cache
def reference_draft() -> Draft:
    return require(read_draft(REFERENCE, []))


@pytest.mark.parametrize("folder", [REFERENCE, ROOT / "lab" / "estate"], ids=["reference", "lab"])
def test_loads_without_error(folder: Path) -> None:
    assert inspect_estate(folder).errors == ()


def test_reference_has_no_warning() -> None:
    assert inspect_estate(REFERENCE).warnings == ()


def test_reference_has_the_sites_of_the_sector(reference: Estate) -> None:
    counted = Counter(site.tier for site in reference.sites.values())
    assert counted == {"DC": 1, "DR": 1, "TC": 1, "CC": 3, "TINH": 34, "HUYEN": 355, "TRUONG": 2}
    assert sum(counted.values()) == 397
    rooms = [site for site in reference.sites.values() if site.tier == "HUYEN"]
    assert all("illustrative" in site.illustrative for site in rooms)
    per_province = Counter(site.province for site in rooms)
    assert len(per_province) == 34
    for province in per_province:
        numbers = sorted(site.number for site in rooms if site.province == province)
        assert numbers == list(range(1, len(numbers) + 1))


def test_reference_loads_within_its_budget() -> None:
    started = time.process_time()
    load_estate(REFERENCE)
    assert time.process_time() - started < LOAD_BUDGET_S


def test_every_site_is_linked_and_every_address_is_its_own(reference: Estate) -> None:
    assert all(reference.neighbours(device.name) for device in reference.devices.values() if device.kind == "router")
    held = [i for name in reference.devices for i in reference.interfaces(name)]
    assert len({require(i.ipv6).ip for i in held}) == len(held)
    assert len({require(i.ipv4).ip for i in held}) == len(held)


def test_a_regional_room_is_one_line_and_moves_nobody(reference: Estate, tmp_path: Path) -> None:
    shutil.copytree(REFERENCE, tmp_path / "estate")
    file = tmp_path / "estate" / "sites" / "hph.yml"
    line = "  - {site: hph-kv20, number: 20, uplinks: [{id: 3130, to: hph-edge1}]}\n"
    file.write_text(file.read_text("utf-8") + line, "utf-8")
    grown = load_estate(tmp_path / "estate")
    assert len(grown.sites) == 398
    for name in reference.devices:
        before = {i.name: (i.ipv4, i.ipv6) for i in reference.interfaces(name)}
        after = {i.name: (i.ipv4, i.ipv6) for i in grown.interfaces(name)}
        assert before.items() <= after.items()


@pytest.mark.parametrize(
    ("path", "layer", "file"),
    [
        ("devices.hph-edge1.wave", "archetype provincial-room", "provincial-room.yml"),
        ("number", "site", "hph.yml"),
        ("region", "defaults", "hph.yml"),
    ],
)
def test_explain_names_the_layer(path: str, layer: str, file: str) -> None:
    source = next(place.source for place in reference_draft().sites if place.site.site == "hph")
    says = explain(source, path)[-1]
    assert (says.layer, says.place.file.name, says.wins) == (layer, file, True)
    assert says.place.line > 0


ROOM_FILE, RR = "provincial-room.yml", "regional-room.yml"
DERIVED = [
    ("hph", "ipv6", "fd00:4b53:1f00::/48", ["estate.yml", "hph.yml", "hph.yml"]),
    ("hph", "vlans.usr.ipv6", "fd00:4b53:1f00:2078::/64", ["estate.yml", "hph.yml", "hph.yml", *2 * [ROOM_FILE]]),
    ("hph-kv02", "devices.hph-kv02-edge1.ipv6", "fd00:4b53:ff1f::21/128", ["estate.yml", "hph.yml", RR]),
    ("hph", "devices.hph-node1.ipv6", "fd00:4b53:1f00:106e::11/64", None),
    ("hph", "devices.hph-sw3.power_w", 90, ["provincial-room.yml"]),
]


@pytest.mark.parametrize(("site", "path", "value", "files"), DERIVED, ids=[case[1] for case in DERIVED])
def test_what_follows_is_explained_by_what_it_follows_from(
    reference: Estate, site: str, path: str, value: int | str, files: list[str] | None
) -> None:
    draft = reference_draft()
    place = next(place for place in draft.sites if place.site.site == site)
    *parts, last = derived(draft, place, path)
    assert (last.path, last.value) == (path, value)
    assert files is None or [part.place.file.name for part in parts] == files
    device = path.split(".")[1] if path.startswith("devices") else ""
    assert not device or path.endswith("power_w") or value == str(reference.address(device).ipv6)


@pytest.mark.parametrize(("path", "value"), [("vlans.usr.mtu", 1500), ("stage", "dual-stack"), ("latitude", None)])
def test_what_nobody_says_is_the_default_of_the_model(path: str, value: int | str | None) -> None:
    place = next(place for place in reference_draft().sites if place.site.site == "hph")
    (said,) = explain(place.source, path)
    assert (said.layer, said.value, said.path) == ("default", value, path)


def test_what_has_no_default_stays_a_mistake() -> None:
    place = next(place for place in reference_draft().sites if place.site.site == "hph")
    for path in ("vlans.usr.mtuu", "devices.hph-edge9.wave", "vlans.usr.mtu.more", "tierr"):
        with pytest.raises(RackproofError) as caught:
            explain(place.source, path)
        assert caught.value.code == "EST051"


def test_a_key_that_must_be_written_has_no_default(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    file = tmp_path / "estate" / "archetypes" / "room.yml"
    file.write_text(file.read_text("utf-8").replace(", gateway: '{site}-edge1'", ""), "utf-8")
    source = next(source for source in read_sites(tmp_path / "estate", []) if source.code == "hph-kv01")
    with pytest.raises(RackproofError) as caught:
        explain(source, "vlans.srv.gateway")
    assert caught.value.code == "EST051"


def test_an_override_covers_what_lies_below(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    file = tmp_path / "estate" / "sites" / "rooms.yml"
    file.write_text(
        file.read_text("utf-8")
        + "      - {name: hph-kv02-node1, cords: []}\n"
        + "      - {name: hph-kv02-env1, remove: true}\n"
        + "    sensor_groups: []\n"
    )
    found = inspect_estate(tmp_path / "estate")
    assert found.errors == ()
    names = {device.name for device in require(found.estate).sites["hph-kv02"].devices}
    assert names == {"hph-kv02-edge1", "hph-kv02-node1", "db2"}
    source = next(place.source for place in require(found.draft).sites if place.site.site == "hph-kv02")
    said = explain(source, "devices.hph-kv02-node1.cords")
    assert [(item.layer, item.wins) for item in said] == [("archetype room", False), ("site", True)]


def test_a_ups_reports_its_own_temperature(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    file = tmp_path / "estate/sites/dc.yml"
    own = "sensors:\n  - {device: ups-a, quantity: temperature, position: hall, index: 1}\n"
    file.write_text(file.read_text("utf-8").replace("sensors:\n", own), "utf-8")
    found = inspect_estate(tmp_path / "estate")
    assert (found.errors, found.warnings) == ((), ())


def test_what_is_taken_away_may_be_taken_away_again(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    defaults = "defaults: {archetype: small, region: 31, province: Hải Phòng"
    (tmp_path / "estate/archetypes/small.yml").write_text(
        "extends: room\ndevices: [{name: '{site}-env1', remove: true}]\nsensor_groups: []\n", "utf-8"
    )
    file = tmp_path / "estate/sites/rooms.yml"
    text = file.read_text("utf-8").replace("defaults: {archetype: room, region: 31, province: Hải Phòng", defaults)
    file.write_text(text + "      - {name: hph-kv02-env1, remove: true}\n", "utf-8")
    assert inspect_estate(tmp_path / "estate").errors == ()


def test_defaults_may_take_away_what_only_some_sites_have(tmp_path: Path) -> None:
    shutil.copytree(HERE / "base", tmp_path / "estate")
    file = tmp_path / "estate/sites/rooms.yml"
    taken = "Hải Phòng, sensor_groups: [], devices: [{name: hph-kv01-env1, remove: true}]"
    file.write_text(file.read_text("utf-8").replace("Hải Phòng", taken), "utf-8")
    assert inspect_estate(tmp_path / "estate").errors == ()


def _files() -> list[Path]:
    return sorted(path.relative_to(HERE / "base") for path in (HERE / "base").rglob("*.yml"))


@given(file=st.sampled_from(_files()), where=st.floats(0, 1), junk=st.binary(max_size=12), cut=st.integers(0, 40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_to_a_file_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, file: Path, where: float, junk: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged") / "estate"
    shutil.copytree(HERE / "base", folder)
    data = (folder / file).read_bytes()
    at = int(where * len(data))
    (folder / file).write_bytes(data[:at] + junk + data[at + cut :])
    found = inspect_estate(folder)
    assert (found.estate is None) == bool(found.errors)
    for error in (*found.errors, *found.warnings):
        assert error.code.startswith("EST")
        assert error.place is not None


YAML_VALUES = [
    "null",
    "true",
    "1",
    "-1",
    "1.5",
    "''",
    "[]",
    "{}",
    "[[]]",
    "{a: 1}",
    "[{}]",
    "[null]",
    "x",
    "2024-01-01",
    "99999",
]


@given(file=st.sampled_from(_files()), line=st.integers(0, 60), value=st.sampled_from(YAML_VALUES))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_in_a_wrong_place_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, file: Path, line: int, value: str
) -> None:
    folder = tmp_path_factory.mktemp("wrong") / "estate"
    shutil.copytree(HERE / "base", folder)
    lines = (folder / file).read_text("utf-8").splitlines()
    index = line % len(lines)
    head, colon, _rest = lines[index].partition(":")
    lines[index] = f"{head}{colon} {value}"
    (folder / file).write_text("\n".join(lines) + "\n", "utf-8")
    found = inspect_estate(folder)
    assert (found.estate is None) == bool(found.errors)


@pytest.mark.parametrize("folder", [REFERENCE, ROOT / "lab" / "estate"])
def test_what_is_only_counted_is_counted_right(folder: Path) -> None:
    estate = load_estate(folder)
    for name in estate.devices:
        assert estate.count_interfaces(name) == len(estate.interfaces(name))
        assert estate.count_ports(name) == len(estate.ports(name))
