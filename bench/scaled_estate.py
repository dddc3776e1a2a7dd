"""A larger estate made from the reference estate, to see how cost grows: every province again under other numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from core.workspace import REPOSITORY
from core.yaml import read_yaml

REFERENCE = REPOSITORY / "inventory" / "estate"
_STEP = 11_000  # more than any link id of the reference estate
_LINKS = "172.16.0.0/12"  # room for the /31 of every link id
_REGIONS = range(1, 254)


def scale_estate(factor: int, folder: Path) -> Path:
    """Write an estate with ``factor`` times the provinces into ``folder`` and return it; 1 is the reference estate.

    At most 4: link ids and regions are 16 and 8 bits. The ledger of the reference estate is left out.
    """
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("allocations.jsonl"))
    head = _read(folder / "estate.yml")
    head["addressing"]["ipv4_links"] = _LINKS
    del head["ledger"]
    _write(folder / "estate.yml", head)
    models = _read(folder / head["hardware"])
    for block in models["hardware"]["core-router"]["ports"]:
        block["count"] *= factor  # the centres take up every province
    _write(folder / head["hardware"], models)
    files = {file: _read(file) for file in sorted((folder / "sites").glob("*.yml"))}
    regions = {data["region"] for data in _list_defaults(files.values())}
    free = iter(sorted(set(_REGIONS) - regions))
    provinces = {file: data for file, data in files.items() if "sites" in data}
    codes: set[str] = set()
    for data in provinces.values():
        codes |= {entry["site"] for entry in data["sites"]}
    for copy in range(1, factor):
        for file, data in provinces.items():
            _write(file.with_name(f"x{copy}-{file.name}"), _copy_province(data, copy, next(free), codes))
    return folder


def _list_defaults(every: Any) -> list[dict[str, Any]]:
    return [data["defaults"] if "sites" in data else data for data in every]


def _copy_province(data: dict[str, Any], copy: int, region: int, codes: set[str]) -> dict[str, Any]:
    """Return a province with its own region, names and link ids; links to the centres stay where they are."""

    def rename(name: str) -> str:
        inside = name in codes or name.rsplit("-", 1)[0] in codes
        if inside:
            return f"x{copy}-{name}"
        return name

    def copy_uplink(uplink: dict[str, Any]) -> dict[str, Any]:
        made = {**uplink, "id": uplink["id"] + copy * _STEP}
        for key in ("to", "device"):
            if key in uplink:
                made[key] = rename(uplink[key])
        return made

    defaults = {**data["defaults"], "region": region, "province": f"{data['defaults']['province']} {copy}"}
    sites = []
    for entry in data["sites"]:
        made = {**entry, "site": rename(entry["site"])}
        made["uplinks"] = [copy_uplink(uplink) for uplink in entry.get("uplinks", [])]
        sites.append(made)
    return {"defaults": defaults, "sites": sites}


def _read(file: Path) -> Any:
    return read_yaml(file).data


def _write(file: Path, data: Any) -> None:
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
