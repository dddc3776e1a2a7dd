"""What Prometheus scrapes, from the estate: file-based service discovery, one file a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import RackproofError
from core.files import write_set
from inventory.model.entities import Device
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate
from inventory.model.ipv6 import bracket_host

EXPORTER_PORT, NODE_PORT = 9780, 9100
EXPORTER_JOB = "rackproof"
JOBS: dict[str, tuple[int, tuple[DeviceKind, ...]]] = {
    EXPORTER_JOB: (EXPORTER_PORT, (DeviceKind.CONTROLLER,)),
    "node": (NODE_PORT, (DeviceKind.HOST,)),
}
Targets = dict[str, list[dict[str, Any]]]


def list_targets(estate: Estate) -> Targets:
    """Return per job the entries of its file_sd file: one entry a device, IPv6, with its site.

    Raises RackproofError MON026 when there is nothing at all to scrape: an empty list looks like a healthy one.
    """
    found: Targets = {}
    for job, (port, kinds) in JOBS.items():
        found[job] = [make_entry(estate, device, job, port) for device in estate.devices_of(*kinds)]
    if not any(found.values()):
        raise RackproofError("MON026")
    return found


def write(found: Mapping[str, list[dict[str, Any]]], folder: Path) -> list[Path]:
    """Write one JSON file per job into ``folder``, each whole, and return them. Raises as ``core.files``."""
    texts = {job: json.dumps(entries, indent=2, ensure_ascii=False) + "\n" for job, entries in found.items()}
    files = {folder / f"{job}.json": text for job, text in texts.items()}
    write_set(files)
    return list(files)


def find_exporter_address(estate: Estate) -> tuple[str, int] | None:
    """Return where the exporter belongs: the estate's controller, or None when it has none."""
    controllers = estate.devices_of(DeviceKind.CONTROLLER)
    if controllers:
        return (str(estate.ipv6(controllers[0].name)), EXPORTER_PORT)
    return None


def make_entry(estate: Estate, device: Device, job: str, port: int) -> dict[str, Any]:
    """Return one target of Prometheus with the labels that are put on its samples."""
    site = estate.site_of[device.name]
    labels = {"site": site, "device": device.name}
    if job != EXPORTER_JOB:
        # What the exporter serves is of other devices, at other sites. Site and device stand in its samples and win
        # there (honor_labels); a tier or a role of the controller would be put on all of them.
        labels |= {"tier": estate.sites[site].tier, "role": device.role}
    host = bracket_host(str(estate.address(device.name).host))
    return {"targets": [f"{host}:{port}"], "labels": labels}
