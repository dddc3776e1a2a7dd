"""From NetBox into files, without a NetBox: what is taken, what is refused, and what is never half-written."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import RackproofError
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from inventory.netbox.kinds import KINDS
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import objects
from inventory.netbox.pull import Pull, compare, read_estate, write
from tests.netbox.worlds import BASE, CAMPUS, LAB, REFERENCE, ROOT, Change, plain, pushed
from tests.support import require

FOLDERS = {"base": BASE, "lab": LAB, "reference": REFERENCE, "campus": CAMPUS}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copies of the estates, at the places their relative paths expect."""
    for folder in ("lab/estate", "inventory/estate"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copytree(BASE, tmp_path / "base")
    return tmp_path


def files(folder: Path) -> dict[Path, bytes]:
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "reference" else ()) for name in FOLDERS]
)
def test_everything_comes_back_into_an_empty_estate(name: str, tree: Path) -> None:
    estate, _, world = pushed(FOLDERS[name])
    empty = tree / "lab" / "empty"
    empty.mkdir()
    for file in ("estate.yml", "tiers.yml", "hardware.yml", "policies.yml", "allocations.jsonl"):
        if (FOLDERS[name] / file).exists():
            shutil.copy(FOLDERS[name] / file, empty)
    write(empty, compare(read_estate(empty), world), lambda new: compare(new, world))
    assert plain(load_estate(empty)) == plain(estate)


def test_what_uses_one_family_comes_back_so(tmp_path: Path) -> None:
    """A VLAN and a link without IPv4, a link without IPv6: no number hangs on the address that is not there."""
    folder = tmp_path / "campus"
    shutil.copytree(CAMPUS, folder)
    rooms = folder / "sites" / "rooms.yml"
    text = rooms.read_text("utf-8").replace("ipv4: '10.2.{number}.0/24', gateway", "families: [ipv6], gateway")
    text = text.replace("{id: 11, to: core1}", "{id: 11, to: core1, families: [ipv6]}")
    text = text.replace("{site: kv02, number: 2,", "{site: kv02, stage: ipv4-only, number: 2,")
    rooms.write_text(text.replace("{id: 21, to: core1}", "{id: 21, to: core1, families: [ipv4]}"), "utf-8")
    estate, _, world = pushed(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    for file in ("estate.yml", "tiers.yml", "hardware.yml", "policies.yml"):
        shutil.copy(folder / file, empty)
    write(empty, compare(read_estate(empty), world), lambda new: compare(new, world))
    assert plain(load_estate(empty)) == plain(estate)
    families = {link.id: link.families for link in estate.links}
    assert {link.id: link.families for link in load_estate(empty).links} == families
    assert len(set(families.values())) == 3


def test_vrfs_do_not_travel_in_silence() -> None:
    campus = load_estate(CAMPUS)
    with pytest.raises(RackproofError) as caught:
        objects(replace(campus, links=(campus.links[0].model_copy(update={"vrf": "guests"}),)))
    assert (caught.value.code, "guests" in str(caught.value)) == ("EST091", True)


def edit(path: str, key: str, **fields: str | None) -> Change:
    def change(world: Snapshot) -> None:
        live = world.kinds[path][key]
        world.kinds[path][key] = replace(live, fields=live.fields | fields)

    return change


def add(path: str, key: str, like: str, **fields: str | None) -> Change:
    def change(world: Snapshot) -> None:
        there = world.kinds[path]
        there[key] = Live(9000 + len(there), key, there[like].fields | fields, False)

    return change


DEVICE, FACE, ADDRESS = "dcim/devices", "dcim/interfaces", "ipam/ip-addresses"
NEW_HOST = [
    add(DEVICE, "dc-new1", "dc-mgmt1", name="dc-new1", serial="N-1", rackproof=None),
    add(FACE, "dc-new1/eno1", "dc-mgmt1/eth0", name="eno1", device="dc-new1"),
    add(ADDRESS, "10.1.10.99/24", "10.1.10.12/24", address="10.1.10.99/24", assigned_object="dc-new1/eno1"),
]
TAKEN = {
    # name: (what differs in NetBox, file, text that becomes text)
    "serial": ([edit(DEVICE, "core1", serial="S-9")], "dc.yml", ("LAB-R-0001", "S-9")),
    "date": (
        [edit(DEVICE, "core1", rackproof_in_service="2025-01-31")],
        "dc.yml",
        ("LAB-R-0001, in_service: 2024-03-01", "LAB-R-0001, in_service: 2025-01-31"),
    ),
    "name": ([edit("dcim/sites", "dc", name="Main")], "dc.yml", ("en: Sector data centre", "en: Main")),
    "name in Vietnamese": (
        [edit("dcim/sites", "dc", description="Chính")],
        "dc.yml",
        ("vi: Trung tâm dữ liệu ngành KSND", "vi: Chính"),
    ),
    "a serial where none was": (
        [edit(DEVICE, "env-dc", serial="E-1", device_type="dell/dell-r750")],
        "dc.yml",
        ("snmp: {profile: apc-uio}}", "snmp: {profile: apc-uio}, asset: {vendor: Dell, model: R750, serial: E-1}}"),
    ),
    "rack": (
        [edit(DEVICE, "env-dc", rack="dc/R2")],
        "dc.yml",
        ("- {name: env-dc, kind: environment, rack: R1", "- {name: env-dc, kind: environment, rack: R2"),
    ),
    "a device": (NEW_HOST, "dc.yml", None),
}


@pytest.mark.parametrize(("differs", "file", "becomes"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken(differs: list[Change], file: str, becomes: tuple[str, str] | None, tree: Path) -> None:
    _, _, world = pushed()
    for change in differs:
        change(world)
    folder = tree / "lab/estate"
    before = files(folder)
    found = compare(load_estate(folder), world)
    assert files(folder) == before
    written = write(folder, found, lambda new: compare(new, world))
    assert [path.name for path in written] == [file]
    text = before[(folder / "sites" / file).relative_to(folder)].decode()
    if becomes:
        assert text.count(becomes[0]) == 1
        assert (folder / "sites" / file).read_text("utf-8") == text.replace(*becomes)
    assert {path: data for path, data in files(folder).items() if path.name != file} == {
        path: data for path, data in before.items() if path.name != file
    }
    assert not compare(load_estate(folder), world)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["estate"]


def test_a_new_device_is_written_as_the_estate_would(tree: Path) -> None:
    _, _, world = pushed()
    for change in NEW_HOST:
        change(world)
    folder = tree / "lab/estate"
    write(folder, compare(load_estate(folder), world), lambda new: compare(new, world))
    device = load_estate(folder).devices["dc-new1"]
    asset = require(device.asset)
    assert (device.kind, device.rack, asset.serial, asset.model) == ("host", "R2", "N-1", "R750")
    assert [(a.vlan, a.host, a.interface) for a in device.attach] == [("srv", 99, "eno1")]


@pytest.mark.slow
def test_an_edit_at_a_site_of_an_archetype_is_the_sites_own(tree: Path) -> None:
    _, _, world = pushed(REFERENCE)
    edit(DEVICE, "hph-kv01-edge1", serial="K-1")(world)
    folder = tree / "inventory/estate"
    write(folder, compare(load_estate(folder), world), lambda new: compare(new, world))
    text = (folder / "sites/hph.yml").read_text("utf-8")
    assert "{site: hph-kv01, number: 1, uplinks: [{id: 3111, to: hph-edge1}], devices: [{name: hph-kv01-edge1," in text
    assert text.replace(", devices: [{name: hph-kv01-edge1, asset: {serial: K-1}}]", "") == (
        REFERENCE / "sites/hph.yml"
    ).read_text("utf-8")


SITE = [
    add("dcim/sites", "new", "dc", slug="new", name="New", rackproof=None),
    add("ipam/prefixes", "fd52:5052:901::/48", "fd52:5052:101::/48", prefix="fd52:5052:901::/48", scope="new"),
]
NOT_TAKEN = {
    "no /48": SITE[:1],
    "no tier": [*SITE, edit("dcim/sites", "new", group=None)],
    "no prefixes": [*SITE, add("ipam/vlans", "new/110", "dc/110", site="new")],
    "no kind": [add(DEVICE, "his", "dc-db1", name="his", role="thing", rackproof=None)],
    "no fit": [add(DEVICE, "HIS ONE", "dc-db1", name="HIS ONE")],
    "outside": [
        *NEW_HOST,
        edit(ADDRESS, "10.1.10.99/24", address="9.9.9.9/24"),
        lambda world: world.kinds[ADDRESS].update(
            {"9.9.9.9/24": replace(world.kinds[ADDRESS].pop("10.1.10.99/24"), key="9.9.9.9/24")}
        ),
    ],
    "second host": [*NEW_HOST, add(ADDRESS, "10.1.10.98/24", "10.1.10.99/24", address="10.1.10.98/24")],
    "no /127": [
        *NEW_HOST,
        add(
            "dcim/cables",
            "c",
            "core1/to-dr - dr-edge1/up1",
            a_terminations="dc-new1/eno1",
            b_terminations="dc-mgmt1/eth0",
        ),
    ],
}


@pytest.mark.parametrize(("why", "differs"), NOT_TAKEN.items(), ids=NOT_TAKEN)
def test_what_cannot_be_derived_is_said(why: str, differs: list[Change]) -> None:
    estate, _, world = pushed()
    for change in differs:
        change(world)
    assert why in {problem.why for problem in compare(estate, world).derived.problems}


def test_what_the_estate_has_no_place_for_is_said(tree: Path) -> None:
    _, _, world = pushed()
    edit("dcim/sites", "dc", status="retired")(world)
    found = compare(load_estate(tree / "lab/estate"), world)
    assert [(item.key, item.field, item.netbox) for item in found.unwritten] == [("dc", "status", "retired")]
    assert not found


REFUSED = {
    "EST076": [edit("dcim/sites", "dc", name="{unknown}")],
    "EST077": [edit(DEVICE, "core1", serial="S-9")],
    "EST078": [edit(DEVICE, "core1", serial="S-9")],
}


@pytest.mark.parametrize(("code", "differs"), REFUSED.items(), ids=REFUSED)
def test_what_is_refused_leaves_every_file(code: str, differs: list[Change], tree: Path) -> None:
    _, _, world = pushed()
    for change in differs:
        change(world)
    folder = tree / "lab/estate"
    found = compare(load_estate(folder), world)

    def check(new: Estate) -> Pull:
        if code == "EST077":
            (folder / "sites/dc.yml").write_bytes((folder / "sites/dc.yml").read_bytes() + b"# somebody\n")
        return found if code == "EST078" else compare(new, world)

    before = files(folder)
    with pytest.raises(RackproofError) as caught:
        write(folder, found, check)
    assert caught.value.code == code
    after = files(folder)
    assert {path for path in after if after[path] != before[path]} <= {
        (folder / "sites/dc.yml").relative_to(folder) for _ in range(code == "EST077")
    }
    assert sorted(path.name for path in folder.parent.iterdir()) == ["estate"]


def test_kinds_are_all_compared() -> None:
    assert {kind.path for kind in KINDS} == set(pushed()[1])
