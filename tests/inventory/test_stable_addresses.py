"""Whole estates: whatever sites, VLANs and links come, go or change places, nobody else's address changes."""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.load.loader import load_estate
from inventory.model.entities import Site
from inventory.model.estate import Estate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDERS = {
    "campus": HERE / "campus", "lab": ROOT / "lab" / "estate", "reference": ROOT / "inventory" / "estate",
}  # fmt: skip


@pytest.fixture(scope="module", params=FOLDERS)
def estate(request: pytest.FixtureRequest) -> Estate:
    return load_estate(FOLDERS[request.param])


def addresses(estate: Estate) -> dict[object, object]:
    """(device, interface) → addresses, and (site, VLAN) → prefix."""
    held = {(n, i.name): i.addresses for n in estate.devices for i in estate.interfaces(n)}
    vlans = {(code, v.name): estate.vlan_prefix(code, v) for code, site in estate.sites.items() for v in site.vlans}
    return held | vlans | {code: estate.site_prefix(code) for code in estate.sites}


def without(site: Site, gone: set[str]) -> Site:
    """A site without some of its VLANs, and without what was attached to them."""
    vlans = tuple(vlan for vlan in site.vlans if vlan.name not in gone)
    devices = tuple(
        device.model_copy(update={"attach": tuple(a for a in device.attach if a.vlan not in gone)})
        for device in site.devices
    )
    return site.model_copy(update={"vlans": vlans, "devices": devices})


@given(seed=st.integers(0, 2**32))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_removal_and_reordering_change_no_address_that_stays(estate: Estate, seed: int) -> None:
    before = addresses(estate)
    random = Random(seed)  # noqa: S311 - which things go, not a secret
    codes = [code for code in estate.sites if random.random() < 0.7]
    random.shuffle(codes)
    sites = {}
    for code in codes:
        site = estate.sites[code]
        sites[code] = without(site, {vlan.name for vlan in site.vlans if random.random() < 0.2})
        shuffled = random.sample(sites[code].devices, len(sites[code].devices))
        sites[code] = sites[code].model_copy(update={"devices": tuple(shuffled)})
    there = {device.name for site in sites.values() for device in site.devices}
    links = [x for x in estate.links if {x.a.device, x.b.device} <= there and random.random() < 0.8]
    random.shuffle(links)
    after = addresses(replace(estate, sites=sites, links=tuple(links)))
    assert after or not sites
    assert {key: before[key] for key in after} == after


numbers = st.integers(3, 255)


@given(added=st.sets(numbers, max_size=5), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_new_rooms_and_a_new_order_in_the_files_change_no_address(
    tmp_path_factory: pytest.TempPathFactory, added: set[int], order: Random
) -> None:
    folder = tmp_path_factory.mktemp("grown") / "estate"
    shutil.copytree(HERE / "campus", folder)
    file = folder / "sites" / "rooms.yml"
    data = yaml.safe_load(file.read_text("utf-8"))
    for number in added:
        uplinks = [{"id": 1000 + number, "to": "core1", "ipv4": f"10.252.{number}.0/31"},
                   {"id": 2000 + number, "to": "core2", "ipv4": f"10.251.{number}.0/31"}]  # fmt: skip
        data["sites"].append({"site": f"kv{number:03}", "number": number, "uplinks": uplinks})
    order.shuffle(data["sites"])
    for entry in data["sites"]:
        order.shuffle(entry["uplinks"])
    file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    before, after = addresses(load_estate(HERE / "campus")), addresses(load_estate(folder))
    assert len(after) > len(before) or not added
    assert {key: after[key] for key in before} == before
