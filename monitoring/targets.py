"""What Prometheus scrapes, from the estate: file-based service discovery, one file a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inventory.estate import Estate
from inventory.kinds import DeviceKind
from inventory.model import Device

EXPORTER_PORT, NODE_PORT = 9780, 9100
JOBS: dict[str, tuple[int, tuple[DeviceKind, ...]]] = {
    "rackproof": (EXPORTER_PORT, (DeviceKind.CONTROLLER,)),
    "node": (NODE_PORT, (DeviceKind.HOST,)),
}


def targets(estate: Estate) -> dict[str, list[dict[str, Any]]]:
    """Return per job the entries of its file_sd file: one entry a device, IPv6, with its site and tier."""
    return {
        job: [_entry(estate, device, port) for device in estate.devices_of(*kinds)]
        for job, (port, kinds) in JOBS.items()
    }


def write(estate: Estate, folder: Path) -> list[Path]:
    """Write one JSON file per job into ``folder`` and return them."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for job, entries in targets(estate).items():
        path = folder / f"{job}.json"
        path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


def exporter_address(estate: Estate) -> tuple[str, int] | None:
    """Return where the exporter belongs: the estate's controller, or None when it has none."""
    controllers = estate.devices_of(DeviceKind.CONTROLLER)
    return (str(estate.ipv6(controllers[0].name)), EXPORTER_PORT) if controllers else None


def _entry(estate: Estate, device: Device, port: int) -> dict[str, Any]:
    site = estate.site_of[device.name]
    labels = {"site": site, "tier": estate.sites[site].tier, "device": device.name, "role": device.role}
    place = estate.address(device.name)
    host = f"[{place.host}]" if place.ipv6 else str(place.host)
    return {"targets": [f"{host}:{port}"], "labels": labels}
