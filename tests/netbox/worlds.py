"""Estates and NetBoxes for the tests of this folder, made without a server: what a NetBox would answer, as data."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from inventory.netbox.kinds import KINDS
from inventory.netbox.live import Live, Snapshot
from inventory.netbox.mapping import Objects, objects

ROOT = Path(__file__).resolve().parents[2]
LAB, BASE, REFERENCE = ROOT / "lab/estate", ROOT / "tests/inventory/base", ROOT / "inventory/estate"
CAMPUS = ROOT / "tests/inventory/campus"

#: What somebody does to a NetBox.
Change = Callable[[Snapshot], object]


def held(made: Mapping[str, Mapping[str, Mapping[str, Any]]], ours: bool = True) -> Snapshot:
    """Return a NetBox that holds exactly these objects."""
    found, number = Snapshot(), 0
    for kind in KINDS:
        found.kinds[kind.path], found.keys[kind.path] = {}, {}
        for key, fields in made[kind.path].items():
            number += 1
            found.kinds[kind.path][key] = Live(number, key, dict(fields), ours and kind.tagged)
            found.keys[kind.path][number] = key
    return found


def pushed(folder: Path = LAB, ours: bool = True) -> tuple[Estate, Objects, Snapshot]:
    """Return an estate, its objects, and a NetBox that holds them."""
    estate = load_estate(folder)
    made = objects(estate)
    return estate, made, held(made, ours)


def plain(estate: Estate) -> dict[str, Any]:
    """Return what of an estate travels: everything of a site but how it was written (groups, uplinks, archetype)."""
    sites = {}
    for code, site in estate.sites.items():
        data = site.model_dump(mode="json", exclude={"sensor_groups", "uplinks", "archetype"})
        for part in ("devices", "vlans", "racks", "sensors"):
            data[part] = sorted(data[part], key=str)
        for device in data["devices"]:
            device["attach"] = sorted(device["attach"], key=str)
            device["asset"] = device["asset"] and {k: v for k, v in device["asset"].items() if v not in (None, "", [])}
        sites[code] = data
    faces = {
        d: sorted(map(str, ((i.name, i.ipv4, i.ipv6, i.peer, i.speed_mbps) for i in estate.interfaces(d))))
        for d in estate.devices
    }
    return {"sites": sites, "interfaces": faces, "links": sorted(str(link) for link in estate.links)}
