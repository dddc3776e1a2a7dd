"""Prometheus targets from the estate, in the form of file_sd and http_sd: one list a job."""

from __future__ import annotations

from typing import Any

from inventory.model.entities import Device
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate
from inventory.model.ipv6 import bracket_host

EXPORTER_JOB = "rackproof"
# job → port, kinds of devices; None: every device that is polled by SNMP, for an exporter that takes the target's name
JOBS: dict[str, tuple[int, tuple[DeviceKind, ...] | None]] = {
    EXPORTER_JOB: (9780, (DeviceKind.CONTROLLER,)),
    "node": (9100, (DeviceKind.HOST,)),
    "snmp": (161, None),
}


def targets(estate: Estate) -> dict[str, list[dict[str, Any]]]:
    """Return per job its targets (IPv6 where it is in use), labelled with site, tier, province, device and role.

    The exporter's own samples are of devices at other sites: its target carries only what they carry themselves
    (``honor_labels``), since a tier, a province or a role of the controller would be put on all of them.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for job, (port, kinds) in JOBS.items():
        found[job] = [_entry(estate, device, job, port) for device in _devices(estate, kinds)]
    return found


def _devices(estate: Estate, kinds: tuple[DeviceKind, ...] | None) -> list[Device]:
    if kinds is None:
        return [device for device in estate.devices.values() if device.snmp and estate.is_reached(device.name)]
    return [device for device in estate.devices_of(*kinds) if estate.is_reached(device.name)]


def _entry(estate: Estate, device: Device, job: str, port: int) -> dict[str, Any]:
    site = estate.sites[estate.site_of[device.name]]
    labels = {"site": site.site, "device": device.name}
    if job != EXPORTER_JOB:
        labels |= {"tier": site.tier, "role": device.role}
        if site.province:
            labels["province"] = site.province
    if device.snmp and port == JOBS["snmp"][0]:
        labels["profile"] = device.snmp.profile
    host = bracket_host(str(estate.address(device.name).host))
    return {"targets": [f"{host}:{port}"], "labels": labels}
