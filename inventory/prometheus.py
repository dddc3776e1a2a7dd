"""Prometheus targets from the estate, in the form of file_sd and http_sd: one list a job."""

from __future__ import annotations

from typing import Any

from inventory.estate import Estate
from inventory.kinds import DeviceKind
from inventory.model import Device

# job → port, kinds of devices; None: every device that is polled by SNMP, for an exporter that takes the target's name
JOBS: dict[str, tuple[int, tuple[DeviceKind, ...] | None]] = {
    "rackproof": (9780, (DeviceKind.CONTROLLER,)),
    "node": (9100, (DeviceKind.HOST,)),
    "snmp": (161, None),
}


def targets(estate: Estate) -> dict[str, list[dict[str, Any]]]:
    """Return per job its targets (IPv6 where it is in use), labelled with site, tier, province, device and role."""
    return {job: [_entry(estate, device, port) for device in _devices(estate, kinds)] for job, (port, kinds) in
            JOBS.items()}


def _devices(estate: Estate, kinds: tuple[DeviceKind, ...] | None) -> list[Device]:
    if kinds is None:
        return [device for device in estate.devices.values() if device.snmp and estate.is_reached(device.name)]
    return [device for device in estate.devices_of(*kinds) if estate.is_reached(device.name)]


def _entry(estate: Estate, device: Device, port: int) -> dict[str, Any]:
    site = estate.sites[estate.site_of[device.name]]
    labels = {"site": site.site, "tier": site.tier, "device": device.name, "role": device.role}
    place = estate.address(device.name)
    host = f"[{place.host}]" if place.ipv6 else str(place.host)
    if site.province:
        labels["province"] = site.province
    if device.snmp and port == JOBS["snmp"][0]:
        labels["profile"] = device.snmp.profile
    return {"targets": [f"{host}:{port}"], "labels": labels}
